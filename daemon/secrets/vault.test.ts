import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { appConfigurationSchema } from '../contract/configuration.ts';
import { LIMITS } from '../contract/limits.ts';
import type { SecretOwner, SecretPin } from '../contract/secrets.ts';
import type { NewRelease } from '../engine/state.ts';
import { MasterKeyFiles } from '../host/key-files.ts';
import { Store } from '../host/store.ts';
import { MasterKeyRefused } from './keyring.ts';
import type { KeyFiles } from './ports.ts';
import { Sealed } from './sealed.ts';
import { type Sync, Vault } from './vault.ts';

/** On the real database and the real files. */
let directory: string;
let store: Store;
const AT = '2026-01-01T00:00:00.000Z';
const now = () => new Date(AT);
const GLOBAL: SecretOwner = { scope: 'global' };
const PROJECT: SecretOwner = { scope: 'project', project: 'web' };
const APP: SecretOwner = { scope: 'app', app_name: 'shop' };

const keyFile = () => join(directory, 'master.key');
const databaseFile = () => join(directory, 'nextdeploy.db');
const openVault = (files: KeyFiles = new MasterKeyFiles(keyFile())) => Vault.open({ store: store.secrets, files, now });

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nextdeploy-vault-'));
  store = new Store(databaseFile(), now);
});
afterEach(() => {
  store.close();
  rmSync(directory, { recursive: true });
});

function set(
  vault: Vault,
  owner: SecretOwner,
  values: Record<string, string>,
  more: Partial<Pick<Sync, 'origin' | 'removes' | 'is_dry'>> = {},
) {
  const secrets = new Map(Object.entries(values).map(([name, value]) => [name, new Sealed(value)]));
  return vault.sync({ owner, secrets, origin: null, removes: 'none', is_dry: false, actor: 'admin', ...more });
}

const opened = (vault: Vault, pins: readonly SecretPin[]) =>
  Object.fromEntries([...vault.open(pins)].map(([name, value]) => [name, value.open()]));

/** As a deploy leaves it. */
function release(id: string, secrets: SecretPin[], state: 'live' | 'standby' | 'pruned' = 'live'): void {
  const made: NewRelease = {
    ...{ id, app_name: 'shop', image: 'shop:v1', configuration: appConfigurationSchema.parse({}), nextcore: null, secrets },
    ...{ created_at: AT, created_by: 'admin', operation_id: `op-${id}` },
  };
  const database = new DatabaseSync(databaseFile());
  database
    .prepare(
      `INSERT INTO releases (app_name, number, state, image, image_id, configuration, secrets, created_at, created_by, operation_id)
       VALUES ('shop', ?, ?, 'shop:v1', '', ?, ?, ?, 'admin', 'op')`,
    )
    .run(Number(id.slice(1)), state, JSON.stringify(made.configuration), JSON.stringify(secrets), AT);
  database.close();
}

