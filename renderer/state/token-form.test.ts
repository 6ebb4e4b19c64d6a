import { describe, expect, it } from 'vitest';
import type { Token } from '../../daemon/contract/access.ts';
import { expiresAt, NEW_TOKEN, readTokenForm, tokenErrors } from './token-form.ts';
import { inOrderOfUse, standingOf } from './tokens.ts';

const NOW = Date.parse('2026-11-28T12:00:00.000Z');
const CI = { ...NEW_TOKEN, name: ' ci ' };

describe('a form of a token', () => {
  it('is a request with an end by the clock of the host', () => {
    expect(readTokenForm(CI, NOW)).toEqual({
      body: { name: 'ci', role: 'operator', expires_at: '2027-02-26T12:00:00.000Z' },
    });
    expect(readTokenForm({ ...CI, expiry: 'never' }, NOW)).toEqual({ body: { name: 'ci', role: 'operator' } });
    const onDay = expiresAt({ ...CI, expiry: 'date', date: '2026-12-01' }, NOW);
    expect(new Date(onDay ?? '').getDate()).toBe(1);
  });

  it('is limited to apps where that is chosen, but never as an administrator', () => {
    const some = { ...CI, reach: 'some' as const, apps: ['shop'], expiry: 'never' as const };
    expect(readTokenForm(some, NOW)).toHaveProperty('body.apps', ['shop']);
    expect(readTokenForm({ ...some, role: 'admin' }, NOW)).toEqual({ body: { name: 'ci', role: 'admin' } });
    expect(readTokenForm({ ...some, apps: [] }, NOW)).toHaveProperty('errors.apps');
  });

  it('says what is wrong at its field', () => {
    expect(readTokenForm({ ...CI, name: '' }, NOW)).toEqual({ errors: { name: 'Say who or what it is for' } });
    expect(readTokenForm({ ...CI, name: 'CI job' }, NOW)).toHaveProperty('errors.name', expect.stringContaining('lower-case'));
    const day = (date: string) => readTokenForm({ ...CI, expiry: 'date', date }, NOW);
    expect(day('')).toEqual({ errors: { expires_at: 'Choose the day' } });
    expect(day('2026-11-20')).toEqual({ errors: { expires_at: 'That day is over' } });
    expect(day('2040-01-01')).toHaveProperty('errors.expires_at', expect.stringContaining('3650 days'));
    expect(tokenErrors([{ field: 'apps.0', message: 'no such app' }])).toEqual({ apps: 'No such app' });
  });
});

const token = (part: Partial<Token>): Token => ({
  ...{ id: 'tok-aaaaaaaa', name: 'ci', role: 'viewer', apps: null, state: 'live', created_by: 'admin' },
  ...{ created_at: '2026-01-01T00:00:00.000Z', expires_at: null, last_used_at: null, revoked_at: null, revoked_by: null },
  ...part,
});

it('knows how a token stands now, even where the list is older, and puts what has ended last', () => {
  const soon = token({ id: 'tok-soonsoon', expires_at: '2026-12-01T00:00:00.000Z' });
  const over = token({ id: 'tok-overover', expires_at: '2026-11-28T11:59:59.000Z', created_at: '2026-11-01T00:00:00.000Z' });
  expect([soon, over, token({}), token({ state: 'revoked' })].map((each) => standingOf(each, NOW))).toEqual([
    'soon',
    'expired',
    'live',
    'revoked',
  ]);
  expect(inOrderOfUse([over, soon], NOW)).toEqual([soon, over]);
});
