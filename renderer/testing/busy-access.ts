import type { AuditEntry, Token } from '../../daemon/contract/access.ts';
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

type Entry = Partial<AuditEntry> & Pick<AuditEntry, 'action' | 'method' | 'path'>;

const ADMIN = { actor: 'admin', role: 'admin', token_id: null, listener: 'socket' } as const;
const CI = { actor: 'token:ci', role: 'operator', token_id: 'tok-a10000000000', listener: 'tcp' } as const;
const STATUS = { actor: 'token:status-page', role: 'viewer', token_id: 'tok-d40000000000', listener: 'tcp' } as const;
const NOBODY = { actor: 'anonymous', role: null, token_id: null, listener: 'tcp' } as const;

/** A day of it, as it repeats itself. */
const DAY: Entry[] = [
  {
    ...{ ...CI, action: 'swap', method: 'POST', path: '/swap', app_name: 'shop', operation_id: 'op-k3v9x2m4q7ab' },
    ...{ status: 202, message: 'The swap of shop was begun.' },
  },
  {
    ...{ ...NOBODY, action: 'deploy', method: 'POST', path: '/deploy', status: 401, code: 'unauthorized', count: 118 },
    message: 'The token is not valid; check it, or ask an administrator for a new one.',
  },
  {
    ...{ ...STATUS, action: 'stopApp', method: 'POST', path: '/apps/shop/stop', app_name: 'shop' },
    ...{ status: 403, code: 'forbidden', message: 'This needs the role operator; this token has viewer.' },
  },
  { ...ADMIN, action: 'syncSecrets', method: 'POST', path: '/secrets/sync', app_name: 'shop', message: '2 secrets changed.' },
  {
    ...{ ...CI, action: 'deploy', method: 'POST', path: '/deploy', app_name: 'docs', status: 409, code: 'conflict' },
    message: 'Another operation of docs is in flight (op-k3v9x2m4q7ab); wait for it, or cancel it.',
  },
  { ...ADMIN, action: 'createToken', method: 'POST', path: '/tokens', message: 'The token status-page was made.' },
  {
    ...{ ...CI, action: 'syncSecrets', method: 'POST', path: '/secrets/sync', status: 400, code: 'invalid_request' },
    message: 'The request is not valid.',
  },
];

/** More than a page of it. */
export const busyAudit = (): AuditEntry[] =>
  Array.from({ length: 35 }).flatMap((_, day) =>
    DAY.map((entry, hour) => ({
      ...{ seq: 4_000 - day * DAY.length - hour, ts: ago(4 * MINUTE_MS + day * DAY_MS + hour * 47 * MINUTE_MS) },
      ...{ ...ADMIN, app_name: null, operation_id: null, status: 200, code: null, message: 'Done.', count: 1 },
      ...entry,
    })),
  );
