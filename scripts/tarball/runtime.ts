/** The Node runtime that travels with the daemon, as npm publishes it: not stripped, so that its checksum can be compared. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Architecture } from '../../main/core/installer/tarball.ts';

export interface Runtime {
  path: string;
  sha256: string;
  size_bytes: number;
}

const FETCH_MS_MAX = 180_000;

/** The runtime for `architecture`; that of another machine is fetched by npm once. Throws, saying why, where it cannot be had. */
export async function findRuntime(root: string, cache: string, architecture: Architecture): Promise<Runtime> {
  const installed = join(root, 'node_modules', `node-linux-${architecture}`, 'bin', 'node');
  const path = existsSync(installed) ? installed : await fetchRuntime(root, cache, architecture);
  const { size } = await stat(path);
  return { path, sha256: await hashOf(path, cache), size_bytes: size };
}

async function fetchRuntime(root: string, cache: string, architecture: Architecture): Promise<string> {
  const name = `node-linux-${architecture}`;
  const { optionalDependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    optionalDependencies?: Record<string, string>;
  };
  const version = optionalDependencies?.[name];
  if (version === undefined) throw new Error(`package.json names no version of ${name}`);
  const kept = join(cache, `${name}-${version}`);
  if (existsSync(join(kept, 'bin', 'node'))) return join(kept, 'bin', 'node');
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, 'fetch-'));
  try {
    run('npm', ['pack', `${name}@${version}`, '--silent', '--pack-destination', work], root);
    const archive = (await readdir(work)).find((file) => file.endsWith('.tgz'));
    if (archive === undefined) throw new Error(`npm pack ${name} gave no archive`);
    run('tar', ['-xzf', join(work, archive), '-C', work], root);
    await rm(kept, { recursive: true, force: true });
    await rename(join(work, 'package'), kept);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return join(kept, 'bin', 'node');
}

function run(file: string, args: string[], cwd: string): void {
  const { status, stderr, error } = spawnSync(file, args, { cwd, encoding: 'utf8', timeout: FETCH_MS_MAX });
  if (status !== 0) throw new Error(`${file} ${args[0]} failed: ${(error?.message ?? stderr).trim().slice(-300)}`);
}

/** Hashing 120 MB takes a moment; remembered while size and time of the file stay. */
async function hashOf(path: string, cache: string): Promise<string> {
  const { size, mtimeMs, ino } = await stat(path);
  const key = createHash('sha256').update(`${path} ${size} ${mtimeMs} ${ino}`).digest('hex').slice(0, 16);
  const note = join(cache, `hash-${key}`);
  const known = await readFile(note, 'utf8').catch(() => '');
  if (/^[0-9a-f]{64}$/.test(known)) return known;
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  const digest = hash.digest('hex');
  await mkdir(cache, { recursive: true });
  await writeFile(`${note}.${process.pid}`, digest);
  await rename(`${note}.${process.pid}`, note);
  return digest;
}
