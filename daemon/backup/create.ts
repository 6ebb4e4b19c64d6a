/** Makes a backup: a copy of the database, the key that opens it, certificates and configuration, encrypted as it is sent. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { DomainError } from '../contract/errors.ts';
import { LIMITS } from '../contract/limits.ts';
import type { Markers } from '../engine/ports.ts';
import type { KeyFiles } from '../secrets/ports.ts';
import type { Sealed } from '../secrets/sealed.ts';
import { type Entry, fitsArchive, writeArchive } from './archive.ts';
import { encrypt } from './envelope.ts';
import {
  CONFIGURATION_NAME,
  DATABASE_NAME,
  FORMAT_VERSION,
  formatManifest,
  MANIFEST_NAME,
  MASTER_KEY_NAME,
  type Manifest,
  type ManifestEntry,
  TREES,
  type TreeFile,
  type TreeLink,
  type TreeName,
} from './manifest.ts';
import type { BackupFiles, Places, StateDatabases, Tree } from './ports.ts';
import { withoutToken } from './settings.ts';
import { openSound } from './sound-state.ts';
import { backupDirectory } from './switch.ts';
import { isTreePath, linkTarget, parentsOf } from './tree-paths.ts';

export interface BackupParts {
  places: Places;
  files: BackupFiles;
  databases: StateDatabases;
  keys: Pick<KeyFiles, 'read' | 'readNext'>;
  markers: Pick<Markers, 'read'>;
  version: string;
  hostname: string;
  now: () => Date;
  /** As of {@link encrypt}. */
  work_factor?: number;
}

/** The key may be rotated between a look at it and one at the database. */
const ATTEMPTS_MAX = 3;
const PRIVATE_MODE = 0o600;

interface Part {
  entry: ManifestEntry;
  mode: number;
  content: AsyncIterable<Uint8Array>;
}

interface Gathered {
  parts: Part[];
  links: TreeLink[];
}

export class Backups {
  readonly #parts: BackupParts;
  #isBusy: boolean = false;

  constructor(parts: BackupParts) {
    this.#parts = parts;
  }

  /**
   * Resolves when all is at hand and the rest is only to be read; until then, and while it is read, there is one at a time. `signal`: nobody reads on.
   * Throws `conflict` while another one is made, and `unavailable` when the disk cannot take the copy.
   */
  async create(passphrase: Sealed, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    if (this.#isBusy) throw new DomainError('conflict', 'Another backup is being made; wait for its end.');
    this.#isBusy = true;
    const { files, places } = this.#parts;
    const directory = backupDirectory(places);
    const end = async () => {
      signal.removeEventListener('abort', onAbort);
      await files.remove(directory).catch(() => undefined); // the next backup, or start of the daemon, removes it
      this.#isBusy = false;
    };
    const onAbort = () => void end();
    try {
      await files.remove(directory);
      await files.makeDirectory(directory);
      const snapshot = join(directory, DATABASE_NAME);
      const { key, apps } = await this.#snapshotWithKey(snapshot);
      const gathered = await this.#gather(snapshot, key);
      const manifest = await this.#manifest(gathered, apps);
      signal.throwIfAborted();
      const encrypted = await encrypt(writeArchive(toEntries(manifest, gathered.parts)), passphrase, this.#parts.work_factor);
      // Whoever hangs up before the first byte was read never begins the loop below.
      signal.addEventListener('abort', onAbort, { once: true });
      signal.throwIfAborted();
      return withEnd(encrypted, end, signal);
    } catch (error) {
      await end();
      throw error;
    }
  }

  async #gather(snapshot: string, key: string): Promise<Gathered> {
    const { files, places } = this.#parts;
    const sha256 = await hashOf(files.read(snapshot));
    const size_bytes = await files.sizeOf(snapshot);
    const database: Part = {
      entry: { kind: 'database', name: DATABASE_NAME, size_bytes, sha256 },
      mode: PRIVATE_MODE,
      content: files.read(snapshot),
    };
    const parts = [database, small({ kind: 'master_key', name: MASTER_KEY_NAME }, Buffer.from(key))];
    const configuration = withoutToken((await files.readText(places.configuration)) ?? '');
    if (configuration !== null)
      parts.push(small({ kind: 'configuration', name: CONFIGURATION_NAME }, Buffer.from(configuration)));
    let left = LIMITS.backup_files_bytes_max - parts.slice(1).reduce((sum, { entry }) => sum + entry.size_bytes, 0);
    const links: TreeLink[] = [];
    for (const kind of TREES) {
      const tree = await this.#readTree(kind, left);
      for (const [index, { content, ...attributes }] of tree.files.entries()) {
        left -= content.length;
        demandName(places.trees[kind], attributes.path);
        const plain = `${kind}/${attributes.path}`;
        const name = fitsArchive(plain) ? plain : `${kind}-by-number/${index}`;
        parts.push(small({ kind, name, ...attributes }, content, attributes.mode));
      }
      links.push(...tree.links.map((link) => ({ kind, ...link })));
    }
    return { parts, links };
  }

  /** With no link that leads nowhere: what it leads to may be replaced while it is read. One that leads out of the directory is left out. */
  async #readTree(kind: TreeName, bytes_max: number): Promise<Tree> {
    const { files, places } = this.#parts;
    for (let count = 1; ; count += 1) {
      const tree = await files.readTree(places.trees[kind], bytes_max);
      const links = tree.links.filter(({ path, target }) => isTreePath(path) && linkTarget(path, target) !== null);
      const there = new Set([...tree.files, ...links].flatMap(({ path }) => [path, ...parentsOf(path)]));
      // Through another link it leads to what that one leads to.
      const isSound = ({ path, target }: { path: string; target: string }) => {
        const found = linkTarget(path, target) ?? '';
        return [found, ...parentsOf(found).filter((parent) => links.some((link) => link.path === parent))].some((each) =>
          there.has(each),
        );
      };
      if (links.every(isSound) || count === ATTEMPTS_MAX) return { files: tree.files, links: links.filter(isSound) };
    }
  }

