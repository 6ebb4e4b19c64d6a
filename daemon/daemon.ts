/** Wires the parts together and runs them: the only place that knows all of them. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { AuditLog } from './api/audit.ts';
import type { Handlers, StreamHandlers } from './api/handlers.ts';
import type { Log } from './api/log.ts';
import { createOpenApi } from './api/openapi.ts';
import { createServer } from './api/server.ts';
import { createHandlers, requireApp } from './api/service.ts';
import { RouteService } from './api/service-routes.ts';
import { AppStatuses } from './api/service-status.ts';
import { AppChanges, followEvents } from './api/service-streams.ts';
import { Tokens } from './api/tokens.ts';
import { runBackground } from './background.ts';
import type { RestoreRecord } from './backup/switch.ts';
import { completeRestore, createAftermath, createBackupService, placesOf } from './backup-services.ts';
import type { Config } from './config.ts';
import type { DaemonEvent, SystemMetrics } from './contract/domain.ts';
import { DAEMON_CONFIG_PATH } from './contract/limits.ts';
import { Engine } from './engine/engine.ts';
import { createExecutors } from './engine/executors.ts';
import { PortRoutes } from './engine/port-routes.ts';
import type { NewEvent } from './engine/ports.ts';
import { Retention } from './engine/retention.ts';
import { maskedText, openSecrets } from './engine/secrets.ts';
import { keptRoutes, ServedRoutes } from './engine/served-routes.ts';
import { parseSubnet } from './engine/slots.ts';
import { Supervisor } from './engine/supervisor.ts';
import { createHealthCheck } from './health.ts';
import { findGroupId } from './host/accounts.ts';
import { randomIds, randomTokens, systemClock } from './host/clock.ts';
import { makeDirectory } from './host/files.ts';
import { MasterKeyFiles } from './host/key-files.ts';
import { readProc } from './host/proc.ts';
import { SecretFiles, type SecretPlace } from './host/secret-files.ts';
import { StorageUnavailable, storageFailure } from './host/store/failures.ts';
import { Store } from './host/store.ts';
import { SystemSampler } from './metrics/system.ts';
import { createSecretServices } from './secret-services.ts';
import { Vault } from './secrets/vault.ts';
import { Hub } from './stream/hub.ts';
import { followLogs } from './stream/logs.ts';
import { createHost, localPorts } from './world.ts';

export interface RunningDaemon {
  /** Stops accepting, ends streams, leaves operations journalled for the next start. Apps are not touched. */
  close(): Promise<void>;
}

/** Those who may use the socket besides root. */
const SOCKET_GROUP = 'nextdeploy';
const CHECK_DEADLINE_MS = 3_000;
const STORAGE_RETRY_MS = 1_000;
const now = () => new Date();

export interface DaemonSurroundings {
  config_file: string;
  version: string;
  /** The daemon is to be closed and started anew, with what was restored. */
  restart(): void;
}

