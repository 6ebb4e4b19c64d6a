/** Whose a secret is, as requests, rows and sentences say it. Pure. */
import type { SecretOwner, SecretPin } from '../contract/secrets.ts';
import type { OwnerKey } from './ports.ts';

export function keyOf(owner: SecretOwner): OwnerKey {
  return { scope: owner.scope, owner: ownerName(owner) };
}

export function isOf({ scope, owner: name }: OwnerKey, owner: SecretOwner): boolean {
  return scope === owner.scope && name === ownerName(owner);
}

/** As answers have it. */
export function ownerFields({ scope, owner }: OwnerKey): Pick<SecretPin, 'scope' | 'project' | 'app_name'> {
  return { scope, project: scope === 'project' ? owner : null, app_name: scope === 'app' ? owner : null };
}

export function describeOwner(owner: SecretOwner): string {
  return owner.scope === 'global' ? 'the scope global' : `the ${owner.scope} ${ownerName(owner)}`;
}

/** For events, which name the app they are about. */
export function appOf(owner: SecretOwner): string | null {
  return owner.scope === 'app' ? owner.app_name : null;
}

function ownerName(owner: SecretOwner): string {
  switch (owner.scope) {
    case 'global':
      return '';
    case 'project':
      return owner.project;
    case 'app':
      return owner.app_name;
  }
}
