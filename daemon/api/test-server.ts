/** A server on real sockets for tests: every route and stream of the contract answers with a sample, and calls are recorded. */
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditEntry, Token } from '../contract/access.ts';
import type { Certificate } from '../contract/certificates.ts';
import { appConfigurationSchema } from '../contract/configuration.ts';
import type {
  AppStatus,
  DaemonEvent,
  Image,
  LogLine,
  Operation,
  OperationStep,
  Release,
  SystemMetrics,
} from '../contract/domain.ts';
import { DEFAULTS } from '../contract/limits.ts';
import type { NextCoreMetadata } from '../contract/nextcore.ts';
import type { RouteName, RouteResult } from '../contract/routes.ts';
import type { SecretProvider } from '../contract/secret-providers.ts';
import type { StreamName } from '../contract/streams.ts';
import { Sealed } from '../secrets/sealed.ts';
import { DaemonClient, unixSocketTransport } from './client.ts';
import type { Handlers, RouteRequest, StreamHandlers } from './handlers.ts';
import { createServer, type Server, type ServerOptions } from './server.ts';

export const TEST_TOKEN = 'a-token-for-tests-0123456789-0123456789';
const AT = '2026-01-02T03:04:05.678Z';

/** A step as it is before anything happened to it, with what the test says. */
export const sampleStep = (step: Pick<OperationStep, 'name'> & Partial<OperationStep>): OperationStep => ({
  state: 'pending',
  started_at: null,
  ended_at: null,
  detail: null,
  output: null,
  layers: null,
  ...step,
});

export const sampleOperation: Operation = {
  id: 'op-0123456789ab',
  app_name: 'shop',
  kind: 'deploy',
  state: 'running',
  actor: 'admin',
  release: 'r2',
  from_release: 'r1',
  image: 'shop:v2',
  slot: 'green',
  created_at: AT,
  ended_at: null,
  steps: [sampleStep({ name: 'validate', state: 'running', started_at: AT })],
  error: null,
  evidence: null,
};

export const failedOperation: Operation = {
  ...sampleOperation,
  state: 'failed',
  ended_at: AT,
  steps: [
    sampleStep({ name: 'validate', state: 'done', started_at: AT, ended_at: AT, detail: 'image is here' }),
    sampleStep({ name: 'probe', state: 'failed', started_at: AT, ended_at: AT, detail: '0 of 3 probes passed' }),
  ],
  error: { message: 'shop:v2 never became healthy; the old release keeps serving.', step: 'probe' },
  evidence: {
    step: 'probe',
    reason: 'every probe was answered with 500',
    probes: [{ at: AT, target: 'http://10.213.0.18:3000/', healthy: false, status: 500, duration_ms: 3, detail: 'boom' }],
    log_tail: ['Error: boom'],
    exit_code: null,
    oom_killed: false,
  },
};

export const sampleNextCore: NextCoreMetadata = {
  next_version: '16.0.1',
  output: 'standalone',
  build_id: 'build-1',
  routes: { static: ['/'], dynamic: ['/p/[id]'], isr: [], middleware: false },
  public_env: ['NEXT_PUBLIC_API'],
  git: { commit: '0123456789abcdef0123456789abcdef01234567', branch: 'main', is_dirty: false },
};

export const sampleApp: AppStatus = {
  name: 'shop',
  status: 'running',
  container_id: 'c0ffee',
  port: 3000,
  domain: 'shop.test',
  url: 'http://shop.test',
  version: 'shop:v1',
  updated_at: AT,
  slot: 'blue',
  release: 'r1',
  previous_release: null,
  replicas: 1,
  replicas_wanted: 1,
  aliases: [],
  maintenance: null,
  nextcore: sampleNextCore,
  proxy: 'caddy',
  tls: 'off',
  health: { healthy: true, checked_at: AT, detail: '200 in 3 ms' },
  operation_id: null,
  last_error: null,
};