/** Resolves when both listeners accept. Throws a DomainError for what an operator has to set right first. */
export async function startDaemon(
  config: Config,
  log: Log,
  { config_file, version, restart }: DaemonSurroundings,
): Promise<RunningDaemon> {
  const stopping = new AbortController();
  const slots_directory = join(config.state_directory, 'slots');
  const places = placesOf(config, config_file);
  const { store, vault, restored } = await openState(config, slots_directory, log);
  const secret_files = new SecretFiles(config.secrets.files_directory, store.secrets);
  await placeSecrets(secret_files, { secrets: vault }, store, log);
  const plan_settings = { subnet: parseSubnet(config.docker.network.subnet), slots_directory };
  const wiring = {
    ...{ store, log, listRoutes: () => keptRoutes(store, plan_settings) },
    publishEvent: (event: Omit<NewEvent, 'ts'>) => publishEvent(event),
  };
  const state = { slots_directory, secrets: vault, secret_files, certificates: wiring };
  const { docker, world, proxies, certificates } = createHost(config, state, stopping.signal);
  const { containers, prober } = world;
  const { images } = docker;
  const tokens = new Tokens({ store: store.access, ids: randomTokens, log, now });
  const audit = new AuditLog({ store: store.access, log, now });
  const hub = new Hub<DaemonEvent>();
  const { subnet } = plan_settings;
  const changes = new AppChanges();
  const publish = (event: DaemonEvent) => {
    hub.publish(event);
    if (event.app_name === null) return;
    if (event.kind === 'app.removed') docker.logs.forget(event.app_name);
    changes.tell(event.app_name);
  };
  const { releases: releases_kept, disk_free_percent: disk_free_percent_min } = config.retention;
  const settings = { releases_kept, disk_free_percent_min };
  const retention = new Retention({ journal: store, world, settings, publish, log, signal: stopping.signal });
  const served = new ServedRoutes(world.proxies, store, plan_settings);
  const routed = { ...world, proxies: served.proxies };
  const engine = new Engine({
    world: routed,
    executors: createExecutors(routed, store, (signal) => retention.makeRoom(signal), served),
    journal: store,
    settings: plan_settings,
    ids: randomIds,
    log,
    publish,
    onEnd: () => void retention.run(stopping.signal).catch(() => undefined), // it logs its failures itself
  });
  const portRoutes = new PortRoutes({
    ...{ world: routed, journal: store, settings: plan_settings, log, publish },
    stopping: stopping.signal,
  });
  const sampler = new SystemSampler({
    audience: new Hub<SystemMetrics>(),
    read: () => readProc(),
    onError: (err) => log.warn({ err }, 'cannot read the figures of the host'),
  });
  const publishEvent = (event: Omit<NewEvent, 'ts'>) => {
    try {
      const { app_name } = event;
      const message = app_name === null ? event.message : maskedText(event.message, app_name, world, store);
      publish(store.appendEvent({ ts: now().toISOString(), ...event, message }));
    } catch (err) {
      // What it tells of has happened all the same.
      log.warn({ err, event }, 'an event could not be kept');
    }
  };

  const backupParts = { places, store, vault, world, engine, publishEvent, restart, version, log };
  const aftermath = await createAftermath(restored, backupParts);

  /** Those that apps are served by, and the one that the next app will be. */
  const checkProxies = async (signal: AbortSignal) => {
    const ofPorts = store.listPortRoutes().flatMap(({ wanted }) => wanted?.proxy ?? []);
    const used = [...ofPorts, ...store.listApps().flatMap(({ route }) => route?.proxy ?? [])];
    await Promise.all([...new Set([config.proxy.default, ...used])].map((name) => proxies[name].check(signal)));
  };
  const checked = async <T>(body: (signal: AbortSignal) => Promise<T>) =>
    body(AbortSignal.timeout(CHECK_DEADLINE_MS)).catch(() => null);
  const handlers: Handlers = createHandlers({
    engine,
    journal: store,
    tokens,
    audit: store.access,
    images,
    statuses: new AppStatuses({
      journal: store,
      containers,
      prober,
      subnet,
      now,
      monotonicMs: () => performance.now(),
    }),
    sampleSystem: (signal) => sampler.sample(signal),
    getHealth: createHealthCheck({ docker, proxy: { check: checkProxies }, store }),
    getVersions: async () => {
      const [dockerVersion, ...proxyVersions] = await Promise.all([
        checked((signal) => docker.version(signal)),
        checked(async (signal) => `Caddy ${await proxies.caddy.version(signal)}`),
        checked(async (signal) => `nginx ${await proxies.nginx.version(signal)}`),
      ]);
      const there = proxyVersions.filter((one) => one !== null);
      return { docker: dockerVersion, proxy: there.length === 0 ? null : there.join(', ') };
    },
    getOpenApi: () => createOpenApi(version),
    ...createSecretServices(config, { vault, store, engine, publishEvent }),
    certificates,
    routes: new RouteService({
      ...{ engine, portRoutes, journal: store, settings: plan_settings, defaultProxy: config.proxy.default },
      ...{ proxies: served.proxies, ports: localPorts(config), verifyKey: randomIds.verifyKey },
    }),
    backups: createBackupService(backupParts),
    publishEvent,
    defaultProxy: config.proxy.default,
    version,
    hostname: hostname(),
  });
  const listLogged = async (app: string, signal: AbortSignal) => {
    const ours = (await containers.list(signal)).filter((container) => container.app_name === app);
    const present = new Set(ours.map(({ id }) => id));
    const removed = docker.logs.listContainers(app).filter(({ container_id }) => !present.has(container_id));
    return [...removed, ...ours.map(({ id, release, slot }) => ({ container_id: id, release, slot }))];
  };
  const streamHandlers: StreamHandlers = {
    events: ({ query, context }) => followEvents(store, hub, query.after, context.signal),
    system: ({ context }) => sampler.subscribe(context.signal),
    logs: ({ params, query, context }) => {
      requireApp(store, params.app);
      return followLogs({
        app_name: params.app,
        source: docker.logs,
        listContainers: (signal) => listLogged(params.app, signal),
        onChange: (listener) => changes.listen(params.app, listener),
        query,
        signal: context.signal,
      });
    },
  };
  const server = createServer({
    handlers,
    streamHandlers,
    waitForOperation: (id, signal) => engine.waitFor(id, signal),
    token: config.auth.token,
    tokens,
    appOfOperation: (id) => store.getOperation(id)?.app_name ?? null,
    recordAudit: (entry) => audit.record(entry),
    log,
    version,
    onAuthFailure: ({ listener, failures }) => {
      const message = `${failures} requests with a wrong token within a minute on the ${listener} listener`;
      publishEvent({ kind: 'auth.failed', level: 'warning', message, app_name: null, operation: null });
    },
  });

  const socketGid = findGroupId(SOCKET_GROUP);
  const { socket: socketPath, host, port } = config.listen;
  await server.listen({ socketPath, host, port, ...(socketGid === null ? {} : { socketGid }) });
  publishEvent({
    kind: 'daemon.started',
    level: 'info',
    message: `nextdeployd ${version} started`,
    app_name: null,
    operation: null,
  });
  const supervisor = new Supervisor({
    journal: store,
    world,
    subnet,
    begin: (app, intent, signal) => engine.begin(app, intent, { actor: 'supervisor', idempotency: null, signal }),
    publish: publishEvent,
    log,
  });
  const background = Promise.all([
    runBackground({ docker, engine, portRoutes, supervisor, retention, secret_files, aftermath, log, signal: stopping.signal }),
    certificates.run(),
  ]);

  return {
    async close() {
      stopping.abort(new Error('the daemon stops'));
      await server.close();
      await supervisor.close();
      await engine.close();
      await background;
      docker.close();
      tokens.close();
      audit.close();
      store.close();
    },
  };
}

