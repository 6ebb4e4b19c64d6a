import type { AuditEntry, Token } from '../../daemon/contract/access.ts';
import type { Certificate } from '../../daemon/contract/certificates.ts';
import type { AppConfiguration } from '../../daemon/contract/configuration.ts';
import {
  type AppStatus,
  appStatusSchema,
  type DaemonEvent,
  type Image,
  imageSchema,
  type Operation,
  operationSchema,
  type Release,
  releaseSchema,
} from '../../daemon/contract/domain.ts';
import type { NextCoreMetadata } from '../../daemon/contract/nextcore.ts';
import type { ProxyRoute } from '../../daemon/contract/proxy-routes.ts';
import type { SecretProvider } from '../../daemon/contract/secret-providers.ts';
import type { Secret } from '../../daemon/contract/secrets.ts';
import { type Host, hostSchema } from '../../preload/contract.ts';
import { STEP_DETAIL, STEPS } from './script-steps.ts';

/** A host of the scripted core, and all that its daemon would say. */
export interface WorldHost {
  host: Host;
  apps: AppStatus[];
  releases: Record<string, Release[]>;
  operations: Operation[];
  images: Image[];
  /** In the order that the daemon lists them. */
  secrets: Secret[];
  providers: SecretProvider[];
  tokens: Token[];
  /** Newest first. */
  audit: AuditEntry[];
  certificates: Certificate[];
  routes: ProxyRoute[];
  /** Of the time before the console connected, oldest first. */
  events: DaemonEvent[];
}

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
export const ago = (elapsed_ms: number): string => new Date(Date.now() - elapsed_ms).toISOString();

let counter = 0;
export const newOperationId = (): string => `op-${(Date.now() * 1000 + counter++).toString(36).padStart(12, '0')}`;

export function operation(part: Partial<Operation> & Pick<Operation, 'app_name' | 'kind'>): Operation {
  const created = Date.parse(part.created_at ?? ago(5 * MINUTE_MS));
  let clock = created;
  const steps = STEPS[part.kind].map((name) => {
    const started_at = new Date(clock).toISOString();
    clock += name === 'probe' ? 1_180 : name === 'drain' ? 2_400 : name === 'start' ? 310 : 24;
    return {
      name,
      state: 'done' as const,
      started_at,
      ended_at: new Date(clock).toISOString(),
      detail: STEP_DETAIL[name] ?? null,
      output: null,
      layers: null,
    };
  });
  return operationSchema.parse({
    id: newOperationId(),
    state: 'succeeded',
    actor: 'admin',
    release: null,
    from_release: null,
    image: null,
    slot: null,
    created_at: new Date(created).toISOString(),
    ended_at: new Date(clock).toISOString(),
    steps,
    error: null,
    evidence: null,
    ...part,
  });
}

type ReleasePart = Partial<Omit<Release, 'configuration'>> & { configuration?: Partial<AppConfiguration> };

export function release(app: string, number: number, image: string, part: ReleasePart = {}): Release {
  const { configuration, ...others } = part;
  return releaseSchema.parse({
    id: `r${number}`,
    app_name: app,
    state: 'standby',
    image,
    image_id: imageId(image),
    configuration: {
      env: {
        DATABASE_URL: 'postgres://shop:hunter2@10.0.0.4/shop',
        LOG_LEVEL: 'info',
        NEXT_SERVER_ACTIONS_ENCRYPTION_KEY: 'vN4…',
        NODE_ENV: 'production',
      },
      ports: [3000],
      domain: `${app}.example.com`,
      health: { kind: 'http', path: '/api/health' },
      ...configuration,
    },
    nextcore: null,
    created_at: ago((40 - number) * HOUR_MS),
    created_by: number % 3 === 0 ? 'ci' : 'admin',
    operation_id: newOperationId(),
    ended_at: ago((39 - number) * HOUR_MS),
    end_reason: 'replaced by a swap',
    ...others,
  });
}

export function app(name: string, part: Partial<AppStatus> = {}): AppStatus {
  return appStatusSchema.parse({
    name,
    status: 'running',
    container_id: 'f3a9c1d2e4b5',
    port: 3000,
    domain: `${name}.example.com`,
    url: `https://${name}.example.com`,
    version: `registry.example.com/${name}:1.4.2`,
    updated_at: ago(26 * MINUTE_MS),
    slot: 'blue',
    release: 'r3',
    previous_release: 'r2',
    replicas: 1,
    replicas_wanted: 1,
    aliases: [],
    maintenance: null,
    nextcore: null,
    proxy: 'caddy',
    tls: 'auto',
    health: { healthy: true, checked_at: ago(2_000), detail: 'GET /api/health 200 in 3 ms' },
    operation_id: null,
    last_error: null,
    ...part,
  });
}

/** What a Next.js project would say of its build. */
export function nextcore(commit: string, part: Partial<NextCoreMetadata> = {}): NextCoreMetadata {
  return {
    next_version: '16.0.1',
    output: 'standalone',
    build_id: `b-${commit.slice(0, 7)}`,
    deployment_id: `dpl_${commit.slice(0, 10)}`,
    routes: {
      static: ['/', '/about', '/imprint', '/404'],
      dynamic: ['/cart', '/api/health', '/api/orders/[id]'],
      isr: ['/products', '/products/[slug]'],
      middleware: true,
    },
    public_env: ['NEXT_PUBLIC_API_URL', 'NEXT_PUBLIC_SENTRY_DSN'],
    node_version: '24.11.0',
    package_manager: 'pnpm 10.4.1',
    git: { commit, branch: 'main', is_dirty: false },
    static_directory: '/app/.next/static',
    health_path: '/api/health',
    port: 3000,
    ...part,
  };
}

export function imageId(reference: string): string {
  let hash = 2_166_136_261;
  for (const character of reference) hash = Math.imul(hash ^ character.charCodeAt(0), 16_777_619) >>> 0;
  return `sha256:${hash.toString(16).padStart(8, '0').repeat(8)}`;
}

export function image(reference: string, age_ms: number, size_bytes: number): Image {
  return imageSchema.parse({ id: imageId(reference), references: [reference], size_bytes, created_at: ago(age_ms) });
}

const READY = {
  kind: 'ready' as const,
  version: { version: '0.1.0', api: { min: 1, max: 1 }, hostname: 'web-1', docker: '28.5.1', proxy: 'Caddy 2.11.0' },
};

export function host(id: string, part: Partial<Host> = {}): Host {
  return hostSchema.parse({
    id,
    name: id,
    address: '203.0.113.7',
    port: 22,
    user: 'root',
    auth: { kind: 'agent' },
    production: false,
    connection: { kind: 'connected', since: ago(HOUR_MS), latency_ms: 8.4 },
    daemon: READY,
    ...part,
  });
}

/** A host as it comes from the provider: nothing but SSH. */
export function bareHost(id: string, part: Partial<Host> = {}): WorldHost {
  return {
    host: host(id, part),
    apps: [],
    releases: {},
    operations: [],
    images: [],
    secrets: [],
    providers: [],
    tokens: [],
    audit: [],
    certificates: [],
    routes: [],
    events: [],
  };
}
