/**
 * Doppler's REST API v3, `GET /v3/configs/config/secrets/download` with a bearer token: a JSON object of names and computed values.
 * Errors are `{"messages": […], "success": false}` with 4xx, 429 beyond the plan's rate of requests.
 * Source: https://docs.doppler.com/reference/api (authentication, rate limits, errors), https://docs.doppler.com/reference/secrets-download,
 * and what Doppler's own client makes of errors (github.com/DopplerHQ/cli, pkg/http).
 */
import { z } from 'zod';
import type { Provider } from '../../contract/secret-providers.ts';
import type { HttpClient } from '../ports.ts';
import type { Sealed } from '../sealed.ts';
import { faulty, ProviderFailure, said, throttled, unanswered } from './failure.ts';
import { type Patience, withRetries } from './retry.ts';
import { toSecrets, type Variable } from './variables.ts';

type Doppler = Extract<Provider, { kind: 'doppler' }>;

const downloadSchema = z.record(z.string(), z.unknown());
const errorSchema = z.object({ messages: z.array(z.string()) });

/** Throws a {@link ProviderFailure}. */
export async function pullDoppler(provider: Doppler, http: HttpClient, patience: Patience): Promise<Map<string, Sealed>> {
  const body = await withRetries(patience, (time_ms) => download(provider, http, time_ms, patience));
  const where = whereIn(provider);
  const parsed = downloadSchema.safeParse(parseJson(body));
  if (!parsed.success) throw new ProviderFailure(`what Doppler answers for ${where} is no list of secrets; look at its endpoint`);
  const variables = Object.entries(parsed.data).map(([name, value]): Variable => {
    if (typeof value === 'string') return { name, value, source: name };
    throw new ProviderFailure(`Doppler does not show the value of ${said(name, [])} in ${where}; use a token that may read it`);
  });
  return toSecrets(variables, where);
}

async function download(provider: Doppler, http: HttpClient, time_ms: number, { signal }: Patience): Promise<Buffer> {
  const { endpoint, project, config, token } = provider;
  const url = new URL(`${endpoint.replace(/\/+$/, '')}/v3/configs/config/secrets/download`);
  url.search = new URLSearchParams({ format: 'json', project, config }).toString();
  const headers = { accept: 'application/json', authorization: `Bearer ${token}`, 'user-agent': 'nextdeployd' };
  const outcome = await http.send({ method: 'GET', url, headers }, time_ms, signal);
  if (outcome.kind === 'unanswered') throw unanswered('Doppler', outcome);
  const { status, wait_ms, body } = outcome;
  if (status === 200) return body;
  if (status === 429) throw throttled('Doppler', wait_ms);
  if (status >= 500) throw faulty('Doppler', status, wait_ms);
  throw refusal(provider, status, body);
}

function refusal(provider: Doppler, status: number, body: Buffer): ProviderFailure {
  const where = whereIn(provider);
  switch (status) {
    case 401:
      return new ProviderFailure('Doppler does not know the token; set the provider anew with one that is valid');
    case 403:
      return new ProviderFailure(`the token may not read ${where}; set the provider anew with one that may`);
    case 404:
      return new ProviderFailure(
        `Doppler has no ${where}, or not for this token; set the provider anew with a config that is there`,
      );
    default: {
      const parsed = errorSchema.safeParse(parseJson(body));
      const words = parsed.success ? said(parsed.data.messages.join(' '), [provider.token]) : '';
      return new ProviderFailure(`Doppler refuses to give ${where} (status ${status}${words === '' ? '' : `: ${words}`})`);
    }
  }
}

function whereIn({ project, config }: Doppler): string {
  return `${project}/${config}`;
}

/** Undefined for what is none: what a parser would say of it quotes it. */
function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}
