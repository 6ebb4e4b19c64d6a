/** Following an operation to its end: what it says meanwhile, and how it is told that it ended. */
import { setTimeout as delay } from 'node:timers/promises';
import type { DaemonClient } from '../api/client.ts';
import type { Operation, OperationState } from '../contract/domain.ts';
import { DomainError, ERROR_CODES, type ErrorCode } from '../contract/errors.ts';
import { failureSentence, isTerminal, isWatching } from '../contract/rules.ts';
import { LiveView, PlainView } from './operation-progress.ts';
import { complain, print, printable, type Terminal } from './terminal.ts';
import { evidenceLines, hints } from './timeline.ts';

const POLL_MS = 500;
/** A daemon that restarts meanwhile is waited for; the operation goes on in its journal. */
const POLL_FAILURES_MAX = 120;

export interface FollowFlags {
  json: boolean;
  detach: boolean;
  /** How it ends if the command succeeds; default: `succeeded`. */
  wanted?: readonly OperationState[] | undefined;
}

/** Shows an operation that has begun until it ends. Returns the exit code. */
export async function follow(client: DaemonClient, started: Operation, flags: FollowFlags, terminal: Terminal): Promise<number> {
  const { json, detach, wanted = ['succeeded'] } = flags;
  if (detach) {
    await print(terminal, json ? JSON.stringify(started) : detached(started));
    return 0;
  }
  const ended = await show(client, started, json, terminal);
  if (json) await print(terminal, JSON.stringify(ended));
  if (wanted.includes(ended.state)) {
    if (!json) await print(terminal, summary(ended));
    return 0;
  }
  const code = endCode(ended.state);
  const message = ended.error ? failureSentence(ended.error) : `${summary(ended)}.`;
  // Its evidence has been printed with the operation.
  if (json) throw new DomainError(code, message, { operation_id: ended.id });
  await complain(terminal, `error: ${printable(message)}`);
  if (ended.evidence !== null) await complain(terminal, evidenceLines(ended.evidence, ended.error?.message).join('\n'));
  await complain(terminal, `See it again with: nextdeploy operation ${ended.id}`);
  return ERROR_CODES[code].exit_code;
}

const detached = ({ id, state }: Operation) =>
  state === 'running' ? `${id} is under way; see it with: nextdeploy operation ${id}` : `${id} has ended: ${state}`;

/** Of an end that was not wanted. Someone took it back, or it was too late to: the app is not as this command was to leave it. */
function endCode(state: OperationState): ErrorCode {
  return state === 'cancelled' || state === 'succeeded' ? 'conflict' : 'unprocessable';
}

const ENDS: Record<OperationState, string> = {
  running: 'goes on',
  succeeded: 'succeeded',
  failed: 'failed',
  rolled_back: 'was rolled back',
  cancelled: 'was cancelled',
  stuck: 'is stuck',
};

function summary({ kind, app_name, state, release, from_release, image }: Operation): string {
  const live = release === null ? '' : `: ${release}${image === null ? '' : ` (${image})`}`;
  const before = from_release === null ? '' : `; ${from_release} serves`;
  const serves = state === 'succeeded' ? live : state === 'stuck' ? '' : before;
  return printable(`${kind} of ${app_name} ${ENDS[state]}${serves}`);
}

async function show(client: DaemonClient, started: Operation, json: boolean, terminal: Terminal): Promise<Operation> {
  const view = json ? null : terminal.stdout.isTTY === true ? new LiveView(terminal) : new PlainView(terminal);
  let last = started;
  let watch_ms: number | null = null;
  try {
    for await (const operation of watchOperation(client, started, terminal.signal)) {
      if (view !== null && isWatching(operation) && !isWatching(last)) watch_ms = await findWatchMs(client, operation);
      last = operation;
      await view?.show(operation, watch_ms);
    }
  } finally {
    view?.end();
  }
  if (isTerminal(last)) return last;
  const message = [`Interrupted; ${last.id} goes on.`, ...hints(last).map((hint) => `${hint}.`)].join(' ');
  throw new DomainError('unavailable', message, { operation_id: last.id });
}

/** How long the release is watched; null where that cannot be had, which is no reason to stop. */
async function findWatchMs(client: DaemonClient, { app_name, release }: Operation): Promise<number | null> {
  if (release === null) return null;
  const call = client.call('getRelease', { params: { name: app_name, id: release } });
  return call.then(
    ({ configuration }) => configuration.watch_ms,
    () => null,
  );
}
/** An operation's state at each change, up to its end or the signal: by events, and by asking where the stream is lost. */
async function* watchOperation(client: DaemonClient, started: Operation, signal: AbortSignal): AsyncGenerator<Operation, void> {
  yield started;
  if (isTerminal(started)) return;
  try {
    for await (const operation of byEvents(client, started.id, signal)) {
      yield operation;
      if (isTerminal(operation)) return;
    }
  } catch (error) {
    if (!(error instanceof DomainError) && !signal.aborted) throw error;
  }
  yield* byAsking(client, started.id, signal);
}

async function* byEvents(client: DaemonClient, id: string, signal: AbortSignal): AsyncGenerator<Operation, void> {
  const opened = Promise.withResolvers<void>();
  const left = new AbortController();
  const events = client.stream('events', { signal: AbortSignal.any([signal, left.signal]), onOpen: () => opened.resolve() });
  let next = events.next();
  try {
    await Promise.race([opened.promise, next]);
    // What came before the stream was open is in the state read after it.
    yield await client.call('getOperation', { params: { id }, signal });
    for (let event = await next; event.done !== true; event = await next) {
      next = events.next();
      const operation = 'operation' in event.value ? event.value.operation : null;
      if (operation?.id === id) yield operation;
    }
  } finally {
    // A pending next() would hold return() back; the signal ends both.
    left.abort();
    await next.catch(() => undefined);
    await events.return();
  }
}

async function* byAsking(client: DaemonClient, id: string, signal: AbortSignal): AsyncGenerator<Operation, void> {
  for (let failures = 0; !signal.aborted; ) {
    try {
      const operation = await client.call('getOperation', { params: { id }, signal });
      failures = 0;
      yield operation;
      if (isTerminal(operation)) return;
    } catch (error) {
      const isPassing = error instanceof DomainError && error.code === 'unavailable';
      failures += 1;
      if (signal.aborted) return;
      if (!isPassing || failures > POLL_FAILURES_MAX) throw error;
    }
    await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
}