describe('secrets', () => {
  it('come back as they were set, after a restart too, and stand nowhere on the disk', async () => {
    const values = { TOKEN: 'correct horse battery staple', EMPTY: '', LINES: 'a\nb "c" ü \u{1f510}' };
    set(await openVault(), APP, values);
    const vault = await openVault();
    expect(opened(vault, vault.pin('shop', null))).toEqual(values);
    store.close();
    for (const name of readdirSync(directory)) {
      const content = readFileSync(join(directory, name));
      expect(content.includes('battery staple'), name).toBe(false);
    }
    store = new Store(databaseFile(), now);
  });

  it('merge by scope, the narrower winning', async () => {
    const vault = await openVault();
    set(vault, GLOBAL, { A: 'global', B: 'global', C: 'global' });
    set(vault, PROJECT, { B: 'project', C: 'project' });
    set(vault, APP, { C: 'app' });
    expect(opened(vault, vault.pin('shop', 'web'))).toEqual({ A: 'global', B: 'project', C: 'app' });
    expect(opened(vault, vault.pin('shop', null))).toEqual({ A: 'global', B: 'global', C: 'app' });
    expect(opened(vault, vault.pin('blog', 'other'))).toEqual({ A: 'global', B: 'global', C: 'global' });
  });

  it('say what changes, and change nothing for a dry run', async () => {
    const vault = await openVault();
    set(vault, APP, { KEPT: '1', CHANGED: '1', GONE: '1' });
    const before = vault.list({});
    const wanted = { KEPT: '1', CHANGED: '2', ADDED: '1' };
    const dry = set(vault, APP, wanted, { removes: 'all', is_dry: true });
    expect(dry.map(({ name, change, version }) => `${name} ${change} ${version}`)).toEqual([
      'ADDED added 1',
      'CHANGED changed 2',
      'GONE removed null',
      'KEPT unchanged 1',
    ]);
    expect(vault.list({})).toEqual(before);
    expect(set(vault, APP, wanted, { removes: 'all' })).toEqual(dry);
    expect(vault.list({}).map(({ name, version }) => `${name} ${version}`)).toEqual(['ADDED 1', 'CHANGED 2', 'KEPT 1']);
    set(vault, APP, { CHANGED: '3' });
    expect(vault.list({}).map(({ name }) => name)).toEqual(['ADDED', 'CHANGED', 'KEPT']);
  });

  it('that were pulled and those that were set by hand leave each other alone', async () => {
    const vault = await openVault();
    const pull = (values: Record<string, string>) => {
      const changes = set(vault, APP, values, { origin: 'doppler', removes: 'own' });
      return changes.map(({ name, change, version }) => `${name} ${change} ${version}`);
    };
    set(vault, APP, { HAND: '1', BOTH: 'by hand' });
    expect(pull({ BOTH: 'pulled', PULLED: '1', GONE: '1' })).toEqual(['BOTH kept 1', 'GONE added 1', 'PULLED added 1']);
    expect(opened(vault, vault.pin('shop', null))).toEqual({ HAND: '1', BOTH: 'by hand', PULLED: '1', GONE: '1' });
    // What the provider has no more goes; what it does not know stays.
    expect(pull({ BOTH: 'by hand', PULLED: '2' })).toEqual(['BOTH kept 1', 'GONE removed null', 'PULLED changed 2']);
    expect(vault.list({}).map(({ name, origin }) => `${name} ${origin}`)).toEqual(['BOTH null', 'HAND null', 'PULLED doppler']);
    // A replacement by hand is one of what was set by hand, as long as there is a provider.
    set(vault, APP, { HAND: '2' }, { removes: 'own' });
    expect(vault.list({}).map(({ name }) => name)).toEqual(['HAND', 'PULLED']);
    set(vault, APP, { HAND: '2' }, { removes: 'all' });
    expect(vault.list({}).map(({ name }) => name)).toEqual(['HAND']);
    // Removed by hand, the name is the provider's again; so is one of another provider.
    vault.remove(APP, 'HAND', 'admin');
    expect(pull({ HAND: '3' })).toEqual(['HAND added 4']);
    expect(set(vault, APP, { OTHER: '1' }, { origin: 'age', removes: 'own' }).map(({ change }) => change)).toEqual([
      'removed',
      'added',
    ]);
  });

  it('that were pulled are no pull’s any more once they were set by hand, be it to the same value', async () => {
    const vault = await openVault();
    const pull = (value: string) => set(vault, APP, { TOKEN: value }, { origin: 'doppler', removes: 'own' })[0];
    pull('one');
    expect(set(vault, APP, { TOKEN: 'one' })[0]).toMatchObject({ change: 'unchanged', version: 2 });
    expect(pull('two')).toMatchObject({ change: 'kept', version: 2 });
    expect(opened(vault, vault.pin('shop', null))).toEqual({ TOKEN: 'one' });
    expect(vault.list({})[0]?.versions.map(({ origin }) => origin)).toEqual([null, 'doppler']);
  });

  it('are listed with who set them when, and fingerprints that tell nothing', async () => {
    const vault = await openVault();
    set(vault, APP, { TOKEN: 'same-value', OTHER: 'same-value' });
    const [other, token] = vault.list({ app_name: 'shop' });
    expect(token).toMatchObject({
      scope: 'app',
      app_name: 'shop',
      project: null,
      name: 'TOKEN',
      version: 1,
      updated_by: 'admin',
    });
    expect(JSON.stringify(vault.list({}))).not.toContain('same-value');
    expect(token?.fingerprint).toMatch(/^[0-9a-f]{16}$/);
    expect(token?.fingerprint).not.toBe(other?.fingerprint);
    set(vault, APP, { TOKEN: 'another' });
    set(vault, APP, { TOKEN: 'same-value' });
    expect(
      vault
        .list({ scope: 'app' })
        .at(-1)
        ?.versions.map(({ version }) => version),
    ).toEqual([3, 2, 1]);
    expect(vault.list({ scope: 'app' }).at(-1)?.fingerprint).toBe(token?.fingerprint);
    expect(vault.list({ scope: 'global' })).toEqual([]);
    expect(vault.list({ project: 'web' })).toEqual([]);
  });

  it('keep as many versions as they should, and those that a release can serve with', async () => {
    const vault = await openVault();
    set(vault, APP, { TOKEN: 'value 1' });
    const pinned = vault.pin('shop', null);
    release('r1', pinned, 'standby');
    set(vault, APP, { TOKEN: 'value 2' });
    const pruned = vault.pin('shop', null);
    release('r2', pruned, 'pruned');
    for (let version = 3; version <= LIMITS.secret_versions_kept + 4; version += 1)
      set(vault, APP, { TOKEN: `value ${version}` });
    const kept = vault.list({})[0]?.versions.map(({ version }) => version) ?? [];
    expect(kept).toEqual([14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 1]);
    expect(opened(vault, pinned)).toEqual({ TOKEN: 'value 1' });
    expect(() => vault.open(pruned)).toThrow(/TOKEN \(version 2 of the app shop\) is not kept any more; deploy anew/);
  });

  it('are removed, but for the releases that run with them, and their numbers are not given again', async () => {
    const vault = await openVault();
    set(vault, APP, { TOKEN: 'one', OTHER: 'x' });
    const pinned = vault.pin('shop', null).filter(({ name }) => name === 'TOKEN');
    release('r1', pinned);
    vault.remove(APP, 'TOKEN', 'admin');
    vault.remove(APP, 'OTHER', 'admin');
    expect(vault.list({})).toEqual([]);
    expect(vault.pin('shop', null)).toEqual([]);
    expect(opened(vault, pinned)).toEqual({ TOKEN: 'one' });
    expect(vault.valuesOf('shop', null, pinned).map((value) => value.open())).toEqual(['one']);
    expect(() => vault.remove(APP, 'TOKEN', 'admin')).toThrow('There is no secret TOKEN in the app shop.');
    expect(set(vault, APP, { TOKEN: 'one' })).toMatchObject([{ change: 'added', version: 3 }]);
  });

  it('of an app go with it', async () => {
    const vault = await openVault();
    set(vault, APP, { TOKEN: 'one' });
    set(vault, GLOBAL, { TOKEN: 'two' });
    store.secrets.removeOfApp('shop');
    expect(opened(vault, vault.pin('shop', null))).toEqual({ TOKEN: 'two' });
  });

  it('are bound to their name, scope and version: none passes for another', async () => {
    const vault = await openVault();
    set(vault, APP, { TOKEN: 'one', OTHER: 'two' });
    const database = new DatabaseSync(databaseFile());
    database.exec("UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE name = 'OTHER') WHERE name = 'TOKEN'");
    database.close();
    expect(() => vault.open(vault.pin('shop', null))).toThrow(/TOKEN \(version 1\) does not open/);
    expect(vault.valuesOf('shop', null, []).map((value) => value.open())).toEqual(['two']);
  });

  it('are no more than the bound', async () => {
    const vault = await openVault();
    const many = Object.fromEntries(Array.from({ length: LIMITS.secrets_max }, (_, index) => [`S${index}`, 'x']));
    set(vault, GLOBAL, many);
    expect(() => set(vault, APP, { ONE_MORE: 'x' })).toThrow(/keeps 10000 secrets at most/);
    expect(set(vault, GLOBAL, { S1: 'y' })).toMatchObject([{ change: 'changed' }]);
  });
});

