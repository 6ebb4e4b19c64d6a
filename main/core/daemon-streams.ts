/** A stream of the daemon that outlives lost connections: opened again from its cursor, with what happened said in between. */
import type { DaemonClient } from '../../daemon/api/client.ts';
import { DomainError, toInvalidRequest } from '../../daemon/contract/errors.ts';
import { LIMITS } from '../../daemon/contract/limits.ts';
import { type StreamName, streams } from '../../daemon/contract/streams.ts';
import type { DaemonStreamMessage } from '../../preload/contract.ts';
import { backoffDelay } from './ssh/reconnect.ts';

/** What a stream needs of its host's session. */
export interface ClientSource {
  /** Waits through reconnects; rejects when the host will not come back by itself. */
  waitForClient(signal: AbortSignal): Promise<DaemonClient>;
}

export interface FollowOptions {
  stream: StreamName;
  params?: Record<string, string> | undefined;
  query?: Record<string, unknown> | undefined;
  signal: AbortSignal;
}

type Query = Record<string, unknown>;

/**
 * Hands every message of a daemon's stream to `emit`, at its pace, until the stream ends or `signal` is aborted. `interrupted` and
 * `resumed` frame every gap in the connection; events and logs go on where they were, without loss or repetition.
 * @throws DomainError what the daemon refuses; LinkError when the host is not connected and will not be by itself
 */
export async function followStream(
  source: ClientSource,
  options: FollowOptions,
  emit: (message: DaemonStreamMessage) => Promise<void>,
): Promise<void> {
  const { stream, signal } = options;
  const params = check(stream, 'params', options.params ?? {});
  const cursor = new Cursor(stream, check(stream, 'query', options.query ?? {}));
  let failures = 0;
  const onOpen = () => {
    // A rejection here is that of the whole stream, and the next emit meets it too.
    if (failures > 0) emit({ kind: 'resumed' }).catch(() => undefined);
    failures = 0;
  };
  for (;;) {
    const client = await source.waitForClient(signal);
    try {
      if (cursor.isMissing) cursor.begin(await newestEvent(client, signal));
      for await (const message of openAny(client, stream, params, cursor.query, signal, onOpen)) {
        cursor.pass(message);
        await emit(isDropped(message) ? { kind: 'dropped', count: message.dropped } : { kind: 'message', message });
      }
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (!isTransient(error)) throw error;
      if (failures === 0) await emit({ kind: 'interrupted', message: error.message });
      await delay(backoffDelay(++failures, Math.random()), signal);
    }
  }
}

/** Where the stream is to go on, as the query that asks for it. */
class Cursor {
  readonly #stream: StreamName;
  #query: Query;

  constructor(stream: StreamName, query: Query) {
    this.#stream = stream;
    this.#query = query;
  }

  get query(): Query {
    return this.#query;
  }

  /** Events from now on are those after a number that must be known before the first of them: the stream may be cut until then. */
  get isMissing(): boolean {
    return this.#stream === 'events' && this.#query.after === undefined;
  }

  begin(after: number): void {
    this.#query = { ...this.#query, after: String(after) };
  }

  /** `message` is being handed on. The daemon is not trusted to send the cursor's type. */
  pass(message: unknown): void {
    if (typeof message !== 'object' || message === null) return;
    if (this.#stream === 'events' && 'seq' in message && typeof message.seq === 'number') {
      this.#query = { ...this.#query, after: String(message.seq) };
    }
    if (this.#stream === 'logs' && 'ts' in message && typeof message.ts === 'string') {
      // `tail` would cut what was written during the gap.
      this.#query = { ...this.#query, since: message.ts, tail: String(LIMITS.log_tail_lines_max) };
    }
  }
}

async function newestEvent(client: DaemonClient, signal: AbortSignal): Promise<number> {
  const [newest] = await client.call('listEvents', { query: { limit: 1 }, signal });
  return newest?.seq ?? 0;
}

/** All streams alike: the tables tie name, parameters and messages together, which no single type can say. */
function openAny(client: DaemonClient, name: StreamName, params: Query, query: Query, signal: AbortSignal, onOpen: () => void) {
  const open = client.stream.bind(client) as unknown as (
    name: StreamName,
    options: { params: Query; query: Query; signal: AbortSignal; onOpen: () => void },
  ) => AsyncGenerator<unknown, void>;
  return open(name, { params, query, signal, onOpen });
}

/** The input as it was given, once the contract's schema has accepted it. */
function check(name: StreamName, part: 'params' | 'query', value: Query): Query {
  const parsed = streams[name][part].safeParse(value);
  if (!parsed.success) throw toInvalidRequest(parsed.error, part === 'params' ? 'path' : 'query');
  return value;
}

function isDropped(message: unknown): message is { dropped: number } {
  return typeof message === 'object' && message !== null && 'dropped' in message && typeof message.dropped === 'number';
}

/** What a lost connection or a daemon that restarts looks like. Anything else would only fail again. */
function isTransient(error: unknown): error is DomainError {
  return error instanceof DomainError && error.code === 'unavailable';
}

function delay(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, milliseconds);
    signal.addEventListener('abort', stop, { once: true });
  });
}
