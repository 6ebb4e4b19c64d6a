/** Passwords of visitors, hashed before anything is kept of them. */
import { hash } from 'bcryptjs';
import { DomainError, type FieldError } from '../contract/errors.ts';
import type { ProxyRouteRequest } from '../contract/proxy-routes.ts';
import type { SiteSettings } from '../engine/state.ts';

/** Of bcrypt: 2^10 rounds, about 0.1 s. What `htpasswd -B` and `caddy hash-password` take is in the same range. */
const COST = 10;

/**
 * Users with hashes alone. One that is given neither password nor hash keeps the one that it has in `known`.
 * @throws DomainError `invalid_request` with the field, for one that has none, and for a name that comes twice
 */
export async function hashPasswords(
  users: ProxyRouteRequest['basic_auth'],
  known: SiteSettings['basic_auth'],
): Promise<SiteSettings['basic_auth']> {
  const hashed: SiteSettings['basic_auth'] = [];
  // Before the work.
  for (const [index, { username, password, password_hash }] of users.entries()) {
    if (users.findIndex((user) => user.username === username) < index) throw refusal(`basic_auth.${index}.username`, TWICE);
    if (password === undefined && password_hash === undefined && !known.some((user) => user.username === username))
      throw refusal(`basic_auth.${index}.password`, NO_PASSWORD);
  }
  // One after the other: each takes the processor for itself.
  for (const { username, password, password_hash } of users) {
    const given = password === undefined ? password_hash : await hash(password, COST);
    const kept = known.find((user) => user.username === username)?.password_hash;
    hashed.push({ username, password_hash: given ?? kept ?? '' }); // one of the two, as was just seen
  }
  return hashed;
}

const TWICE = 'this user is named twice; name it once';
const NO_PASSWORD = 'there is no such user yet; give its password, or its hash';

function refusal(field: string, message: string): DomainError {
  const details: FieldError[] = [{ field, message }];
  return new DomainError('invalid_request', `Field "${field}" is not valid: ${message}.`, { details });
}
