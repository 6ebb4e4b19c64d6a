/** Does a case to a daemon over a socket of its own, and tells what was heard. */
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { sampleOperation, sampleToken } from '../../daemon/api/test-server.ts';
import { type CallerName, type Case, placeholderOf } from './case.ts';

/** Where a daemon is reached; without `port` everything goes over the socket. */
export interface Address {
  socket: string;
  port: number | null;
}

/** What stands for the placeholders of a case in this run. */
export interface Names {
  tokens: Record<CallerName, string>;
  /** Of an operation, and of a token that nobody here needs. */
  operation_id: string;
  token_id: string;
}

export interface Outcome {
  heard: Buffer;
  /** `closed`: by the daemon, or after our end. `left`: by us, after silence or because the case says so. `refused`: it took no connection. */
  ending: 'closed' | 'left' | 'reset' | 'refused';
}

/** Beyond it what a stream says is of no interest. */
const HEARD_BYTES_MAX = 8 * 1024 ** 2;
/** More than the pipelined requests of any case have. */
const HEAD_CHARACTERS_MAX = 100_000;

/** `patience`: how many times longer than the case says silence is borne. */
export async function deliver(
  { steps, listener, patience_ms: once_ms }: Case,
  address: Address,
  names: Names,
  patience = 1,
): Promise<Outcome> {
  const patience_ms = once_ms * patience;
  const socket = listener === 'tcp' && address.port !== null ? connect(address.port, '127.0.0.1') : connect(address.socket);
  const hearing = listen(socket);
  for (const step of steps) {
    if (socket.destroyed) break;
    if ('send' in step) await hearing.orSilence(hearing.taken(filled(step.send, names)), patience_ms);
    else if ('pause_ms' in step) await delay(step.pause_ms);
    else if ('await' in step) await hearing.orSilence(hearing.first, patience_ms);
    else if ('end' in step) socket.end();
    else socket.destroy();
  }
  await hearing.orSilence(hearing.closed, patience_ms);
  socket.destroy();
  return hearing.outcome();
}

/** Of a large text only the beginning: what follows is a body, and there is none of them in it. */
function filled(text: string, names: Names): Buffer {
  const isLarge = text.length > HEAD_CHARACTERS_MAX;
  const head = inPlace(isLarge ? text.slice(0, HEAD_CHARACTERS_MAX) : text, names);
  return Buffer.from(isLarge ? head + text.slice(HEAD_CHARACTERS_MAX) : head, 'latin1');
}

function inPlace(text: string, { tokens, operation_id, token_id }: Names): string {
  let all = text.replaceAll(sampleOperation.id, operation_id).replaceAll(sampleToken.id, token_id);
  for (const [caller, token] of Object.entries(tokens)) all = all.replaceAll(placeholderOf(caller as CallerName), token);
  return all;
}

function listen(socket: Socket) {
  const pieces: Buffer[] = [];
  let size = 0;
  let last = performance.now();
  let error: NodeJS.ErrnoException | null = null;
  let isClosed = false;
  const first = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  socket.on('data', (piece: Buffer) => {
    last = performance.now();
    size += piece.length;
    if (size <= HEARD_BYTES_MAX) pieces.push(piece);
    first.resolve();
  });
  socket.on('error', (reason) => {
    error = reason;
  });
  socket.on('close', () => {
    isClosed = true;
    first.resolve();
    closed.resolve();
  });

  /** Waits, but no longer than nothing is heard for a time: a stream that is open may speak every second. */
  async function orSilence(what: Promise<void>, patience_ms: number): Promise<void> {
    last = performance.now();
    const until = last + 2 * patience_ms;
    const stop = new AbortController();
    const silence = async () => {
      for (;;) {
        const wait_ms = Math.min(last + patience_ms, until) - performance.now();
        if (wait_ms <= 0) return;
        await delay(wait_ms, undefined, { signal: stop.signal });
      }
    };
    await Promise.race([what, silence().catch(() => undefined)]);
    stop.abort();
  }

  return {
    first: first.promise,
    closed: closed.promise,
    orSilence,
    /** Resolves when the bytes are with the kernel, or the socket is gone. */
    taken: (bytes: Buffer) =>
      Promise.race([new Promise<void>((resolve) => socket.write(bytes, () => resolve())), closed.promise]),
    outcome(): Outcome {
      const isRefused = error?.code === 'ECONNREFUSED' || error?.code === 'ENOENT';
      return {
        heard: Buffer.concat(pieces),
        ending: isRefused ? 'refused' : error !== null ? 'reset' : isClosed ? 'closed' : 'left',
      };
    },
  };
}
