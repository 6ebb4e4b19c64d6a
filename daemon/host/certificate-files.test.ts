import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Pair } from '../certs/ports.ts';
import { selfSigned } from '../certs/self-signed.ts';
import { type Disk, realDisk } from './certificate-disk.ts';
import { CertificateFiles } from './certificate-files.ts';

const DOMAIN = 'shop.example.com';
let parent: string;
let directory: string;
const files = (disk: Disk = realDisk) => new CertificateFiles({ directory, findOwner: async () => null, disk });
const pair = () => selfSigned(DOMAIN, new Date());
const at = (suffix: 'crt' | 'key') => join(directory, `${DOMAIN}.${suffix}`);

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'nextdeploy-certs-'));
  directory = join(parent, 'certs');
});
afterEach(() => rmSync(parent, { recursive: true }));

async function put(to: CertificateFiles, { certificate, key }: Pair, source: 'imported' | 'certbot' = 'imported'): Promise<string> {
  const added = await to.add(DOMAIN, source, { certificate, key });
  await to.use(DOMAIN, added.version);
  await to.prune(DOMAIN, []);
  return added.version;
}

/** As a proxy reads it; null: there is none. Throws for half of one, and for one whose parts do not belong together. */
function readAsProxy(): Pair | null {
  const [certificate, key] = [at('crt'), at('key')].map((path) => (existsSync(path) ? readFileSync(path, 'utf8') : null));
  if (certificate == null && key == null) return null;
  if (certificate == null || key == null) throw new Error('half a pair');
  if (!new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))) throw new Error('a mixture');
  return { certificate, key };
}

describe('a pair', () => {
  it('stands at its documented names, the key for its owner alone, and leaves nothing of the one before', async () => {
    const [first, second] = [pair(), pair()];
    await put(files(), first);
    expect(readAsProxy()).toEqual(first);
    expect(statSync(at('key')).mode & 0o777).toBe(0o600);
    expect(statSync(at('crt')).mode & 0o777).toBe(0o644);
    await put(files(), second);
    expect(readAsProxy()).toEqual(second);
    expect(readdirSync(join(directory, '.kept', DOMAIN)).toSorted()).toEqual(['current', 'imported.2']);
    expect(await files().list()).toEqual([DOMAIN]);
    await files().remove(DOMAIN);
    expect(readdirSync(directory)).toEqual(['.kept']);
    expect(readdirSync(join(directory, '.kept'))).toEqual([]);
    expect(await files().list()).toEqual([]);
  });

  it('of one source stays beside that of another', async () => {
    const [mine, managed] = [pair(), pair()];
    const kept = files();
    const imported = await kept.add(DOMAIN, 'imported', mine);
    expect(await kept.read(DOMAIN)).toBeNull();
    await kept.use(DOMAIN, imported.version);
    const certbot = await kept.add(DOMAIN, 'certbot', managed);
    await kept.use(DOMAIN, certbot.version);
    await kept.prune(DOMAIN, [imported.version]);
    expect(readAsProxy()).toEqual(managed);
    expect(await kept.newest(DOMAIN, 'imported')).toMatchObject({ source: 'imported', certificate: mine.certificate });
    expect(await kept.read(DOMAIN)).toMatchObject({ source: 'certbot', certificate: managed.certificate });
    await kept.use(DOMAIN, imported.version);
    expect(readAsProxy()).toEqual(mine);
  });

  it('never takes the place of a file that is not ours', async () => {
    mkdirSync(directory);
    writeFileSync(at('key'), 'of the operator');
    const added = await files().add(DOMAIN, 'imported', pair());
    await expect(files().use(DOMAIN, added.version)).rejects.toThrow(/shop\.example\.com\.key is in the way/);
    expect(readFileSync(at('key'), 'utf8')).toBe('of the operator');
    await files().remove(DOMAIN);
    expect(readFileSync(at('key'), 'utf8')).toBe('of the operator');
  });

  it.runIf(process.getuid?.() === 0)('is given to the user of the proxy, who can reach it and not list what is beside it', async () => {
    chmodSync(parent, 0o750);
    const owned = new CertificateFiles({ directory, findOwner: async () => ({ uid: 65_534, gid: 65_534 }) });
    const version = await put(owned, pair());
    await owned.giveTo(DOMAIN, version, 'caddy');
    const { uid, gid, mode } = statSync(at('key'));
    expect({ uid, gid, mode: mode & 0o777 }).toEqual({ uid: 65_534, gid: 65_534, mode: 0o600 });
    expect(statSync(parent).mode & 0o777).toBe(0o751);
  });
});

