import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import type { ListenerKind } from '../contract/access.ts';
import { DomainError, toErrorResponse } from '../contract/errors.ts';
import { droppedSchema, type Stream, type StreamName } from '../contract/streams.ts';
import { appOf, maySee, requireAllowedApp } from './app-limits.ts';
import { SERVER_BOUNDS, type ServerTimeouts } from './bounds.ts';
import { type Guard, requireRole } from './guard.ts';
import { contextOf, type RequestContext, type StreamHandlers } from './handlers.ts';
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

/** RFC 6455, section 7.4; those from 4000 on are ours. */
const CLOSE = { normal: 1000, going_away: 1001, internal: 1011, token_ended: 4401 } as const;

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
    const caller = guard.identify(request);
    await guard.admit(caller, listener, signal);
    const match = router.stream(url);
    if ('error' in match) throw match.error;
    const { role, apps: rule } = match.definition;
    requireRole(caller, role);
    const params = parsePart(match.definition.params, match.params, 'path');
    const query = parsePart(match.definition.query, parseQuery(url), 'query');
    const app = appOf({ params, query }, rule, () => null);
    requireAllowedApp(caller, rule, app, { params, query });
    if (stopping.aborted) throw stopping.reason;
    if (open.size >= SERVER_BOUNDS.streams_max) {
      throw new DomainError('unavailable', `The daemon serves ${open.size} streams already; close some and try again.`);
    }
    const context = contextOf(caller, undefined, AbortSignal.any([signal, caller.ended]));
    return { match, request: { params, query, context }, ended: caller.ended };
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
        void serve(options, webSocket, admitted);
      });
    } catch (error) {
      if (!(error instanceof DomainError)) log.error({ err: error, path: request.url?.split('?', 1)[0] }, 'an upgrade failed');
      sendRaw(socket, errorAnswer(error));
    }
  }

  return { onUpgrade, open: open as ReadonlySet<WebSocket> };
}

interface Admitted {
  match: Match<StreamName, Stream>;
  request: StreamRequest;
  /** Aborted when the caller's token is revoked or expires. */
  ended: AbortSignal;
}

/** Sends the source's messages until it ends, fails, the peer goes, its token ends or the daemon stops; says which by the close code. */
async function serve(options: SocketOptions, webSocket: WebSocket, { match, request, ended }: Admitted): Promise<void> {
  const { stopping, log, streamHandlers } = options;
  // What a client sends is not part of any stream of the contract; errors of the socket end it through 'close'.
  webSocket.on('error', () => undefined);
  const closeForStop = () => webSocket.close(CLOSE.going_away, 'the daemon is stopping');
  stopping.addEventListener('abort', closeForStop, { once: true });
  const shutOut = () => closeForToken(webSocket, ended.reason);
  ended.addEventListener('abort', shutOut, { once: true });
  if (ended.aborted) shutOut();
  try {
    // The table pairs each name with its own request type; TypeScript cannot follow the pairing through a variable.
    const handler = streamHandlers[match.name] as (request: StreamRequest) => StreamSource;
    const { apps, signal } = request.context;
    const check = frameChecker(options, match);
    const select = match.definition.apps === 'filtered' ? (frame: unknown) => maySee(apps, frame) : () => true;
    await pump(webSocket, handler(request), { check, select }, signal);
    webSocket.close(stopping.aborted ? CLOSE.going_away : CLOSE.normal);
  } catch (error) {
    if (request.context.signal.aborted) return;
    if (!(error instanceof DomainError)) log.error({ err: error, stream: match.name }, 'a stream failed unexpectedly');
    webSocket.send(JSON.stringify(toErrorResponse(error)));
    webSocket.close(CLOSE.internal);
  } finally {
    stopping.removeEventListener('abort', closeForStop);
    ended.removeEventListener('abort', shutOut);
  }
}

/** A peer that does not take its leave is cut off: it is not to read on. */
function closeForToken(webSocket: WebSocket, reason: unknown): void {
  webSocket.send(JSON.stringify(toErrorResponse(reason)));
  webSocket.close(CLOSE.token_ended, 'the token was revoked or has expired');
  const cut = setTimeout(() => webSocket.terminate(), SERVER_BOUNDS.close_grace_ms);
  webSocket.once('close', () => clearTimeout(cut));
}

/** A source is read only while its socket takes the frames: no more than a bound ever waits here. */
async function pump(
  webSocket: WebSocket,
  source: StreamSource,
  { check, select }: { check: (frame: unknown) => void; select: (frame: unknown) => boolean },
  signal: AbortSignal,
): Promise<void> {
  for await (const frame of source) {
    if (signal.aborted || webSocket.readyState !== WebSocket.OPEN) return;
    check(frame);
    if (!select(frame)) continue;
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
