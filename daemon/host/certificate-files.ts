/**
 * Certificates with their keys on the disk: `{domain}.crt` and `{domain}.key`, which are links into the directory of the version in use:
 *
 *   shop.example.com.crt → .kept/shop.example.com/current/certificate.pem
 *   .kept/shop.example.com/current → imported.3
 *   .kept/shop.example.com/imported.3/{certificate.pem, key.pem}
 *
 * A change is one rename of `current`, so that both names lead to one pair at any moment.
 */
import { lstat, readdir, readFile, readlink, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { KeptPair, Pair, PairFiles, PairSource } from '../certs/ports.ts';
import { DomainError } from '../contract/errors.ts';
import { type Disk, realDisk } from './certificate-disk.ts';
import { isMissing } from './files.ts';

const KEPT = '.kept';
const CURRENT = 'current';
const CERTIFICATE = 'certificate.pem';
const KEY = 'key.pem';
const VERSION = /^(imported|certbot|placeholder)\.([0-9]{1,9})$/;

export interface PairFilesOptions {
  /** `/etc/nextdeploy/certs`. */
  directory: string;
  /** The user that a systemd unit runs as; null: root. */
  findOwner(service: string): Promise<{ uid: number; gid: number } | null>;
  disk?: Disk;
}

export class CertificateFiles implements PairFiles {
  readonly #directory: string;
  readonly #findOwner: PairFilesOptions['findOwner'];
  readonly #disk: Disk;
  /** Of what changes anything. */
  #last: Promise<unknown> = Promise.resolve();

  constructor({ directory, findOwner, disk = realDisk }: PairFilesOptions) {
    this.#directory = directory;
    this.#findOwner = findOwner;
    this.#disk = disk;
  }

  async list(): Promise<string[]> {
    const domains = await namesIn(join(this.#directory, KEPT));
    const inUse = await Promise.all(domains.map((domain) => this.#current(domain)));
    return domains.filter((_, index) => inUse[index] !== null).toSorted((a, b) => a.localeCompare(b));
  }

  async read(domain: string): Promise<KeptPair | null> {
    const version = await this.#current(domain);
    return version === null ? null : this.#readVersion(domain, version);
  }

  async newest(domain: string, source: PairSource): Promise<KeptPair | null> {
    const versions = (await this.#versions(domain)).filter((version) => version.startsWith(`${source}.`));
    const last = versions.toSorted((a, b) => numberOf(b) - numberOf(a))[0];
    return last === undefined ? null : this.#readVersion(domain, last);
  }

  add(domain: string, source: PairSource, pair: Pair): Promise<KeptPair> {
    return this.#inTurn(() => this.#add(domain, source, pair));
  }

  async #add(domain: string, source: PairSource, { certificate, key }: Pair): Promise<KeptPair> {
    const home = this.#home(domain);
    for (const path of [this.#directory, join(this.#directory, KEPT), home]) await this.#disk.makeDirectory(path, 0o755);
    const numbers = (await this.#versions(domain)).map(numberOf);
    const version = `${source}.${Math.max(0, ...numbers) + 1}`;
    const unfinished = join(home, '.new');
    // Of a daemon that was killed.
    await this.#disk.remove(unfinished);
    await this.#disk.makeDirectory(unfinished, 0o755);
    await this.#disk.write(join(unfinished, CERTIFICATE), certificate, 0o644);
    await this.#disk.write(join(unfinished, KEY), key, 0o600);
    await this.#disk.sync(unfinished);
    await this.#disk.rename(unfinished, join(home, version));
    await this.#disk.sync(home);
    return this.#readVersion(domain, version);
  }

  use(domain: string, version: string): Promise<void> {
    return this.#inTurn(() => this.#use(domain, version));
  }

  async #use(domain: string, version: string): Promise<void> {
    const home = this.#home(domain);
    // First, while they lead nowhere yet: so both come to be with the one rename.
    await this.#link(domain, 'crt', CERTIFICATE);
    await this.#link(domain, 'key', KEY);
    if ((await this.#current(domain)) === version) return;
    await this.#point(join(home, CURRENT), version);
    await this.#disk.sync(home);
  }

  async giveTo(domain: string, version: string, service: string): Promise<void> {
    const owner = (await this.#findOwner(service)) ?? { uid: 0, gid: 0 };
    const key = join(this.#home(domain), version, KEY);
    const { uid, gid } = await stat(key);
    if (uid !== owner.uid || gid !== owner.gid) await this.#disk.chown(key, owner.uid, owner.gid);
    if (owner.uid === 0) return;
    // The user comes through it by name, and cannot list it.
    const parent = dirname(this.#directory);
    const { mode } = await stat(parent);
    if ((mode & 0o001) === 0) await this.#disk.chmod(parent, (mode & 0o7777) | 0o001);
  }

  prune(domain: string, kept: readonly string[]): Promise<void> {
    return this.#inTurn(() => this.#prune(domain, kept));
  }

  async #prune(domain: string, kept: readonly string[]): Promise<void> {
    const current = await this.#current(domain);
    for (const version of await this.#versions(domain)) {
      if (version !== current && !kept.includes(version)) await this.#disk.remove(join(this.#home(domain), version));
    }
  }

  remove(domain: string): Promise<void> {
    return this.#inTurn(() => this.#remove(domain));
  }

  async #remove(domain: string): Promise<void> {
    // What leads to the pair goes first: nobody finds half of it.
    await this.#disk.remove(join(this.#home(domain), CURRENT));
    for (const suffix of ['crt', 'key']) {
      const path = join(this.#directory, `${domain}.${suffix}`);
      if ((await linkAt(path)) !== null) await this.#disk.remove(path);
    }
    await this.#disk.remove(this.#home(domain));
    await this.#disk.sync(this.#directory).catch((error: unknown) => {
      if (!isMissing(error)) throw error;
    });
  }

  #inTurn<T>(body: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(body, body);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  #home(domain: string): string {
    return join(this.#directory, KEPT, domain);
  }

  /** Throws a `conflict` where something stands that is not ours. */
  async #link(domain: string, suffix: string, file: string): Promise<void> {
    const path = join(this.#directory, `${domain}.${suffix}`);
    const target = join(KEPT, domain, CURRENT, file);
    const there = await linkAt(path);
    if (there === target) return;
    if (there === null && (await exists(path)))
      throw new DomainError('conflict', `The file ${path} is in the way, and NextDeploy has not written it; move it elsewhere.`);
    await this.#point(path, target);
    await this.#disk.sync(this.#directory);
  }

  async #point(path: string, target: string): Promise<void> {
    const temporary = join(dirname(path), `.link.${path.slice(dirname(path).length + 1)}`);
    await this.#disk.remove(temporary);
    await this.#disk.symlink(target, temporary);
    await this.#disk.rename(temporary, path);
  }

  async #current(domain: string): Promise<string | null> {
    const target = await linkAt(join(this.#home(domain), CURRENT));
    return target !== null && VERSION.test(target) ? target : null;
  }

  async #versions(domain: string): Promise<string[]> {
    return (await namesIn(this.#home(domain))).filter((name) => VERSION.test(name));
  }

  async #readVersion(domain: string, version: string): Promise<KeptPair> {
    const path = join(this.#home(domain), version, CERTIFICATE);
    const [certificate, { mtimeMs }] = await Promise.all([readFile(path, 'utf8'), stat(path)]);
    // The pattern of a version names its source.
    return { version, source: version.split('.')[0] as PairSource, certificate, written_at_ms: mtimeMs };
  }
}

const numberOf = (version: string) => Number(VERSION.exec(version)?.[2] ?? 0);

/** Null: no link is there. */
async function linkAt(path: string): Promise<string | null> {
  try {
    return await readlink(path);
  } catch (error) {
    if (isMissing(error) || (error instanceof Error && 'code' in error && error.code === 'EINVAL')) return null;
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
