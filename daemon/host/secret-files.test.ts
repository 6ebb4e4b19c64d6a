import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Sealed } from '../secrets/sealed.ts';
import { SecretFiles, type SecretPlace } from './secret-files.ts';
import { ModelPlaces } from './test-secret-places.ts';

/** A tmpfs on every Linux (shm_overview(7)). */
const MEMORY = '/dev/shm';
const OWN_UID = process.getuid?.() ?? 0;
let root: string;
let places: ModelPlaces;
let files: SecretFiles;
beforeEach(() => {
  root = mkdtempSync(join(MEMORY, 'nextdeploy-secrets-'));
  places = new ModelPlaces();
  files = new SecretFiles(root, places);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const valuesOf = (values: Record<string, string>) =>
  new Map(Object.entries(values).map(([name, value]) => [name, new Sealed(value)]));
const place = (container: string, uid = OWN_UID): SecretPlace => ({ container, app_name: 'shop', release: 'r1', uid });
const written = (container: string) => {
  const directory = join(root, container);
  return Object.fromEntries(readdirSync(directory).map((name) => [name, readFileSync(join(directory, name), 'utf8')]));
};

describe('files of secrets', () => {
  it('are for the container’s user alone, and are what was given last', async () => {
    // Root alone can give files away.
    const uid = OWN_UID === 0 ? 1234 : OWN_UID;
    await files.reserve('a');
    await files.place(place('a', uid), valuesOf({ TOKEN: 'one', OLD: 'x' }));
    await files.place(place('a', uid), valuesOf({ TOKEN: 'two\n' }));
    expect(written('a')).toEqual({ TOKEN: 'two\n' });
    const [directory, file] = [statSync(join(root, 'a')), statSync(join(root, 'a', 'TOKEN'))];
    expect([directory.mode & 0o777, directory.uid, file.mode & 0o777, file.uid]).toEqual([0o500, uid, 0o400, uid]);
    expect(statSync(root).mode & 0o077).toBe(0);
  });

  it('are written anew where memory was emptied, and no others', async () => {
    for (const name of ['a', 'b', 'c']) {
      await files.reserve(name);
      await files.place(place(name), valuesOf({ MORE: 'x', TOKEN: name }));
    }
    rmSync(join(root, 'a'), { recursive: true });
    // As a kill between two files leaves it.
    rmSync(join(root, 'c', 'TOKEN'));
    const failures: string[] = [];
    const again = new SecretFiles(root, places);
    await again.placeMissing(
      ({ container }) => valuesOf({ MORE: 'x', TOKEN: `${container} again` }),
      (_, { container }) => void failures.push(container),
    );
    const more = { MORE: 'x' };
    const now = [written('a'), written('b'), written('c'), failures];
    expect(now).toEqual([{ ...more, TOKEN: 'a again' }, { ...more, TOKEN: 'b' }, { ...more, TOKEN: 'c again' }, []]);
  });

  it('of one container that cannot be had keep no other from its own', async () => {
    places.put(place('a'));
    places.put(place('b'));
    const failures: string[] = [];
    await files.placeMissing(
      ({ container }) => {
        if (container === 'a') throw new Error('not kept any more');
        return valuesOf({ TOKEN: 'b' });
      },
      (_, { container }) => void failures.push(container),
    );
    expect([written('b'), failures]).toEqual([{ TOKEN: 'b' }, ['a']]);
  });

  it('go with their container, also one that went while nobody looked', async () => {
    for (const name of ['a', 'b', 'c', 'e']) {
      await files.reserve(name);
      await files.place(place(name), valuesOf({ TOKEN: name }));
    }
    await files.remove('a');
    rmSync(join(root, 'b'), { recursive: true });
    const next = new SecretFiles(root, places);
    await next.placeMissing(
      () => valuesOf({ TOKEN: 'again' }),
      () => undefined,
    );
    await next.sweep(async () => {
      // They were made while the containers were looked for, and are not among them; the one in the name of another that was left over.
      for (const name of ['d', 'e']) {
        await next.reserve(name);
        await next.place(place(name), valuesOf({ TOKEN: `${name} anew` }));
      }
      return new Set(['c']);
    });
    expect(readdirSync(root).toSorted()).toEqual(['c', 'd', 'e']);
    expect(written('e')).toEqual({ TOKEN: 'e anew' });
    expect(places.list().map(({ container }) => container)).toEqual(expect.arrayContaining(['c', 'd', 'e']));
    expect(places.list()).toHaveLength(3);
    await files.remove('never there');
  });

  it('are not written to a disk', async () => {
    const disk = mkdtempSync(join(import.meta.dirname, '.secret-files-'));
    try {
      await expect(new SecretFiles(join(disk, 'x'), places).reserve('a')).rejects.toThrow(
        /is not in memory.*secrets\.files_directory/,
      );
      expect(places.list()).toEqual([]);
    } finally {
      rmSync(disk, { recursive: true });
    }
  });
});
