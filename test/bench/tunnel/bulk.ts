/** Moves many bytes through a stream to the server's bulk socket and times it. See server.ts for what is said. */
import type { Duplex } from 'node:stream';

export type Direction = 'up' | 'down';
export type Connect = (signal: AbortSignal) => Promise<Duplex>;

const CHUNK = Buffer.alloc(64 * 1024, 'nextdeploy ');

/** Megabytes (10^6 bytes) a second, from the first byte asked or sent until the far end has confirmed or sent the last. */
export async function measureBulk(connect: Connect, direction: Direction, bytes: number, signal: AbortSignal): Promise<number> {
  const stream = await connect(signal);
  const abort = () => stream.destroy(new Error('the transfer took too long or was interrupted'));
  signal.addEventListener('abort', abort, { once: true });
  try {
    const start = performance.now();
    stream.write(`${direction} ${bytes}\n`);
    await (direction === 'up' ? upload(stream, bytes) : download(stream, bytes));
    return bytes / 1000 / (performance.now() - start);
  } finally {
    signal.removeEventListener('abort', abort);
    stream.destroy();
  }
}

function upload(stream: Duplex, bytes: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let left = bytes;
    const send = () => {
      while (left > 0) {
        const part = left < CHUNK.length ? CHUNK.subarray(0, left) : CHUNK;
        left -= part.length;
        if (!stream.write(part)) return;
      }
    };
    stream.on('drain', send);
    stream.once('data', (said: Buffer) => {
      if (said.toString('latin1') === 'ok\n') resolve();
      else reject(new Error('the far end did not confirm the upload'));
    });
    stream.once('error', reject);
    stream.once('close', () => reject(new Error(`the stream ended with ${left} of ${bytes} bytes to send`)));
    send();
  });
}

function download(stream: Duplex, bytes: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let taken = 0;
    stream.on('data', (chunk: Buffer) => {
      taken += chunk.length;
      if (taken >= bytes) resolve();
    });
    stream.once('error', reject);
    stream.once('close', () => reject(new Error(`the stream ended after ${taken} of ${bytes} bytes`)));
  });
}
