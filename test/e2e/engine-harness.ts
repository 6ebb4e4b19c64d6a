/** What the engine's end-to-end tests share: requests through the server's proxy, and a look at what is left on the server. */
import { request } from 'node:http';
import type { DaemonClient } from '../../daemon/api/client.ts';
import type { Evidence, Operation } from '../../daemon/contract/domain.ts';
import { DomainError } from '../../daemon/contract/errors.ts';
import type { ProxyType } from '../../daemon/contract/names.ts';
import type { RouteBodyInput } from '../../daemon/contract/routes.ts';
import type { Bed } from '../bed/bed.ts';

export interface Answer {
  status: number;
  body: string;
  headers: Record<string, unknown>;
  /** When each piece of the body came, in milliseconds after the first. */
  arrivals: number[];
}

/** Where a proxy of the server is reached from here, for plain HTTP. */
export function entryOf(bed: Bed, proxy: ProxyType): string {
  return proxy === 'caddy' ? bed.http : bed.nginx.http;
}

/** GET through a proxy of the server, Caddy's unless `base` says otherwise, as a visitor of `host`. */
export function visit(
  bed: Bed,
  host: string,
  path = '/',
  headers: Record<string, string> = {},
  base: string = bed.http,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(new URL(path, base), { headers: { ...headers, host }, agent: false }, (response) => {
      let body = '';
      const times: number[] = [];
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
        times.push(performance.now());
      });
      response.on('error', reject);
      response.on('end', () => {
        const arrivals = times.map((time) => time - (times[0] ?? 0));
        resolve({ status: response.statusCode ?? 0, body, headers: response.headers, arrivals });
      });
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

export type Deploy = RouteBodyInput<'deploy'>;

const HEALTH = { kind: 'http', path: '/api/health', deadline_ms: 3_000 } as const;

export function deploy(client: DaemonClient, body: Deploy): Promise<Operation> {
  return client.call('deploy', {
    query: { wait: 'true' },
    body: { health: HEALTH, drain_ms: 1_000, watch_ms: 0, stop_timeout_ms: 2_000, ...body },
  });
}

export function swap(client: DaemonClient, app_name: string, image: string): Promise<Operation> {
  return client.call('swap', { query: { wait: 'true' }, body: { app_name, image } });
}

/** The evidence of an operation that must fail. */
export async function failureOf(operation: Promise<Operation>): Promise<{ error: DomainError; evidence: Evidence }> {
  const error = await operation.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof DomainError)) throw error;
  return { error, evidence: error.details as Evidence };
}

/** Everything on the server that belongs to an app: containers, route file, marker directory. */
export async function tracesOf(bed: Bed, app: string): Promise<string[]> {
  const run = async (...argv: string[]) => (await bed.exec(argv)).stdout.split('\n').filter((line) => line !== '');
  const [containers, caddy, nginx, markers] = await Promise.all([
    run('docker', 'ps', '--all', '--filter', `label=nextdeploy.app=${app}`, '--format', '{{.Names}} {{.State}}'),
    run('sh', '-c', `sed -n 's/^# app \\(${app}\\) .*/route caddy \\1/p' /etc/caddy/nextdeploy/*.caddy`),
    run('find', '/etc/nginx/nextdeploy', '-name', `*${app}*`),
    run('find', '/var/lib/nextdeploy/slots', '-path', `*/${app}*`),
  ]);
  return [...containers, ...caddy, ...nginx, ...markers].sort((a, b) => (a < b ? -1 : 1));
}

/** Polls until it holds; throws with what was seen last. */
export async function until<T>(
  what: string,
  read: () => Promise<T>,
  holds: (value: T) => boolean,
  timeoutMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await read().catch((error: unknown) => error as T);
    if (!(value instanceof Error) && holds(value)) return value;
    if (Date.now() > deadline)
      throw new Error(`${what} did not come about; last seen: ${value instanceof Error ? value.message : JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
