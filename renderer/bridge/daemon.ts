import type { RouteBodyInput, RouteName, RouteParams, RouteQueryInput, RouteResult } from '../../daemon/contract/routes.ts';
import { routes } from '../../daemon/contract/routes.ts';
import type { StreamMessage, StreamName, StreamParams, StreamQueryInput } from '../../daemon/contract/streams.ts';
import { streams } from '../../daemon/contract/streams.ts';
import { BridgeError } from './bridge-error.ts';
import type { Channel, Link } from './link.ts';

export interface DaemonRequest<N extends RouteName> {
  params?: RouteParams<N>;
  query?: RouteQueryInput<N>;
  body?: RouteBodyInput<N>;
}

/** Calls one route of a host's daemon: the object of a read, or the `payload` of a change. Throws a {@link BridgeError}. */
export async function callDaemon<N extends RouteName>(
  link: Link,
  host: string,
  route: N,
  request: DaemonRequest<N> = {},
): Promise<RouteResult<N>> {
  const value = await link.call('daemon', {
    host,
    route,
    // zod's inferred parameter and query types are plain records; TypeScript cannot see it through the generic.
    ...(request.params === undefined ? {} : { params: request.params as Record<string, string> }),
    ...(request.query === undefined ? {} : { query: request.query as Record<string, unknown> }),
    ...(request.body === undefined ? {} : { body: request.body }),
  });
  const result = routes[route].response.safeParse(value);
  if (!result.success) {
    throw new BridgeError({
      code: 'internal',
      message: `The daemon’s answer to "${route}" is not one this console understands.`,
    });
  }
  return result.data as RouteResult<N>;
}

export interface DaemonStreamHandlers<N extends StreamName> {
  onMessage(message: StreamMessage<N>): void;
  /** So many messages were lost because this side, or the way to it, was too slow. */
  onDropped?(count: number): void;
  /** The connection broke; the core is restoring the stream. The text says what happened. */
  onInterrupted?(message: string): void;
  onResumed?(): void;
  onEnd(error: BridgeError | null): void;
}

/** Opens a stream of a host's daemon; the core keeps it alive across reconnections. Throws where the link is lost. */
export function openDaemonStream<N extends StreamName>(
  link: Link,
  host: string,
  stream: N,
  request: { params?: StreamParams<N>; query?: StreamQueryInput<N> },
  handlers: DaemonStreamHandlers<N>,
): Channel<'daemon.stream'> {
  const schema = streams[stream].message;
  const input = {
    host,
    stream,
    ...(request.params === undefined ? {} : { params: request.params as Record<string, string> }),
    ...(request.query === undefined ? {} : { query: request.query as Record<string, unknown> }),
  };
  return link.open('daemon.stream', input, {
    onMessage(frame) {
      if (frame.kind === 'message') {
        const message = schema.safeParse(frame.message);
        if (message.success) handlers.onMessage(message.data as StreamMessage<N>);
        else handlers.onDropped?.(1);
      } else if (frame.kind === 'dropped') handlers.onDropped?.(frame.count);
      else if (frame.kind === 'interrupted') handlers.onInterrupted?.(frame.message);
      else handlers.onResumed?.();
    },
    onEnd: handlers.onEnd,
  });
}
