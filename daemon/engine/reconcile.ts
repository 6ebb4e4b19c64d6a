/** Brings the world to what the journal says after the daemon has started: markers, operations that were running, orphans. */
import { DomainError } from '../contract/errors.ts';
import { type ProxyType, proxyTypeSchema } from '../contract/names.ts';
import { PATTERNS } from '../contract/rules.ts';
import type { EngineLog } from './engine.ts';
import { transition } from './journal.ts';
import { orLeave } from './leave.ts';
import { maintenancePage } from './maintenance-page.ts';
import { wantedMarker } from './plan.ts';
import type { Journal, NewEvent, ObservedContainer, World } from './ports.ts';
import { decideRecovery, describeOlderRecord, findForgotten, findOrphans, isAsKept } from './recovery.ts';
import { prefixApps } from './site-settings.ts';
import type { AppRecord, MarkerState, OperationRecord } from './state.ts';

export interface Reconciliation {
  world: Pick<World, 'containers' | 'markers' | 'clock' | 'proxies'>;
  journal: Pick<Journal, 'listApps' | 'getApp' | 'getOperation' | 'listOperations'>;
  log: EngineLog;
  /** Resolves when containers can be made, or the daemon stops. */
  prepared: Promise<void>;
  /** Runs an operation from where its record stands to its end. */
  run(record: OperationRecord): Promise<OperationRecord>;
  /** Writes that it got stuck, and why. */
  giveUp(record: OperationRecord, error: Error): Promise<OperationRecord>;
  /** Keeps and tells an event; must not throw. */
  tell(event: Omit<NewEvent, 'ts'>): void;
  /** Aborted when the daemon stops. */
  stopping: AbortSignal;
}

/** What an earlier run of the daemon left. */
export interface Unfinished {
  record: OperationRecord;
  end: PromiseWithResolvers<OperationRecord>;
}

/** Of what recovery cannot begin without: Docker, and what is kept. */
const RETRY_MS = 1_000;
const MARKER_RETRY_MS = 1_000;
const MARKER_ATTEMPTS = 3;
const MARKER_DEADLINE_MS = 30_000;
const ORPHAN_STOP_TIMEOUT_MS = 5_000;
const ORPHAN_ATTEMPTS = 5;
const ROUTE_DEADLINE_MS = 60_000;
const EVERYTHING = Number.MAX_SAFE_INTEGER;

/** Resolves when all of it has ended, or the daemon stops. Waits for the database and for Docker as long as it takes. */
export async function reconcile(unfinished: readonly Unfinished[], parts: Reconciliation): Promise<void> {
  const { journal } = parts;
  const waiting = new Set(unfinished.map(({ record }) => record.app_name));
  // Proxies go by the markers alone, whether or not Docker is up. An operation that begins now sees to it itself; one that is under way does
  // so when it can go on, which may be a while.
  await restoreMarkers('lost', ({ name }) => waiting.has(name) || !isBusy(name, journal), parts);
  await parts.prepared;
  const listed = await tryUntilDone('containers', () => parts.world.containers.list(parts.stopping), parts);
  if (listed === null) return;
  const containers = listed.value;
  const older = (await tryUntilDone('apps', () => findOlderRecords(containers, journal), parts))?.value;
  if (older === undefined) return;
  for (const [app_name, message] of older) {
    parts.tell({ kind: 'heal.unhealthy', level: 'error', message, app_name, operation: null });
  }
  await restoreMarkers('different', ({ name }) => !older.has(name) && !isBusy(name, journal), parts);
  const recoveries = unfinished.map(async ({ record, end }) => {
    const message = older.get(record.app_name);
    const recovery =
      message === undefined
        ? recoverOperation(record, containers, parts)
        : parts.giveUp(record, new DomainError('conflict', message));
    recovery.then(end.resolve, end.reject);
    await recovery.catch(() => undefined); // told by whoever waits for `end`
  });
  // One that is in its watch window has an hour to go, maybe; what other apps do not need goes now.
  await tidy(parts);
  await Promise.all(recoveries);
  if (unfinished.length > 0) await tidy(parts);
}

/**
 * Makes the marker, and the page beside it, say what is kept of the app. They are lost with their directory, and a proxy without a marker sends
 * everything to blue; and they are `different` where an earlier operation could not set them back. While an operation is under way, being
 * different is nothing to mend.
 */
