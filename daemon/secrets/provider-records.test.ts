import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { MasterKeyFiles } from '../host/key-files.ts';
import { AGE_IDENTITY } from './test-age-files.ts';
import { DOPPLER_TOKEN } from './test-doppler.ts';
import { APP, startProviders, type TestProviders } from './test-providers.ts';
import { AWS_KEYS } from './test-ssm.ts';
import { Vault } from './vault.ts';

const DOPPLER = { kind: 'doppler', project: 'shop', config: 'prd', token: DOPPLER_TOKEN };
const AWS = { kind: 'aws_ssm', region: 'eu-central-1', path: '/shop', ...AWS_KEYS, session_token: 'needle-session' };
const AGE = { kind: 'age', file: '/etc/nextdeploy/age/shop.age', identity: AGE_IDENTITY };
const NEEDLES = [DOPPLER_TOKEN, AWS_KEYS.access_key_id, AWS_KEYS.secret_access_key, 'needle-session', AGE_IDENTITY];

function setAll(all: TestProviders): void {
  all.set(DOPPLER, { scope: 'global' });
  all.set(AWS, { scope: 'project', project: 'web' });
  all.set(AGE);
}

describe('providers of secrets', () => {
  it('are listed without their credentials, which are on the disk only sealed', async () => {
    await using all = await startProviders();
    setAll(all);
    const listed = all.records.list();
    expect(listed.map(({ scope, project, app_name, provider }) => [scope, project, app_name, provider.kind])).toEqual([
      ['app', null, 'shop', 'age'],
      ['global', null, null, 'doppler'],
      ['project', 'web', null, 'aws_ssm'],
    ]);
    expect(listed[2]?.provider).toEqual({ kind: 'aws_ssm', region: 'eu-central-1', path: '/shop', credentials: 'keys' });
    const files = readdirSync(all.directory).filter((name) => name.startsWith('nextdeploy.db'));
    expect(files.length).toBeGreaterThan(1);
    const disk = files.map((name) => readFileSync(join(all.directory, name), 'latin1')).join('');
    expect(disk).toContain('eu-central-1');
    for (const needle of NEEDLES) expect([disk, JSON.stringify(listed), inspect(listed)].join('')).not.toContain(needle);
  });

  it('open with a new master key, and after a start of the daemon', async () => {
    await using all = await startProviders();
    setAll(all);
    expect(await all.vault.rotateKey()).toMatchObject({ secrets: 3 });
    expect(all.records.open(APP).provider).toEqual(AGE);
    const files = new MasterKeyFiles(join(all.directory, 'master.key'));
    const vault = await Vault.open({ store: all.store.secrets, files, now: () => new Date() });
    const { sealed, scope, owner, settings } = all.store.secrets.listProviders()[2]!; // three were set
    const text = vault.unsealText(['nextdeploy secret provider', '1', scope, owner, settings], sealed, 'it');
    expect(JSON.parse(text.open())).toEqual(AWS);
  });

  it('whose row was changed, so that credentials would be sent elsewhere, do not open', async () => {
    await using all = await startProviders();
    setAll(all);
    const database = new DatabaseSync(all.databaseFile);
    database.exec(
      `UPDATE secret_providers SET settings = json_set(settings, '$.endpoint', 'https://evil.example') WHERE scope = 'global'`,
    );
    database.exec(`UPDATE secret_providers SET owner = 'other' WHERE scope = 'project'`);
    database.close();
    expect(() => all.records.open({ scope: 'global' })).toThrow('The provider of the scope global does not open');
    expect(() => all.records.open({ scope: 'project', project: 'other' })).toThrow('does not open');
  });

  it('are one for each scope: another takes its place, and removing it forgets its credentials', async () => {
    await using all = await startProviders();
    all.set(DOPPLER);
    all.set(AGE);
    expect(all.records.list()).toMatchObject([{ set_by: 'ana', pulled_at: null, provider: { kind: 'age' } }]);
    expect(all.records.has(APP)).toBe(true);
    all.records.remove(APP);
    expect([all.records.has(APP), all.records.list(), all.store.secrets.listProviders()]).toEqual([false, [], []]);
    for (const act of [() => all.records.remove(APP), () => all.records.open(APP)])
      expect(act).toThrow('There is no provider of secrets for the app shop; set one');
  });

  it('of an app go with it', async () => {
    await using all = await startProviders();
    setAll(all);
    all.store.secrets.removeOfApp('shop');
    expect(all.records.list().map(({ scope }) => scope)).toEqual(['global', 'project']);
  });

  it('that were changed while they were asked are not taken for what they were', async () => {
    await using all = await startProviders();
    all.set(DOPPLER);
    const open = all.records.open(APP);
    await all.vault.rotateKey();
    all.records.notePull(open);
    expect(() => all.records.demandUnchanged(open)).not.toThrow();
    expect(all.records.list()[0]?.pulled_at).toMatch(/^2/);
    all.set({ ...DOPPLER, config: 'stg' });
    expect(() => all.records.demandUnchanged(open)).toThrow('The provider of the app shop was changed meanwhile; try again.');
    all.records.remove(APP);
    expect(() => all.records.demandUnchanged(open)).toThrow('was changed meanwhile');
  });
});
