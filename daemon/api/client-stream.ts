import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import { DomainError } from '../contract/errors.ts';
import { CLIENT_BOUNDS } from './client-http.ts';
import { toDomainError } from './tolerant.ts';
import { type Transport, unreachable } from './transport.ts';

const STREAM_BOUNDS = {
  /** Frames not yet taken beyond which the connection is no longer read. */
  frames_waiting_max: 1_000,
  frame_bytes_max: 4 * 1024 * 1024,
  /** The daemon pings every 15 s; without a sign for so long it is gone. */
  silence_ms_max: 45_000,
  refusal_bytes_max: 64 * 1024,
} as const;

export interface OpenStream {
  path: string;
  headers: Record<string, string>;
  signal: AbortSignal | undefined;
  onOpen: (() => void) | undefined;
}

/**
 * Frames of one WebSocket, parsed as JSON, at the pace of the reader. Ends when the daemon ends the stream, and quietly
 * when `signal` is aborted.
 * @throws DomainError the daemon's own error, or `unavailable` when the connection is lost
 */
export async function* openStream(transport: Transport, options: OpenStream): AsyncGenerator<unknown, void> {
  const { signal } = options;
  if (signal?.aborted === true) return;
  const duplex = await connect(transport, signal);
  if (duplex === null) return;
  const webSocket = new WebSocket(`ws://nextdeploy${options.path}`, {
    createConnection: (() => duplex) as () => never, // ws wants a net.Socket by its type, and asks no more of it than a Duplex has
    headers: options.headers,
    perMessageDeflate: false,
    maxPayload: STREAM_BOUNDS.frame_bytes_max,
    followRedirects: false,
  });
  const frames = new Frames(webSocket, options.onOpen);
  const onAbort = () => {
    // The connection goes at once: a reader that has left by its signal may never ask for another frame.
    frames.end(null);
    frames.close();
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    yield* frames.read();
  } finally {
    signal?.removeEventListener('abort', onAbort);
    frames.close();
  }
}

async function connect(transport: Transport, signal: AbortSignal | undefined): Promise<Duplex | null> {
  const deadline = AbortSignal.timeout(CLIENT_BOUNDS.connect_timeout_ms);
  try {
    return await transport.connect(signal === undefined ? deadline : AbortSignal.any([signal, deadline]));
  } catch (error) {
    if (signal?.aborted === true) return null;
    throw unreachable(error);
  }
}

/** The frames of one socket between its events and its one reader. */
class Frames {
  readonly #webSocket: WebSocket;
  readonly #waiting: string[] = [];
  #end: { error: DomainError | null } | undefined;
  #wake: () => void = () => undefined;
  readonly #silence: NodeJS.Timeout;

  constructor(webSocket: WebSocket, onOpen: (() => void) | undefined) {
    this.#webSocket = webSocket;
    const lost = (reason: string) => this.end(new DomainError('unavailable', `The stream from the daemon was lost: ${reason}.`));
    this.#silence = setTimeout(() => {
      lost('nothing was heard from it');
      webSocket.terminate();
    }, STREAM_BOUNDS.silence_ms_max);
    webSocket.on('open', () => onOpen?.());
    webSocket.on('ping', () => this.#silence.refresh());
    webSocket.on('message', (data) => this.#take(String(data)));
    webSocket.on('unexpected-response', (_request, response) => {
      void refusal(response).then((error) => {
        this.end(error);
        webSocket.terminate();
      });
    });
    webSocket.on('error', (error) => lost(error.message));
    webSocket.on('close', (code) => {
      if (code === 1000) this.end(null);
      else lost(code === 1001 ? 'the daemon is stopping' : `it was closed with code ${code}`);
    });
  }

  /** The first end counts; frames that came before it are still read. */
  end(error: DomainError | null): void {
    this.#end ??= { error };
    this.#wake();
  }

  close(): void {
    // First the listeners: a frame that is still on its way would set the timer anew, and hold the program for its time.
    this.#webSocket.removeAllListeners();
    this.#webSocket.on('error', () => undefined);
    clearTimeout(this.#silence);
    this.#webSocket.terminate();
  }

  async *read(): AsyncGenerator<unknown, void> {
    for (;;) {
      const text = this.#waiting.shift();
      if (text !== undefined) {
        if (this.#waiting.length === 0 && this.#webSocket.isPaused) this.#webSocket.resume();
        yield parseFrame(text);
      } else if (this.#end !== undefined) {
        if (this.#end.error !== null) throw this.#end.error;
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  #take(text: string): void {
    this.#silence.refresh();
    this.#waiting.push(text);
    if (this.#waiting.length >= STREAM_BOUNDS.frames_waiting_max) this.#webSocket.pause();
    this.#wake();
  }
}

/** @throws DomainError the one that the frame stands for, or `unavailable` if it is not JSON */
function parseFrame(text: string): unknown {
  let frame: unknown;
  try {
    frame = JSON.parse(text);
  } catch (cause) {
    throw new DomainError('unavailable', 'The daemon sent a frame that is not JSON.', { cause });
  }
  const error = toDomainError(frame);
  if (error !== null) throw error;
  return frame;
}

async function refusal(response: IncomingMessage): Promise<DomainError> {
  const unknown = new DomainError('unavailable', `The daemon refused the stream with status ${response.statusCode ?? 0}.`);
  let text = '';
  try {
    for await (const chunk of response) {
      text += String(chunk);
      if (text.length > STREAM_BOUNDS.refusal_bytes_max) return unknown;
    }
    return toDomainError(JSON.parse(text)) ?? unknown;
  } catch {
    return unknown;
  }
}
