/** Keeps secrets: sealed at rest, in versions, in three scopes of which the narrower wins. */
import { DomainError } from '../contract/errors.ts';
import { LIMITS } from '../contract/limits.ts';
import type { ProviderKind, Secret, SecretChange, SecretOwner, SecretPin, SecretScope } from '../contract/secrets.ts';
import type { PinnedSecrets } from '../engine/ports.ts';
import { type OpenKeys, openKeyring, rotate } from './keyring.ts';
import type { DataKeys } from './master-key.ts';
import { describeOwner, isOf, keyOf, ownerFields } from './owners.ts';
import type { KeyFiles, SecretKey, SecretStore, SecretVersion } from './ports.ts';
import { aboutCredentials } from './provider-records.ts';
import { Sealed } from './sealed.ts';
import { fingerprintOf, SealBroken, seal, unseal } from './sealing.ts';

export interface VaultParts {
  store: SecretStore;
  files: KeyFiles;
  now: () => Date;
}

export interface Sync {
  owner: SecretOwner;
  secrets: ReadonlyMap<string, Sealed>;
  /** The provider they were pulled from; null: they are set by hand. What is set by hand, a pull leaves as it is. */
  origin: ProviderKind | null;
  /** Which of those that are not named go; `own`: what was set by hand goes when they are set by hand, what was pulled when they are pulled. */
  removes: 'none' | 'own' | 'all';
  actor: string;
  is_dry: boolean;
}

export interface SecretFilter {
  scope?: SecretScope | undefined;
  project?: string | undefined;
  app_name?: string | undefined;
}

const SCOPES: readonly SecretScope[] = ['global', 'project', 'app'];

export class Vault implements PinnedSecrets {
  readonly #parts: VaultParts;
  #open: OpenKeys;
  #isRotating: boolean = false;

  private constructor(parts: VaultParts, open: OpenKeys) {
    this.#parts = parts;
    this.#open = open;
  }

  /** Throws {@link MasterKeyRefused}. */
  static async open(parts: VaultParts): Promise<Vault> {
    return new Vault(parts, await openKeyring(parts.files, parts.store));
  }

