import type { Token } from '../../daemon/contract/access.ts';
import { ago, DAY_MS, HOUR_MS, MINUTE_MS } from './world.ts';

const token = (id: string, part: Partial<Token> & Pick<Token, 'name' | 'role'>): Token => ({
  ...{ id: `tok-${id.padEnd(12, '0')}`, apps: null, state: 'live', created_at: ago(60 * DAY_MS), created_by: 'admin' },
  ...{ expires_at: null, last_used_at: null, revoked_at: null, revoked_by: null },
  ...part,
});

/** What a team has by the time it has deployed for a year. */
export const busyTokens = (): Token[] => [
  token('a1', { name: 'ci', role: 'operator', expires_at: ago(-58 * DAY_MS), last_used_at: ago(4 * MINUTE_MS) }),
  token('b2', {
    ...{ name: 'ci-storefront-preview-environments-eu-1', role: 'operator' },
    apps: ['shop', 'docs', 'blog', 'checkout', 'newsletter', 'queue-worker', 'search'],
    ...{ created_at: ago(12 * DAY_MS), created_by: 'token:anna', expires_at: ago(-5 * DAY_MS), last_used_at: ago(2 * HOUR_MS) },
  }),
  token('c3', { name: 'anna', role: 'admin', created_at: ago(300 * DAY_MS), last_used_at: ago(26 * MINUTE_MS) }),
  token('d4', { name: 'status-page', role: 'viewer', apps: ['shop'], created_at: ago(9 * DAY_MS) }),
  token('e5', {
    ...{ name: 'agency', role: 'operator', apps: ['blog'], state: 'expired' },
    ...{ created_at: ago(100 * DAY_MS), expires_at: ago(10 * DAY_MS), last_used_at: ago(11 * DAY_MS) },
  }),
  token('f6', {
    ...{ name: 'old-laptop', role: 'admin', state: 'revoked', created_at: ago(200 * DAY_MS) },
    ...{ last_used_at: ago(31 * DAY_MS), revoked_at: ago(30 * DAY_MS), revoked_by: 'token:anna' },
  }),
];