/** Before Docker starts: what containers that it brings back are to find (`nextdeployd --place-secrets`). */
export async function placeSecretFiles(config: Config, log: Log): Promise<void> {
  const { store, vault } = await openState(config, join(config.state_directory, 'slots'), log);
  try {
    const files = new SecretFiles(config.secrets.files_directory, store.secrets);
    await placeSecrets(files, { secrets: vault }, store, log);
  } finally {
    store.close();
  }
}

async function placeSecrets(files: SecretFiles, vault: { secrets: Vault }, store: Store, log: Log): Promise<void> {
  const valuesOf = ({ app_name, release }: SecretPlace) => openSecrets(vault, store, app_name, release).values;
  await files.placeMissing(valuesOf, (err, { container }) => log.warn({ err, container }, 'could not place its secrets'));
}

/** Waits as long as it takes where the disk is full or fails: the apps serve on, and a restart would change nothing. */
async function openState(
  config: Config,
  slots_directory: string,
  log: Log,
): Promise<{ store: Store; vault: Vault; restored: RestoreRecord | null }> {
  const { state_directory, secrets } = config;
  for (let count = 1; ; count += 1) {
    let store: Store | undefined;
    try {
      // The proxy's user looks up markers beneath; the database beside them is 0600.
      await makeDirectory(state_directory, 0o755);
      await makeDirectory(slots_directory, 0o755);
      const restored = await completeRestore(placesOf(config, DAEMON_CONFIG_PATH));
      store = new Store(join(state_directory, 'nextdeploy.db'));
      const files = new MasterKeyFiles(secrets.master_key_file);
      return { store, vault: await Vault.open({ store: store.secrets, files, now }), restored };
    } catch (cause) {
      store?.close();
      const error = storageFailure(cause, state_directory);
      if (!(error instanceof StorageUnavailable)) throw error;
      if (count === 1) log.error({ err: error }, error.message);
      await systemClock.sleep(STORAGE_RETRY_MS, new AbortController().signal);
    }
  }
}
