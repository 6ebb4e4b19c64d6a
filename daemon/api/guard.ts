import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { ListenerKind } from '../contract/access.ts';
import type { Role } from '../contract/domain.ts';
import { DomainError } from '../contract/errors.ts';
import { DAEMON_CONFIG_PATH, LIMITS } from '../contract/limits.ts';
import type { Sealed } from '../secrets/sealed.ts';
import { SERVER_BOUNDS } from './bounds.ts';

export interface Caller {
  /** What operations and the audit log show: `admin`, `token:` and its name, or `anonymous`. */
  actor: string;
  /** Null: nobody that is known. */
  role: Role | null;
  /** Null: the administrator of the configuration, or nobody that is known. */
  token_id: string | null;
  /** Those that the token is limited to; null: all. */
  apps: ReadonlySet<string> | null;
  /** Aborted, with what to tell the caller, where there is no valid token, and once it is revoked or expires. */
  ended: AbortSignal;
}

/** Knows the tokens that were made over the API. */
export interface TokenBearers {
  /** The bearer of this text; null if no token has it. */
  find(text: string): Caller | null;
}

export interface AuthFailure {
  listener: ListenerKind;
  /** Failures within the last minute, this one included. */
  failures: number;
}

export interface Guard {
  /**
   * Refuses what no client of ours sends: a browser's `Origin`, a `Host` that is not this machine (DNS rebinding).
   * @throws DomainError `forbidden`
   */
  checkSource(request: IncomingMessage, listener: ListenerKind): void;
  /** Says who calls, by the token that was sent; somebody whose `ended` is aborted if that is none, or none any more. */
  identify(request: IncomingMessage): Caller;
  /**
   * Lets a caller with a valid token pass, at once. The answer to others is held back once too many of them came within a minute.
   * @throws DomainError `unauthorized`, or `rate_limited` when too many answers are held back already
   */
  admit(caller: Caller, listener: ListenerKind, signal: AbortSignal): Promise<void>;
}

export interface GuardOptions {
  /** Of the configuration: its bearer is an administrator. */
  token: Sealed;
  tokens: TokenBearers;
  /** Called when failures within a minute pass the bound, and at most once a minute while they stay above it. */
  onAuthFailure: (failure: AuthFailure) => void;
  now?: () => number;
}

const MINUTE_MS = 60_000;
const NO_TOKEN = `A token is needed: send "Authorization: Bearer …" with the token of ${DAEMON_CONFIG_PATH}, or one made by \`nextdeploy tokens create\`.`;
const UNKNOWN_TOKEN = `The token is not valid; compare it with auth.token in ${DAEMON_CONFIG_PATH}, or make one with \`nextdeploy tokens create\`.`;
const ROLE_RANK: Record<Role, number> = { viewer: 0, operator: 1, admin: 2 };

/** @throws DomainError `forbidden` if the caller's role is below what the endpoint asks for */
export function requireRole(caller: Caller, least: Role): void {
  if (caller.role !== null && ROLE_RANK[caller.role] >= ROLE_RANK[least]) return;
  throw new DomainError(
    'forbidden',
    `This needs the role ${least}; the token in use is of the role ${caller.role}. Use another token.`,
  );
}

/** Somebody who sent no valid token. `refusal`: what to say where one is needed. */
function nobody(refusal: string): Caller {
  const ended = AbortSignal.abort(new DomainError('unauthorized', refusal));
  return { actor: 'anonymous', role: null, token_id: null, apps: null, ended };
}

/** Whoever calls where no token is needed. */
export const NOBODY = nobody('No token was asked for.');

/** How long the answer to the `failures`-th wrong token within a minute is held back. */
export function authDelayMs(failures: number): number {
  const beyond = failures - LIMITS.auth_failures_per_minute_before_delay;
  return beyond <= 0 ? 0 : Math.min(LIMITS.auth_delay_ms_max, 250 * 2 ** Math.min(beyond - 1, 10));
}

export function createGuard({ token, tokens, onAuthFailure, now = Date.now }: GuardOptions): Guard {
  const matches = tokenMatcher(token);
  const never = new AbortController().signal;
  let failures: number[] = [];
  let reportedAt = Number.NEGATIVE_INFINITY;
  let delayed = 0;

  function recordFailure(listener: ListenerKind): number {
    const at = now();
    // Beyond twice the bound the exact number makes no difference, so no more are kept.
    const kept = LIMITS.auth_failures_per_minute_before_delay * 2;
    failures = [...failures.filter((each) => at - each < MINUTE_MS), at].slice(-kept);
    if (failures.length > LIMITS.auth_failures_per_minute_before_delay && at - reportedAt >= MINUTE_MS) {
      reportedAt = at;
      onAuthFailure({ listener, failures: failures.length });
    }
    return failures.length;
  }

  async function holdBack(wait_ms: number, signal: AbortSignal): Promise<void> {
    if (wait_ms === 0) return;
    if (delayed >= SERVER_BOUNDS.delayed_answers_max) {
      throw new DomainError('rate_limited', 'Too many requests with a wrong token; wait a minute and check the token.');
    }
    delayed += 1;
    // A caller that hangs up ends the wait; there is nobody left to answer then.
    await delay(wait_ms, undefined, { signal }).catch(() => undefined);
    delayed -= 1;
  }

  return {
    checkSource(request, listener) {
      if (request.headers.origin !== undefined) {
        throw new DomainError('forbidden', 'Requests from web pages are refused; use the console or the nextdeploy command.');
      }
      const hosts = request.headersDistinct.host ?? [];
      if (hosts.length === 1 && isKnownHost(hosts[0] ?? '', listener)) return;
      throw new DomainError('forbidden', 'The Host header must name this machine, such as 127.0.0.1 or localhost.');
    },
    identify(request) {
      const given = /^bearer +([^\s]+)$/i.exec(request.headers.authorization ?? '')?.[1];
      if (given === undefined) return nobody(NO_TOKEN);
      if (matches(given)) return { actor: 'admin', role: 'admin', token_id: null, apps: null, ended: never };
      return tokens.find(given) ?? nobody(UNKNOWN_TOKEN);
    },
    async admit({ ended }, listener, signal) {
      if (!ended.aborted) return;
      await holdBack(authDelayMs(recordFailure(listener)), signal);
      throw ended.reason;
    },
  };
}

function isKnownHost(host: string, listener: ListenerKind): boolean {
  const name = /^(\[::1\]|[a-z0-9.-]+)(?::[0-9]{1,5})?$/i.exec(host)?.[1]?.toLowerCase();
  if (name === undefined) return false;
  return ['127.0.0.1', 'localhost', '[::1]'].includes(name) || (listener === 'socket' && name === 'nextdeploy');
}

/** Both sides are hashed with a key of this process, so that neither length nor content shows in the time taken. */
function tokenMatcher(token: Sealed): (given: string) => boolean {
  const salt = randomBytes(32);
  const digest = (value: string) => createHash('sha256').update(salt).update(value).digest();
  const expected = digest(token.open());
  return (given) => timingSafeEqual(digest(given), expected);
}
