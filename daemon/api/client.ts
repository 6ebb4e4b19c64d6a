import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { DomainError } from '../contract/errors.ts';
import { API_VERSION } from '../contract/limits.ts';
import type { Route } from '../contract/route.ts';
import {
  daemonResponseSchema,
  type RouteBodyInput,
  type RouteName,
  type RouteParams,
  type RouteQueryInput,
  type RouteResult,
  routes,
} from '../contract/routes.ts';
import {
  droppedSchema,
  type StreamMessage,
  type StreamName,
  type StreamParams,
  type StreamQueryInput,
  streams,
} from '../contract/streams.ts';
import { type Exchange, HttpChannel, type Reply } from './client-http.ts';
import { openStream } from './client-stream.ts';
import { parseTolerant, toDomainError } from './tolerant.ts';
import type { Transport } from './transport.ts';

export { type Transport, unixSocketTransport } from './transport.ts';

/** An object of which every field may be left out may be left out itself. */
type Part<Key extends string, Value> = Value extends undefined
  ? { [K in Key]?: undefined }
  : Record<never, never> extends Value
    ? { [K in Key]?: Value }
    : { [K in Key]: Value };

interface CommonOptions {
  signal?: AbortSignal | undefined;
  /** Default: 30 s, or 20 minutes where the answer waits for an operation's end. */
  timeout_ms?: number;
}

export type CallOptions<N extends RouteName> = CommonOptions & {
  /** Default for operations: a fresh one, so that a repeat after a lost connection cannot start a second operation. */
  idempotencyKey?: string;
} & Part<'params', RouteParams<N>> &
  Part<'query', RouteQueryInput<N>> &
  Part<'body', RouteBodyInput<N>>;

export type StreamOptions<N extends StreamName> = {
  signal?: AbortSignal | undefined;
  /** Called when the daemon has accepted the stream. */
  onOpen?: () => void;
} & Part<'params', StreamParams<N>> &
  Part<'query', StreamQueryInput<N>>;

export type UploadName = 'loadImages' | 'restoreBackup';
export type DownloadName = 'createBackup';

export interface UploadOptions<N extends UploadName> extends CommonOptions {
  query?: RouteQueryInput<N> | undefined;
  /** If known, too large an archive is refused before it is sent. */
  size_bytes?: number | undefined;
  /** Bytes handed to the connection so far. */
  onProgress?: ((bytes: number) => void) | undefined;
}

type OptionalIfEmpty<T> = Record<never, never> extends T ? [options?: T] : [options: T];

export interface DaemonClientOptions {
  transport: Transport;
  /** Opened for each request; absent: only `/health` answers. */
  token?: { open(): string } | undefined;
}

const TIMEOUTS = { call_ms: 30_000, wait_ms: 20 * 60_000, upload_ms: 10 * 60_000 } as const;

/**
 * The daemon's API, typed by the contract's tables. Every failure is a {@link DomainError}: the daemon's own, or
 * `unavailable` for a failure of the transport or an answer that does not match the contract.
 */
export class DaemonClient {
  readonly #options: DaemonClientOptions;
  readonly #http: HttpChannel;

  constructor(options: DaemonClientOptions) {
    this.#options = options;
    this.#http = new HttpChannel(options.transport);
  }

