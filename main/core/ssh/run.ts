/** Runs programs on a server over an SSH connection, with bounded output and a deadline. */
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { SshConnection } from './connection.ts';

const OUTPUT_BYTES_MAX = 1024 * 1024;
const COMMAND_MS_MAX = 30_000;

export interface RunOptions {
  signal: AbortSignal;
  input?: string | Buffer | Readable;
  /** Default 30 s. */
  timeout_ms?: number;
}

export interface RunResult {
  /** Null when a signal ended the program. */
  code: number | null;
  stdout: string;
  stderr: string;
}

/**
 * Runs a program to its end. Output beyond 1 MiB is cut off. Rejects when it cannot be started, the connection is lost, the deadline
 * passes, or the signal aborts; the program is then told to end.
 */
export async function runCommand(ssh: SshConnection, argv: readonly string[], options: RunOptions): Promise<RunResult> {
  const deadline = AbortSignal.timeout(options.timeout_ms ?? COMMAND_MS_MAX);
  const signal = AbortSignal.any([options.signal, ssh.closed, deadline]);
  const { channel, exit } = await ssh.openCommand(argv, signal);
  const stdout = collect(channel);
  const stderr = collect(channel.stderr);
  try {
    const closed = new Promise<void>((resolve, reject) => {
      channel.once('close', () => resolve());
      signal.addEventListener('abort', () => reject(reasonOf(signal, deadline, argv)), { once: true });
    });
    await Promise.all([feed(channel, options.input, signal), closed]);
  } catch (error) {
    channel.signal('TERM');
    throw error;
  } finally {
    channel.close();
  }
  const ended = exit();
  if (ended === null) throw new Error(`the connection was lost while ${argv[0]} was running`);
  return { code: ended.code, stdout: stdout(), stderr: stderr() };
}

async function feed(channel: NodeJS.WritableStream, input: RunOptions['input'], signal: AbortSignal): Promise<void> {
  if (input === undefined || typeof input === 'string' || Buffer.isBuffer(input)) {
    channel.end(input ?? '');
    return;
  }
  // A program that ends without reading its input breaks the pipe; its exit code tells the story.
  await pipeline(input, channel, { signal }).catch((error: unknown) => {
    if (signal.aborted) throw error;
  });
}

function collect(stream: Readable): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    const room = OUTPUT_BYTES_MAX - bytes;
    if (room > 0) chunks.push(chunk.subarray(0, room));
    bytes += chunk.length;
  });
  return () => Buffer.concat(chunks).toString('utf8');
}

function reasonOf(signal: AbortSignal, deadline: AbortSignal, argv: readonly string[]): unknown {
  return deadline.aborted ? new Error(`${argv[0]} on the server did not end in time`) : signal.reason;
}
