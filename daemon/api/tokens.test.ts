import { describe, expect, it, vi } from 'vitest';
import { createdTokenSchema, tokenRequestSchema } from '../contract/access.ts';
import { DomainError } from '../contract/errors.ts';
import { LIMITS } from '../contract/limits.ts';
import { TestTokenStore, testTokens } from './test-tokens.ts';

const START_MS = Date.parse('2026-01-01T00:00:00.000Z');
const HOUR_MS = 3_600_000;

/** Tokens with a clock that only the test moves. */
function start(store = new TestTokenStore()) {
  const clock = { ms: START_MS };
  const made = testTokens(() => new Date(clock.ms), store);
  const inHours = (hours: number) => new Date(clock.ms + hours * HOUR_MS).toISOString();
  return { ...made, clock, inHours };
}

const refusal = (signal: AbortSignal | undefined) => signal?.reason as unknown;

describe('a token', () => {
  it('is known by its text, which is kept as a hash only and told once', () => {
    const { tokens, store } = start();
    const made = tokens.create({ name: 'ci', role: 'operator', apps: ['shop'] }, 'admin');
    expect(createdTokenSchema.parse(made)).toMatchObject({ name: 'ci', state: 'live', created_by: 'admin' });
    expect(made.token).toMatch(/^nd_[A-Za-z0-9_-]{43}$/);
    expect(JSON.stringify([store.records, tokens.list()])).not.toContain(made.token.slice(3));
    expect(JSON.stringify(tokens.list())).not.toContain(store.records[0]?.hash);
    const bearer = tokens.find(made.token);
    expect(bearer).toMatchObject({ actor: 'token:ci', role: 'operator', token_id: made.id, apps: new Set(['shop']) });
    expect(bearer?.ended.aborted).toBe(false);
    expect(tokens.find(`${made.token.slice(0, -1)}!`)).toBeNull();
    expect(tokens.find('')).toBeNull();
  });

  it('is known after a restart, and one that was revoked stays revoked', () => {
    const { tokens, store } = start();
    const [kept, gone] = ['kept', 'gone'].map((name) => tokens.create({ name, role: 'viewer' }, 'admin'));
    tokens.revoke(gone!.id, 'admin');
    const after = start(store).tokens;
    expect(after.find(kept!.token)).toMatchObject({ actor: 'token:kept', ended: { aborted: false } });
    expect(refusal(after.find(gone!.token)?.ended)).toMatchObject({
      code: 'unauthorized',
      message: expect.stringMatching(/gone was revoked at 2026-.*ask an administrator/),
    });
  });

  it('opens nothing from the moment that it is revoked, and says so to whoever holds it', () => {
    const { tokens } = start();
    const made = tokens.create({ name: 'ci', role: 'viewer' }, 'admin');
    const { ended } = tokens.find(made.token)!;
    expect(tokens.revoke(made.id, 'token:boss')).toMatchObject({ state: 'revoked', revoked_by: 'token:boss' });
    expect(refusal(ended)).toMatchObject({ code: 'unauthorized', message: expect.stringContaining('was revoked') });
    expect(tokens.revoke(made.id, 'admin')).toMatchObject({ revoked_by: 'token:boss' });
    expect(() => tokens.revoke('tok-00000000', 'admin')).toThrow(expect.objectContaining({ code: 'not_found' }));
  });

  it('that cannot be revoked on a full disk opens nothing all the same, and is revoked for good when there is space', () => {
    const { tokens, store } = start();
    const made = tokens.create({ name: 'ci', role: 'viewer' }, 'admin');
    store.failure = new DomainError('unavailable', 'The disk is full.');
    expect(() => tokens.revoke(made.id, 'admin')).toThrow(
      /ci is shut out, but only until.*The disk is full.*Revoke tok-\w+ once more/,
    );
    expect(tokens.find(made.token)?.ended.aborted).toBe(true);
    expect(store.records[0]?.revoked_at).toBeNull();
    store.failure = null;
    expect(tokens.revoke(made.id, 'token:boss')).toMatchObject({ state: 'revoked', revoked_by: 'admin' });
    expect(store.records[0]).toMatchObject({ revoked_by: 'admin' });
  });

  it('ends when it expires', () => {
    const { tokens, clock, inHours } = start();
    const made = tokens.create({ name: 'ci', role: 'viewer', expires_at: inHours(1) }, 'admin');
    clock.ms += HOUR_MS - 1;
    expect(tokens.find(made.token)?.ended.aborted).toBe(false);
    clock.ms += 1;
    expect(tokens.list()[0]).toMatchObject({ state: 'expired' });
    expect(refusal(tokens.find(made.token)?.ended)).toMatchObject({
      code: 'unauthorized',
      message: 'The token ci expired at 2026-01-01T01:00:00.000Z; ask an administrator for another one.',
    });
  });

  it('ends when it expires although nobody asks, also where the clock is set forward', () => {
    vi.useFakeTimers({ now: START_MS });
    try {
      const { tokens } = testTokens();
      const [soon, late] = [1, 48].map((hours) =>
        tokens.create(
          { name: `in-${hours}`, role: 'viewer', expires_at: new Date(START_MS + hours * HOUR_MS).toISOString() },
          'admin',
        ),
      );
      const ends = [soon, late].map((token) => tokens.find(token!.token)!.ended);
      vi.advanceTimersByTime(HOUR_MS);
      expect(ends.map(({ aborted }) => aborted)).toEqual([true, false]);
      vi.setSystemTime(START_MS + 72 * HOUR_MS);
      vi.advanceTimersByTime(60_000);
      expect(ends.map(({ aborted }) => aborted)).toEqual([true, true]);
      tokens.close();
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('the name of a token', () => {
  it('is one live token’s only, and free again once that has ended', () => {
    const { tokens, clock, inHours } = start();
    const first = tokens.create({ name: 'ci', role: 'viewer' }, 'admin');
    const again = () => tokens.create({ name: 'ci', role: 'viewer', expires_at: inHours(1) }, 'admin');
    expect(again).toThrow(expect.objectContaining({ code: 'conflict', message: expect.stringContaining('revoke it first') }));
    tokens.revoke(first.id, 'admin');
    const second = again();
    clock.ms += HOUR_MS;
    const third = again();
    expect(tokens.list().map(({ id, state }) => [id, state])).toEqual([
      [first.id, 'revoked'],
      [second.id, 'expired'],
      [third.id, 'live'],
    ]);
  });

  it.each(['', 'CI', 'a:b', '-ci', 'ci-', 'a b', 'admin\u0000', 'x'.repeat(41)])('cannot be %j', (name) => {
    expect(tokenRequestSchema.safeParse({ name, role: 'viewer' }).success).toBe(false);
  });
});

describe('a request for a token', () => {
  it('is refused for an administrator who is limited, for an app named twice, and for no app', () => {
    for (const wrong of [
      { role: 'admin', apps: ['shop'] },
      { role: 'viewer', apps: ['shop', 'shop'] },
      { role: 'viewer', apps: [] },
    ])
      expect(tokenRequestSchema.safeParse({ name: 'ci', ...wrong }).success).toBe(false);
    expect(tokenRequestSchema.safeParse({ name: 'ci', role: 'admin' }).success).toBe(true);
  });

  it('is refused when its end is not ahead, or too far ahead', () => {
    const { tokens, inHours } = start();
    for (const expires_at of [inHours(0), inHours(-1), inHours(24 * (LIMITS.token_lifetime_days_max + 1))]) {
      const create = () => tokens.create({ name: 'ci', role: 'viewer', expires_at }, 'admin');
      expect(create).toThrow(
        expect.objectContaining({ code: 'invalid_request', details: [expect.objectContaining({ field: 'expires_at' })] }),
      );
    }
    expect(tokens.list()).toEqual([]);
  });

  it('is refused beyond a number, and leaves nothing when it cannot be written', () => {
    const { tokens, store } = start();
    store.failure = new DomainError('unavailable', 'The disk is full.');
    expect(() => tokens.create({ name: 'ci', role: 'viewer' }, 'admin')).toThrow('The disk is full.');
    expect(tokens.list()).toEqual([]);
    store.failure = null;
    for (let count = 0; count < LIMITS.tokens_max; count += 1) tokens.create({ name: `t${count}`, role: 'viewer' }, 'admin');
    expect(() => tokens.create({ name: 'more', role: 'viewer' }, 'admin')).toThrow(/as many as there may be; revoke one/);
  });

  it('lets those that ended long ago be forgotten', () => {
    const { tokens, store, clock } = start();
    for (let count = 0; count <= LIMITS.tokens_ended_kept; count += 1) {
      tokens.revoke(tokens.create({ name: `t${count}`, role: 'viewer' }, 'admin').id, 'admin');
      clock.ms += 1;
    }
    tokens.create({ name: 'new', role: 'viewer' }, 'admin');
    const names = tokens.list().map(({ name }) => name);
    expect(names).toHaveLength(LIMITS.tokens_ended_kept + 1);
    expect(names).not.toContain('t0');
    expect(store.records.map(({ name }) => name)).toEqual(names);
  });
});

describe('the last use of a token', () => {
  it('is known at once and written once a minute', () => {
    const { tokens, store, clock } = start();
    const made = tokens.create({ name: 'ci', role: 'viewer' }, 'admin');
    const before = store.writes;
    for (let count = 0; count < 60; count += 1) {
      tokens.find(made.token);
      clock.ms += 1_000;
    }
    expect(store.writes - before).toBe(1);
    expect(tokens.list()[0]?.last_used_at).toBe(new Date(clock.ms - 1_000).toISOString());
    tokens.find(made.token);
    expect(store.writes - before).toBe(2);
    expect(store.records[0]?.last_used_at).toBe(new Date(clock.ms).toISOString());
  });

  it('refuses no request when it cannot be written', () => {
    const { tokens, store } = start();
    const made = tokens.create({ name: 'ci', role: 'viewer' }, 'admin');
    store.failure = new Error('disk I/O error');
    expect(tokens.find(made.token)?.ended.aborted).toBe(false);
  });
});
