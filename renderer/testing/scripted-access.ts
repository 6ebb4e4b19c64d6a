import type { AuditEntry, CreatedToken, Token } from '../../daemon/contract/access.ts';
import type { RouteBody, RouteQuery } from '../../daemon/contract/routes.ts';
import { Refusal } from './scripted-bridge.ts';
import { ago, type WorldHost } from './world.ts';

/** As the daemon answers `POST /tokens`. */
export function createToken(world: WorldHost, { name, role, apps, expires_at }: RouteBody<'createToken'>): CreatedToken {
  if (world.tokens.some((each) => each.name === name && each.state === 'live')) {
    const message = `There is a token ${name} already; revoke it first, or choose another name.`;
    throw new Refusal({ code: 'conflict', message });
  }
  const made: Token = {
    ...{ id: `tok-new${String(world.tokens.length).padStart(9, '0')}`, name, role, apps: apps ?? null, state: 'live' },
    ...{ created_at: ago(0), created_by: 'admin', expires_at: expires_at ?? null },
    ...{ last_used_at: null, revoked_at: null, revoked_by: null },
  };
  world.tokens = [...world.tokens, made];
  return { ...made, token: `nd_${'k7Qp2xVn9sLd4wRtYb8mZc3hFgJ6aEuT1oXiPqNvBz5'.slice(0, 43)}` };
}

/** As the daemon answers `DELETE /tokens/:id`. */
export function revokeToken(world: WorldHost, id: string): Token {
  const found = world.tokens.find((each) => each.id === id);
  if (found === undefined) throw new Refusal({ code: 'not_found', message: `There is no token ${id}.` });
  const revoked: Token = { ...found, state: 'revoked', revoked_at: ago(0), revoked_by: 'admin' };
  world.tokens = world.tokens.map((each) => (each === found ? revoked : each));
  return revoked;
}

/** As the daemon answers `GET /audit`. */
export function listAudit(world: WorldHost, query: RouteQuery<'listAudit'>): AuditEntry[] {
  const { actor, app_name, action, result, since, until, before, limit } = query;
  const isWanted = (entry: AuditEntry) =>
    (actor === undefined || entry.actor === actor) &&
    (app_name === undefined || entry.app_name === app_name) &&
    (action === undefined || entry.action === action) &&
    (result === undefined || (entry.code === null) === (result === 'ok')) &&
    (since === undefined || entry.ts >= since) &&
    (until === undefined || entry.ts <= until) &&
    (before === undefined || entry.seq < before);
  return world.audit.filter(isWanted).slice(0, limit);
}