export async function restoreMarker(
  app: AppRecord | null,
  when: 'lost' | 'different',
  parts: Pick<Reconciliation, 'world' | 'journal' | 'log' | 'stopping'>,
): Promise<void> {
  const wanted = app && wantedMarker(app);
  if (!wanted) return;
  const { clock } = parts.world;
  const signal = AbortSignal.any([parts.stopping, clock.timeout(MARKER_DEADLINE_MS)]);
  await orLeave(setMarker(app, wanted, when, parts, signal), signal, clock);
}

async function setMarker(
  app: AppRecord,
  wanted: MarkerState,
  when: 'lost' | 'different',
  { world, journal, log }: Pick<Reconciliation, 'world' | 'journal' | 'log'>,
  signal: AbortSignal,
): Promise<void> {
  const { name, maintenance } = app;
  const marker = await world.markers.read(name);
  const isWrong = marker !== wanted && (marker === null || when === 'different');
  if (!isWrong && (when === 'lost' || isAsKept(name, journal))) return;
  signal.throwIfAborted();
  await world.markers.writePage(name, maintenance && maintenancePage(maintenance));
  if (!isWrong) return;
  signal.throwIfAborted();
  log.warn({ app: name, marker, wanted }, 'restoring the marker of an app');
  await world.markers.write(name, wanted);
}

async function restoreMarkers(
  when: 'lost' | 'different',
  isMeant: (app: AppRecord) => boolean,
  parts: Reconciliation,
): Promise<void> {
  const { journal, log, world, stopping } = parts;
  const restore = async (name: string) => {
    for (let count = 1; ; count += 1) {
      try {
        const app = journal.getApp(name);
        if (app && isMeant(app)) await restoreMarker(app, when, parts);
        return;
      } catch (err) {
        log.error({ err, app: name }, 'could not restore the marker of an app');
        if (count === MARKER_ATTEMPTS) return;
        await world.clock.sleep(MARKER_RETRY_MS, stopping);
      }
    }
  };
  const apps = await tryUntilDone('apps', () => journal.listApps(), parts);
  await Promise.all((apps?.value ?? []).map(({ name }) => restore(name)));
}

/** Apps with containers that are newer than what is kept, with what there is to say of it. */
function findOlderRecords(containers: readonly ObservedContainer[], journal: Reconciliation['journal']): Map<string, string> {
  const found = journal.listApps().map((app) => ({ app, newer: findForgotten(app, containers, journal) }));
  return new Map(found.flatMap(({ app, newer }) => (newer === null ? [] : [[app.name, describeOlderRecord(app, newer)]])));
}

function isBusy(app_name: string, journal: Reconciliation['journal']): boolean {
  return journal.listOperations({ app_name, state: 'running', limit: 1 }).length > 0;
}

async function recoverOperation(
  record: OperationRecord,
  containers: readonly ObservedContainer[],
  { world, log, run, stopping }: Reconciliation,
): Promise<OperationRecord> {
  const decision = decideRecovery(record, containers);
  log.info({ operation: record.id, app: record.app_name, decision: decision.kind }, 'recovering an operation');
  if (decision.kind === 'unwind') {
    const at = world.clock.now().toISOString();
    return run(transition(record, { kind: 'unwind_ordered', at, message: decision.message, is_cancelled: false }));
  }
  for (const name of decision.restart) {
    await world.containers.start(name, stopping).catch((err: unknown) => {
      log.warn({ err, container: name }, 'could not start it again');
    });
  }
  return run(record);
}

/** What cannot be done waits for the next start; operations that are being recovered do not wait with it. */
async function tidy(parts: Reconciliation): Promise<void> {
  const { log, stopping } = parts;
  for (const act of [removeOrphans, restoreRoutes]) {
    await act(parts).catch((err: unknown) => {
      if (!stopping.aborted) log.error({ err }, 'could not tidy up after what an earlier run left');
    });
  }
}

