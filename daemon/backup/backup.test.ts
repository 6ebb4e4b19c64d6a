/** Backups of a real database with real secrets, opened by the library and by the program `age`. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Sealed } from '../secrets/sealed.ts';
import { readArchive, writeArchive } from './archive.ts';
import { decrypt, encrypt } from './envelope.ts';
import { formatManifest, type Manifest, parseManifest } from './manifest.ts';
import { collect, IMAGE, never, PASSPHRASE, pieces, QUICK, TestPlace } from './test-place.ts';

let first: TestPlace;
let second: TestPlace;
beforeEach(async () => {
  first = await TestPlace.start();
  second = await TestPlace.start();
  first.app('shop', 'r1');
  first.set('TOKEN', 'needle-one');
  first.set('TOKEN', 'needle-two');
  first.certificate('shop.test', 'a chain');
  mkdirSync(join(first.places.trees.acme, 'accounts', 'ca:14000'), { recursive: true });
  writeFileSync(join(first.places.trees.acme, 'accounts', 'ca:14000', 'regr.json'), '{}');
});
afterEach(() => {
  first.remove();
  second.remove();
});

const contentOf = async (file: Buffer): Promise<Map<string, Buffer>> => {
  const entries = new Map<string, Buffer>();
  for await (const { name, content } of readArchive(await decrypt(pieces(file), PASSPHRASE)))
    entries.set(name, await collect(content));
  return entries;
};

/** `age` reads passphrases from a terminal alone; `script` gives it one, and it is listened to from its question on. */
async function openWithAge(file: string, output: string): Promise<number> {
  const program = spawn('script', ['--quiet', '--return', '--command', `age --decrypt --output ${output} ${file}`, '/dev/null']);
  program.stdout.on('data', (chunk: Buffer) => {
    if (chunk.toString().includes('passphrase')) program.stdin.write(`${PASSPHRASE.open()}\n`);
  });
  const [code] = await once(program, 'close');
  return Number(code);
}

/** Another backup with the same passphrase: `change` gets its entries in order. */
async function altered(file: Buffer, change: (entries: [string, Buffer][]) => [string, Buffer][]): Promise<Buffer> {
  const entries = change([...(await contentOf(file))]);
  return encrypted(
    writeArchive(entries.map(([name, content]) => ({ name, size_bytes: content.length, mode: 0o600, content: pieces(content) }))),
  );
}
const encrypted = async (plain: AsyncIterable<Uint8Array>) => collect(await encrypt(plain, PASSPHRASE, QUICK));
const withManifest = (file: Buffer, change: (manifest: Manifest) => object) =>
  altered(file, ([[name, bytes] = ['', Buffer.alloc(0)], ...rest]) => [
    [name, Buffer.from(JSON.stringify(change(parseManifest(bytes))))],
    ...rest,
  ]);