describe('a change that is killed', () => {
  const OPERATIONS_MAX = 60;

  /** Each operation is interrupted before it, after it, and a write half way. Returns how many there were. */
  async function killEverywhere(change: (to: CertificateFiles) => Promise<unknown>, check: () => Promise<void>, prepare: () => Promise<void>) {
    for (let count = 1; count <= OPERATIONS_MAX; count += 1) {
      for (const when of ['before', 'half', 'after'] as const) {
        rmSync(directory, { recursive: true, force: true });
        await prepare();
        const life = { left: count, when, is_over: false };
        const ended = await change(files(mortal(life))).then(
          () => true,
          () => false,
        );
        if (ended && !life.is_over) return count - 1;
        await check();
      }
    }
    throw new Error('there was no end');
  }

  it('leaves the old pair or the new one, at every write, and the next change succeeds', async () => {
    const [old, next, later] = [pair(), pair(), pair()];
    const seen = new Set<string>();
    const operations = await killEverywhere(
      (to) => put(to, next),
      async () => {
        const found = readAsProxy();
        expect([old, next]).toContainEqual(found);
        seen.add(found?.certificate === old.certificate ? 'old' : 'new');
        await put(files(), later);
        expect(readAsProxy()).toEqual(later);
        expect(leftovers()).toEqual([]);
      },
      async () => void (await put(files(), old)),
    );
    expect(operations).toBeGreaterThan(10);
    expect([...seen].toSorted()).toEqual(['new', 'old']);
  });

  it('leaves none or the new one where there was none', async () => {
    const next = pair();
    const operations = await killEverywhere(
      (to) => put(to, next),
      async () => {
        expect([null, next]).toContainEqual(readAsProxy());
        await put(files(), next);
        expect(readAsProxy()).toEqual(next);
        expect(leftovers()).toEqual([]);
      },
      async () => undefined,
    );
    expect(operations).toBeGreaterThan(10);
  });

  it('leaves the pair or none in a removal', async () => {
    const old = pair();
    await killEverywhere(
      (to) => to.remove(DOMAIN),
      async () => {
        expect([null, old]).toContainEqual(readAsProxy());
        await files().remove(DOMAIN);
        expect(readAsProxy()).toBeNull();
      },
      async () => void (await put(files(), old)),
    );
  });

  const leftovers = () => {
    const names = [...readdirSync(directory), ...readdirSync(join(directory, '.kept', DOMAIN))];
    return names.filter((name) => name.startsWith('.') && name !== '.kept');
  };
});

interface Life {
  /** The operation at which it ends. */
  left: number;
  when: 'before' | 'half' | 'after';
  is_over: boolean;
}

/** The disk as a process that is killed leaves it: from there on nothing happens any more. */
function mortal(life: Life): Disk {
  return new Proxy(realDisk, {
    get: (target, name) => {
      const real = Reflect.get(target, name) as (...args: unknown[]) => Promise<void>;
      return async (...args: unknown[]) => {
        if (life.is_over) throw new Error('killed');
        life.left -= 1;
        if (life.left > 0) return real(...args);
        life.is_over = true;
        if (life.when === 'after') await real(...args);
        if (life.when === 'half' && name === 'write') await real(args[0], String(args[1]).slice(0, 100), args[2]);
        throw new Error('killed');
      };
    },
  });
}

it('has documented names that are links', async () => {
  await put(files(), pair());
  expect(lstatSync(at('crt')).isSymbolicLink()).toBe(true);
});
