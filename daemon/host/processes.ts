/** Runs programs: argument arrays, a deadline, bounded output. */
import { spawn } from 'node:child_process';

export interface RunOptions {
  input?: string;
  cwd?: string;
  env?: Record<string, string>;
  signal: AbortSignal;
  deadlineMs: number;
  /** 65,536 if not given. */
  outputCharactersMax?: number;
}

export interface RunResult {
  /** null: it could not be started, or was killed. */
  code: number | null;
  /** Both streams, in the order of arrival, cut at a bound. */
  output: string;
}

export type RunProgram = (file: string, args: readonly string[], options: RunOptions) => Promise<RunResult>;

const OUTPUT_CHARACTERS_MAX = 64 * 1024;

/** Rejects only when `signal` is aborted. */
export const runProgram: RunProgram = (file, args, options) => {
  const { input = '', cwd, env, signal, deadlineMs, outputCharactersMax = OUTPUT_CHARACTERS_MAX } = options;
  const deadline = AbortSignal.timeout(deadlineMs);
  return new Promise((resolve, reject) => {
    let output = '';
    const keep = (chunk: Buffer) => {
      if (output.length < outputCharactersMax) output += chunk.toString('utf8');
    };
    const child = spawn(file, args, {
      signal: AbortSignal.any([signal, deadline]),
      stdio: ['pipe', 'pipe', 'pipe'],
      killSignal: 'SIGKILL',
      env: { ...process.env, ...env },
      ...(cwd === undefined ? {} : { cwd }),
    });
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.stdin.on('error', () => undefined); // it may end without reading
    child.stdin.end(input);
    child.on('error', (error) => {
      if (signal.aborted) reject(signal.reason);
      else resolve({ code: null, output: deadline.aborted ? `${file} did not end in ${deadlineMs / 1000} s` : error.message });
    });
    child.on('close', (code) => resolve({ code, output }));
  });
};
