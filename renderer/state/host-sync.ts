import type { DaemonEvent, EventKind, Operation, Release, StepState } from '../../daemon/contract/domain.ts';
import { backoffMs } from '../bridge/backoff.ts';
import { type BridgeError, messageOf } from '../bridge/bridge-error.ts';
import { callDaemon, openDaemonStream } from '../bridge/daemon.ts';
import type { Link } from '../bridge/link.ts';
import { coalesce } from './coalesce.ts';
import { applyApps, applyEvent, applyHistory, applyOperations } from './daemon-data.ts';
import { lookUp } from './look-up.ts';
import { withSample } from './metrics-series.ts';
import { addMetrics, type Stores, updateDaemon } from './stores.ts';

/** Health is observed, not announced: the list is read again now and then even where no event came. */
const REFRESH_MS = 15_000;
const OPERATIONS_SHOWN = 100;
const EVENTS_SHOWN = 200;
/** After these, secrets are not what they were; an app that is removed takes its own with it. */
const CHANGES_SECRETS: ReadonlySet<EventKind> = new Set(['secrets.changed', 'secrets.key_rotated', 'app.removed']);
const CHANGES_PROVIDERS: ReadonlySet<EventKind> = new Set([
  'secrets.changed',
  'secrets.provider_set',
  'secrets.provider_removed',
  'secrets.pull_failed',
  'app.removed',
]);

const CHANGES_ROUTES: ReadonlySet<EventKind> = new Set(['route.changed', 'route.removed', 'operation.ended', 'app.removed']);

export interface HostSync {
  stop(): void;
}

/**
 * Keeps the stores current for one host whose daemon is ready: streams first, so that nothing falls between the lists
 * and the events; then the lists. A stream that ends is opened again with back-off; the core bridges lost connections.
 */
export function startHostSync(link: Link, stores: Stores, host: string): HostSync {
  let isStopped = false;
  const open = new Map<string, { close(): void }>();
  const timers = new Set<ReturnType<typeof setTimeout>>();
  const after = (delay_ms: number, act: () => void) => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      if (!isStopped) act();
    }, delay_ms);
    timers.add(timer);
  };
  const setProblem = (problem: string | null) => {
    if (!isStopped) updateDaemon(stores, host, (data) => (data.problem === problem ? data : { ...data, problem }));
  };
  /** Reads when asked; a read that fails says so and is made again with back-off. */
  const guarded = (read: () => Promise<unknown>) => {
    let failures = 0;
    const refresh = coalesce(async () => {
      if (isStopped) return;
      try {
        await read();
        failures = 0;
      } catch (error) {
        failures += 1;
        setProblem(messageOf(error));
        after(backoffMs(failures), refresh);
      }
    });
    return refresh;
  };

  const refreshApps = guarded(async () => {
    const apps = await callDaemon(link, host, 'listApps');
    updateDaemon(stores, host, (data) => ({ ...applyApps(data, apps), problem: null }));
  });
  const refreshOperations = guarded(async () => {
    const operations = await callDaemon(link, host, 'listOperations', { query: { limit: OPERATIONS_SHOWN } });
    updateDaemon(stores, host, (data) => applyOperations(data, operations));
  });
  const refreshImages = guarded(async () => {
    const images = await callDaemon(link, host, 'listImages');
    updateDaemon(stores, host, (data) => ({ ...data, images }));
  });
  const readSecretsAgain = guarded(() => readSecrets(link, stores, host));
  const refreshSecrets = () => {
    const isKnown = stores.daemons.getState()[host]?.secrets != null;
    if (isKnown) readSecretsAgain();
  };
  const readProvidersAgain = guarded(() => readProviders(link, stores, host));
  const refreshProviders = () => {
    const isKnown = stores.daemons.getState()[host]?.providers != null;
    if (isKnown) readProvidersAgain();
  };
  const readCertificatesAgain = guarded(() => readCertificates(link, stores, host));
  const refreshCertificates = () => {
    const isKnown = stores.daemons.getState()[host]?.certificates != null;
    if (isKnown) readCertificatesAgain();
  };
  const readRoutesAgain = guarded(() => readRoutes(link, stores, host));
  const refreshRoutes = () => {
    const isKnown = stores.daemons.getState()[host]?.routes != null;
    if (isKnown) readRoutesAgain();
  };
  const readHistory = guarded(async () => {
    const events = await callDaemon(link, host, 'listEvents', { query: { limit: EVENTS_SHOWN } });
    updateDaemon(stores, host, (data) => applyHistory(data, events));
  });
  const releasesOf = new Map<string, () => void>();
  const refreshReleases = (name: string) => {
    const refresh = releasesOf.get(name) ?? guarded(() => readReleases(link, stores, host, name));
    releasesOf.set(name, refresh);
    refresh();
  };

  const refreshAll = () => {
    refreshApps();
    refreshOperations();
    refreshImages();
    refreshSecrets();
    refreshProviders();
    refreshCertificates();
    refreshRoutes();
  };
  const onEvent = (event: DaemonEvent) => {
    const known = stores.daemons.getState()[host]?.operations[event.operation?.id ?? ''];
    updateDaemon(stores, host, (data) => applyEvent(data, event));
    if (event.kind === 'image.loaded') refreshImages();
    if (event.kind === 'daemon.started') refreshAll();
    if (CHANGES_SECRETS.has(event.kind)) refreshSecrets();
    if (event.kind.startsWith('certificate.')) refreshCertificates();
    if (CHANGES_ROUTES.has(event.kind)) refreshRoutes();
    if (CHANGES_PROVIDERS.has(event.kind)) refreshProviders();
    if (event.app_name === null) return;
    // Of the steps of an operation only the switch changes what an app is.
    if (event.kind === 'operation.progress' && switchState(known) === switchState(event.operation)) return;
    refreshApps();
    const isKnown = lookUp(stores.daemons.getState()[host]?.releases ?? {}, event.app_name) !== undefined;
    if (isKnown && event.kind !== 'app.removed') refreshReleases(event.app_name);
  };

  const keepOpen = (name: string, start: (onEnd: (error: BridgeError | null) => void) => { close(): void }, attempt = 1) => {
    const again = (error: BridgeError | null) => {
      open.delete(name);
      if (isStopped) return;
      setProblem(error?.message ?? null);
      after(backoffMs(attempt), () => keepOpen(name, start, attempt + 1));
    };
    try {
      open.set(name, start(again));
    } catch {
      again(null); // the link is lost: the fleet stops this sync and starts another
    }
  };
  const stillLive = { onInterrupted: setProblem, onResumed: () => [setProblem(null), refreshAll()] };
  keepOpen('events', (onEnd) =>
    openDaemonStream(link, host, 'events', eventsFrom(stores, host), {
      ...stillLive,
      onMessage: onEvent,
      onDropped: refreshAll,
      onEnd,
    }),
  );
  keepOpen('system', (onEnd) =>
    openDaemonStream(
      link,
      host,
      'system',
      {},
      {
        onMessage: (sample) => addMetrics(stores, host, (series) => withSample(series, sample, Date.now())),
        onEnd,
      },
    ),
  );
  refreshAll();
  readHistory();
  const poll = () => after(REFRESH_MS, () => [refreshApps(), poll()]);
  poll();

  return {
    stop() {
      isStopped = true;
      for (const timer of timers) clearTimeout(timer);
      for (const channel of open.values()) channel.close();
    },
  };
}