export const sampleRelease: Release = {
  id: 'r1',
  app_name: 'shop',
  state: 'live',
  image: 'shop:v1',
  image_id: `sha256:${'0'.repeat(64)}`,
  configuration: appConfigurationSchema.parse({
    env: { GREETING: 'hello' },
    health: { kind: 'none' },
    drain_ms: 0,
    stop_timeout_ms: 0,
    watch_ms: 0,
  }),
  nextcore: sampleNextCore,
  secrets: [],
  created_at: AT,
  created_by: 'admin',
  operation_id: 'op-0123456789ab',
  ended_at: null,
  end_reason: null,
};

const sampleImage: Image = { id: `sha256:${'0'.repeat(64)}`, references: ['shop:v1'], size_bytes: 1234, created_at: AT };

const sampleMetrics: SystemMetrics = {
  ts: AT,
  cpu: { percent: 12.5, cores: 2 },
  memory: { total_bytes: 100, used_bytes: 40, available_bytes: 60 },
  disk: { total_bytes: 100, used_bytes: 40, available_bytes: 60 },
  network: { received_bytes_per_second: 1, sent_bytes_per_second: 2 },
  load: [0.1, 0.2, 0.3],
  uptime: 12,
};

export const sampleEvent: DaemonEvent = {
  seq: 7,
  ts: AT,
  kind: 'app.changed',
  level: 'info',
  message: 'shop is live',
  app_name: 'shop',
  operation: null,
};

export const sampleLine: LogLine = {
  app_name: 'shop',
  log: 'ready',
  ts: '2026-01-02T03:04:05.000000001Z',
  release: 'r1',
  slot: 'blue',
  stream: 'stdout',
};

const sampleSecretsChanged = { dry_run: false, changes: [], apps: [], rolled: [], not_rolled: [] };
export const sampleToken: Token = {
  id: 'tok-0123456789ab',
  name: 'ci',
  role: 'operator',
  apps: ['shop'],
  state: 'live',
  created_at: AT,
  created_by: 'admin',
  expires_at: null,
  last_used_at: null,
  revoked_at: null,
  revoked_by: null,
};

export const SAMPLE_TOKEN_TEXT = `nd_${'A'.repeat(43)}`;

export const sampleAuditEntry: AuditEntry = {
  seq: 3,
  ts: AT,
  actor: 'token:ci',
  role: 'operator',
  token_id: sampleToken.id,
  listener: 'socket',
  action: 'deploy',
  method: 'POST',
  path: '/deploy',
  app_name: 'shop',
  operation_id: sampleOperation.id,
  status: 202,
  code: null,
  message: 'Deploying shop (op-0123456789ab).',
  count: 1,
};

export const sampleProvider: SecretProvider = {
  ...{ scope: 'app', project: null, app_name: 'shop' },
  provider: { kind: 'doppler', project: 'shop', config: 'prd', endpoint: DEFAULTS.doppler_endpoint },
  ...{ set_at: AT, set_by: 'admin', pulled_at: null },
};

const sampleFacts = {
  ...{ fingerprint: '0123456789abcdef'.repeat(4), subject: '', issuer: "R3 (Let's Encrypt)", names: ['shop.example.com'] },
  ...{ not_before: AT, not_after: '2026-04-02T03:04:05.000Z', days_left: 45.5 },
};
export const sampleCertificate: Certificate = {
  ...{ domain: 'shop.example.com', app_name: 'shop', proxy: 'nginx', source: 'certbot', state: 'ok' },
  ...{ detail: 'It is served, and valid.', served: sampleFacts, stored: sampleFacts },
  ...{ next_renewal_at: '2026-03-02T03:04:05.000Z', last_attempt: null, checked_at: AT },
};

