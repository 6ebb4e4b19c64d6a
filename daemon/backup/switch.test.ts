/** A restore that is killed at each of its writes: afterwards there is the old state or the new one, whole, and nothing beside it. */
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { HostBackupFiles } from '../host/backup-files.ts';
import type { BackupFiles } from './ports.ts';
import { endSwitch } from './switch.ts';
import { TestPlace } from './test-place.ts';

const WRITES = [
  'makeDirectory',
  'likeDirectory',
  'write',
  'link',
  'writeRecord',
  'rename',
  'remove',
] as const satisfies (keyof BackupFiles)[];
type Moment = 'before' | 'during' | 'after';

let first: TestPlace;
let file: Buffer;
beforeAll(async () => {
  first = await TestPlace.start();
  first.app('shop', 'r1');
  first.set('TOKEN', 'of the backup');
  first.certificate('shop.test', 'of the backup');
  symlinkSync('shop.test.crt', join(first.places.trees.certificates, 'link.crt'));
  file = await first.backup();
});
afterAll(() => first.remove());

/** A server with another state, whose database has what its log alone holds. */
async function older(): Promise<TestPlace> {
  const place = await TestPlace.start();
  place.set('TOKEN', 'of this server');
  place.certificate('shop.test', 'of this server');
  place.certificate('blog.test', 'of this server');
  // As a rotation leaves it that was killed.
  writeFileSync(`${place.places.master_key}.next`, '# no key\n');
  return place;
}

/** What it serves with: all of it has to be of one and the same state. */
function seen(place: TestPlace): string[] {
  const { certificates } = place.places.trees;
  const names = readdirSync(certificates).sort().join(' ');
  const chain = readFileSync(join(certificates, 'shop.test.crt'), 'utf8');
  return [
    place.valueOf('TOKEN') ?? '',
    chain,
    names,
    place.store
      .listApps()
      .map(({ name }) => name)
      .join(' '),
  ];
}
const OLD = ['of this server', 'of this server', 'blog.test.crt blog.test.key shop.test.crt shop.test.key', ''];
const NEW = ['of the backup', 'of the backup', 'link.crt shop.test.crt shop.test.key', 'shop'];

interface Life {
  at: number;
  moment: Moment;
  /** Those that were done, by name. */
  writes: string[];
  is_over: boolean;
}

/** The process that is killed at its `at`-th write: from there on nothing happens any more. Counts them, too. */
function mortal(life: Life): BackupFiles {
  const die = () => {
    life.is_over = true;
    throw new Error('killed');
  };
  return new Proxy(new HostBackupFiles() as BackupFiles, {
    get(target, name) {
      const value = Reflect.get(target, name).bind(target) as (...args: unknown[]) => Promise<unknown>;
      if (!(WRITES as readonly string[]).includes(String(name))) return value;
      return async (...args: unknown[]) => {
        if (life.is_over) die();
        const isLast = life.writes.length === life.at;
        life.writes.push(String(name));
        if (isLast && life.moment === 'before') die();
        const isHalf = isLast && life.moment === 'during' && name === 'write';
        await value(...(isHalf ? args.with(1, half(args[1] as AsyncIterable<Uint8Array>, die)) : args));
        if (isLast) die();
      };
    },
  });
}

async function* half(content: AsyncIterable<Uint8Array>, die: () => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of content) {
    yield chunk.subarray(0, Math.ceil(chunk.length / 2));
    die();
  }
}

/** All of a restore, from the file to the end of what the next start does; each start may be killed as well. */
async function live(place: TestPlace, files: BackupFiles): Promise<void> {
  place.files = files;
  await place.restore(file, true);
  place.stop();
  await place.start(files);
  await endSwitch(place.places, files);
}

async function listWrites(): Promise<string[]> {
  const place = await older();
  const life: Life = { at: Number.POSITIVE_INFINITY, moment: 'before', writes: [], is_over: false };
  await live(place, mortal(life));
  expect(seen(place)).toEqual(NEW);
  place.remove();
  return life.writes;
}

it.each<Moment>(['before', 'during', 'after'])('killed %s any of its writes', { timeout: 180_000 }, async (moment) => {
  const writes = await listWrites();
  expect(writes.length).toBeGreaterThan(20);
  const ends = new Set<string>();
  for (const [at, name] of writes.entries()) {
    // The others happen all at once.
    if (moment === 'during' && name !== 'write') continue;
    const place = await older();
    const before = place.snapshot();
    const life: Life = { at, moment, writes: [], is_over: false };
    await expect(live(place, mortal(life))).rejects.toThrow('killed');
    // The next start: also after one that got no further than a start.
    if (place.isOpen) place.stop();
    await place.start();
    const now = seen(place);
    const end = JSON.stringify(now) === JSON.stringify(OLD) ? 'old' : 'new';
    expect(now, `${moment} write ${at}`).toEqual(end === 'old' ? OLD : NEW);
    ends.add(end);
    if (place.record !== null) await endSwitch(place.places, new HostBackupFiles());
    const left = readdirSync(place.directory, { recursive: true, encoding: 'utf8' }).filter((path) =>
      /staged|temporary|restore\.json/.test(path),
    );
    expect(left, `${moment} write ${at}`).toEqual([]);
    if (end === 'old') expect(withoutDatabase(place.snapshot())).toEqual(withoutDatabase(before));
    else expect(existsSync(join(place.directory, 'etc', 'before-restore-rst-1', 'master.key'))).toBe(true);
    place.remove();
  }
  expect([...ends].sort()).toEqual(moment === 'during' ? ['old'] : ['new', 'old']);
});

/** Opened and closed it has other bytes, and a key that is no key is taken away. */
const withoutDatabase = (snapshot: Record<string, string>) =>
  Object.fromEntries(Object.entries(snapshot).filter(([path]) => !path.endsWith('.db') && !path.endsWith('.next')));

it('what somebody makes anew between two attempts is not taken for the state before', async () => {
  const place = await older();
  const { certificates } = place.places.trees;
  await place.restore(file, true);
  place.stop();
  const files = new HostBackupFiles();
  const dying = new Proxy(files as BackupFiles, {
    get:
      (target, name) =>
      async (...args: string[]) => {
        if (name === 'rename' && args[1] === certificates) throw new Error('killed');
        return (Reflect.get(target, name) as (...args: string[]) => unknown).apply(target, args);
      },
  });
  await expect(place.start(dying)).rejects.toThrow('killed');
  expect(existsSync(certificates)).toBe(false);
  mkdirSync(certificates);
  writeFileSync(join(certificates, 'stranger.crt'), '');
  await place.start();
  expect(seen(place)).toEqual(NEW);
  const kept = join(place.directory, 'etc', 'before-restore-rst-1', 'certs');
  expect(readFileSync(join(kept, 'shop.test.crt'), 'utf8')).toBe('of this server');
  place.remove();
});