  /**
   * Calls one endpoint: the object of a read, or the payload of a change. With `query: { wait: '1' }` an operation is
   * returned when it has succeeded, and thrown as `unprocessable` with its evidence in `details` when it has not.
   */
  async call<N extends RouteName>(name: N, ...options: OptionalIfEmpty<CallOptions<N>>): Promise<RouteResult<N>> {
    const route: Route = routes[name];
    const [given]: readonly (LooseOptions | undefined)[] = options;
    const { params, query, body, idempotencyKey, signal, timeout_ms }: LooseOptions = given ?? {};
    const isOperation = route.kind === 'operation';
    const key = idempotencyKey ?? (isOperation ? randomUUID() : undefined);
    const encoded = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const reply = await this.#http.exchange({
      method: route.method,
      path: target(route.path, params, query),
      headers: {
        ...this.#headers(),
        ...(key === undefined ? {} : { 'Idempotency-Key': key }),
        ...(encoded === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': String(encoded.length) }),
      },
      body: encoded,
      repeatable: route.method === 'GET' || isOperation,
      timeout_ms: timeout_ms ?? (query?.wait === undefined ? TIMEOUTS.call_ms : TIMEOUTS.wait_ms),
      signal,
    });
    return readAnswer(route, reply) as RouteResult<N>;
  }

  /** Streams a raw body at the pace of the daemon. `source` is destroyed when the upload ends early. */
  async upload<N extends UploadName>(name: N, source: Readable, options: UploadOptions<N> = {}): Promise<RouteResult<N>> {
    const route: Route = routes[name];
    const { query }: LooseOptions = options;
    const size: Record<string, string> = options.size_bytes === undefined ? {} : { 'Content-Length': String(options.size_bytes) };
    const exchange: Exchange = {
      method: route.method,
      path: target(route.path, {}, query),
      headers: { ...this.#headers(), 'Content-Type': route.binary?.media_type ?? '', ...size },
      upload: { source, onProgress: options.onProgress },
      repeatable: false,
      timeout_ms: options.timeout_ms ?? TIMEOUTS.upload_ms,
      signal: options.signal,
    };
    return readAnswer(route, await this.#http.exchange(exchange)) as RouteResult<N>;
  }

  /**
   * The bytes of a download as they come, at the pace of the reader. Resolves when the daemon begins to send; the stream fails, and never just
   * ends, when it is cut off. It has to be read or destroyed.
   */
  async download<N extends DownloadName>(name: N, options: CommonOptions & { body: RouteBodyInput<N> }): Promise<Readable> {
    const route: Route = routes[name];
    const body = Buffer.from(JSON.stringify(options.body));
    const answered = await this.#http.download({
      method: route.method,
      path: route.path,
      headers: { ...this.#headers(), 'Content-Type': 'application/json', 'Content-Length': String(body.length) },
      body,
      repeatable: false,
      timeout_ms: options.timeout_ms ?? TIMEOUTS.upload_ms,
      signal: options.signal,
    });
    if ('text' in answered) {
      readAnswer(route, answered);
      throw new DomainError('unavailable', "The daemon's answer is not the file that was asked for; check the versions.");
    }
    return answered.stream;
  }

  /**
   * Messages of one stream as they come, and `{dropped: n}` where the reader was too slow. Opens at the first `next()`;
   * ends when the daemon ends it or, quietly, when `signal` is aborted. It does not reconnect: that needs a cursor.
   * While a `next()` is pending, leave by the signal: `return()` of a generator waits for it.
   */
  async *stream<N extends StreamName>(
    name: N,
    ...[options]: OptionalIfEmpty<StreamOptions<N>>
  ): AsyncGenerator<StreamMessage<N> | { dropped: number }, void> {
    const { path, message } = streams[name];
    const { params, query, signal, onOpen }: LooseOptions & { onOpen?: () => void } = options ?? {};
    const frames = openStream(this.#options.transport, {
      path: target(path, params, query),
      headers: this.#headers(),
      signal,
      onOpen,
    });
    for await (const frame of frames) {
      const dropped = droppedSchema.safeParse(frame);
      yield dropped.success ? dropped.data : (parseTolerant(message, frame) as StreamMessage<N>);
    }
  }

  /** Closes idle connections; requests in flight fail. */
  close(): void {
    this.#http.close();
  }

  #headers(): Record<string, string> {
    const token = this.#options.token?.open();
    return { Host: 'nextdeploy', ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }) };
  }
}

/** The options of any call, for the code that treats all routes alike. */
interface LooseOptions extends CommonOptions {
  params?: Record<string, unknown> | undefined;
  query?: Record<string, unknown> | undefined;
  body?: unknown;
  idempotencyKey?: string;
}

function target(path: string, params: Record<string, unknown> = {}, query: Record<string, unknown> = {}): string {
  const filled = path.replace(/:([a-z_]+)/g, (_, name: string) => encodeURIComponent(String(params[name])));
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
  return given.length === 0 ? filled : `${filled}?${search.toString()}`;
}

function readAnswer(route: Route, reply: Reply): unknown {
  if (!(Number(reply.headers['x-nextdeploy-api']) >= API_VERSION)) {
    const message = 'What answered is not a nextdeployd that this program understands; check the address and the versions.';
    throw new DomainError('unavailable', message);
  }
  let body: unknown;
  try {
    body = JSON.parse(reply.text);
  } catch (cause) {
    throw new DomainError('unavailable', "The daemon's answer is not JSON; look at its journal and try again.", { cause });
  }
  const error = toDomainError(body);
  if (error !== null) throw error;
  return route.kind === 'read'
    ? parseTolerant(route.response, body)
    : parseTolerant(daemonResponseSchema(route.response), body).payload;
}
