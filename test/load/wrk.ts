/** Load by wrk(1), bounded in time and connections, and what it measured. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

export interface WrkOptions {
  url: string;
  /** The Host header, where it is not the URL's own. */
  host?: string;
  /** `Name: value` of further headers. */
  headers?: readonly string[];
  connections: number;
  /** At most this long; `stop()` ends it sooner. */
  seconds_max: number;
  threads?: number;
  /** Each connection pauses 10 ms before each request, so that the load leaves the processors to what is tested. */
  is_paced?: boolean;
  /** Runs wrk elsewhere, such as inside a bed; must take the arguments of wrk. Default: this machine's wrk. */
  command?: [string, ...string[]];
}

export interface WrkResult {
  requests: number;
  requests_per_second: number;
  socket_errors: { connect: number; read: number; write: number; timeout: number };
  socket_errors_total: number;
  non_2xx: number;
  latency_p50_ms: number;
  latency_p99_ms: number;
  /** What wrk printed, for a person. */
  text: string;
}

export interface WrkRun {
  /** Ends the load now; wrk prints its report at SIGINT. */
  stop(): Promise<WrkResult>;
  /** Resolves when the load ends by itself after `seconds_max`. */
  ended: Promise<WrkResult>;
}

const STOP_MS_MAX = 10_000;
const PACED = join(import.meta.dirname, 'paced.lua');

/** Starts a load. Rejects (at `ended` and `stop`) when wrk cannot be run or prints no report. */
export function startWrk(options: WrkOptions): WrkRun {
  const [file, ...before] = options.command ?? ['wrk'];
  const child = spawn(file, [...before, ...wrkArguments(options)], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
  const ended = new Promise<WrkResult>((resolve, reject) => {
    child.once('error', (cause) => reject(new Error(`cannot run ${file}: ${cause.message}`, { cause })));
    child.once('close', () => {
      try {
        resolve(parseWrk(text));
      } catch (error) {
        reject(error);
      }
    });
  });
  ended.catch(() => undefined);
  return {
    ended,
    stop: () => {
      child.kill('SIGINT');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
      return ended.finally(() => clearTimeout(timer));
    },
  };
}

function wrkArguments(options: WrkOptions): string[] {
  return [
    `-t${options.threads ?? 1}`,
    `-c${options.connections}`,
    `-d${options.seconds_max}s`,
    '--timeout=10s',
    '--latency',
    ...(options.is_paced ? ['-s', PACED] : []),
    ...(options.host === undefined ? [] : ['-H', `Host: ${options.host}`]),
    ...(options.headers ?? []).flatMap((header) => ['-H', header]),
    options.url,
  ];
}

/** Reads wrk's report. Throws with the text where it is none. */
export function parseWrk(text: string): WrkResult {
  const requests = /(\d+) requests in/.exec(text)?.[1];
  if (requests === undefined) throw new Error(`wrk printed no report: ${text.slice(0, 500)}`);
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text);
  const error = (index: number) => Number(errors?.[index] ?? 0);
  const socket_errors = { connect: error(1), read: error(2), write: error(3), timeout: error(4) };
  return {
    requests: Number(requests),
    requests_per_second: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1] ?? 0),
    socket_errors,
    socket_errors_total: Object.values(socket_errors).reduce((sum, count) => sum + count, 0),
    non_2xx: Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0),
    latency_p50_ms: latency(text, '50'),
    latency_p99_ms: latency(text, '99'),
    text,
  };
}

const MILLISECONDS: Record<string, number> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };

function latency(text: string, percentile: string): number {
  const [, value, unit] = new RegExp(`^\\s*${percentile}%\\s+([\\d.]+)(us|ms|s|m)\\b`, 'm').exec(text) ?? [];
  return value === undefined || unit === undefined ? Number.NaN : Number(value) * (MILLISECONDS[unit] ?? Number.NaN);
}
