/** Reads a backup as it comes, and stages what is in it beside what it is to replace. Nothing of it is believed before it is proven. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { DomainError } from '../contract/errors.ts';
import type { Sealed } from '../secrets/sealed.ts';
import { type Entry, notOurs, readArchive } from './archive.ts';
import { damaged, decrypt } from './envelope.ts';
import {
  MANIFEST_BYTES_MAX,
  MANIFEST_NAME,
  type Manifest,
  type ManifestEntry,
  parseManifest,
  type TreeName,
} from './manifest.ts';
import { type BackupFiles, type Places, PRIVATE } from './ports.ts';
import { makeStaged, stagedPath } from './switch.ts';
import { parentsOf } from './tree-paths.ts';

export interface Unpacked {
  manifest: Manifest;
  master_key: string;
  configuration: string | null;
  /** Those that the backup has something of. */
  trees: ReadonlySet<TreeName>;
}

type Content = Omit<Entry, 'mode'>;

/** What has to stay free beside it. */
const RESERVE_BYTES = 64 * 1024 ** 2;
const KEY_MODE = 0o400;

/** Throws `unprocessable` for what is damaged, cut short, foreign or newer, or does not open with the passphrase. */
export async function unpack(
  file: AsyncIterable<Uint8Array>,
  passphrase: Sealed,
  { places, files }: { places: Places; files: BackupFiles },
): Promise<Unpacked> {
  const entries = readArchive(await decrypt(file, passphrase));
  const manifest = await readManifest(entries);
  await demandSpace(manifest, places, files);
  const trees = new Set(manifest.entries.flatMap((entry) => ('path' in entry ? [entry.kind] : [])));
  await makeStaged(places, trees, files);
  const expected = new Map(manifest.entries.map((entry) => [entry.name, entry]));
  const texts = new Map<ManifestEntry['kind'], string>();
  for await (const content of entries) {
    const entry = expected.get(content.name);
    if (entry === undefined || entry.size_bytes !== content.size_bytes) throw notOurs();
    expected.delete(content.name);
    await stage(entry, content, texts, { places, files });
  }
  if (expected.size > 0) throw notOurs();
  for (const { kind, path, target } of manifest.links) {
    if (!trees.has(kind)) throw notOurs();
    await makeParents(kind, path, { places, files });
    await files.link(join(stagedPath(places.trees[kind]), path), target);
  }
  for (const name of trees) await files.likeDirectory(stagedPath(places.trees[name]), places.trees[name]);
  return { manifest, master_key: texts.get('master_key') ?? '', configuration: texts.get('configuration') ?? null, trees };
}

async function readManifest(entries: AsyncGenerator<Content>): Promise<Manifest> {
  const { value: first, done } = await entries.next();
  if (done === true || first.name !== MANIFEST_NAME || first.size_bytes > MANIFEST_BYTES_MAX) throw notOurs();
  return parseManifest(await collect(first.content));
}

async function demandSpace({ entries }: Manifest, { state_directory }: Places, files: BackupFiles): Promise<void> {
  const needed = entries.reduce((sum, { size_bytes }) => sum + size_bytes, RESERVE_BYTES);
  const free = await files.freeBytes(state_directory);
  if (free >= needed) return;
  const message = `The backup needs ${needed} bytes beside ${state_directory}, and there are ${free}; make room first. Nothing was changed.`;
  throw new DomainError('unavailable', message);
}

async function stage(
  entry: ManifestEntry,
  { content }: Content,
  texts: Map<ManifestEntry['kind'], string>,
  { places, files }: { places: Places; files: BackupFiles },
): Promise<void> {
  const proven = demandHash(content, entry.sha256);
  switch (entry.kind) {
    case 'database':
      return files.write(stagedPath(places.database), proven, PRIVATE);
    case 'configuration':
      texts.set(entry.kind, (await collect(proven)).toString('utf8'));
      return;
    case 'master_key': {
      const bytes = await collect(proven);
      texts.set(entry.kind, bytes.toString('utf8'));
      return files.write(stagedPath(places.master_key), once(bytes), { ...PRIVATE, mode: KEY_MODE });
    }
    case 'certificates':
    case 'acme': {
      const { kind, path, mode, owner, group } = entry;
      await makeParents(kind, path, { places, files });
      // Nobody else is to write to it, or run it.
      return files.write(join(stagedPath(places.trees[kind]), path), proven, { mode: mode & 0o644, owner, group });
    }
  }
}

/** The proxies' users pass through the directories of certificates. */
const DIRECTORY_MODES: Record<TreeName, number> = { certificates: 0o755, acme: 0o700 };

async function makeParents(
  kind: TreeName,
  path: string,
  { places, files }: { places: Places; files: BackupFiles },
): Promise<void> {
  const root = stagedPath(places.trees[kind]);
  for (const parent of ['', ...parentsOf(path)]) await files.makeDirectory(join(root, parent), DIRECTORY_MODES[kind]);
}

/** What it yields is whole only once it has ended. */
async function* demandHash(content: AsyncIterable<Uint8Array>, sha256: string): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  for await (const chunk of content) {
    hash.update(chunk);
    yield chunk;
  }
  if (hash.digest('hex') !== sha256) throw damaged();
}

async function collect(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* once(content: Buffer): AsyncGenerator<Uint8Array> {
  yield content;
}
