/**
 * Doppler on loopback: the published shapes of `GET /v3/configs/config/secrets/download`, of its errors and of its rate limit.
 * Source: https://docs.doppler.com/reference/api and https://docs.doppler.com/reference/secrets-download.
 */
import { type Answer, type ProviderServer, type Request, startProviderServer } from './test-provider-server.ts';

export const DOPPLER_TOKEN = 'dp.st.prd.Xk93jd02mfn48fhs71kdh20sjd83hfk1';
/** Of an account that has no access to the config. */
export const STRANGER_TOKEN = 'dp.st.dev.90dkj3h4f8sd7f6g5h4j3k2l1m0n9b8v';

export interface DopplerServer extends ProviderServer {
  /** Of shop/prd. */
  secrets: Record<string, unknown>;
}

export async function startDoppler(secrets: Record<string, unknown>, { requests_per_minute = 240 } = {}): Promise<DopplerServer> {
  const server = await startProviderServer((request) => {
    const limits = {
      'x-ratelimit-limit': String(requests_per_minute),
      'x-ratelimit-remaining': String(Math.max(requests_per_minute - server.requests.length, 0)),
    };
    const { status, headers, body } = server.requests.length > requests_per_minute ? rateLimited() : answer(request, secrets);
    return { status, body, headers: { 'content-type': 'application/json', ...limits, ...headers } };
  });
  return Object.assign(server, { secrets });
}

export function dopplerError(status: number, message: string, headers: Record<string, string> = {}): Answer {
  const body = JSON.stringify({ messages: [message], success: false });
  return { status, headers: { 'content-type': 'application/json', ...headers }, body };
}

export const rateLimited = (seconds = 1) => dopplerError(429, 'Too many requests', { 'retry-after': String(seconds) });

function answer({ method, url, headers }: Request, secrets: Record<string, unknown>): Answer {
  if (method !== 'GET' || url.pathname !== '/v3/configs/config/secrets/download') return dopplerError(404, 'Not found');
  const token = headers.authorization?.replace(/^Bearer /, '');
  if (token !== DOPPLER_TOKEN && token !== STRANGER_TOKEN) return dopplerError(401, 'Invalid Auth token');
  const [project, config, format] = ['project', 'config', 'format'].map((name) => url.searchParams.get(name));
  if (format !== 'json') return dopplerError(400, 'You must specify a valid format');
  if (token === STRANGER_TOKEN) return dopplerError(403, `This token does not have access to requested project '${project}'`);
  if (project !== 'shop') return dopplerError(404, `Could not find requested project '${project}'`);
  if (config !== 'prd') return dopplerError(404, `Could not find requested config '${config}'`);
  return { status: 200, body: JSON.stringify(secrets) };
}