describe('a backup', () => {
  it('holds the state with the key that opens it, and is a tar archive that the program age opens', {
    timeout: 60_000,
  }, async () => {
    const file = await collect(await first.backups(18).create(PASSPHRASE, never));
    const path = join(first.directory, 'backup.age');
    writeFileSync(path, file);
    expect(await openWithAge(path, `${path}.tar`)).toBe(0);
    const listed = spawnSync('tar', ['--list', '--verbose', '--file', `${path}.tar`], { encoding: 'utf8' });
    expect(listed.stderr).toBe('');
    expect(
      listed.stdout
        .trim()
        .split('\n')
        .map((line) => line.split(/\s+/).at(-1)),
    ).toEqual([
      'manifest.json',
      'nextdeploy.db',
      'master.key',
      'config.yml',
      'certificates/shop.test.crt',
      'certificates/shop.test.key',
      'acme-by-number/0',
    ]);
    const entries = await contentOf(file);
    expect(entries.get('config.yml')?.toString()).toBe('retention:\n  releases: 7\n');
    expect(entries.get('master.key')?.toString()).toBe(readFileSync(first.places.master_key, 'utf8'));
    const manifest = parseManifest(entries.get('manifest.json') ?? Buffer.alloc(0));
    expect(manifest).toMatchObject({ format: 1, version: '1.2.3', hostname: 'first', markers: { shop: 'blue' } });
    expect(manifest.entries.find(({ name }) => name.endsWith('.test.key'))).toMatchObject({ path: 'shop.test.key', mode: 0o600 });
    for (const content of entries.values()) expect(content.includes('needle-')).toBe(false);
  });

  it('leaves nothing behind, also when nobody reads it to its end, and there is one at a time', async () => {
    const before = first.snapshot();
    await first.backup();
    expect(first.snapshot()).toEqual(before);
    const backups = first.backups();
    const gone = new AbortController();
    const made = await backups.create(PASSPHRASE, gone.signal);
    expect(statSync(join(first.places.state_directory, 'backup-temporary', 'nextdeploy.db')).mode & 0o777).toBe(0o600);
    await expect(backups.create(PASSPHRASE, never)).rejects.toThrow(/Another backup is being made/);
    gone.abort(new Error('hung up'));
    await expect.poll(() => existsSync(join(first.places.state_directory, 'backup-temporary'))).toBe(false);
    await expect(collect(made)).rejects.toThrow();
    expect(first.snapshot()).toEqual(before);
  });

  it('is refused where its key would not open it', async () => {
    const key = readFileSync(second.places.master_key, 'utf8');
    first.places.master_key = join(first.directory, 'other.key');
    writeFileSync(first.places.master_key, key);
    await expect(first.backup()).rejects.toThrow(/or its master key is damaged/);
    expect(readdirSync(first.places.state_directory).filter((name) => name.startsWith('backup'))).toEqual([]);
  });

  it('made while the key is rotated opens with the key in it', async () => {
    const backups = first.backups();
    const [made] = await Promise.all([backups.create(PASSPHRASE, never), first.vault.rotateKey()]);
    await second.restore(await collect(made), true);
    second.stop();
    await second.start();
    expect(second.valueOf('TOKEN')).toBe('needle-two');
  });

  it('takes links within the directory of certificates along, and none that lead out of it or nowhere', async () => {
    const { certificates } = first.places.trees;
    mkdirSync(join(certificates, '.kept', 'a.test', 'imported.3'), { recursive: true });
    writeFileSync(join(certificates, '.kept', 'a.test', 'imported.3', 'certificate.pem'), 'linked');
    symlinkSync('imported.3', join(certificates, '.kept', 'a.test', 'current'));
    symlinkSync('.kept/a.test/current/certificate.pem', join(certificates, 'a.test.crt'));
    symlinkSync('/etc/passwd', join(certificates, 'outside.crt'));
    symlinkSync('../master.key', join(certificates, 'above.crt'));
    symlinkSync('.kept/none', join(certificates, 'nowhere.crt'));
    // Whatever the umask, the proxies' users come through.
    rmSync(second.places.trees.certificates, { recursive: true });
    const before = process.umask(0o077);
    await second.restore(await first.backup(), true);
    process.umask(before);
    second.stop();
    await second.start();
    const restored = second.places.trees.certificates;
    expect(readFileSync(join(restored, 'a.test.crt'), 'utf8')).toBe('linked');
    expect(readlinkSync(join(restored, 'a.test.crt'))).toBe('.kept/a.test/current/certificate.pem');
    expect(readlinkSync(join(restored, '.kept', 'a.test', 'current'))).toBe('imported.3');
    expect(readdirSync(restored).sort()).toEqual(['.kept', 'a.test.crt', 'shop.test.crt', 'shop.test.key']);
    for (const path of ['', '.kept', '.kept/a.test', '.kept/a.test/imported.3'])
      expect(statSync(join(restored, path)).mode & 0o777, path).toBe(0o755);
  });
});