function switchState(operation: Operation | null | undefined): StepState | undefined {
  return operation?.steps.find(({ name }) => name === 'switch')?.state;
}

/** Releases of one app, newest first, into the store. */
export async function readReleases(link: Link, stores: Stores, host: string, name: string): Promise<readonly Release[]> {
  const releases = await callDaemon(link, host, 'listReleases', { params: { name } });
  updateDaemon(stores, host, (data) => ({ ...data, releases: { ...data.releases, [name]: releases } }));
  return releases;
}

/** All secrets of a host, never their values, into the store. */
export async function readSecrets(link: Link, stores: Stores, host: string): Promise<void> {
  const secrets = await callDaemon(link, host, 'listSecrets');
  updateDaemon(stores, host, (data) => ({ ...data, secrets }));
}

/** All providers of secrets of a host, never their credentials, into the store. */
export async function readProviders(link: Link, stores: Stores, host: string): Promise<void> {
  const providers = await callDaemon(link, host, 'listSecretProviders');
  updateDaemon(stores, host, (data) => ({ ...data, providers }));
}

/** All certificates of a host, as they are served, into the store. */
export async function readCertificates(link: Link, stores: Stores, host: string): Promise<void> {
  const certificates = await callDaemon(link, host, 'listCertificates');
  updateDaemon(stores, host, (data) => ({ ...data, certificates }));
}

/** All routes of a host, as they were read back from its proxies, into the store. */
export async function readRoutes(link: Link, stores: Stores, host: string): Promise<void> {
  const routes = await callDaemon(link, host, 'listRoutes');
  updateDaemon(stores, host, (data) => ({ ...data, routes }));
}

/** A sync that starts again goes on from the last event it saw. */
function eventsFrom(stores: Stores, host: string) {
  const lastSeq = stores.daemons.getState()[host]?.lastSeq ?? -1;
  return lastSeq < 0 ? {} : { query: { after: lastSeq } };
}
