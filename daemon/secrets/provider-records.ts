/** Which provider each scope has, with its credentials sealed: bound to whose it is and to where they are sent. */
import { DomainError } from '../contract/errors.ts';
import { LIMITS } from '../contract/limits.ts';
import {
  type Provider,
  type ProviderSettings,
  providerSchema,
  providerSettingsSchema,
  type SecretProvider,
} from '../contract/secret-providers.ts';
import type { SecretOwner } from '../contract/secrets.ts';
import { describeOwner, isOf, keyOf, ownerFields } from './owners.ts';
import type { ProviderRecord, SecretStore } from './ports.ts';
import { Sealed } from './sealed.ts';

/** A provider that can be asked. It is in memory for as long as it is. */
export interface OpenProvider {
  owner: SecretOwner;
  record: ProviderRecord;
  provider: Provider;
}

export interface ProviderRecordParts {
  store: Pick<SecretStore, 'listProviders' | 'putProvider' | 'removeProvider'>;
  vault: {
    sealText(about: readonly string[], text: Sealed): Buffer;
    /** Throws `unprocessable`, saying that `what` does not open. */
    unsealText(about: readonly string[], sealed: Buffer, what: string): Sealed;
  };
  now: () => Date;
}

type Failure = NonNullable<SecretProvider['last_failure']>;

export class ProviderRecords {
  readonly #parts: ProviderRecordParts;
  /** By owner. One of a provider that has gone since is passed over. */
  readonly #failures = new Map<string, Failure & { set_at: string }>();

  constructor(parts: ProviderRecordParts) {
    this.#parts = parts;
  }

  /** In place of the one that the owner has. Throws `unprocessable` beyond the bound of providers. */
  set(owner: SecretOwner, provider: Provider, actor: string): SecretProvider {
    const { store, vault, now } = this.#parts;
    if (!this.has(owner) && store.listProviders().length >= LIMITS.secret_providers_max) {
      const message = `This server keeps ${LIMITS.secret_providers_max} providers of secrets at most; remove some that are not needed.`;
      throw new DomainError('unprocessable', message, { details: [{ field: 'provider', message }] });
    }
    const settings = JSON.stringify(settingsOf(provider));
    const key = keyOf(owner);
    const sealed = vault.sealText(aboutCredentials({ ...key, settings }), new Sealed(JSON.stringify(provider)));
    const record = { ...key, settings, sealed, set_at: now().toISOString(), set_by: actor, pulled_at: null };
    store.putProvider(record);
    return this.#describe(record);
  }

  /** Never credentials. */
  list(): SecretProvider[] {
    return this.#parts.store.listProviders().map((record) => this.#describe(record));
  }

  has(owner: SecretOwner): boolean {
    return this.#find(owner) !== undefined;
  }

  /** Throws `not_found`; `unprocessable` when its credentials do not open. */
  open(owner: SecretOwner): OpenProvider {
    const record = this.#demand(owner);
    const text = this.#parts.vault.unsealText(aboutCredentials(record), record.sealed, `the provider of ${describeOwner(owner)}`);
    return { owner, record, provider: providerSchema.parse(JSON.parse(text.open())) };
  }

  /** Throws `not_found`. */
  remove(owner: SecretOwner): SecretProvider {
    const record = this.#demand(owner);
    this.#parts.store.removeProvider(record);
    const removed = this.#describe(record);
    this.#failures.delete(idOf(record));
    return removed;
  }

  /** Throws `conflict` when another one was set while it was asked, or it was removed. */
  demandUnchanged({ owner, record }: OpenProvider): void {
    const now = this.#find(owner);
    if (now?.settings === record.settings && now.set_at === record.set_at) return;
    throw new DomainError('conflict', `The provider of ${describeOwner(owner)} was changed meanwhile; try again.`);
  }

  notePull({ owner }: OpenProvider): void {
    const { store, now } = this.#parts;
    store.putProvider({ ...this.#demand(owner), pulled_at: now().toISOString() });
  }

  /** What came of asking it: null where it answered. */
  noteOutcome(owner: SecretOwner, problem: string | null): void {
    const record = this.#find(owner);
    if (record === undefined) return;
    if (problem === null) this.#failures.delete(idOf(record));
    else this.#failures.set(idOf(record), { at: this.#parts.now().toISOString(), message: problem, set_at: record.set_at });
  }

  #find(owner: SecretOwner): ProviderRecord | undefined {
    return this.#parts.store.listProviders().find((record) => isOf(record, owner));
  }

  #describe(record: ProviderRecord): SecretProvider {
    const { scope, owner, settings, set_at, set_by, pulled_at } = record;
    const provider = providerSettingsSchema.parse(JSON.parse(settings));
    const failure = this.#failures.get(idOf(record));
    const last_failure = failure?.set_at === set_at ? { at: failure.at, message: failure.message } : null;
    return { ...ownerFields({ scope, owner }), provider, set_at, set_by, pulled_at, last_failure };
  }

  #demand(owner: SecretOwner): ProviderRecord {
    const record = this.#find(owner);
    if (record !== undefined) return record;
    const message = `There is no provider of secrets for ${describeOwner(owner)}; set one (\`nextdeploy secrets providers set\`).`;
    throw new DomainError('not_found', message, { details: [{ field: 'scope', message: 'it has no provider' }] });
  }
}

/** What a record's credentials are sealed with: in a row that says otherwise they do not open. */
export function aboutCredentials({ scope, owner, settings }: Pick<ProviderRecord, 'scope' | 'owner' | 'settings'>): string[] {
  return ['nextdeploy secret provider', '1', scope, owner, settings];
}

function settingsOf(provider: Provider): ProviderSettings {
  switch (provider.kind) {
    case 'doppler': {
      const { kind, project, config, endpoint } = provider;
      return { kind, project, config, endpoint };
    }
    case 'aws_ssm': {
      const { kind, region, path, endpoint, access_key_id } = provider;
      return { kind, region, path, endpoint, credentials: access_key_id === undefined ? 'host' : 'keys' };
    }
    case 'age': {
      const { kind, file } = provider;
      return { kind, file };
    }
  }
}

const idOf = ({ scope, owner }: Pick<ProviderRecord, 'scope' | 'owner'>) => JSON.stringify([scope, owner]);
