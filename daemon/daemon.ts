/** Wires the parts together and runs them: the only place that knows all of them. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Handlers, StreamHandlers } from './api/handlers.ts';
import type { Log } from './api/log.ts';
import { createOpenApi } from './api/openapi.ts';
import { createServer } from './api/server.ts';
import { createHandlers, requireApp } from './api/service.ts';
import { AppStatuses } from './api/service-status.ts';
import { AppChanges, followEvents } from './api/service-streams.ts';
import type { Config } from './config.ts';
import type { DaemonEvent, SystemMetrics } from './contract/domain.ts';
import { Engine } from './engine/engine.ts';
import { createExecutors } from './engine/executors.ts';
import type { NewEvent } from './engine/ports.ts';
import { parseSubnet } from './engine/slots.ts';
import { createHealthCheck } from './health.ts';
import { findGroupId } from './host/accounts.ts';
import { createCaddyMachine } from './host/caddy-machine.ts';
import { randomIds, systemClock } from './host/clock.ts';
import { Docker } from './host/docker.ts';
import { makeDirectory } from './host/files.ts';
import { MarkerFiles } from './host/markers.ts';
import { NetworkProber } from './host/prober.ts';
import { readProc } from './host/proc.ts';
import { HostConnections } from './host/sockets.ts';
import { StorageUnavailable, storageFailure } from './host/store/failures.ts';
import { Store } from './host/store.ts';
import { SystemSampler } from './metrics/system.ts';
import { CaddyDriver } from './proxy/caddy/driver.ts';
import { Hub } from './stream/hub.ts';
import { followLogs } from './stream/logs.ts';

export interface RunningDaemon {
  /** Stops accepting, ends streams, leaves operations journalled for the next start. Apps are not touched. */
  close(): Promise<void>;
}

/** Those who may use the socket besides root. */
const SOCKET_GROUP = 'nextdeploy';
const CHECK_DEADLINE_MS = 3_000;
const DOCKER_RETRY_MS = 2_000;
const STORAGE_RETRY_MS = 1_000;

/** Resolves when both listeners accept. Throws a DomainError for what an operator has to set right first. */
export async function startDaemon(config: Config, log: Log, version: string): Promise<RunningDaemon> {
  const stopping = new AbortController();
  const slots_directory = join(config.state_directory, 'slots');
  const store = await openStore(config.state_directory, slots_directory, log);
  const hub = new Hub<DaemonEvent>();
  const docker = new Docker(config.docker);
  const { caddy } = config.proxy;
  const proxy = new CaddyDriver({ ...caddy, slots_directory }, createCaddyMachine(caddy.admin, caddy.service), stopping.signal);
  const prober = new NetworkProber({ host: '127.0.0.1', http_port: caddy.http_port, https_port: caddy.https_port });
  const subnet = parseSubnet(config.docker.network.subnet);
  const { containers, images } = docker;
  const markers = new MarkerFiles(slots_directory);
  const world = { containers, images, markers, proxy, prober, connections: new HostConnections(), clock: systemClock };
  const changes = new AppChanges();
  const publish = (event: DaemonEvent) => {
    hub.publish(event);
    if (event.app_name === null) return;
    if (event.kind === 'app.removed') docker.logs.forget(event.app_name);
    changes.tell(event.app_name);
  };
  const engine = new Engine({
    world,
    executors: createExecutors(world, store),
    journal: store,
    settings: { subnet, slots_directory },
    ids: randomIds,
    log,
    publish,
  });
  const sampler = new SystemSampler({
    audience: new Hub<SystemMetrics>(),
    read: () => readProc(),
    onError: (err) => log.warn({ err }, 'cannot read the figures of the host'),
  });
  const publishEvent = (event: Omit<NewEvent, 'ts'>) => {
    try {
      publish(store.appendEvent({ ts: new Date().toISOString(), ...event }));
    } catch (err) {
      // What it tells of has happened all the same.
      log.warn({ err, event }, 'an event could not be kept');
    }
  };

  const checked = async <T>(body: (signal: AbortSignal) => Promise<T>) =>
    body(AbortSignal.timeout(CHECK_DEADLINE_MS)).catch(() => null);
  const handlers: Handlers = createHandlers({
    engine,
    journal: store,
    images,
    statuses: new AppStatuses({ journal: store, containers, prober, subnet, now: () => new Date() }),
    sampleSystem: (signal) => sampler.sample(signal),
    getHealth: createHealthCheck({ docker, proxy, store }),
    getVersions: async () => {
      const [dockerVersion, proxyVersion] = await Promise.all([
        checked((signal) => docker.version(signal)),
        checked(async (signal) => `Caddy ${await proxy.version(signal)}`),
      ]);
      return { docker: dockerVersion, proxy: proxyVersion };
    },
    getOpenApi: () => createOpenApi(version),
    publishEvent,
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
  const background = settle(docker, engine, log, stopping.signal);

  return {
    async close() {
      stopping.abort(new Error('the daemon stops'));
      await server.close();
      await engine.close();
      await background;
      docker.close();
      store.close();
    },
  };
}

/** Waits as long as it takes where the disk is full or fails: the apps serve on, and a restart would change nothing. */
async function openStore(state_directory: string, slots_directory: string, log: Log): Promise<Store> {
  for (let count = 1; ; count += 1) {
    try {
      // The proxy's user looks up markers beneath; the database beside them is 0600.
      await makeDirectory(state_directory, 0o755);
      await makeDirectory(slots_directory, 0o755);
      return new Store(join(state_directory, 'nextdeploy.db'));
    } catch (cause) {
      const error = storageFailure(cause, state_directory);
      if (!(error instanceof StorageUnavailable)) throw error;
      if (count === 1) log.error({ err: error }, error.message);
      await systemClock.sleep(STORAGE_RETRY_MS, new AbortController().signal);
    }
  }
}

/** What needs Docker and must not keep the API from answering: the app network, then recovery. */
async function settle(docker: Docker, engine: Engine, log: Log, signal: AbortSignal): Promise<void> {
  for (let count = 1; !signal.aborted; count += 1) {
    try {
      await docker.ensureNetwork(signal);
      break;
    } catch (err) {
      if (signal.aborted) return;
      if (count === 1) log.error({ err }, 'the app network cannot be set up yet');
      await systemClock.sleep(DOCKER_RETRY_MS, signal).catch(() => undefined);
    }
  }
  await engine.recover().catch((err: unknown) => {
    if (!signal.aborted) log.error({ err }, 'recovery failed');
  });
}
