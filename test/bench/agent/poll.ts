/** The one loop that both sides of a comparison are timed with. */
import { get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { PollTarget } from './protocol.ts';

/** Whoever is asked before it is ready has less of the processors to become so. */
const POLL_INTERVAL_MS = 20;
const ATTEMPT_MS_MAX = 1000;
const BODY_BYTES_MAX = 64 * 1024;

/** Asks every few milliseconds until the wanted version answers; returns when it did, by `performance.now()`. */
export async function firstAnswer(target: PollTarget, signal: AbortSignal): Promise<number> {
  for (;;) {
    signal.throwIfAborted();
    const started = performance.now();
    const version = await versionAt(target);
    if (version === target.version) return performance.now();
    const wait = POLL_INTERVAL_MS - (performance.now() - started);
    if (wait > 0) await delay(wait, undefined, { signal });
  }
}

/** The version that answers now with status 200, or undefined. */
function versionAt(target: Omit<PollTarget, 'version'>): Promise<string | undefined> {
  return new Promise((resolve) => {
    const { address, port, path, host } = target;
    const options = { host: address, port, path, headers: { Host: host }, agent: false, timeout: ATTEMPT_MS_MAX };
    const request = get(options, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        if (body.length < BODY_BYTES_MAX) body += chunk;
      });
      response.on('end', () => resolve(response.statusCode === 200 ? versionIn(body) : undefined));
      response.on('error', () => resolve(undefined));
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(undefined));
  });
}

function versionIn(body: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed !== 'object' || parsed === null || !('version' in parsed)) return undefined;
    return typeof parsed.version === 'string' ? parsed.version : undefined;
  } catch {
    return undefined;
  }
}