/** Those that cannot be removed are tried again, a few times: until the next start nobody else looks at them. */
async function removeOrphans({ world, journal, log, stopping }: Reconciliation): Promise<void> {
  for (let count = 1; ; count += 1) {
    // The list is older than the look at what runs: a container of an operation that begins now is not in it.
    const listed = await world.containers.list(stopping).catch(() => null);
    const running = journal.listOperations({ state: 'running', limit: EVERYTHING });
    const orphans = findOrphans(listed ?? [], journal.listApps(), running, journal);
    let isDone = listed !== null;
    for (const { id, name, app_name, operation_id, release } of orphans) {
      log.warn({ container: name, app: app_name, release }, 'removing a container that no app needs');
      try {
        // By id: a new operation may have made another container of that name.
        await world.containers.remove({ name: id, app_name, operation_id }, ORPHAN_STOP_TIMEOUT_MS, stopping);
      } catch (err) {
        isDone = false;
        if (!stopping.aborted) log.warn({ err, container: name }, 'could not remove it');
      }
    }
    if (isDone || count === ORPHAN_ATTEMPTS) return;
    await world.clock.sleep(RETRY_MS * 2 ** count, stopping);
  }
}

/**
 * After operations that got stuck, and changes behind our back: a proxy that has a route of an app that another one serves, or none, forgets
 * it; and one that may have another route than what is kept, or none, is told. A route of an app that is not known goes as well, unless
 * containers of it are there: if the database was lost or swapped, they are somebody's live sites.
 */
async function restoreRoutes({ world, journal, log, stopping }: Reconciliation): Promise<void> {
  const containers = await world.containers.list(stopping).catch(() => null);
  const setRight = async (proxy: ProxyType, name: string, listed: readonly string[] | null) => {
    // What was seen may be old: others took up to a minute each, and operations have begun and ended meanwhile. What is kept is not.
    const signal = AbortSignal.any([stopping, world.clock.timeout(ROUTE_DEADLINE_MS)]);
    const isLost = await isElsewhere(proxy, name, world, journal, signal);
    const wrong = isBusy(name, journal) ? null : findWrongRoute(proxy, name, { listed, containers, isLost }, journal);
    if (wrong === null) return;
    log.warn({ app: name, proxy, is_kept: wrong.route !== null }, 'setting right what a proxy has of an app');
    await world.proxies[proxy].apply(name, wrong.route, signal);
  };
  for (const proxy of proxyTypeSchema.options) {
    const listed = await world.proxies[proxy].listApps().catch(() => null);
    const names = new Set([...journal.listApps().map(({ name }) => name), ...(listed ?? [])]);
    for (const name of names) {
      await setRight(proxy, name, listed).catch((err: unknown) => {
        if (!stopping.aborted) log.warn({ err, app: name, proxy }, 'could not set it right');
      });
    }
  }
}

/** What was there when it was looked for; null: not known. */
interface Sight {
  listed: readonly string[] | null;
  containers: readonly ObservedContainer[] | null;
  /** A prefix of it leads to where an app is not any more. */
  isLost: boolean;
}

/** Where the apps are that prefixes lead to is not kept with the route, so it is read back from the proxy. */
async function isElsewhere(
  proxy: ProxyType,
  name: string,
  world: Reconciliation['world'],
  journal: Reconciliation['journal'],
  signal: AbortSignal,
): Promise<boolean> {
  const route = journal.getApp(name)?.route;
  if (route?.proxy !== proxy || prefixApps(route).length === 0) return false;
  const [difference] = await world.proxies[proxy].differences([route], signal);
  return difference !== null;
}

/** What the proxy is to have of the app; null: what it has already. */
function findWrongRoute(
  proxy: ProxyType,
  name: string,
  { listed, containers, isLost }: Sight,
  journal: Reconciliation['journal'],
): Pick<AppRecord, 'route'> | null {
  const isThere = listed?.includes(name);
  const app = journal.getApp(name);
  if (app === null) {
    const isUnused = containers?.every(({ app_name }) => app_name !== name) === true;
    return isThere === true && isUnused && PATTERNS.app_name.test(name) ? { route: null } : null;
  }
  if (containers !== null && findForgotten(app, containers, journal) !== null) return null;
  const { route } = app;
  if (route?.proxy !== proxy) return isThere === true ? { route: null } : null;
  return isThere === false || isLost || !isAsKept(name, journal) ? { route } : null;
}

/** Null: the daemon stops first. */
async function tryUntilDone<T>(
  what: string,
  read: () => T | Promise<T>,
  { world, log, stopping }: Reconciliation,
): Promise<{ value: T } | null> {
  for (let count = 1; !stopping.aborted; count += 1) {
    try {
      return { value: await read() };
    } catch (err) {
      if (count === 1) log.warn({ err, what }, 'waiting for what cannot be read before recovering');
      await world.clock.sleep(RETRY_MS, stopping).catch(() => undefined);
    }
  }
  return null;
}
