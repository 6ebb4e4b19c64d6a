import type { Readable } from 'node:stream';
import type { Operation, Role } from '../contract/domain.ts';
import type { RouteBody, RouteName, RouteParams, RouteQuery, RouteResult } from '../contract/routes.ts';
import type { StreamMessage, StreamName, StreamParams, StreamQuery } from '../contract/streams.ts';
import type { Caller } from './guard.ts';

/** Who is calling, and for how long the caller is still there. */
export interface RequestContext {
  /** What the audit log and operations show, such as `admin`. */
  actor: string;
  /** Null: nobody that is known, where no token is needed. */
  role: Role | null;
  /** The apps that the caller is limited to; null: all. The server takes what is of others out of the answer, whatever a handler does. */
  apps: ReadonlySet<string> | null;
  /** From the `Idempotency-Key` header: the same key returns the first request's operation. */
  idempotency_key: string | undefined;
  /** Aborted when the caller hangs up, when its token is revoked or expires, or when the daemon stops. A started operation does not depend on it. */
  signal: AbortSignal;
}

export function contextOf(
  { actor, role, apps }: Caller,
  idempotency_key: string | undefined,
  signal: AbortSignal,
): RequestContext {
  return { actor, role, apps, idempotency_key, signal };
}

export interface RouteRequest<N extends RouteName> {
  params: RouteParams<N>;
  query: RouteQuery<N>;
  body: RouteBody<N>;
  /** The raw body of an `upload` route, bounded by the server; an empty stream elsewhere. */
  upload: Readable;
  context: RequestContext;
}

/**
 * One function per route of the contract; the table does not compile if one is missing. An `operation` route resolves
 * as soon as the operation is journalled; the server waits for its end where the caller asked for it.
 */
export type Handlers = { [N in RouteName]: (request: RouteRequest<N>) => Promise<RouteResult<N>> };

/** One source per stream of the contract. Ends when `context.signal` is aborted or the stream is over. */
export type StreamHandlers = {
  [N in StreamName]: (request: {
    params: StreamParams<N>;
    query: StreamQuery<N>;
    context: RequestContext;
  }) => AsyncIterable<StreamMessage<N> | { dropped: number }>;
};

/** What the server needs besides the handlers to answer `?wait=1`. Resolves with the operation once it has ended. */
export type WaitForOperation = (id: string, signal: AbortSignal) => Promise<Operation>;
