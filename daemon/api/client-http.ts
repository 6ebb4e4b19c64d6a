import { Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { type Duplex, pipeline, type Readable, Transform } from 'node:stream';
import { DomainError } from '../contract/errors.ts';
import { type Transport, unreachable } from './transport.ts';

export const CLIENT_BOUNDS = {
  connect_timeout_ms: 15_000,
  /** Shorter than the daemon's, so that an idle connection is never closed under a request. */
  idle_connection_ms: 60_000,
  idle_connections_max: 4,
  requests_at_once_max: 16,
  requests_waiting_max: 256,
  response_bytes_max: 32 * 1024 * 1024,
} as const;

export interface Exchange {
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: Buffer | undefined;
  upload?: { source: Readable; onProgress: ((bytes: number) => void) | undefined };
  /** May be sent twice without harm: a read, or a change with an idempotency key. */
  repeatable: boolean;
  /** Without an answer, or a byte of progress of an upload, for so long the exchange fails. */
  timeout_ms: number;
  signal: AbortSignal | undefined;
}

export interface Reply {
  status: number;
  headers: IncomingMessage['headers'];
  text: string;
}

const STALE = new Error('the connection was closed while it was idle');

/** HTTP over connections of a {@link Transport}, kept alive between requests and bounded in number. */
export class HttpChannel {
  readonly #transport: Transport;
  readonly #agent: TransportAgent;
  readonly #slots = new Slots(CLIENT_BOUNDS.requests_at_once_max, CLIENT_BOUNDS.requests_waiting_max);

  constructor(transport: Transport) {
    this.#transport = transport;
    this.#agent = new TransportAgent(transport);
  }

  /** @throws DomainError `unavailable` for any failure of the transport; `signal.reason` when aborted */
  async exchange(exchange: Exchange): Promise<Reply> {
    const release = await this.#slots.acquire(exchange.signal);
    try {
      if (exchange.upload !== undefined) return await this.#attempt(exchange, 'new connection');
      try {
        return await this.#attempt(exchange, 'kept connection');
      } catch (error) {
        // An idle connection can die unseen; the daemon has not seen the request then, or knows it by its key.
        if (error !== STALE || !exchange.repeatable) throw error;
        return await this.#attempt(exchange, 'new connection');
      }
    } catch (error) {
      exchange.signal?.throwIfAborted();
      throw unreachable(error);
    } finally {
      release();
    }
  }

  /**
   * Resolves with what is sent as it comes, or with the whole answer where that is JSON: a refusal. `timeout_ms` also bounds each wait for more.
   * @throws as {@link exchange}
   */
  async download(exchange: Exchange): Promise<Reply | { stream: Readable }> {
    const { method, path, headers, body, signal } = exchange;
    const release = await this.#slots.acquire(signal);
    const { promise, resolve, reject } = Promise.withResolvers<Reply | { stream: Readable }>();
    const request = httpRequest({ method, path, headers, setHost: false, createConnection: connector(this.#transport) });
    const fail = (error: unknown) => {
      reject(error);
      request.destroy(error instanceof Error ? error : undefined);
    };
    const deadline = new Deadline(exchange.timeout_ms, () => fail(timedOut(exchange)));
    const onAbort = () => fail(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    request.once('close', () => {
      deadline.clear();
      signal?.removeEventListener('abort', onAbort);
      release();
    });
    request.on('error', reject);
    request.on('response', (response) => {
      const isJson = response.headers['content-type']?.startsWith('application/json') === true;
      if (isJson) readReply(response, deadline).then(resolve, fail);
      // What is cut off fails the stream, too; and whoever does not want the rest ends the connection.
      else resolve({ stream: pipeline(response, extending(deadline), () => request.destroy()) });
    });
    request.end(body);
    return promise.catch((error: unknown) => {
      signal?.throwIfAborted();
      throw unreachable(error);
    });
  }

  /** Closes idle connections; requests in flight fail. */
  close(): void {
    this.#agent.destroy();
  }

  #attempt(exchange: Exchange, over: 'kept connection' | 'new connection'): Promise<Reply> {
    const { method, path, headers, upload } = exchange;
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    const common = { method, path, headers, setHost: false };
    const request = httpRequest({
      ...common,
      ...(over === 'kept connection' ? { agent: this.#agent } : { createConnection: connector(this.#transport) }),
    });
    const deadline = new Deadline(exchange.timeout_ms, () => fail(timedOut(exchange)));
    const fail = (error: unknown) => {
      reject(error);
      request.destroy();
    };
    const onAbort = () => fail(exchange.signal?.reason);
    exchange.signal?.addEventListener('abort', onAbort, { once: true });
    let isAnswered = false;
    request.on('error', (error) => {
      if (!isAnswered) reject(request.reusedSocket ? STALE : error);
    });
    request.on('response', (response) => {
      isAnswered = true;
      readReply(response, deadline).then(resolve, fail);
    });
    if (upload === undefined) request.end(exchange.body);
    else sendUpload(request, upload, deadline, fail);
    return promise.finally(() => {
      deadline.clear();
      exchange.signal?.removeEventListener('abort', onAbort);
      // Answered before everything was sent: the connection is of no further use.
      if (!request.writableFinished) request.destroy();
    });
  }
}

type ConnectCallback = (error: Error | null, socket: Duplex) => void;

function connector(transport: Transport): (options: unknown, done: ConnectCallback) => undefined {
  return (_options, done) => {
    transport.connect(AbortSignal.timeout(CLIENT_BOUNDS.connect_timeout_ms)).then(
      (duplex) => done(null, duplex),
      // On an error the callback takes no socket, which its type does not say.
      (error) => (done as (error: Error) => void)(unreachable(error)),
    );
  };
}

/** Keep-alive for any Duplex: Node's own agent asks for a socket's methods, which an SSH channel lacks. */
class TransportAgent extends Agent {
  readonly #connect: ReturnType<typeof connector>;
  readonly #idle = new WeakMap<Duplex, NodeJS.Timeout>();

  constructor(transport: Transport) {
    super({ keepAlive: true, maxFreeSockets: CLIENT_BOUNDS.idle_connections_max, scheduling: 'lifo' });
    this.#connect = connector(transport);
  }

  override createConnection(options: unknown, callback?: ConnectCallback): undefined {
    this.#connect(options, (error, duplex) => callback?.(error, error === null ? withReferences(duplex) : duplex));
  }

  /** Node's version sets a socket's own timers; this one is ours, so that any Duplex will do. */
  override keepSocketAlive(socket: Duplex): boolean {
    this.#idle.set(socket, setTimeout(() => socket.destroy(), CLIENT_BOUNDS.idle_connection_ms).unref());
    // An idle connection must not keep a program running that is done.
    withReferences(socket).unref();
    return true;
  }

  override reuseSocket(socket: Duplex, request: ClientRequest): void {
    clearTimeout(this.#idle.get(socket));
    super.reuseSocket(socket, request);
  }
}

type Referenced = Duplex & { ref(): void; unref(): void };

/** The two methods that Node's agent calls on a connection it takes up again; without effect where there are none. */
function withReferences(duplex: Duplex): Referenced {
  const nothing = () => undefined;
  return 'ref' in duplex ? (duplex as Referenced) : Object.assign(duplex, { ref: nothing, unref: nothing });
}

/** Calls back when nothing has happened for `timeout_ms`. */
class Deadline {
  readonly #timer: NodeJS.Timeout;

  constructor(timeout_ms: number, onTimeout: () => void) {
    this.#timer = setTimeout(onTimeout, timeout_ms);
  }

  extend(): void {
    this.#timer.refresh();
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}

/** Whatever comes through proves that the daemon is there. */
function extending(deadline: Deadline): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      deadline.extend();
      done(null, chunk);
    },
  });
}

function timedOut({ method, path, timeout_ms }: Exchange): DomainError {
  const what = `${method} ${path.split('?', 1)[0]}`;
  return new DomainError(
    'unavailable',
    `The daemon did not answer ${what} within ${Math.round(timeout_ms / 1000)} s. Try again.`,
  );
}

async function readReply(response: IncomingMessage, deadline: Deadline): Promise<Reply> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > CLIENT_BOUNDS.response_bytes_max) {
      throw new DomainError('unavailable', "The daemon's answer is larger than this program accepts; ask for less at once.");
    }
    chunks.push(chunk);
    deadline.extend();
  }
  return { status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString('utf8') };
}

function sendUpload(
  request: ClientRequest,
  { source, onProgress }: NonNullable<Exchange['upload']>,
  deadline: Deadline,
  fail: (error: unknown) => void,
): void {
  let sent = 0;
  const stop = () => source.destroy();
  source.on('data', (chunk: Buffer) => {
    sent += chunk.length;
    deadline.extend();
    if (!request.write(chunk)) source.pause();
    onProgress?.(sent);
  });
  request.on('drain', () => {
    deadline.extend();
    source.resume();
  });
  source.on('end', () => request.end());
  source.on('error', (cause) => {
    fail(new DomainError('unavailable', `Reading what was to be uploaded failed: ${cause.message}.`, { cause }));
  });
  // An answer before the end is a refusal: the rest need not be sent.
  request.on('response', stop).on('close', stop);
}

/** At most `max` at once, at most `waiting_max` waiting. */
class Slots {
  #free: number;
  readonly #waitingMax: number;
  readonly #waiting: (() => void)[] = [];

  constructor(max: number, waitingMax: number) {
    this.#free = max;
    this.#waitingMax = waitingMax;
  }

  async acquire(signal: AbortSignal | undefined): Promise<() => void> {
    signal?.throwIfAborted();
    if (this.#free > 0) this.#free -= 1;
    else await this.#wait(signal);
    return () => {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    };
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    if (this.#waiting.length >= this.#waitingMax) {
      throw new DomainError('unavailable', 'Too many requests are waiting for the daemon; try again in a moment.');
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => {
      this.#waiting.splice(this.#waiting.indexOf(resolve), 1);
      reject(signal?.reason);
    };
    this.#waiting.push(resolve);
    signal?.addEventListener('abort', onAbort, { once: true });
    return promise.finally(() => signal?.removeEventListener('abort', onAbort));
  }
}