const samples: { [N in RouteName]: RouteResult<N> } = {
  deploy: sampleOperation,
  swap: sampleOperation,
  rollback: sampleOperation,
  startApp: sampleOperation,
  stopApp: sampleOperation,
  restartApp: sampleOperation,
  scaleApp: sampleOperation,
  setMaintenance: sampleOperation,
  removeApp: sampleOperation,
  listApps: [sampleApp],
  getAppStatus: sampleApp,
  listReleases: [sampleRelease],
  getRelease: sampleRelease,
  listOperations: [sampleOperation],
  getOperation: sampleOperation,
  cancelOperation: sampleOperation,
  keepRelease: sampleOperation,
  syncSecrets: sampleSecretsChanged,
  listSecrets: [],
  removeSecret: sampleSecretsChanged,
  pullSecrets: sampleSecretsChanged,
  setSecretProvider: sampleProvider,
  listSecretProviders: [sampleProvider],
  removeSecretProvider: sampleProvider,
  rotateSecretsKey: { key_id: '0123abcd', secrets: 0 },
  listCertificates: [sampleCertificate],
  renewCertificate: sampleCertificate,
  importCertificate: sampleCertificate,
  removeCertificate: { domain: 'shop.example.com' },
  loadImages: { images: [sampleImage] },
  listImages: [sampleImage],
  getSystemMetrics: sampleMetrics,
  listEvents: [sampleEvent],
  listTokens: [sampleToken],
  createToken: { ...sampleToken, token: SAMPLE_TOKEN_TEXT },
  revokeToken: { ...sampleToken, state: 'revoked', revoked_at: AT, revoked_by: 'admin' },
  listAudit: [sampleAuditEntry],
  getHealth: { status: 'ok', checks: [] },
  getVersion: { version: '0.1.0', api: { min: 1, max: 1 }, hostname: 'server', docker: null, proxy: null },
  getOpenApi: { openapi: '3.1.0' },
};

export interface TestServer extends AsyncDisposable {
  server: Server;
  client: DaemonClient;
  socketPath: string;
  port: number;
  /** Every call that reached a handler. */
  calls: { name: RouteName; request: RouteRequest<RouteName> }[];
  /** Every stream that was begun. */
  streamed: StreamName[];
}

export interface TestServerOptions {
  handlers?: Partial<Handlers>;
  streamHandlers?: Partial<StreamHandlers>;
  server?: Partial<ServerOptions>;
}

/** Starts one; what the test passes replaces the samples. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const calls: TestServer['calls'] = [];
  const streamed: StreamName[] = [];
  const handlers = Object.fromEntries(
    (Object.keys(samples) as RouteName[]).map((name) => {
      const handler = (options.handlers?.[name] ?? (async () => samples[name])) as (request: unknown) => Promise<unknown>;
      const recorded = (request: RouteRequest<RouteName>) => {
        calls.push({ name, request });
        return handler(request);
      };
      return [name, recorded];
    }),
  ) as unknown as Handlers; // built from the table of samples, which holds every route
  const server = createServer({
    handlers,
    streamHandlers: recorded(
      {
        logs: async function* () {
          yield sampleLine;
        },
        events: async function* () {
          yield sampleEvent;
        },
        system: async function* () {
          yield sampleMetrics;
        },
        ...options.streamHandlers,
      },
      streamed,
    ),
    waitForOperation: async () => ({ ...sampleOperation, state: 'succeeded', ended_at: AT }),
    token: new Sealed(TEST_TOKEN),
    tokens: { find: () => null },
    appOfOperation: () => sampleOperation.app_name,
    recordAudit: () => undefined,
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    version: '0.1.0',
    onAuthFailure: () => undefined,
    onContractBreach: 'throw',
    ...options.server,
  });
  const socketPath = join(tmpdir(), `nextdeploy-${randomUUID()}.sock`);
  await server.listen({ socketPath, host: '127.0.0.1', port: 0 });
  const client = new DaemonClient({ transport: unixSocketTransport(socketPath), token: new Sealed(TEST_TOKEN) });
  return {
    server,
    client,
    socketPath,
    port: server.addresses().tcp?.port ?? 0,
    calls,
    streamed,
    async [Symbol.asyncDispose]() {
      client.close();
      await server.close();
    },
  };
}

function recorded(handlers: StreamHandlers, streamed: StreamName[]): StreamHandlers {
  const entries = (Object.keys(handlers) as StreamName[]).map((name) => {
    const handler = handlers[name] as (request: unknown) => AsyncIterable<unknown>;
    return [
      name,
      (request: unknown) => {
        streamed.push(name);
        return handler(request);
      },
    ];
  });
  return Object.fromEntries(entries) as StreamHandlers; // of the same names
}
