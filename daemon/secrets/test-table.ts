/** The real vault over a table in memory. */
import { makeDataKeys, makeMasterKey, type WrappedKeys, wrap } from './master-key.ts';
import type { KeyFiles, ProviderRecord, SecretStore, SecretVersion } from './ports.ts';
import { Vault } from './vault.ts';

class Table implements SecretStore {
  rows: SecretVersion[] = [];
  providers: ProviderRecord[] = [];
  keys: WrappedKeys = wrap(makeMasterKey(), makeDataKeys());
  readKeys = () => null;
  putFirstKeys = (keys: WrappedKeys) => {
    this.keys = keys;
  };
  listNewest = () =>
    [...Map.groupBy(this.rows, ({ scope, owner, name }) => `${scope} ${owner} ${name}`).values()].map((all) => all.at(-1)!);
  listKept = () => this.rows.filter(({ sealed }) => sealed !== null).toReversed();
  get: SecretStore['get'] = ({ scope, owner, name }, version) =>
    this.rows.find((row) => row.scope === scope && row.owner === owner && row.name === name && row.version === version) ?? null;
  add = (versions: readonly SecretVersion[]) => void this.rows.push(...versions);
  replaceAll = () => undefined;
  listProviders = () => this.providers;
  putProvider: SecretStore['putProvider'] = (provider) => {
    this.removeProvider(provider);
    this.providers.push(provider);
  };
  removeProvider: SecretStore['removeProvider'] = ({ scope, owner }) => {
    this.providers = this.providers.filter((one) => one.scope !== scope || one.owner !== owner);
  };
}

const files: KeyFiles = {
  path: '/key',
  read: async () => null,
  readNext: async () => null,
  createFirst: async () => true,
  writeNext: async () => undefined,
  promoteNext: async () => undefined,
  removeNext: async () => undefined,
};

export async function openTestVault(): Promise<{ vault: Vault; table: SecretStore }> {
  const table = new Table();
  return { vault: await Vault.open({ store: table, files, now: () => new Date() }), table };
}
