import { setTimeout as delay } from 'node:timers/promises';
import type { DaemonClient } from '../api/client.ts';
import type { Operation } from '../contract/domain.ts';
import { DomainError, ERROR_CODES } from '../contract/errors.ts';
import { isTerminal } from '../contract/rules.ts';
import { complain, print, printable, type Terminal, write } from './terminal.ts';
import { evidenceLines, moves, timeline } from './timeline.ts';

const POLL_MS = 500;
/** A daemon that restarts meanwhile is waited for; the operation goes on in its journal. */
const POLL_FAILURES_MAX = 120;
const REDRAW_MS = 200;

export interface FollowFlags {
  json: boolean;
  detach: boolean;
}

/** Shows an operation that has just begun until it ends. Returns the exit code. */
export async function follow(client: DaemonClient, started: Operation, flags: FollowFlags, terminal: Terminal): Promise<number> {
  if (flags.detach) {
    await print(
      terminal,
      flags.json ? JSON.stringify(started) : `${started.id} has begun; see it with: nextdeploy operations ${started.id}`,
    );
    return 0;
  }
  const ended = await show(client, started, flags, terminal);
  if (flags.json) await print(terminal, JSON.stringify(ended));
  if (ended.state === 'succeeded') {
    if (!flags.json) await print(terminal, summary(ended));
    return 0;
  }
  const message = ended.error?.message ?? `the operation ended as ${ended.state}`;
  // Its evidence has been printed with the operation.
  if (flags.json) throw new DomainError('unprocessable', message, { operation_id: ended.id });
  await complain(terminal, `error: ${printable(message)}`);
  if (ended.evidence !== null) await complain(terminal, evidenceLines(ended.evidence, ended.error?.message).join('\n'));
  await complain(terminal, `See it again with: nextdeploy operations ${ended.id}`);
  return ERROR_CODES.unprocessable.exit_code;
}

function summary({ kind, app_name, release, image }: Operation): string {
  const live = release === null ? '' : `: ${release}${image === null ? '' : ` (${image})`}`;
  return printable(`${kind} of ${app_name} succeeded${live}`);
}

async function show(client: DaemonClient, started: Operation, flags: FollowFlags, terminal: Terminal): Promise<Operation> {
  const view = flags.json ? null : terminal.stdout.isTTY === true ? new LiveView(terminal) : new PlainView(terminal);
  let last = started;
  try {
    for await (const operation of watchOperation(client, started, terminal.signal)) {
      last = operation;
      await view?.show(operation);
    }
  } finally {
    await view?.end();
  }
  if (!isTerminal(last)) {
    throw new DomainError('unavailable', `Interrupted; the operation goes on. See it with: nextdeploy operations ${last.id}`);
  }
  return last;
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

/** The timeline, redrawn in place. */
class LiveView {
  readonly #terminal: Terminal;
  readonly #timer: NodeJS.Timeout;
  #operation: Operation | undefined;
  #drawn = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.#timer = setInterval(() => void this.#draw(), REDRAW_MS);
  }

  show(operation: Operation): Promise<void> {
    this.#operation = operation;
    return this.#draw();
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
  }

  async #draw(): Promise<void> {
    if (this.#operation === undefined) return;
    const lines = timeline(this.#operation, this.#terminal.stdout.columns || 80, Date.now());
    const up = this.#drawn === 0 ? '' : `\u001b[${this.#drawn}A`;
    this.#drawn = lines.length;
    await write(this.#terminal.stdout, `${up}${lines.map((line) => `\u001b[2K${line}\n`).join('')}`);
  }
}

/** One line for each step that moved on, for logs and pipes. */
class PlainView {
  readonly #terminal: Terminal;
  readonly #printed = new Set<string>();

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  async show(operation: Operation): Promise<void> {
    for (const { key, line } of moves(operation)) {
      if (!this.#printed.has(key)) await print(this.#terminal, line);
      this.#printed.add(key);
    }
  }

  async end(): Promise<void> {
    // Nothing to take back.
  }
}