describe('a restore', () => {
  it('says first what would change, and changes nothing', async () => {
    second.app('blog', 'r2');
    second.set('TOKEN', 'needle-three');
    second.certificate('blog.test', 'another');
    second.portRoute('wiki.test', 3000);
    const before = second.snapshot();
    const report = await second.restore(await first.backup(), false);
    expect(report).toMatchObject({
      applied: false,
      restore_id: null,
      backup: { hostname: 'first', version: '1.2.3' },
      apps: [{ name: 'shop', outcome: 'needs_image', detail: expect.stringContaining('nextdeploy start shop') }],
      missing_images: [{ app_name: 'shop', release: 'r1', image: 'shop:v1', is_live: true }],
      kept_in: [],
      unchanged: 1,
    });
    expect(report.changes.map(({ kind, name, change }) => `${kind} ${name} ${change}`).sort()).toEqual([
      'app blog gone',
      'app shop added',
      'certificate blog.test.crt gone',
      'certificate blog.test.key gone',
      'certificate shop.test.crt added',
      'certificate shop.test.key added',
      'release blog r2 gone',
      'release shop r1 added',
      'route blog.test gone',
      'route shop.test added',
      'route wiki.test gone',
      'secret app shop TOKEN replaced',
    ]);
    expect(JSON.stringify(report)).not.toContain('needle-');
    expect(second.snapshot()).toEqual(before);
  });

  it('finds nothing to change in a backup of the very state', async () => {
    const report = await first.restore(await first.backup(), false);
    expect(report.changes).toEqual([]);
    expect(report.unchanged).toBe(7);
  });

  it('puts state, key and certificates in place on a fresh server, and keeps what was there', async () => {
    second.set('TOKEN', 'needle-three');
    second.images = [IMAGE];
    const token = readFileSync(second.places.configuration, 'utf8');
    const key = readFileSync(second.places.master_key, 'utf8');
    const report = await second.restore(await first.backup(), true);
    expect(report).toMatchObject({ applied: true, restore_id: 'rst-1', apps: [{ name: 'shop', outcome: 'starts' }] });
    expect(second.valueOf('TOKEN')).toBe('needle-three');
    second.stop();
    await second.start();
    expect(second.valueOf('TOKEN')).toBe('needle-two');
    // It starts by an operation, as it would by hand.
    expect(second.store.getApp('shop')).toMatchObject({ release: 'r1', wanted: 'stopped' });
    expect(readFileSync(join(second.places.trees.certificates, 'shop.test.crt'), 'utf8')).toBe('a chain');
    expect(readFileSync(join(second.places.trees.acme, 'accounts', 'ca:14000', 'regr.json'), 'utf8')).toBe('{}');
    expect(statSync(join(second.places.trees.certificates, 'shop.test.key')).mode & 0o777).toBe(0o600);
    for (const path of [second.places.database, second.places.master_key]) expect(statSync(path).mode & 0o077, path).toBe(0);
    expect(readFileSync(second.places.configuration, 'utf8')).toBe(token);
    expect(report.kept_in).toHaveLength(2);
    expect(readFileSync(join(second.directory, 'etc', 'before-restore-rst-1', 'master.key'), 'utf8')).toBe(key);
    // One generation.
    const again = await second.restore(await first.backup(), true);
    expect(again.restore_id).toBe('rst-2');
    second.stop();
    await second.start();
    expect(readdirSync(join(second.directory, 'etc')).sort()).toEqual([
      'before-restore-rst-2',
      'certs',
      'config.yml',
      'master.key',
    ]);
  });

  it('numbers events on, so that whoever follows them misses none', async () => {
    for (let count = 0; count < 5; count += 1)
      second.store.appendEvent({
        ...{ ts: '2026-01-01T00:00:00.000Z', kind: 'disk.low', level: 'info', message: 'm', app_name: null, operation: null },
      });
    await second.restore(await first.backup(), true);
    second.stop();
    await second.start();
    expect(second.store.lastEventSeq()).toBeGreaterThan(5);
  });

  it('ends what was under way when the backup was made, and is refused while something is under way here', async () => {
    first.app('shop', 'r2', 'pending');
    first.running('shop', 'r2');
    const file = await first.backup();
    await second.restore(file, true);
    second.stop();
    await second.start();
    expect(second.store.getOperation('op-0123456789ab')).toMatchObject({
      state: 'stuck',
      error: { message: expect.stringContaining('backup') },
    });
    expect(second.store.getRelease('shop', 'r2')).toMatchObject({
      state: 'failed',
      end_reason: expect.stringContaining('backup'),
    });
    const before = first.snapshot();
    await expect(first.restore(file, true)).rejects.toMatchObject({ code: 'conflict', operation_id: 'op-0123456789ab' });
    expect(first.snapshot()).toEqual(before);
    expect((await first.restore(file, false)).applied).toBe(false);
  });
});

