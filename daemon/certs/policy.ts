/** When a certificate is renewed, tried again, and warned about. Pure: every decision is made of what is passed in. */

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Of its lifetime left when it is due. */
const RENEW_PART = 1 / 3;
/** Renewals of one day spread over so much of the lifetime, so that an authority does not get all of a host's at once. */
const JITTER_PART = 1 / 30;
const FIRST_PAUSE_MS = HOUR_MS;
const PAUSE_MS_MAX = DAY_MS;
/** A certificate that lives for days only is tried several times within the third that is left. */
const PAUSE_PART_MAX = 1 / 30;
const PAUSE_MS_MIN = 60_000;
/** An authority that limits without saying for how long. */
const LIMITED_PAUSE_MS = 3 * HOUR_MS;
/** No authority's limits reach further (those of Let's Encrypt count within a week), but a broken answer may. */
const RETRY_AFTER_MS_MAX = 7 * DAY_MS;
const WARN_MS = 14 * DAY_MS;
const WARN_PART_MAX = 1 / 6;

/** In milliseconds of Unix time. */
export interface Lifetime {
  not_before_ms: number;
  not_after_ms: number;
}

/** What was tried since the last success. */
export interface Failures {
  count: number;
  /** Null: nothing failed. */
  last_at_ms: number | null;
  /** What the authority demands; null: it has demanded nothing. */
  retry_after_ms: number | null;
  is_rate_limited: boolean;
}

export interface Situation {
  now_ms: number;
  /** Null: none has been obtained. */
  lifetime: Lifetime | null;
  failures: Failures;
  /** From 0 up to 1, the same for the same certificate. */
  jitter: number;
}

/** When to obtain or renew it, in milliseconds of Unix time; not after `now_ms` means now. */
export function nextAttemptAt({ now_ms, lifetime, failures, jitter }: Situation): number {
  const due = lifetime === null ? now_ms : renewalAt(lifetime, jitter);
  if (failures.last_at_ms === null || failures.count === 0) return due;
  // A clock that was put back would else make it wait until it is there again.
  const last = Math.min(failures.last_at_ms, now_ms);
  const demanded = failures.retry_after_ms === null ? last : Math.min(failures.retry_after_ms, now_ms + RETRY_AFTER_MS_MAX);
  return Math.max(due, last + pauseMs(failures, lifetime), demanded);
}

/** When a third of the lifetime is left, or up to a thirtieth of it later. */
export function renewalAt({ not_before_ms, not_after_ms }: Lifetime, jitter: number): number {
  const length = Math.max(0, not_after_ms - not_before_ms);
  return not_after_ms - length * RENEW_PART + length * JITTER_PART * jitter;
}

/** 1 h after the first failure, then twice as long each time up to a day; less for a certificate that lives for days only. */
function pauseMs({ count, retry_after_ms, is_rate_limited }: Failures, lifetime: Lifetime | null): number {
  const doubled = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(count - 1, 16), PAUSE_MS_MAX);
  // Haste would only make the limit last.
  if (is_rate_limited) return retry_after_ms === null ? Math.max(doubled, LIMITED_PAUSE_MS) : 0;
  if (lifetime === null) return doubled;
  const bound = (lifetime.not_after_ms - lifetime.not_before_ms) * PAUSE_PART_MAX;
  return Math.max(PAUSE_MS_MIN, Math.min(doubled, bound));
}

/** Fewer than 14 days left, or a sixth of the lifetime where that is less: by then a renewal has failed for long. */
export function isExpiring({ not_before_ms, not_after_ms }: Lifetime, now_ms: number): boolean {
  return not_after_ms - now_ms < Math.min(WARN_MS, (not_after_ms - not_before_ms) * WARN_PART_MAX);
}

/** From 0 up to 1, the same for the same fingerprint (hexadecimal digits). */
export function jitterOf(fingerprint: string): number {
  return Number.parseInt(fingerprint.slice(0, 8) || '0', 16) / 2 ** 32;
}