describe('the master key', () => {
  it('is made once, for nobody else to read, and taken where the installer has made it', async () => {
    set(await openVault(), APP, { TOKEN: 'one' });
    const text = readFileSync(keyFile(), 'utf8');
    expect(statSync(keyFile()).mode & 0o777).toBe(0o400);
    chmodSync(keyFile(), 0o644);
    const vault = await openVault();
    expect(statSync(keyFile()).mode & 0o777).toBe(0o400);
    expect(opened(vault, vault.pin('shop', null))).toEqual({ TOKEN: 'one' });
    store.close();
    rmSync(databaseFile());
    store = new Store(databaseFile(), now);
    await openVault();
    expect(readFileSync(keyFile(), 'utf8')).toBe(text);
    expect(readdirSync(directory).filter((name) => name.startsWith('master'))).toEqual(['master.key']);
  });

  it.each<[string, (other: string) => void, RegExp]>([
    ['is missing', () => rmSync(keyFile()), /master\.key is missing, and the secrets .* \(key [0-9a-f]{8}\)/],
    ['is another', (other) => put(other), /is another one \(key [0-9a-f]{8}\) than that which .* \(key [0-9a-f]{8}\)/],
    ['is empty', () => put(''), /is no master key, or is damaged/],
    ['is cut short', () => put(readFileSync(keyFile(), 'utf8').slice(0, -10)), /is no master key, or is damaged/],
    ['is twice there', (other) => put(readFileSync(keyFile(), 'utf8') + other), /is no master key, or is damaged/],
  ])('that %s is a refusal that changes nothing', async (_, break_, message) => {
    set(await openVault(), APP, { TOKEN: 'one' });
    const good = readFileSync(keyFile(), 'utf8');
    const rows = () => JSON.stringify(store.secrets.listKept());
    const before = rows();
    const other = mkdtempSync(join(directory, 'other-'));
    const stranger = new Store(join(other, 'db'));
    await Vault.open({ store: stranger.secrets, files: new MasterKeyFiles(join(other, 'key')), now });
    stranger.close();
    break_(readFileSync(join(other, 'key'), 'utf8'));
    const error = await openVault().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(MasterKeyRefused);
    expect(String(error)).toMatch(message);
    expect(rows()).toBe(before);
    put(good);
    const vault = await openVault();
    expect(opened(vault, vault.pin('shop', null))).toEqual({ TOKEN: 'one' });
  });

  it('whose database was tampered with is a refusal as well', async () => {
    await openVault();
    const database = new DatabaseSync(databaseFile());
    database.exec('UPDATE vault_keys SET wrapped = zeroblob(length(wrapped))');
    database.close();
    await expect(openVault()).rejects.toThrow(/do not open with the master key .*: the database is damaged/);
  });

  it('is rotated with everything sealed anew; fingerprints stay', async () => {
    const vault = await openVault();
    set(vault, APP, { TOKEN: 'one' });
    set(vault, APP, { TOKEN: 'two' });
    set(vault, GLOBAL, { OTHER: 'three' });
    const [key, rows, list] = [readFileSync(keyFile(), 'utf8'), store.secrets.listKept(), vault.list({})];
    const rotated = await vault.rotateKey();
    expect(rotated.secrets).toBe(3);
    expect(readFileSync(keyFile(), 'utf8')).not.toBe(key);
    expect(readdirSync(directory)).not.toContain('master.key.next');
    expect(statSync(keyFile()).mode & 0o777).toBe(0o400);
    const again = store.secrets.listKept();
    for (const [index, { sealed }] of rows.entries()) expect(again[index]?.sealed?.equals(sealed ?? Buffer.alloc(0))).toBe(false);
    expect(vault.list({})).toEqual(list);
    for (const each of [vault, await openVault()]) {
      expect(opened(each, each.pin('shop', null))).toEqual({ OTHER: 'three', TOKEN: 'two' });
    }
    put(key);
    await expect(openVault()).rejects.toBeInstanceOf(MasterKeyRefused);
  });

  /** Of a rotation, in order; each is interrupted before and after. */
  it.each(['writeNext', 'promoteNext', 'replaceAll'] as const)(
    'killed at %s in a rotation opens with one of both',
    async (at) => {
      for (const when of ['before', 'after'] as const) {
        const vault = await openVault();
        set(vault, APP, { TOKEN: `one ${at} ${when}` });
        const life = { at, when, is_over: false };
        const dying = { store: mortal(store.secrets, life), files: mortal(new MasterKeyFiles(keyFile()), life), now };
        const last = await Vault.open(dying);
        await expect(last.rotateKey()).rejects.toThrow();
        const next = await openVault();
        expect(opened(next, next.pin('shop', null))).toEqual({ TOKEN: `one ${at} ${when}` });
        expect(readdirSync(directory).filter((name) => name.startsWith('master'))).toEqual(['master.key']);
        await next.rotateKey();
      }
    },
  );

  it('is used with the new keys from the moment that the database has them, before the file is in its place', async () => {
    const vault = await openVault();
    set(vault, APP, { TOKEN: 'one' });
    const files = new MasterKeyFiles(keyFile());
    const promote = files.promoteNext.bind(files);
    const slow = await openVault(files);
    let meanwhile: unknown = null;
    files.promoteNext = async () => {
      meanwhile = opened(slow, slow.pin('shop', null));
      set(slow, APP, { MORE: 'two' });
      await promote();
    };
    await slow.rotateKey();
    expect(meanwhile).toEqual({ TOKEN: 'one' });
    for (const each of [slow, await openVault()]) {
      expect(opened(each, each.pin('shop', null))).toEqual({ MORE: 'two', TOKEN: 'one' });
    }
  });

  it('is never lost, however a rotation goes after one whose file could not be put in its place', async () => {
    const files = new MasterKeyFiles(keyFile());
    const vault = await openVault(files);
    set(vault, APP, { TOKEN: 'one' });
    const promote = files.promoteNext.bind(files);
    files.promoteNext = () => Promise.reject(new Error('EROFS'));
    for (let count = 1; count <= 2; count += 1) {
      await expect(vault.rotateKey()).rejects.toMatchObject({ code: 'unavailable' });
      expect(opened(vault, vault.pin('shop', null))).toEqual({ TOKEN: 'one' });
    }
    files.promoteNext = promote;
    const database = new DatabaseSync(databaseFile());
    database.exec("CREATE TRIGGER full BEFORE UPDATE ON secrets BEGIN SELECT RAISE(ABORT, 'no'); END");
    await expect(vault.rotateKey()).rejects.toThrow();
    database.exec('DROP TRIGGER full');
    database.close();
    const next = await openVault();
    expect(opened(next, next.pin('shop', null))).toEqual({ TOKEN: 'one' });
  });

  it('is not rotated twice at once, and a rotation that the disk refuses leaves all as it was', async () => {
    const vault = await openVault();
    set(vault, APP, { TOKEN: 'one' });
    const both = await Promise.allSettled([vault.rotateKey(), vault.rotateKey()]);
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    const database = new DatabaseSync(databaseFile());
    database.exec("CREATE TRIGGER full BEFORE UPDATE ON secrets BEGIN SELECT RAISE(ABORT, 'no'); END");
    await expect(vault.rotateKey()).rejects.toThrow();
    database.exec('DROP TRIGGER full');
    database.close();
    for (const each of [vault, await openVault()]) expect(opened(each, each.pin('shop', null))).toEqual({ TOKEN: 'one' });
    expect(readdirSync(directory).filter((name) => name.startsWith('master'))).toEqual(['master.key']);
  });
});

function put(text: string): void {
  rmSync(keyFile(), { force: true });
  writeFileSync(keyFile(), text, { mode: 0o400 });
}

interface Life {
  at: string;
  when: 'before' | 'after';
  is_over: boolean;
}

/** As the process that is killed before or after it calls the method `at`: from there on nothing happens any more. */
function mortal<T extends object>(part: T, life: Life): T {
  return new Proxy(part, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        if (name === life.at && life.when === 'before') life.is_over = true;
        if (life.is_over) throw new Error('killed');
        const result: unknown = value.apply(target, args);
        if (name !== life.at) return result;
        life.is_over = true;
        if (result instanceof Promise) return result.then(() => Promise.reject(new Error('killed')));
        throw new Error('killed');
      };
    },
  });
}
