import type { Token } from '../../daemon/contract/access.ts';
import type { Role } from '../../daemon/contract/domain.ts';

export const ROLES: readonly Role[] = ['viewer', 'operator', 'admin'];

export const ROLE_TEXT: Record<Role, string> = {
  viewer: 'Sees apps, operations, metrics and events; changes nothing, and sees no secrets.',
  operator: 'Deploys, swaps, rolls back, and sets secrets.',
  admin: 'Everything, also tokens, the audit log, providers and the master key.',
};

/** How long before its end a token is worth a second look. */
const SOON_MS = 7 * 24 * 60 * 60_000;

/** `soon`: it lives, and ends within a week. */
export type TokenStanding = Token['state'] | 'soon';

/** How a token stands at a moment; the list may be a little older than that. */
export function standingOf({ state, expires_at }: Token, now_ms: number): TokenStanding {
  if (state !== 'live' || expires_at === null) return state;
  const left_ms = Date.parse(expires_at) - now_ms;
  if (left_ms <= 0) return 'expired';
  return left_ms < SOON_MS ? 'soon' : 'live';
}

export const isEnded = (token: Token, now_ms: number): boolean => ['expired', 'revoked'].includes(standingOf(token, now_ms));

/** Those that open something first, the newest first. */
export const inOrderOfUse = (tokens: readonly Token[], now_ms: number): Token[] =>
  tokens.toSorted((a, b) => Number(isEnded(a, now_ms)) - Number(isEnded(b, now_ms)) || b.created_at.localeCompare(a.created_at));
