/**
 * Load on a site, and what it lost. `wrk` counts: where nothing may be lost. The visitors know when each of their requests failed: where a fault
 * may cost something, but only while it lasts. They are paced, so that the count says how long a site was away and not how fast a refused
 * connection can be tried again.
 */
import { Agent, request as httpRequest } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { ProxyType } from '../../daemon/contract/names.ts';
import type { Bed } from '../bed/bed.ts';
import { startWrk, type WrkRun } from '../load/wrk.ts';

/**
 * `saturating`: wrk and visitors. `paced`: visitors alone. `new`: visitors with a connection for each request, for changes that need a reload of the
 * proxy: a kept one may be closed just when the next request is sent, which browsers know how to repeat.
 */
export type LoadKind = 'saturating' | 'paced' | 'new';

/**
 * New connections that one reload may cost, whoever orders it. Caddy opens its listeners anew beside the old ones (SO_REUSEPORT), and what waits
 * unaccepted in an old one is reset: 33 of 13,160 in 30 times `systemctl reload caddy`. nginx hands its listeners on: 0 of 5,295 in 15.
 */
export const LOST_IN_RELOAD_MAX: Record<ProxyType, number> = { caddy: 2, nginx: 0 };

export interface LoadResult {
  requests: number;
  failed: number;
  /** The longest that a visitor waited for an answer. */
  slowest_ms: number;
  /** Those of the visitors, in the order in which they failed. */
  failures: Failure[];
}

/** Both by `performance.now()`: a visitor who came while the site was away may have waited for his failure beyond that. */
interface Failure {
  asked_ms: number;
  failed_ms: number;
  why: string;
}

export interface Load {
  /** Ends it; rejects when it could not be carried out at all. */
  stop(): Promise<LoadResult>;
}

export interface Site {
  proxy: ProxyType;
  domain: string;
}

const WRK = { connections: 6, seconds_max: 900, is_paced: true };
const VISITORS = 4;
const PAUSE_MS = 30;
/** After a failure: a visitor does not hammer on a closed door. */
const FAILED_PAUSE_MS = 100;
const ANSWER_MS_MAX = 10_000;

/** The address of a proxy of the server, from this machine. */
export function addressOf(bed: Bed, proxy: ProxyType): string {
  return proxy === 'nginx' ? bed.nginx.http : bed.http;
}

export function startLoad(bed: Bed, { proxy, domain }: Site, kind: LoadKind): Load {
  const url = `${addressOf(bed, proxy)}/`;
  const wrk = kind === 'saturating' ? startWrk({ url, host: domain, ...WRK }) : null;
  const stopping = new AbortController();
  const result: LoadResult = { requests: 0, failed: 0, slowest_ms: 0, failures: [] };
  const visitors = Array.from({ length: VISITORS }, (_, index) =>
    visitUntil(stopping.signal, { url, domain, is_kept: kind !== 'new' && index % 2 === 0 }, result),
  );
  return {
    stop: async () => {
      stopping.abort();
      await Promise.all(visitors);
      return withWrk(result, wrk);
    },
  };
}

async function withWrk(result: LoadResult, wrk: WrkRun | null): Promise<LoadResult> {
  const counted = { ...result, failed: result.failures.length };
  if (wrk === null) return counted;
  const report = await wrk.stop();
  const failed = counted.failed + report.socket_errors_total + report.non_2xx;
  if (report.requests === 0) throw new Error(`wrk got no answer at all: ${report.text}`);
  return { ...counted, requests: counted.requests + report.requests, failed };
}

interface Visit {
  url: string;
  domain: string;
  is_kept: boolean;
}

async function visitUntil(signal: AbortSignal, visit: Visit, result: LoadResult): Promise<void> {
  const agent = visit.is_kept ? new Agent({ keepAlive: true, maxSockets: 1 }) : undefined;
  while (!signal.aborted) {
    const asked_ms = performance.now();
    const why = await failureOf(visit, agent);
    result.requests += 1;
    if (why === null) result.slowest_ms = Math.max(result.slowest_ms, performance.now() - asked_ms);
    if (why !== null) result.failures.push({ asked_ms, failed_ms: performance.now(), why });
    await delay(why === null ? PAUSE_MS : FAILED_PAUSE_MS);
  }
  agent?.destroy();
}

/** Null when the app answered. */
function failureOf({ url, domain }: Visit, agent: Agent | undefined): Promise<string | null> {
  return new Promise((resolve) => {
    const options = { headers: { host: domain }, agent: agent ?? (false as const), timeout: ANSWER_MS_MAX };
    const request = httpRequest(url, options, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body += chunk));
      response.on('end', () => {
        const isApp = response.statusCode === 200 && /^v[12]\n$/.test(body);
        resolve(isApp ? null : `answered ${response.statusCode} ${textOf(body)}`.trim());
      });
      response.on('error', (error) => resolve(error.message));
    });
    request.on('timeout', () => request.destroy(new Error(`no answer within ${ANSWER_MS_MAX / 1000} s`)));
    request.on('error', (error) => resolve(error.message));
    request.end();
  });
}

/** The start of what a proxy's own page says. */
function textOf(body: string): string {
  const text = /<title>(.*?)<\/title>/.exec(body)?.[1] ?? body;
  return text.trim().slice(0, 60);
}

/** `ECONNREFUSED ×12, answered 502: Bad Gateway ×3`: for evidence. */
export function describeFailures(failures: LoadResult['failures']): string {
  const counts = Map.groupBy(failures, ({ why }) => why);
  return [...counts].map(([why, { length }]) => `${why} ×${length}`).join(', ');
}