describe('a file that is no sound backup is refused whole, and said why:', () => {
  const manifestOf = (file: Buffer) => withManifest(file, (manifest) => manifest);

  it.each<[string, (file: Buffer) => Buffer | Promise<Buffer>, RegExp]>([
    ['empty', () => Buffer.alloc(0), /The file is empty/],
    ['foreign', () => Buffer.from('PK\u0003\u0004 and so on'), /not encrypted with age/],
    ['cut short in its header', (file) => file.subarray(0, 15), /damaged, or was cut short/],
    ['cut short after its header', (file) => file.subarray(0, 150), /damaged, or was cut short/],
    ['cut short', (file) => file.subarray(0, -70_000), /damaged, or was cut short/],
    ['short of its last byte', (file) => file.subarray(0, -1), /damaged, or was cut short/],
    ['with something after its end', (file) => Buffer.concat([file, Buffer.from('x')]), /damaged, or was cut short/],
    ['damaged', (file) => file.with(5_000, (file[5_000] ?? 0) ^ 1) as unknown as Buffer, /damaged, or was cut short/],
    ['armored', (file) => Buffer.from(`-----BEGIN AGE ENCRYPTED FILE-----\n${file.toString('base64')}`), /armored/],
    ['too hard to open', (file) => Buffer.from(file.toString('latin1').replace(/ 10\n/, ' 22\n'), 'latin1'), /more work/],
    ['other data in the same envelope', () => encrypted(pieces(Buffer.from('hello'))), /no backup of NextDeploy|cut short/],
    [
      'newer',
      (file) => withManifest(file, (manifest) => ({ ...manifest, format: 2, version: '9.0.0' })),
      /newer NextDeploy \(9\.0\.0\)/,
    ],
    ['with an unknown field', (file) => withManifest(file, (manifest) => ({ ...manifest, more: 1 })), /no backup/],
    ['without its key', (file) => altered(file, (entries) => entries.filter(([name]) => name !== 'master.key')), /no backup/],
    ['with an entry more', (file) => altered(file, (entries) => [...entries, ['more', Buffer.from('x')]]), /no backup/],
    ['with an entry twice', (file) => altered(file, (entries) => [...entries, ...entries.slice(-1)]), /no backup/],
    [
      'with another content',
      (file) =>
        altered(file, (all) =>
          all.map(([name, content]) => [
            name,
            name === 'config.yml' ? Buffer.from(content.toString().replace('7', '8')) : content,
          ]),
        ),
      /damaged/,
    ],
    ['sound in another form', manifestOf, /^$/],
  ])('%s', async (what, change, message) => {
    const file = await change(await first.backup());
    const before = second.snapshot();
    const error = await second.restore(file, true).then(
      () => new Error(''),
      (reason: Error) => reason,
    );
    expect(error.message).toMatch(message);
    if (what.startsWith('sound')) return;
    expect(error).toMatchObject({ code: 'unprocessable' });
    expect(error.message).toContain('Nothing was changed.');
    expect(second.snapshot()).toEqual(before);
  });

  it('a wrong passphrase', async () => {
    const before = second.snapshot();
    const error = await second
      .restore(await first.backup(), true, new Sealed('incorrect horse'))
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'unprocessable', message: expect.stringMatching(/passphrase is not the one/) });
    expect(second.snapshot()).toEqual(before);
  });

  it.each(['../evil.crt', '/etc/evil.crt', 'a/../../evil.crt', '..', 'a//b', 'a/./b', '', 'with space', 'a\nb'])(
    'a path that leads elsewhere: %j',
    async (path) => {
      const file = await withManifest(await first.backup(), (manifest) => ({
        ...manifest,
        entries: manifest.entries.map((entry) => (entry.kind === 'certificates' ? { ...entry, path } : entry)),
      }));
      const before = second.snapshot();
      await expect(second.restore(file, true)).rejects.toThrow(/no backup of NextDeploy/);
      expect(second.snapshot()).toEqual(before);
    },
  );

  it.each([
    ['/etc/passwd', 'a.crt'],
    ['../../etc/passwd', 'a.crt'],
    ['../x', 'a.crt'],
    ['..', 'a/b'],
    ['b', '../a.crt'],
    ['', 'a.crt'],
    ['b', 'shop.test.crt'],
    ['b', 'shop.test.crt/c'],
  ])('a link to %j at %j', async (target, path) => {
    const link = { kind: 'certificates', path, target };
    const file = await withManifest(await first.backup(), (manifest) => ({ ...manifest, links: [link] }));
    const before = second.snapshot();
    await expect(second.restore(file, true)).rejects.toThrow(/no backup of NextDeploy/);
    expect(second.snapshot()).toEqual(before);
  });

  it('a file that would be written through a link', async () => {
    const file = await withManifest(await first.backup(), (manifest) => ({
      ...manifest,
      links: [{ kind: 'certificates', path: 'a', target: 'b' }],
      entries: manifest.entries.map((entry) => (entry.kind === 'certificates' ? { ...entry, path: `a/${entry.path}` } : entry)),
    }));
    await expect(second.restore(file, true)).rejects.toThrow(/no backup of NextDeploy/);
  });

  it.each<[string, string[]]>([
    ['twice the same', ['a.crt', 'a.crt']],
    ['a file where a directory is', ['a', 'a/b']],
  ])('paths that are %s', async (_, [one, two]) => {
    const file = await withManifest(await first.backup(), (manifest) => ({
      ...manifest,
      entries: manifest.entries.map((entry) =>
        entry.kind === 'certificates' ? { ...entry, path: entry.path.endsWith('crt') ? one : two } : entry,
      ),
    }));
    await expect(second.restore(file, true)).rejects.toThrow(/no backup of NextDeploy/);
  });

  it.each<[string, string]>([
    ['a link', '2'],
    ['a hard link', '1'],
    ['a directory', '5'],
    ['an extension', 'x'],
    ['a long name of GNU', 'L'],
  ])('an archive with %s in it', async (_, type) => {
    const plain = await collect(await decrypt(pieces(await first.backup()), PASSPHRASE));
    const changed = Buffer.from(plain);
    changed.write(type, 156, 'latin1');
    changed.fill(' ', 148, 156);
    const sum = changed.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    changed.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    await expect(second.restore(await encrypted(pieces(changed)), true)).rejects.toThrow(/no backup of NextDeploy/);
  });

  it('a size that is more than there is room for, before anything is written', async () => {
    const file = await withManifest(await first.backup(), (manifest) => ({
      ...manifest,
      entries: manifest.entries.map((entry) => (entry.kind === 'database' ? { ...entry, size_bytes: 2 ** 32 } : entry)),
    }));
    second.files = new Proxy(second.files, {
      get: (target, name) => (name === 'freeBytes' ? async () => 2 ** 31 : Reflect.get(target, name).bind(target)),
    });
    await expect(second.restore(file, true)).rejects.toThrow(/needs \d+ bytes beside .*make room first/);
  });

  it('a key that does not open its secrets, and a newer database', async () => {
    const other = Buffer.from(readFileSync(second.places.master_key, 'utf8'));
    const database = (await contentOf(await first.backup())).get('nextdeploy.db') ?? Buffer.alloc(0);
    const newer = Buffer.from(database);
    newer.writeUInt32BE(99, 60);
    for (const [name, content, message] of [
      ['master.key', other, /does not open its secrets/],
      ['nextdeploy.db', newer, /database in the backup was written by a newer NextDeploy \(version 99/],
      ['nextdeploy.db', database.fill(7, 4_096, 9_000), /database in the backup (is damaged|cannot be read)/],
    ] as const) {
      const before = second.snapshot();
      await expect(second.restore(await replaced(await first.backup(), name, content), true)).rejects.toThrow(message);
      expect(second.snapshot()).toEqual(before);
    }
  });
});

/** With an entry of other content that its manifest agrees with. */
async function replaced(file: Buffer, name: string, content: Buffer): Promise<Buffer> {
  const { createHash } = await import('node:crypto');
  const sha256 = createHash('sha256').update(content).digest('hex');
  return altered(file, (entries) =>
    entries.map(([each, bytes]) => {
      if (each === name) return [each, content];
      if (each !== 'manifest.json') return [each, bytes];
      const manifest = parseManifest(bytes);
      const change = manifest.entries.map((entry) =>
        entry.name === name ? { ...entry, size_bytes: content.length, sha256 } : entry,
      );
      return [each, formatManifest({ ...manifest, entries: change })];
    }),
  );
}
