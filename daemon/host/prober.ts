/** Checks over the network: of a container at its own address, and of a site through the proxy's public listener. */
import { type ClientRequest, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import type { HealthCheck } from '../contract/configuration.ts';
import type { ProbeResult } from '../contract/domain.ts';
import { LIMITS } from '../contract/limits.ts';
import type { ProxyType } from '../contract/names.ts';
import { isHttps } from '../contract/rules.ts';
import type { ProbeOutcome, Prober, VerifyAnswer, VerifyTarget } from '../engine/ports.ts';
import type { ContainerPlan } from '../engine/steps.ts';
import { SLOT_HEADER, VERIFY_HEADER } from '../engine/verify.ts';
import { nextHop, normalPath } from './redirects.ts';

export interface PublicListener {
  host: string;
  http_port: number;
  https_port: number;
}

const VERIFY_TIME = { left_ms: 5_000, whole_ms: 5_000 };
const BODY_CHARACTERS_MAX = LIMITS.evidence_body_characters;

export class NetworkProber implements Prober {
  readonly #listeners: Record<ProxyType, PublicListener>;

  constructor(listeners: Record<ProxyType, PublicListener>) {
    this.#listeners = listeners;
  }

  async probe(target: ContainerPlan, health: Exclude<HealthCheck, { kind: 'none' }>, signal: AbortSignal): Promise<ProbeOutcome> {
    const at = new Date();
    const started = performance.now();
    const name = `${target.address}:${target.port}`;
    const seen =
      health.kind === 'http' ? await probeHttp(target, health, signal) : await probeTcp(target, health.timeout_ms, signal);
    const { healthy, status, detail, is_refused = false, is_endless = false } = seen;
    const label = health.kind === 'http' ? `http://${name}${health.path}` : `tcp://${name}`;
    const duration_ms = Math.round((performance.now() - started) * 10) / 10;
    return { at: at.toISOString(), target: label, healthy, status, duration_ms, detail, is_refused, is_endless };
  }

  async verify(target: VerifyTarget, signal: AbortSignal): Promise<VerifyAnswer> {
    const { host, http_port, https_port } = this.#listeners[target.proxy];
    const options = {
      host,
      path: target.path,
      headers: { host: target.domain, [VERIFY_HEADER]: target.verify_key, 'user-agent': 'nextdeploy-verify' },
    };
    // Whether the certificate is trusted by this host says nothing about the release; that there is one for the name does.
    const start = () =>
      isHttps(target.tls)
        ? httpsRequest({ ...options, port: https_port, servername: target.domain, rejectUnauthorized: false, agent: false })
        : httpRequest({ ...options, port: http_port, agent: false });
    try {
      const { response, body } = await exchange(start, VERIFY_TIME, (status) => status >= 400, signal);
      const slot = response.headers[SLOT_HEADER];
      return { status: response.statusCode ?? null, slot: typeof slot === 'string' ? slot : null, failure: 'none', detail: body };
    } catch (error) {
      signal.throwIfAborted();
      const { code, message } = describeError(error);
      const isTls = /^ERR_SSL|EPROTO|ERR_TLS/.test(code) || /tls|ssl|handshake/i.test(message);
      const failure = code === 'TIMEOUT' ? 'timeout' : isTls ? 'tls' : 'connect';
      return { status: null, slot: null, failure, detail: isTls ? describeTls(message) : message };
    }
  }
}

/** What is so of few is left out where it is not. */
type Seen = Pick<ProbeResult, 'healthy' | 'status' | 'detail'> & Partial<Pick<ProbeOutcome, 'is_refused' | 'is_endless'>>;

type HttpCheck = Extract<HealthCheck, { kind: 'http' }>;

/** All requests together have the time of one check. */
async function probeHttp(target: ContainerPlan, health: HttpCheck, signal: AbortSignal): Promise<Seen> {
  const origin = `http://${target.address}:${target.port}`;
  const ends = performance.now() + health.timeout_ms;
  const visited = [normalPath(origin, health.path)];
  try {
    for (let path = health.path; ; ) {
      const start = () => httpRequest(requestOf(target, path));
      const time = { left_ms: Math.max(ends - performance.now(), 1), whole_ms: health.timeout_ms };
      const { response, body } = await exchange(start, time, (status) => !isHealthy(status, health), signal);
      const status = response.statusCode ?? 0;
      const { location } = response.headers;
      const hop = isRedirectWanted(health) ? ({ kind: 'answer' } as const) : nextHop(origin, visited, { status, location });
      if (hop.kind === 'endless') return { healthy: false, status, detail: cut(hop.detail), is_endless: true };
      if (hop.kind === 'answer') {
        const healthy = isHealthy(status, health);
        const where = visited.length > 1 && !healthy ? `redirected to ${path}: ` : '';
        return { healthy, status, detail: cut(where + body) };
      }
      path = hop.path;
      visited.push(path);
    }
  } catch (error) {
    signal.throwIfAborted();
    return unanswered(error);
  }
}

function requestOf({ address, port }: ContainerPlan, path: string): RequestOptions {
  const headers = { host: `${address}:${port}`, 'user-agent': 'nextdeploy-probe', connection: 'close' };
  return { host: address, port, path, headers, agent: false };
}

function isHealthy(status: number, { status: range }: HttpCheck): boolean {
  return status >= range.min && status <= range.max;
}

/** Where nothing but a redirect is healthy, it is the redirect that is asked for. */
function isRedirectWanted({ status }: HttpCheck): boolean {
  return status.min >= 300 && status.max < 400;
}

function cut(text: string): string {
  return text.slice(0, BODY_CHARACTERS_MAX);
}

function probeTcp(target: ContainerPlan, timeoutMs: number, signal: AbortSignal): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: target.address, port: target.port, timeout: timeoutMs });
    const abort = () => socket.destroy(new Error('aborted'));
    signal.addEventListener('abort', abort, { once: true });
    const end = (seen: Seen) => {
      signal.removeEventListener('abort', abort);
      socket.destroy();
      if (signal.aborted) reject(signal.reason);
      else resolve(seen);
    };
    socket.once('connect', () => end({ healthy: true, status: null, detail: '' }));
    socket.once('timeout', () => end(unanswered(new ProbeTimeout(timeoutMs))));
    socket.once('error', (error) => end(unanswered(error)));
  });
}

