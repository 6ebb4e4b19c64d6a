/** Release archives: the same contents give the same bytes, wherever and whenever they are packed. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import tar from 'tar-stream';
import type { DaemonTarball } from '../../main/core/installer/tarball.ts';
import type { Runtime } from './runtime.ts';

export interface ReleaseFile {
  /** Relative, with `/`. */
  name: string;
  mode: 0o644 | 0o755;
  content: Buffer;
}

export interface Release {
  version: string;
  architecture: string;
  files: ReleaseFile[];
  runtime: Runtime;
}

/** 1980: the earliest that every archive format can say. */
const FIXED_TIME = new Date('1980-01-01T00:00:00Z');
const END_OF_ARCHIVE_BYTES = 1024;

/**
 * Packs a release as `directory/name`, or finds it there already, with its checksum beside it as `.sha256`. The compressed runtime,
 * nearly all of it, is kept in `cache` and put in front as it is: a gzip file may consist of several members (RFC 1952 §2.2).
 */
export async function packRelease(release: Release, directory: string, cache: string, name: string): Promise<DaemonTarball> {
  const { version, runtime } = release;
  const sums = checksums(release);
  const contentHash = createHash('sha256').update(`${version} ${release.architecture}\n`).update(sums).digest('hex');
  const path = join(directory, name);
  const known = await readNote(path);
  if (known?.contentHash === contentHash) return known;

  const runtimePart = await packRuntime(runtime, cache);
  const manifest: ReleaseFile = { name: 'manifest.json', mode: 0o644, content: manifestOf(release, contentHash) };
  const rest = [...release.files, manifest, { name: 'SHA256SUMS', mode: 0o644 as const, content: sums }];
  const restPart = await gzip(await tarOf(rest.toSorted((a, b) => (a.name < b.name ? -1 : 1))));
  await mkdir(directory, { recursive: true });
  const hash = createHash('sha256');
  const stamp = await replace(path, async (temporary) => {
    await pipeline(async function* () {
      for await (const chunk of createReadStream(runtimePart, { highWaterMark: 1024 * 1024 })) {
        hash.update(chunk as Buffer);
        yield chunk as Buffer;
      }
      hash.update(restPart);
      yield restPart;
    }, createWriteStream(temporary));
  });
  const packed: DaemonTarball = { path, sha256: hash.digest('hex'), version, contentHash };
  await replace(`${path}.sha256`, (temporary) => writeFile(temporary, `${packed.sha256}  ${name}\n`));
  await replace(`${path}.json`, (temporary) => writeFile(temporary, `${JSON.stringify({ ...packed, stamp })}\n`));
  return packed;
}

/** In the format of sha256sum(1), sorted, for the server to check. */
function checksums(release: Release): Buffer {
  const lines = sumsOf(release).map(({ name, sha256 }) => `${sha256}  ${name}`);
  return Buffer.from(`${lines.join('\n')}\n`);
}

function manifestOf(release: Release, contentHash: string): Buffer {
  const { version, architecture } = release;
  const sha256 = Object.fromEntries(sumsOf(release).map((sum) => [sum.name, sum.sha256]));
  return Buffer.from(
    `${JSON.stringify({ name: 'nextdeployd', version, architecture, content_hash: contentHash, sha256 }, null, 2)}\n`,
  );
}

function sumsOf({ files, runtime }: Release): { name: string; sha256: string }[] {
  const sums = files.map(({ name, content }) => ({ name, sha256: sha256(content) }));
  return [...sums, { name: 'node', sha256: runtime.sha256 }].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

async function packRuntime(runtime: Runtime, cache: string): Promise<string> {
  const path = join(cache, `node-${runtime.sha256.slice(0, 32)}.tar.gz`);
  if (await isFile(path)) return path;
  await mkdir(cache, { recursive: true });
  const archive = await tarOf([{ name: 'node', mode: 0o755, content: await readFile(runtime.path) }]);
  await replace(path, async (temporary) => {
    await pipeline(
      Readable.from([archive.subarray(0, -END_OF_ARCHIVE_BYTES)]),
      createGzip({ level: 6 }),
      createWriteStream(temporary),
    );
  });
  return path;
}

async function tarOf(files: ReleaseFile[]): Promise<Buffer> {
  const pack = tar.pack();
  const read = collect(pack as AsyncIterable<Buffer>);
  for (const { name, mode, content } of files)
    pack.entry({ name, mode, mtime: FIXED_TIME, uid: 0, gid: 0, uname: 'root', gname: 'root' }, content);
  pack.finalize();
  return read;
}

function gzip(content: Buffer): Promise<Buffer> {
  const compressor = createGzip({ level: 9 });
  compressor.end(content);
  return collect(compressor);
}

async function collect(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** What the archive at `path` is, if the note beside it is of this very file: another build may have put its own there. */
async function readNote(path: string): Promise<DaemonTarball | null> {
  const text = await readFile(`${path}.json`, 'utf8').catch(() => null);
  const stamp = await stampOf(path).catch(() => null);
  if (text === null || stamp === null) return null;
  // Written by us alone.
  const { stamp: noted, ...tarball } = JSON.parse(text) as DaemonTarball & { stamp: string };
  return noted === stamp && tarball.path === path ? tarball : null;
}

/** Stays through a rename, and differs between any two files that ever were. */
async function stampOf(path: string): Promise<string> {
  const { ino, size, mtimeNs } = await stat(path, { bigint: true });
  return `${ino} ${size} ${mtimeNs}`;
}

/** Written beside, then renamed: another build of the same never sees half a file. Returns the new file's stamp. */
async function replace(path: string, write: (temporary: string) => Promise<void>): Promise<string> {
  const temporary = join(dirname(path), `.${process.pid}-${Math.random().toString(36).slice(2)}.tmp`);
  try {
    await write(temporary);
    const stamp = await stampOf(temporary);
    await rename(temporary, path);
    return stamp;
  } finally {
    await rm(temporary, { force: true });
  }
}

const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');

function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
