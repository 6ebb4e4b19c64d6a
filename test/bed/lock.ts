/** A lock between processes that the kernel gives back when its holder dies, however it dies. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemPath } from './run.ts';

/**
 * Runs `body` while holding the lock on `file` (made if missing). Waits as long as another holds it; `signal` ends the wait.
 * flock(1) holds the file and `cat` holds flock: both end when our end of the pipe closes, also after a SIGKILL.
 */
export async function withLock<T>(file: string, body: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  signal?.throwIfAborted();
  await mkdir(dirname(file), { recursive: true });
  const holder = spawn('flock', ['--exclusive', file, 'cat'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...process.env, PATH: systemPath() },
    detached: true,
  });
  holder.stdin.on('error', () => undefined);
  const closed = once(holder, 'close').catch(() => undefined);
  const abort = (): void => void holder.kill('SIGKILL');
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await taken(holder, file, signal).finally(() => signal?.removeEventListener('abort', abort));
    return await body();
  } finally {
    holder.stdin.end();
    await closed;
  }
}

async function taken(holder: ReturnType<typeof spawn>, file: string, signal?: AbortSignal): Promise<void> {
  holder.stdin?.write('held\n');
  await new Promise<void>((resolve, reject) => {
    holder.stdout?.once('data', () => resolve());
    holder.once('error', (cause) => reject(new Error(`cannot lock ${file}: ${cause.message}`, { cause })));
    holder.once('close', () => reject(signal?.aborted ? signal.reason : new Error(`cannot lock ${file}: flock ended`)));
  });
}