/**
 * Sends a request without a body; resolves with the answer and, where its status makes the body worth reading, the start of that.
 * The error of a time-out names `whole_ms`. Redirects are not followed.
 */
function exchange(
  start: () => ClientRequest,
  time: { left_ms: number; whole_ms: number },
  wantsBody: (status: number) => boolean,
  signal: AbortSignal,
): Promise<{ response: IncomingMessage; body: string }> {
  return new Promise((resolve, reject) => {
    const request = start();
    const timer = setTimeout(() => request.destroy(new ProbeTimeout(time.whole_ms)), time.left_ms);
    const abort = () => request.destroy(new Error('aborted'));
    signal.addEventListener('abort', abort, { once: true });
    request.once('close', () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    });
    request.on('error', reject);
    request.once('response', (response) => {
      let body = '';
      const finish = () => {
        if (signal.aborted) return reject(signal.reason);
        resolve({ response, body: cut(body) });
        request.destroy();
      };
      request.off('error', reject);
      // Cut off by the time-out or the peer: the status and what came of the body stand.
      request.on('error', finish);
      response.on('error', finish);
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
        if (body.length >= BODY_CHARACTERS_MAX) finish();
      });
      response.once('end', finish);
      if (!wantsBody(response.statusCode ?? 0)) finish();
    });
    request.end();
  });
}

class ProbeTimeout extends Error {
  readonly code = 'TIMEOUT';

  constructor(timeoutMs: number) {
    super(`no answer in ${timeoutMs / 1000} s`);
  }
}

function unanswered(error: unknown): Seen {
  const { code, message } = describeError(error);
  return { healthy: false, status: null, detail: message, is_refused: code === 'ECONNREFUSED' || code === 'EHOSTUNREACH' };
}

/** Of OpenSSL's line only the alert is for people: `…:tlsv1 alert internal error:…`. */
function describeTls(message: string): string {
  const alert = /alert [a-z ]+/.exec(message)?.[0];
  return `the TLS handshake failed${alert === undefined ? '' : ` (${alert})`}`;
}

function describeError(error: unknown): { code: string; message: string } {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const known: Record<string, string> = {
    ECONNREFUSED: 'connection refused',
    ECONNRESET: 'connection closed without an answer',
    EHOSTUNREACH: 'the address does not answer',
  };
  return { code, message: known[code] ?? (error instanceof Error ? error.message : String(error)) };
}
