/** Why a provider could not be asked, in words of ours: nothing that it answered is in them but, bounded, what it says itself of an error. */
import type { HttpOutcome } from '../ports.ts';

/** `reason` goes on after “cannot be pulled: ”, and ends with what to do. */
export class ProviderFailure extends Error {
  readonly reason: string;
  /** Null: asking again would not help. Else how long it asks to be left alone, or that it does not say. */
  readonly retry: { wait_ms: number | null } | null;

  constructor(reason: string, retry: ProviderFailure['retry'] = null) {
    super(reason);
    this.reason = reason;
    this.retry = retry;
  }
}

const SAID_CHARACTERS_MAX = 160;

/** What others wrote, as it may stand in a message: one line, short, and without the credentials that were sent to them. */
export function said(text: string, secrets: readonly string[]): string {
  const without = secrets.reduce((rest, secret) => rest.replaceAll(secret, '[value]'), text);
  const line = without.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029\s]+/gu, ' ').trim();
  return line.length > SAID_CHARACTERS_MAX ? `${line.slice(0, SAID_CHARACTERS_MAX)}…` : line;
}

export function unanswered(name: string, { reason, is_passing }: Extract<HttpOutcome, { kind: 'unanswered' }>): ProviderFailure {
  const remedy = is_passing ? 'try again, or look at the network of this server' : 'look at its endpoint';
  return new ProviderFailure(`${name} cannot be reached (${reason}); ${remedy}`, is_passing ? { wait_ms: null } : null);
}

export function throttled(name: string, wait_ms: number | null): ProviderFailure {
  const when = wait_ms === null ? 'in a minute' : `in ${Math.max(Math.ceil(wait_ms / 1_000), 1)} s`;
  return new ProviderFailure(`${name} is asked too often; try again ${when}`, { wait_ms });
}

export function faulty(name: string, status: number, wait_ms: number | null): ProviderFailure {
  return new ProviderFailure(`${name} has a fault of its own (status ${status}); try again later`, { wait_ms });
}