  /** With the text of the key that the copy is sealed with, proven by opening everything in it; and the names of its apps. */
  async #snapshotWithKey(path: string): Promise<{ key: string; apps: string[] }> {
    const { databases, files, keys, now } = this.#parts;
    for (let count = 1; ; count += 1) {
      await databases.snapshot(path);
      const found = (await Promise.all([keys.read(), keys.readNext()])).filter((text) => text !== null);
      let failure: unknown;
      for (const key of found) {
        try {
          const { database } = await openSound(databases, path, key, now);
          const apps = database.listApps().map(({ name }) => name);
          database.close();
          await databases.settle(path, null);
          return { key, apps };
        } catch (error) {
          if (!(error instanceof DomainError) || error.code !== 'unprocessable') throw error;
          failure = error;
        }
      }
      if (count === ATTEMPTS_MAX) throw unsound(failure);
      await files.remove(path);
    }
  }

  async #manifest({ parts, links }: Gathered, apps: readonly string[]): Promise<Manifest> {
    const { version, hostname, now, markers } = this.#parts;
    const read = await Promise.all(apps.map(async (name) => [name, await markers.read(name)] as const));
    return {
      format: FORMAT_VERSION,
      version,
      hostname,
      created_at: now().toISOString(),
      markers: Object.fromEntries(read.flatMap(([name, marker]) => (marker === null ? [] : [[name, marker] as const]))),
      entries: parts.map(({ entry }) => entry),
      links,
    };
  }
}

function demandName(directory: string, path: string): void {
  if (isTreePath(path)) return;
  const message = `A file in ${directory} has a name that no backup can hold (${JSON.stringify(path)}); rename it, or move it away.`;
  throw new DomainError('unprocessable', message);
}

function unsound(cause: unknown): DomainError {
  const message =
    'The database or its master key is damaged, so that a backup of them would be of no use; look at the journal of the daemon.';
  return new DomainError('unprocessable', message, { cause });
}

type Described = Omit<TreeFile, 'size_bytes' | 'sha256'> | { kind: 'master_key' | 'configuration'; name: string };

function small(described: Described, content: Buffer, mode: number = PRIVATE_MODE): Part {
  const sha256 = createHash('sha256').update(content).digest('hex');
  const entry: ManifestEntry = { ...described, size_bytes: content.length, sha256 };
  return { entry, mode, content: once(content) };
}

function* toEntries(manifest: Manifest, parts: readonly Part[]): Generator<Entry> {
  const bytes = formatManifest(manifest);
  yield { name: MANIFEST_NAME, size_bytes: bytes.length, mode: PRIVATE_MODE, content: once(bytes) };
  for (const { entry, mode, content } of parts) yield { name: entry.name, size_bytes: entry.size_bytes, mode, content };
}

async function* once(content: Buffer): AsyncGenerator<Uint8Array> {
  yield content;
}

async function* withEnd(
  source: AsyncIterable<Uint8Array>,
  end: () => Promise<void>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of source) {
      signal.throwIfAborted();
      yield chunk;
    }
  } finally {
    await end();
  }
}

async function hashOf(content: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of content) hash.update(chunk);
  return hash.digest('hex');
}
