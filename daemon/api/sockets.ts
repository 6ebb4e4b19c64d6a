import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import { DomainError, toErrorResponse } from '../contract/errors.ts';
import { droppedSchema, type Stream, type StreamName } from '../contract/streams.ts';
import { SERVER_BOUNDS, type ServerTimeouts } from './bounds.ts';
import { type Guard, type ListenerKind, requireRole } from './guard.ts';
import type { RequestContext, StreamHandlers } from './handlers.ts';
import type { Log } from './log.ts';
import { errorAnswer, sendRaw } from './respond.ts';
import { type createRouter, type Match, parsePart, parseQuery } from './router.ts';

export interface SocketOptions {
  streamHandlers: StreamHandlers;
  guard: Guard;
  router: ReturnType<typeof createRouter>;
  log: Log;
  onContractBreach: 'log' | 'throw';
  stopping: AbortSignal;
  timeouts: ServerTimeouts;
}

type StreamSource = AsyncIterable<unknown>;
type StreamRequest = { params: unknown; query: unknown; context: RequestContext };

const CLOSE = { normal: 1000, going_away: 1001, internal: 1011 } as const;

/** Answers WebSocket upgrades by the contract's table of streams. `open` counts those that live. */
export function createUpgradeListener(options: SocketOptions) {
  const { guard, router, log, stopping } = options;
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: SERVER_BOUNDS.stream_incoming_bytes_max,
  });
  server.on('wsClientError', (error, socket) => {
    sendRaw(socket, errorAnswer(new DomainError('invalid_request', `The WebSocket handshake is not valid: ${error.message}.`)));
  });
  const open = new Set<WebSocket>();

  async function admit(request: IncomingMessage, listener: ListenerKind, signal: AbortSignal) {
    const url = request.url ?? '';
    guard.checkSource(request, listener);
    const caller = await guard.authenticate(request, listener, signal);
    const match = router.stream(url);
    if ('error' in match) throw match.error;
    requireRole(caller, match.definition.role);
    const params = parsePart(match.definition.params, match.params, 'path');
    const query = parsePart(match.definition.query, parseQuery(url), 'query');
    if (stopping.aborted) throw stopping.reason;
    if (open.size >= SERVER_BOUNDS.streams_max) {
      throw new DomainError('unavailable', `The daemon serves ${open.size} streams already; close some and try again.`);
    }
    const context: RequestContext = { ...caller, idempotency_key: undefined, signal };
    return { match, request: { params, query, context } };
  }

  async function onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer, listener: ListenerKind): Promise<void> {
    const gone = new AbortController();
    socket.on('error', () => undefined).once('close', () => gone.abort());
    const signal = AbortSignal.any([gone.signal, stopping]);
    try {
      const admitted = await admit(request, listener, signal);
      if (socket.destroyed) return;
      server.handleUpgrade(request, socket, head, (webSocket) => {
        open.add(webSocket);
        webSocket.once('close', () => {
          open.delete(webSocket);
          gone.abort();
        });
        watchPeer(webSocket, socket, options.timeouts.ping_ms);
        void serve(options, webSocket, admitted.match, admitted.request);
      });
    } catch (error) {
      if (!(error instanceof DomainError)) log.error({ err: error, path: request.url?.split('?', 1)[0] }, 'an upgrade failed');
      sendRaw(socket, errorAnswer(error));
    }
  }

  return { onUpgrade, open: open as ReadonlySet<WebSocket> };
}

/** Sends the source's messages until it ends, fails, the peer goes or the daemon stops; says which by the close code. */
async function serve(
  options: SocketOptions,
  webSocket: WebSocket,
  match: Match<StreamName, Stream>,
  request: StreamRequest,
): Promise<void> {
  const { stopping, log, streamHandlers } = options;
  // What a client sends is not part of any stream of the contract; errors of the socket end it through 'close'.
  webSocket.on('error', () => undefined);
  const closeForStop = () => webSocket.close(CLOSE.going_away, 'the daemon is stopping');
  stopping.addEventListener('abort', closeForStop, { once: true });
  try {
    // The table pairs each name with its own request type; TypeScript cannot follow the pairing through a variable.
    const handler = streamHandlers[match.name] as (request: StreamRequest) => StreamSource;
    await pump(webSocket, handler(request), frameChecker(options, match), request.context.signal);
    webSocket.close(stopping.aborted ? CLOSE.going_away : CLOSE.normal);
  } catch (error) {
    if (request.context.signal.aborted) return;
    if (!(error instanceof DomainError)) log.error({ err: error, stream: match.name }, 'a stream failed unexpectedly');
    webSocket.send(JSON.stringify(toErrorResponse(error)));
    webSocket.close(CLOSE.internal);
  } finally {
    stopping.removeEventListener('abort', closeForStop);
  }
}

/** A source is read only while its socket takes the frames: no more than a bound ever waits here. */
async function pump(
  webSocket: WebSocket,
  source: StreamSource,
  check: (frame: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  for await (const frame of source) {
    if (signal.aborted || webSocket.readyState !== WebSocket.OPEN) return;
    check(frame);
    const text = JSON.stringify(frame);
    if (webSocket.bufferedAmount < SERVER_BOUNDS.stream_buffered_bytes_max) webSocket.send(text);
    else await sent(webSocket, text);
  }
}

/** Resolves when the frame, and so everything before it, has left for the kernel, or the socket is gone. */
function sent(webSocket: WebSocket, text: string): Promise<void> {
  return new Promise((resolve) => {
    webSocket.once('close', resolve);
    webSocket.send(text, () => {
      webSocket.off('close', resolve);
      resolve();
    });
  });
}

/** In tests every frame is checked against the contract; in production, where logs come by the thousand, only the first. */
function frameChecker({ log, onContractBreach }: SocketOptions, { name, definition }: Match<StreamName, Stream>) {
  let checked = false;
  return (frame: unknown): void => {
    if (checked && onContractBreach === 'log') return;
    checked = true;
    const parsed = definition.message.safeParse(frame);
    if (parsed.success || droppedSchema.safeParse(frame).success) return;
    if (onContractBreach === 'throw') throw new Error(`A frame of ${name} breaks the contract: ${parsed.error.message}`);
    log.error({ stream: name, issues: parsed.error.issues.slice(0, 10) }, 'a frame does not match the contract');
  };
}

/**
 * Ends a socket whose peer gave no sign of life between two pings: no pong and, where bytes were waiting for it, none
 * taken (a pong can be long in coming behind what a slow peer has yet to read).
 */
function watchPeer(webSocket: WebSocket, socket: Duplex & { bytesWritten?: number }, ping_ms: number): void {
  let hasAnswered = true;
  let backlogBefore = 0;
  let takenBefore = 0;
  webSocket.on('pong', () => {
    hasAnswered = true;
  });
  const timer = setInterval(() => {
    const backlog = socket.writableLength;
    const taken = (socket.bytesWritten ?? 0) - backlog;
    if (!hasAnswered && (backlogBefore === 0 || taken <= takenBefore)) {
      webSocket.terminate();
      return;
    }
    hasAnswered = false;
    [backlogBefore, takenBefore] = [backlog, taken];
    if (webSocket.readyState === WebSocket.OPEN) webSocket.ping();
  }, ping_ms);
  webSocket.once('close', () => clearInterval(timer));
}
