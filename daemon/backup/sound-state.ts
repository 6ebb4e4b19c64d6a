/** Opens a database beside the live one together with its key, and proves that everything in it can be read. */
import { DomainError } from '../contract/errors.ts';
import type { SecretPin } from '../contract/secrets.ts';
import { MasterKeyRefused } from '../secrets/keyring.ts';
import { ownerFields } from '../secrets/owners.ts';
import type { KeyFiles } from '../secrets/ports.ts';
import { ProviderRecords } from '../secrets/provider-records.ts';
import { Vault } from '../secrets/vault.ts';
import type { StateDatabase, StateDatabases } from './ports.ts';

export interface SoundState {
  database: StateDatabase;
  vault: Vault;
}

/** Throws `unprocessable`: the database is damaged, foreign or newer, or the key does not open all that is sealed in it. */
export async function openSound(databases: StateDatabases, path: string, key: string, now: () => Date): Promise<SoundState> {
  const database = databases.open(path);
  try {
    // Without keys the vault would make its own, and the key would open nothing.
    if (database.secrets.readKeys() === null) throw new MasterKeyRefused('there are no keys in it');
    const vault = await Vault.open({ store: database.secrets, files: new GivenKey(key), now });
    vault.open(keptPins(database));
    const providers = new ProviderRecords({ store: database.secrets, vault, now });
    for (const { scope, owner } of database.secrets.listProviders()) providers.open(toOwner(scope, owner));
    return { database, vault };
  } catch (cause) {
    database.close();
    if (!(cause instanceof MasterKeyRefused) && !(cause instanceof DomainError && cause.code === 'unprocessable')) throw cause;
    const message = 'The master key in the backup does not open its secrets: they do not belong together. Nothing was changed.';
    throw new DomainError('unprocessable', message, { cause });
  }
}

/** Every version of every secret whose value is kept. */
function keptPins({ secrets }: StateDatabase): SecretPin[] {
  return secrets.listKept().map(({ scope, owner, name, version }) => ({ ...ownerFields({ scope, owner }), name, version }));
}

function toOwner(scope: 'global' | 'project' | 'app', owner: string) {
  if (scope === 'app') return { scope, app_name: owner } as const;
  return scope === 'project' ? ({ scope, project: owner } as const) : ({ scope } as const);
}

/** A master key that is in no file. */
class GivenKey implements KeyFiles {
  readonly path = 'of the backup';
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  read = async () => this.#text;
  readNext = async () => null;
  createFirst = async () => false;
  writeNext = async () => undefined;
  promoteNext = async () => undefined;
  removeNext = async () => undefined;
}