  /** What changes, by name. Values that are as they were get no new version. Throws `unprocessable` beyond the bound of secrets. */
  sync({ owner, secrets, origin, removes, actor, is_dry }: Sync): SecretChange[] {
    const { store, now } = this.#parts;
    const stamp = { origin, created_at: now().toISOString(), created_by: actor };
    const all = store.listNewest();
    const own = new Map(all.filter((one) => isOf(one, owner)).map((one) => [one.name, one]));
    const added: SecretVersion[] = [];
    const changes: SecretChange[] = [];
    for (const [name, value] of secrets) {
      const before = own.get(name);
      const key = { ...keyOf(owner), name };
      const fingerprint = this.#fingerprint(key, value);
      const change = changeOf(before, fingerprint, origin);
      // Set by hand to what was pulled, it is a value that no pull may change any more.
      const isTakenOver = change === 'unchanged' && origin === null && before?.origin != null;
      const isNew = change === 'added' || change === 'changed' || isTakenOver;
      const version = (before?.version ?? 0) + (isNew ? 1 : 0);
      changes.push({ name, change, version, fingerprint: change === 'kept' ? (before?.fingerprint ?? null) : fingerprint });
      if (!isNew) continue;
      const sealed = seal(this.#open.keys.value, aboutValue(key, version), Buffer.from(value.open()));
      added.push({ ...key, version, sealed, fingerprint, ...stamp });
    }
    const goes = (one: SecretVersion) =>
      one.fingerprint !== null && !secrets.has(one.name) && (removes === 'all' || (one.origin === null) === (origin === null));
    for (const before of removes === 'none' ? [] : [...own.values()].filter(goes)) {
      changes.push({ name: before.name, change: 'removed', version: null, fingerprint: null });
      added.push(removalOf(before, stamp));
    }
    const count = all.filter(({ fingerprint }) => fingerprint !== null).length;
    if (count + changes.filter(({ change }) => change === 'added').length > LIMITS.secrets_max) {
      const message = `This server keeps ${LIMITS.secrets_max} secrets at most; remove some that are not needed.`;
      throw new DomainError('unprocessable', message, { details: [{ field: 'secrets', message }] });
    }
    if (!is_dry && added.length > 0) store.add(added, LIMITS.secret_versions_kept);
    return changes.toSorted((a, b) => a.name.localeCompare(b.name));
  }

  /** Throws `not_found`. */
  remove(owner: SecretOwner, name: string, actor: string): SecretChange {
    const { store, now } = this.#parts;
    const before = store.listNewest().find((one) => isOf(one, owner) && one.name === name && one.fingerprint !== null);
    if (before === undefined) {
      const message = `There is no secret ${name} in ${describeOwner(owner)}.`;
      throw new DomainError('not_found', message, { details: [{ field: 'name', message: 'unknown secret' }] });
    }
    const stamp = { origin: null, created_at: now().toISOString(), created_by: actor };
    store.add([removalOf(before, stamp)], LIMITS.secret_versions_kept);
    return { name, change: 'removed', version: null, fingerprint: null };
  }

  /** By scope, owner and name; never a value. */
  list({ scope, project, app_name }: SecretFilter): Secret[] {
    const { store } = this.#parts;
    const kept = Map.groupBy(store.listKept(), idOf);
    const there = store.listNewest().filter(({ fingerprint }) => fingerprint !== null);
    const wanted = there.filter(
      (one) =>
        (scope === undefined || one.scope === scope) &&
        (project === undefined || (one.scope === 'project' && one.owner === project)) &&
        (app_name === undefined || (one.scope === 'app' && one.owner === app_name)),
    );
    const inOrder = wanted.toSorted(
      (a, b) =>
        SCOPES.indexOf(a.scope) - SCOPES.indexOf(b.scope) || a.owner.localeCompare(b.owner) || a.name.localeCompare(b.name),
    );
    return inOrder.map((newest) => toSecret(newest, kept.get(idOf(newest)) ?? []));
  }

  pin(app_name: string, project: string | null): SecretPin[] {
    const merged = new Map<string, SecretVersion>();
    const newest = this.#parts.store.listNewest().filter(({ fingerprint }) => fingerprint !== null);
    for (const scope of SCOPES) {
      const owner = { global: '', project, app: app_name }[scope];
      for (const one of newest) if (one.scope === scope && one.owner === owner) merged.set(one.name, one);
    }
    const inOrder = [...merged.values()].toSorted((a, b) => a.name.localeCompare(b.name));
    return inOrder.map(({ scope, owner, name, version }) => ({ ...ownerFields({ scope, owner }), name, version }));
  }

  open(pins: readonly SecretPin[]): Map<string, Sealed> {
    return new Map(pins.map((pin) => [pin.name, this.#value(pin)]));
  }

  valuesOf(app_name: string, project: string | null, pins: readonly SecretPin[]): Sealed[] {
    const wanted = [...this.pin(app_name, project), ...pins];
    return wanted.flatMap((pin) => {
      try {
        const found = this.#find(pin);
        return found?.sealed == null ? [] : [this.#unseal(found, found.sealed)];
      } catch (error) {
        // No app can be given what does not open.
        if (error instanceof DomainError && error.cause instanceof SealBroken) return [];
        throw error;
      }
    });
  }

  /** Takes a new master key and new data keys, and seals everything with them. Resolves when the new key's file is in place. */
  async rotateKey(): Promise<{ key_id: string; secrets: number }> {
    if (this.#isRotating) throw new DomainError('conflict', 'The key is being rotated already; wait for its end.');
    this.#isRotating = true;
    const { store, files } = this.#parts;
    let count = 0;
    try {
      await rotate(files, this.#open, (wrapped, keys) => {
        const again = store.listKept().map((one) => this.#resealed(one, keys));
        const providers = store.listProviders().map((one) => {
          const about = aboutCredentials(one);
          const credentials = this.unsealText(about, one.sealed, 'a provider of secrets');
          return { ...one, sealed: seal(keys.value, about, Buffer.from(credentials.open())) };
        });
        store.replaceAll(wrapped, again, providers);
        // At once: until the file is in its place others read and write.
        this.#open = { master_key_id: wrapped.master_key_id, keys };
        count = again.length + providers.length;
      });
    } finally {
      this.#isRotating = false;
    }
    return { key_id: this.#open.master_key_id, secrets: count };
  }

  /** For what is kept beside secrets and read with the same key; `about` as in {@link seal}. */
  sealText(about: readonly string[], text: Sealed): Buffer {
    return seal(this.#open.keys.value, about, Buffer.from(text.open()));
  }

  unsealText(about: readonly string[], sealed: Buffer, what: string): Sealed {
    try {
      return new Sealed(unseal(this.#open.keys.value, about, sealed).toString());
    } catch (cause) {
      if (!(cause instanceof SealBroken)) throw cause;
      const message = `${what[0]?.toUpperCase()}${what.slice(1)} does not open: the database was changed by hand, or is damaged. Set it anew.`;
      throw new DomainError('unprocessable', message, { cause });
    }
  }

  #resealed(one: SecretVersion, keys: DataKeys): SecretVersion {
    const value = this.#unseal(one, one.sealed ?? Buffer.alloc(0));
    return { ...one, sealed: seal(keys.value, aboutValue(one, one.version), Buffer.from(value.open())) };
  }

  #find({ scope, project, app_name, name, version }: SecretPin): SecretVersion | null {
    return this.#parts.store.get({ scope, owner: project ?? app_name ?? '', name }, version);
  }

  #value(pin: SecretPin): Sealed {
    const found = this.#find(pin);
    if (found?.sealed != null) return this.#unseal(found, found.sealed);
    const message = `The value of the secret ${pin.name} (version ${pin.version} of ${describePin(pin)}) is not kept any more; deploy anew, which takes the secrets as they are now.`;
    throw new DomainError('unprocessable', message);
  }

  #unseal(one: SecretVersion, sealed: Buffer): Sealed {
    return this.unsealText(aboutValue(one, one.version), sealed, `the secret ${one.name} (version ${one.version})`);
  }

  #fingerprint(key: SecretKey, value: Sealed): string {
    return fingerprintOf(this.#open.keys.fingerprint, [key.scope, key.owner, key.name], value);
  }
}

function aboutValue({ scope, owner, name }: SecretKey, version: number): string[] {
  return ['nextdeploy secret', '1', scope, owner, name, String(version)];
}

function changeOf(
  before: SecretVersion | undefined,
  fingerprint: string,
  origin: ProviderKind | null,
): Exclude<SecretChange['change'], 'removed'> {
  if (before?.fingerprint == null) return 'added';
  if (origin !== null && before.origin === null) return 'kept';
  return before.fingerprint === fingerprint ? 'unchanged' : 'changed';
}

function idOf({ scope, owner, name }: SecretKey): string {
  return `${scope} ${owner} ${name}`;
}

function describePin({ scope, project, app_name }: SecretPin): string {
  return scope === 'global' ? 'the scope global' : `the ${scope} ${project ?? app_name}`;
}

function removalOf(
  { scope, owner, name, version }: SecretVersion,
  stamp: Pick<SecretVersion, 'origin' | 'created_at' | 'created_by'>,
): SecretVersion {
  return { scope, owner, name, version: version + 1, sealed: null, fingerprint: null, ...stamp };
}

function toSecret(newest: SecretVersion, kept: readonly SecretVersion[]): Secret {
  const versions = kept.map(({ version, fingerprint, origin, created_at, created_by }) => ({
    version,
    fingerprint: fingerprint ?? '',
    origin,
    created_at,
    created_by,
  }));
  return {
    ...ownerFields(newest),
    name: newest.name,
    version: newest.version,
    fingerprint: newest.fingerprint ?? '',
    origin: newest.origin,
    updated_at: newest.created_at,
    updated_by: newest.created_by,
    versions,
  };
}
