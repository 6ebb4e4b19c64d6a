/** The contract's endpoints over engine, store, Docker and metrics: thin, and free of rules. */
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Certificates } from '../certs/certificates.ts';
import type { AuditEntry, AuditResult } from '../contract/access.ts';
import { type AppConfiguration, configurationOf } from '../contract/configuration.ts';
import type { AppStatus, DaemonHealth, DaemonVersion, Image, Operation, Release, SystemMetrics } from '../contract/domain.ts';
import { DomainError } from '../contract/errors.ts';
import { API_VERSION, DEFAULTS, LIMITS } from '../contract/limits.ts';
import type { ProxyType } from '../contract/names.ts';
import type { Engine, Intent } from '../engine/engine.ts';
import type { Journal, NewEvent, RegistryCredentials } from '../engine/ports.ts';
import { toOperation } from '../engine/view.ts';
import { Sealed } from '../secrets/sealed.ts';
import { requireKnownParts } from './app-limits.ts';
import type { Handlers, RequestContext } from './handlers.ts';
import type { BackupService } from './service-backup.ts';
import { createCertificateHandlers } from './service-certificates.ts';
import type { ProviderService } from './service-providers.ts';
import type { RouteService } from './service-routes.ts';
import type { SecretService } from './service-secrets.ts';
import type { EventSource } from './service-streams.ts';
import type { Tokens } from './tokens.ts';

/** What to list of the audit log, newest first; times in RFC 3339, UTC, to the millisecond. */
export interface AuditFilter {
  actor?: string | undefined;
  app_name?: string | undefined;
  action?: string | undefined;
  result?: AuditResult | undefined;
  since?: string | undefined;
  until?: string | undefined;
  before?: number | undefined;
  limit: number;
}

export interface ServiceOptions {
  engine: Engine;
  journal: Journal & EventSource;
  tokens: Pick<Tokens, 'list' | 'create' | 'revoke'>;
  audit: { listAudit(filter: AuditFilter): AuditEntry[] };
  images: { load(archive: Readable, signal: AbortSignal): Promise<Image[]>; list(signal: AbortSignal): Promise<Image[]> };
  statuses: { list(signal: AbortSignal): Promise<AppStatus[]>; get(name: string, signal: AbortSignal): Promise<AppStatus> };
  sampleSystem(signal: AbortSignal): Promise<SystemMetrics>;
  getHealth(signal: AbortSignal): Promise<DaemonHealth>;
  /** Versions of Docker and proxy; null where they do not answer. */
  getVersions(signal: AbortSignal): Promise<{ docker: string | null; proxy: string | null }>;
  getOpenApi(): Record<string, unknown>;
  secrets: SecretService;
  certificates: Pick<Certificates, 'list' | 'renew' | 'import' | 'remove'>;
  providers: ProviderService;
  routes: RouteService;
  backups: BackupService;
  publishEvent(event: Omit<NewEvent, 'ts'>): void;
  /** For apps whose deploy names none. */
  defaultProxy: ProxyType;
  version: string;
  hostname: string;
}

