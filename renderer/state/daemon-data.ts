import type { Token } from '../../daemon/contract/access.ts';
import type { Certificate } from '../../daemon/contract/certificates.ts';
import type { AppStatus, DaemonEvent, Image, Operation, Release, StepState } from '../../daemon/contract/domain.ts';
import type { ProxyRoute } from '../../daemon/contract/proxy-routes.ts';
import { isTerminal } from '../../daemon/contract/rules.ts';
import type { SecretProvider } from '../../daemon/contract/secret-providers.ts';
import type { Secret } from '../../daemon/contract/secrets.ts';

const EVENTS_MAX = 500;
const OPERATIONS_MAX = 200;

/** What the console knows of one host's daemon. Replaced, never changed in place. */
export interface DaemonData {
  /** False until the first answer; then the lists are what the daemon said, not merely empty. */
  isLoaded: boolean;
  apps: Readonly<Record<string, AppStatus>>;
  operations: Readonly<Record<string, Operation>>;
  /** By app name, newest first; absent until asked for. */
  releases: Readonly<Record<string, readonly Release[]>>;
  images: readonly Image[] | null;
  /** By scope, owner and name; null until asked for: not everybody may list them. */
  secrets: readonly Secret[] | null;
  /** Where secrets are pulled from; null until asked for. */
  providers: readonly SecretProvider[] | null;
  /** Null until asked for. */
  tokens: readonly Token[] | null;
  /** As they are served; null until asked for. */
  certificates: readonly Certificate[] | null;
  /** As they were read back from the proxies; null until asked for. */
  routes: readonly ProxyRoute[] | null;
  /** Oldest first, without the progress of operations: there is much of it, and the operations themselves tell it. */
  events: readonly DaemonEvent[];
  lastSeq: number;
  /** Why what is shown may be old, or null. */
  problem: string | null;
}

export const EMPTY_DAEMON_DATA: DaemonData = {
  isLoaded: false,
  apps: {},
  operations: {},
  releases: {},
  images: null,
  secrets: null,
  providers: null,
  tokens: null,
  certificates: null,
  routes: null,
  events: [],
  lastSeq: -1,
  problem: null,
};

/** Takes in one event. Events already seen (a stream resumed too far back) change nothing. */
export function applyEvent(data: DaemonData, event: DaemonEvent): DaemonData {
  if (event.seq <= data.lastSeq) return data;
  const events = isLasting(event) ? [...data.events, event].slice(-EVENTS_MAX) : data.events;
  const noted = { ...data, lastSeq: event.seq, events };
  const withOperation = event.operation === null ? noted : applyOperations(noted, [event.operation]);
  if (event.kind !== 'app.removed' || event.app_name === null) return withOperation;
  const { [event.app_name]: _app, ...apps } = withOperation.apps;
  const { [event.app_name]: _releases, ...releases } = withOperation.releases;
  return { ...withOperation, apps, releases };
}

/** Takes in events of the time before, in any order: they tell what happened, and change nothing else. */
export function applyHistory(data: DaemonData, history: readonly DaemonEvent[]): DaemonData {
  const known = new Set(data.events.map(({ seq }) => seq));
  const older = history.filter((event) => isLasting(event) && !known.has(event.seq));
  const events = [...older, ...data.events].toSorted((a, b) => a.seq - b.seq).slice(-EVENTS_MAX);
  return { ...data, events, lastSeq: Math.max(data.lastSeq, ...history.map(({ seq }) => seq)) };
}

const isLasting = ({ kind }: DaemonEvent) => kind !== 'operation.progress';

/** Takes in operations from any source; of two versions of one operation the one that has got further stays. */
export function applyOperations(data: DaemonData, incoming: readonly Operation[]): DaemonData {
  const operations: Record<string, Operation> = { ...data.operations };
  for (const operation of incoming) {
    const known = operations[operation.id];
    if (known === undefined || progressOf(operation) >= progressOf(known)) operations[operation.id] = operation;
  }
  return { ...data, operations: keepNewest(operations) };
}

export function applyApps(data: DaemonData, apps: readonly AppStatus[]): DaemonData {
  return { ...data, isLoaded: true, apps: Object.fromEntries(apps.map((app) => [app.name, app])) };
}

const STEP_RANK: Record<StepState, number> = { pending: 0, running: 1, skipped: 2, done: 3, failed: 4, undone: 5 };
const TERMINAL_RANK = 1_000;

/** Rises as an operation goes on: an answer that was overtaken by an event has the smaller figure. */
function progressOf(operation: Operation): number {
  const steps = operation.steps.reduce((sum, step) => sum + STEP_RANK[step.state], 0);
  return steps + (isTerminal(operation) ? TERMINAL_RANK : 0);
}

function keepNewest(operations: Record<string, Operation>): Record<string, Operation> {
  const all = Object.values(operations);
  if (all.length <= OPERATIONS_MAX) return operations;
  return Object.fromEntries(
    newestFirst(all)
      .slice(0, OPERATIONS_MAX)
      .map((operation) => [operation.id, operation]),
  );
}

function newestFirst(operations: readonly Operation[]): Operation[] {
  return operations.toSorted((a, b) => b.created_at.localeCompare(a.created_at) || b.id.localeCompare(a.id));
}

/** Operations newest first, of one app or of all. */
export function operationsOf(data: DaemonData, appName?: string): Operation[] {
  const all = Object.values(data.operations);
  return newestFirst(appName === undefined ? all : all.filter((operation) => operation.app_name === appName));
}

/** Later than this, going back is a decision of its own: *Roll back*, not *Undo*. */
const UNDO_MS = 15 * 60_000;

/** What a click on *Undo* would bring back: the release before an operation that has just put `app` where it is. */
export function undoTarget(app: AppStatus, operation: Operation | undefined, now_ms: number): string | null {
  if (operation === undefined || operation.state !== 'succeeded' || app.operation_id !== null) return null;
  if (operation.ended_at === null || now_ms - Date.parse(operation.ended_at) > UNDO_MS) return null;
  const hasReplaced = operation.kind === 'deploy' || operation.kind === 'swap' || operation.kind === 'rollback';
  const isChange = operation.from_release !== operation.release;
  return hasReplaced && isChange && operation.release === app.release ? operation.from_release : null;
}
