import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Failures, isExpiring, jitterOf, type Lifetime, nextAttemptAt, renewalAt } from './policy.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NOW = Date.parse('2026-06-01T00:00:00Z');
const NONE: Failures = { count: 0, last_at_ms: null, retry_after_ms: null, is_rate_limited: false };

const nowAny = fc.integer({ min: Date.parse('2020-01-01'), max: Date.parse('2060-01-01') });
/** From ten minutes to two years, somewhere around now. */
const lifetimeAny: fc.Arbitrary<Lifetime> = fc
  .record({
    start: fc.integer({ min: NOW - 800 * DAY, max: NOW + 10 * DAY }),
    length: fc.integer({ min: 10 * MINUTE, max: 730 * DAY }),
  })
  .map(({ start, length }) => ({ not_before_ms: start, not_after_ms: start + length }));
const jitterAny = fc.double({ min: 0, max: 0.999999, noNaN: true });
const failuresAny: fc.Arbitrary<Failures> = fc.record({
  count: fc.integer({ min: 1, max: 2_000 }),
  last_at_ms: fc.integer({ min: NOW - 400 * DAY, max: NOW + 400 * DAY }),
  retry_after_ms: fc.option(fc.integer({ min: NOW - 30 * DAY, max: NOW + 4_000 * DAY })),
  is_rate_limited: fc.boolean(),
});
const lengthOf = ({ not_before_ms, not_after_ms }: Lifetime) => not_after_ms - not_before_ms;

describe('a renewal', () => {
  it('is due at once where there is no certificate, and else when between a third and three tenths of the lifetime is left', () => {
    fc.assert(
      fc.property(nowAny, lifetimeAny, jitterAny, (now_ms, lifetime, jitter) => {
        expect(nextAttemptAt({ now_ms, lifetime: null, failures: NONE, jitter })).toBe(now_ms);
        const left = (lifetime.not_after_ms - nextAttemptAt({ now_ms, lifetime, failures: NONE, jitter })) / lengthOf(lifetime);
        expect(left).toBeLessThanOrEqual(1 / 3 + 1e-6);
        expect(left).toBeGreaterThanOrEqual(0.3 - 1e-6);
      }),
    );
  });

  it('of 90 days is due in the last thirty, and warned about in the last fourteen; one of six days in the last two and one', () => {
    const long = { not_before_ms: NOW, not_after_ms: NOW + 90 * DAY };
    expect((long.not_after_ms - renewalAt(long, 0)) / DAY).toBeCloseTo(30);
    expect((long.not_after_ms - renewalAt(long, 1)) / DAY).toBeCloseTo(27);
    expect([75.9, 76.1].map((day) => isExpiring(long, NOW + day * DAY))).toEqual([false, true]);
    const short = { not_before_ms: NOW, not_after_ms: NOW + 6 * DAY };
    expect((short.not_after_ms - renewalAt(short, 0)) / DAY).toBeCloseTo(2);
    expect([4.9, 5.1].map((day) => isExpiring(short, NOW + day * DAY))).toEqual([false, true]);
  });

  it('comes before anybody is warned', () => {
    fc.assert(
      fc.property(lifetimeAny, jitterAny, (lifetime, jitter) => {
        expect(isExpiring(lifetime, renewalAt(lifetime, jitter))).toBe(false);
        expect(isExpiring(lifetime, lifetime.not_after_ms)).toBe(true);
      }),
    );
  });

  it('that failed is tried again, never before it is due, and never later than a day after the last try if the authority asks for no more', () => {
    fc.assert(
      fc.property(lifetimeAny, jitterAny, failuresAny, nowAny, (lifetime, jitter, failures, now_ms) => {
        const next = nextAttemptAt({ now_ms, lifetime, failures, jitter });
        const due = renewalAt(lifetime, jitter);
        expect(next).toBeGreaterThanOrEqual(due);
        const last = Math.min(failures.last_at_ms ?? 0, now_ms);
        if (failures.retry_after_ms === null) expect(next).toBeLessThanOrEqual(Math.max(due, last + DAY));
      }),
    );
  });

  it('that fails goes on failing after 1, 2, 4, 8, 16, 24, 24 … hours', () => {
    const pauses = [1, 2, 3, 4, 5, 6, 7, 500].map((count) => {
      const failures = { ...NONE, count, last_at_ms: NOW };
      return (nextAttemptAt({ now_ms: NOW, lifetime: null, failures, jitter: 0 }) - NOW) / HOUR;
    });
    expect(pauses).toEqual([1, 2, 4, 8, 16, 24, 24, 24]);
  });

  it('of a certificate that lives for days is tried at least five times before it expires, one of an hour too', () => {
    fc.assert(
      fc.property(fc.integer({ min: 30 * MINUTE, max: 7 * DAY }), jitterAny, (length, jitter) => {
        const lifetime = { not_before_ms: NOW, not_after_ms: NOW + length };
        let failures = NONE;
        let now_ms = NOW;
        while (failures.count < 10_000) {
          now_ms = Math.max(now_ms, nextAttemptAt({ now_ms, lifetime, failures, jitter }));
          if (now_ms >= lifetime.not_after_ms) break;
          failures = { ...NONE, count: failures.count + 1, last_at_ms: now_ms };
        }
        expect(failures.count).toBeGreaterThanOrEqual(5);
      }),
    );
  });

  it('waits as long as a limiting authority says, up to a week, and for hours where it does not say', () => {
    const limited = { ...NONE, count: 1, last_at_ms: NOW, is_rate_limited: true };
    const pauseHours = (retry_after_ms: number | null) =>
      (nextAttemptAt({ now_ms: NOW, lifetime: null, failures: { ...limited, retry_after_ms }, jitter: 0 }) - NOW) / HOUR;
    expect([null, NOW + 30 * HOUR, NOW + 900 * DAY, NOW - HOUR].map(pauseHours)).toEqual([3, 30, 168, 0]);
    // However short it lives.
    const lifetime = { not_before_ms: NOW - 2 * HOUR, not_after_ms: NOW };
    expect(nextAttemptAt({ now_ms: NOW, lifetime, failures: limited, jitter: 0 }) - NOW).toBe(3 * HOUR);
  });

  it('is no further away than a week whatever the clock did', () => {
    fc.assert(
      fc.property(nowAny, failuresAny, jitterAny, (now_ms, failures, jitter) => {
        expect(nextAttemptAt({ now_ms, lifetime: null, failures, jitter })).toBeLessThanOrEqual(now_ms + 7 * DAY);
      }),
    );
  });

  it('is spread by the fingerprint, always alike', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9a-f]{64}$/), (fingerprint) => {
        const jitter = jitterOf(fingerprint);
        expect(jitter >= 0 && jitter < 1 && jitter === jitterOf(fingerprint)).toBe(true);
      }),
    );
  });
});
