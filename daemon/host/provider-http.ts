/** HTTP to providers of secrets, bounded in time and size. What is sent and answered is in no error. */
import { lookup as lookUp } from 'node:dns';
import { type ClientRequest, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import { hostOf, isLinkLocal, LINK_LOCAL } from '../contract/endpoints.ts';
import { LIMITS } from '../contract/limits.ts';
import type { HttpClient, HttpOutcome, HttpRequest } from '../secrets/ports.ts';

type Unanswered = Extract<HttpOutcome, { kind: 'unanswered' }>;

export const providerHttp: HttpClient = {
  async send(request, time_ms, signal) {
    signal.throwIfAborted();
    // Addresses are not looked up.
    if (isLinkLocal(hostOf(request.url))) return linkLocal();
    return await exchange(request, time_ms, signal);
  },
};

function exchange({ method, url, headers, body }: HttpRequest, time_ms: number, signal: AbortSignal): Promise<HttpOutcome> {
  return new Promise((resolve, reject) => {
    const open = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const options: RequestOptions = { method, headers, agent: false, lookup: lookUpOutside };
    let request: ClientRequest;
    try {
      request = open(url, options);
    } catch {
      // Such as a header that is none; what it says quotes it.
      return resolve({ kind: 'unanswered', reason: 'the request cannot be sent', is_passing: false });
    }
    const end = (outcome: HttpOutcome) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      request.destroy();
      if (signal.aborted) reject(signal.reason);
      else resolve(outcome);
    };
    const fail = (reason: string) => end({ kind: 'unanswered', reason, is_passing: true });
    const abort = () => fail('aborted');
    const timer = setTimeout(() => fail(`no answer within ${Math.ceil(time_ms / 1_000)} s`), time_ms);
    signal.addEventListener('abort', abort, { once: true });
    request.on('error', (error) => end(describe(error)));
    request.once('response', (response) => collect(response, end));
    request.end(body);
  });
}

function collect(response: IncomingMessage, end: (outcome: HttpOutcome) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > LIMITS.provider_answer_bytes_max) return end(TOO_LARGE);
    chunks.push(chunk);
  });
  response.on('error', (error) => end(describe(error)));
  response.once('end', () => {
    const headers = Object.entries(response.headers).flatMap(([name, value]) =>
      typeof value === 'string' ? [[name, value]] : [],
    );
    end({
      kind: 'answered',
      status: response.statusCode ?? 0,
      headers: Object.fromEntries(headers),
      wait_ms: retryAfterMs(response.headers['retry-after'] ?? ''),
      body: Buffer.concat(chunks),
    });
  });
}

/** RFC 9110 §10.2.3: seconds, or a date. Null for neither. */
function retryAfterMs(text: string): number | null {
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  const at = text.endsWith('GMT') ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? null : Math.max(at - Date.now(), 0);
}

const TOO_LARGE: Unanswered = {
  kind: 'unanswered',
  reason: `its answer is larger than ${LIMITS.provider_answer_bytes_max} bytes`,
  is_passing: false,
};

/** A name may stand for such an address as well. */
const lookUpOutside: LookupFunction = (hostname, options, callback) => {
  lookUp(hostname, { ...options, all: true }, (error, addresses) => {
    const outside = error ? [] : addresses.filter(({ address }) => !isLinkLocal(address));
    const [first] = outside;
    if (error || first === undefined) return callback(error ?? new LinkLocal(), '', 0);
    if (options.all === true) return callback(null, outside);
    callback(null, first.address, first.family);
  });
};

class LinkLocal extends Error {}

function linkLocal(): Unanswered {
  return { kind: 'unanswered', reason: LINK_LOCAL, is_passing: false };
}

const PASSING: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection closed without an answer',
  EHOSTUNREACH: 'its address does not answer',
  ENETUNREACH: 'this server has no way there',
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'its name cannot be looked up',
  ETIMEDOUT: 'its address does not answer',
  EPIPE: 'connection closed without an answer',
};

/** Of OpenSSL's and Node's errors the code alone. */
function describe(error: NodeJS.ErrnoException): Unanswered {
  if (error instanceof LinkLocal) return linkLocal();
  const code = (error.code ?? '').replaceAll(/[^A-Z0-9_]/gi, '').slice(0, 60);
  const passing = PASSING[code];
  if (passing !== undefined) return { kind: 'unanswered', reason: passing, is_passing: true };
  if (/CERT|SELF_SIGNED|VERIFY|ISSUER/.test(code))
    return { kind: 'unanswered', reason: `its certificate is not trusted here, ${code}`, is_passing: false };
  if (/^HPE_/.test(code)) return { kind: 'unanswered', reason: 'it does not speak HTTP', is_passing: false };
  return { kind: 'unanswered', reason: code === '' ? 'the connection failed' : code, is_passing: true };
}
