/** The demo's site as a visitor sees it: through the server's Caddy, by its name. */
import { request } from 'node:http';

/** A name that browsers resolve to this machine themselves (RFC 6761 §6.3), so that an operator can open it. */
export const DOMAIN = 'shop.localhost';

export interface Visit {
  status: number;
  body: string;
}

const VISIT_MS_MAX = 10_000;

/** GET `path` of the site at `base` (`http://127.0.0.1:PORT`). */
export function visit(base: string, path: string, signal: AbortSignal): Promise<Visit> {
  return new Promise((resolve, reject) => {
    const options = {
      headers: { host: DOMAIN },
      agent: false,
      signal: AbortSignal.any([signal, AbortSignal.timeout(VISIT_MS_MAX)]),
    };
    const call = request(new URL(path, base), options, (answer) => {
      let body = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => (body += chunk));
      answer.once('error', reject);
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, body }));
    });
    call.once('error', reject);
    call.end();
  });
}

/** The version that the page prints, from its own markup. */
async function pageVersion(base: string, signal: AbortSignal): Promise<string> {
  const { status, body } = await visit(base, '/', signal);
  const version = /data-testid="version"[^>]*>(?:<!-- -->)?([^<]+)/.exec(body)?.[1];
  if (status !== 200 || version === undefined)
    throw new Error(`The page answered ${status} without a version: ${body.slice(0, 200)}`);
  return version;
}

/** Fails unless the page says `version` now. */
export async function expectVersion(base: string, version: string, signal: AbortSignal): Promise<void> {
  const found = await pageVersion(base, signal);
  if (found !== version) throw new Error(`The page says ${found}; it should say ${version}.`);
}
