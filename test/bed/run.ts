/** Runs programs: argument arrays only, output captured within a bound, ended by signal or deadline. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export interface RunOptions {
  input?: string | Buffer | AsyncIterable<Buffer>;
  signal?: AbortSignal | undefined;
  timeoutMs?: number | undefined;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Called with each complete line of stdout and stderr as it comes. */
  onLine?: ((line: string) => void) | undefined;
}

export interface RunResult {
  code: number;
  stdout: string;
  stderr: string;
}

const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;
const ERROR_TAIL_CHARS = 2000;
const KILLED_MS_MAX = 5000;

/** System programs live in sbin, which a plain user's PATH may lack. */
export function systemPath(): string {
  const known = (process.env.PATH ?? '').split(':').filter(Boolean);
  const wanted = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
  return [...new Set([...known, ...wanted])].join(':');
}

/**
 * Runs a program to its end and resolves with its exit code (128 + signal number is not computed: a killed program has code -1).
 * Rejects when the program cannot be started, the signal aborts (with the signal's reason) or `timeoutMs` passes.
 * The program gets a session of its own, so that a terminal's Ctrl-C reaches only us and we decide what ends when.
 */
export async function capture(file: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  options.signal?.throwIfAborted();
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: { ...process.env, PATH: systemPath(), ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  const stdout = collect(child.stdout, options.onLine);
  const stderr = collect(child.stderr, options.onLine);
  const ended = exitCode(child, file);
  const failure = endEarly(child, file, options);
  try {
    feed(child, options.input);
    const code = await Promise.race([ended, failure.promise]);
    return { code, stdout: stdout(), stderr: stderr() };
  } finally {
    failure.clear();
    // After a kill: what comes next may remove the program's files, so it and its children must be gone.
    await within(KILLED_MS_MAX, ended);
  }
}

/** Waits for the promise to settle either way, at most for `timeMsMax`. */
async function within(timeMsMax: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, timeMsMax);
  });
  await Promise.race([promise.catch(() => undefined), late]);
  clearTimeout(timer);
}

/** Like `capture`, and throws an error that carries the end of the output when the exit code is not 0. */
export async function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const result = await capture(file, args, options);
  if (result.code !== 0) {
    const evidence = (result.stderr.trim() || result.stdout.trim()).slice(-ERROR_TAIL_CHARS);
    throw new Error(`${file} ${args.slice(0, 6).join(' ')} failed with code ${result.code}: ${evidence}`);
  }
  return result;
}

function exitCode(child: ChildProcess, file: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => reject(new Error(`cannot run ${file}: ${cause.message}`, { cause })));
    child.once('close', (code) => resolve(code ?? -1));
  });
}

function endEarly(child: ChildProcess, file: string, options: RunOptions): { promise: Promise<never>; clear(): void } {
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  const promise = new Promise<never>((_, reject) => {
    const end = (reason: unknown): void => {
      killGroup(child);
      reject(reason instanceof Error ? reason : new Error(String(reason)));
    };
    if (options.timeoutMs !== undefined) {
      timer = setTimeout(() => end(new Error(`${file} did not end within ${options.timeoutMs} ms`)), options.timeoutMs);
    }
    onAbort = (): void => end(options.signal?.reason);
    options.signal?.addEventListener('abort', onAbort, { once: true });
  });
  // Nobody awaits this promise once the program has ended.
  promise.catch(() => undefined);
  return {
    promise,
    clear: () => {
      clearTimeout(timer);
      if (onAbort) options.signal?.removeEventListener('abort', onAbort);
    },
  };
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL');
  }
}

function feed(child: ChildProcess, input: RunOptions['input']): void {
  const { stdin } = child;
  if (!stdin) return;
  // A program that ends before it has read its input breaks the pipe; its exit code tells the story.
  stdin.on('error', () => undefined);
  if (input === undefined || typeof input === 'string' || Buffer.isBuffer(input)) {
    stdin.end(input);
    return;
  }
  pipeline(input, stdin).catch(() => killGroup(child));
}

function collect(stream: Readable | null, onLine?: (line: string) => void): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let rest = '';
  stream?.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= OUTPUT_BYTES_MAX) chunks.push(chunk);
    if (!onLine) return;
    const lines = (rest + chunk.toString('utf8')).split(/\r?\n|\r/);
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') onLine(line);
  });
  return () => Buffer.concat(chunks).toString('utf8');
}

/**
 * Waits until `check` returns a value other than undefined; errors that `check` throws count as "not yet".
 * Throws with the last error after `timeoutMs`, or with the signal's reason.
 */
export async function waitFor<T>(
  what: string,
  check: () => Promise<T | undefined>,
  options: { timeoutMs: number; intervalMs?: number; signal?: AbortSignal | undefined },
): Promise<T> {
  const deadline = performance.now() + options.timeoutMs;
  let last: unknown;
  while (performance.now() < deadline) {
    options.signal?.throwIfAborted();
    try {
      const value = await check();
      if (value !== undefined) return value;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, options.intervalMs ?? 50));
  }
  const why = last instanceof Error ? `: ${last.message}` : '';
  throw new Error(`${what} did not happen within ${options.timeoutMs} ms${why}`, { cause: last });
}