export function createHandlers(options: ServiceOptions): Handlers {
  const { engine, journal, images, statuses, tokens } = options;

  /** Of the scopes that a new release is given secrets of; `of`: what it is configured with. */
  const pullFor = async (app_name: string, of: AppConfiguration, { actor, signal }: RequestContext) => {
    if (of.secrets.inject === 'none') return;
    await options.providers.pullFor({ app_name, project: of.project ?? null, actor, signal });
  };

  /** `asked`: what of the request says whether another one is the same; what it resolves to changes with the host and the app. */
  const begin = (name: string, intent: Intent, context: RequestContext, asked: object = intent): Promise<Operation> => {
    const { actor, idempotency_key: key, signal } = context;
    // A rollback, a restart and healing have what they need, whoever is down.
    const of = intent.kind === 'deploy' ? intent.configuration : intent.kind === 'swap' ? liveConfiguration(journal, name) : null;
    const prepare = of === null ? undefined : () => pullFor(name, of, context);
    const request_hash = createHash('sha256')
      .update(JSON.stringify([name, intent.kind, asked]))
      .digest('hex');
    return engine.begin(name, intent, { actor, idempotency: key === undefined ? null : { key, request_hash }, signal, prepare });
  };

  const configurationsOf = (name: string) =>
    journal.listReleases(name, LIMITS.releases_page_max).map((each) => each.configuration);

  return {
    deploy: async ({ body, context }) => {
      const { app_name, image, pull, nextcore = null, registry } = body;
      const replicas = journal.getApp(app_name)?.replicas ?? 1;
      const configuration = configurationOf(body, { proxy: options.defaultProxy, replicas });
      if (context.apps !== null) requireKnownParts(configuration, configurationsOf(app_name));
      const credentials = seal(registry);
      const intent: Intent = { kind: 'deploy', image, pull, configuration, nextcore, credentials };
      return begin(app_name, intent, context, { ...body, registry: credentials });
    },
    swap: ({ body: { app_name, image, pull, nextcore = null, registry }, context }) =>
      begin(app_name, { kind: 'swap', image, pull, nextcore, credentials: seal(registry) }, context),
    rollback: ({ body: { app_name, release, code_only }, context }) =>
      begin(app_name, { kind: 'rollback', release, code_only }, context),
    scaleApp: ({ params, body: { replicas }, context }) => begin(params.name, { kind: 'scale', replicas }, context),
    setMaintenance: ({ params, body: { enabled, message = DEFAULTS.maintenance_message }, context }) =>
      begin(params.name, { kind: 'maintenance', to: enabled ? { message } : null }, context),
    startApp: ({ params, context }) => begin(params.name, { kind: 'start' }, context),
    stopApp: ({ params, context }) => begin(params.name, { kind: 'stop' }, context),
    restartApp: ({ params, context }) => begin(params.name, { kind: 'restart' }, context),
    removeApp: ({ params, query, context }) => begin(params.name, { kind: query.purge === true ? 'remove' : 'stop' }, context),

    listApps: ({ context }) => statuses.list(context.signal),
    getAppStatus: ({ params, context }) => statuses.get(params.name, context.signal),
    listReleases: async ({ params, query }) => {
      requireApp(journal, params.name);
      return journal.listReleases(params.name, query.limit);
    },
    getRelease: async ({ params }) => requireRelease(journal, params.name, params.id),
    listOperations: async ({ query, context }) =>
      journal.listOperations({ ...query, apps: context.apps }).map((record) => toOperation(record)),
    getOperation: async ({ params }) => {
      const operation = engine.describe(params.id);
      if (!operation) throw new DomainError('not_found', `There is no operation ${params.id}.`);
      return operation;
    },
    cancelOperation: ({ params, context }) => engine.cancel(params.id, context.actor, context.signal),
    keepRelease: ({ params, context }) => engine.keep(params.id, context.actor, context.signal),

    syncSecrets: ({ body, context }) => options.secrets.sync(body, context),
    listSecrets: async ({ query }) => options.secrets.list(query),
    removeSecret: ({ query, context }) => options.secrets.remove(query, context),
    pullSecrets: ({ body, context }) => options.providers.pull(body, context),
    setSecretProvider: ({ body, context }) => options.providers.set(body, context),
    listSecretProviders: async () => options.providers.list(),
    removeSecretProvider: ({ query, context }) => options.providers.remove(query, context),
    rotateSecretsKey: ({ context }) => options.secrets.rotateKey(context),

    ...createCertificateHandlers(options.certificates),
    configureRoute: ({ body, context }) => options.routes.configure(body, context),
    listRoutes: ({ context }) => options.routes.list(context.signal),
    removeRoute: ({ params, context }) => options.routes.remove(params.domain, context),

    loadImages: async ({ upload, context }) => {
      const loaded = await images.load(upload, context.signal);
      const names = loaded.flatMap((image) => (image.references.length > 0 ? image.references : [image.id]));
      const message = `${names.join(', ')} loaded by ${context.actor}`;
      options.publishEvent({ kind: 'image.loaded', level: 'info', message, app_name: null, operation: null });
      return { images: loaded };
    },
    listImages: ({ context }) => images.list(context.signal),

    getSystemMetrics: ({ context }) => options.sampleSystem(context.signal),
    listEvents: async ({ query, context }) => journal.listEvents({ ...query, apps: context.apps }),

    listTokens: async () => tokens.list(),
    createToken: async ({ body, context }) => tokens.create(body, context.actor),
    revokeToken: async ({ params, context }) => tokens.revoke(params.id, context.actor),
    listAudit: async ({ query: { since, until, ...query } }) =>
      options.audit.listAudit({ ...query, since: since && toMilliseconds(since), until: until && toMilliseconds(until) }),

    createBackup: (request) => options.backups.create(request),
    restoreBackup: (request) => options.backups.restore(request),

    getHealth: ({ context }) => options.getHealth(context.signal),
    getVersion: async ({ context }): Promise<DaemonVersion> => {
      const { version, hostname } = options;
      return { version, api: { min: API_VERSION, max: API_VERSION }, hostname, ...(await options.getVersions(context.signal)) };
    },
    getOpenApi: async () => options.getOpenApi(),
  };
}

/** As the journal writes times, so that they compare as texts. */
const toMilliseconds = (timestamp: string) => new Date(timestamp).toISOString();

function seal(registry: { username: string; password: string } | undefined): RegistryCredentials | null {
  return registry === undefined ? null : { username: registry.username, password: new Sealed(registry.password) };
}

/** Null: nothing is deployed. */
function liveConfiguration(journal: Journal, name: string): AppConfiguration | null {
  const release = journal.getApp(name)?.release ?? null;
  return release === null ? null : (journal.getRelease(name, release)?.configuration ?? null);
}

/** Throws `not_found`. */
export function requireApp(journal: Pick<Journal, 'getApp'>, name: string): void {
  if (!journal.getApp(name)) throw new DomainError('not_found', `There is no app ${name}.`);
}

function requireRelease(journal: Journal, name: string, id: string): Release {
  requireApp(journal, name);
  const release = journal.getRelease(name, id);
  if (!release) throw new DomainError('not_found', `The app ${name} has no release ${id}.`);
  return release;
}
