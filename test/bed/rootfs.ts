/** The servers' root file systems: built once per recipe, kept as an archive and as an image of the private engine. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { removeOlder } from './cache.ts';
import type { Engine } from './engine.ts';
import { withLock } from './lock.ts';
import { recipeFor, type Suite } from './rootfs-recipe.ts';
import { run } from './run.ts';

export interface RootfsOptions {
  signal?: AbortSignal | undefined;
  onProgress?: ((line: string) => void) | undefined;
}

const BUILD_MS_MAX = 20 * 60_000;

/**
 * The name of the engine's image for `suite`, made when it is missing: from the cached archive, or by building it from Debian's packages
 * (about 80 s). One builder per machine at a time; the others wait for its result. Aborting leaves nothing half-made.
 */
export async function ensureServerImage(engine: Engine, suite: Suite, options: RootfsOptions = {}): Promise<string> {
  const name = `${suite}-${await recipeHash(suite)}`;
  const image = `nextdeploy-bed:${name}`;
  if (await hasImage(engine, image)) return image;
  const cache = join(engine.paths.cache, 'rootfs');
  return withLock(
    join(cache, `${suite}.lock`),
    async () => {
      if (await hasImage(engine, image)) return image;
      const archive = await ensureArchive(cache, suite, name, options);
      options.onProgress?.(`importing the ${suite} server into the engine`);
      await engine.docker(['import', archive, image], { signal: options.signal });
      await removeOldServers(engine, cache, suite);
      return image;
    },
    options.signal,
  );
}

async function ensureArchive(cache: string, suite: Suite, name: string, options: RootfsOptions): Promise<string> {
  const archive = join(cache, `${name}.tar`);
  if (existsSync(archive)) {
    const now = new Date();
    await utimes(archive, now, now);
    return archive;
  }
  options.onProgress?.(`building the ${suite} server (about 80 s, once)`);
  await removeStaleBuilds(cache, suite);
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, `build-${suite}-`));
  try {
    await build(suite, work, options);
    await rename(join(work, 'rootfs.tar'), archive);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return archive;
}

/**
 * Runs rootfs-build.ts in mount and process namespaces of its own, tied to our life: when we die, the kernel ends it all, and no mount or
 * process stays behind.
 */
async function build(suite: Suite, work: string, options: RootfsOptions): Promise<void> {
  const tied = [
    '--pdeathsig',
    'KILL',
    'unshare',
    '--mount',
    '--pid',
    '--fork',
    '--kill-child',
    '--mount-proc',
    '--propagation',
    'private',
  ];
  const program = join(import.meta.dirname, 'rootfs-build.ts');
  await run('setpriv', [...tied, process.execPath, program, suite, work], {
    signal: options.signal,
    timeoutMs: BUILD_MS_MAX,
    onLine: options.onProgress,
  });
}

/** We hold the lock, so every build folder that is there belongs to a builder that died. */
async function removeStaleBuilds(cache: string, suite: Suite): Promise<void> {
  const names = await readdir(cache).catch(() => []);
  const stale = names.filter((name) => name.startsWith(`build-${suite}-`));
  for (const name of stale) await rm(join(cache, name), { recursive: true, force: true });
}

async function removeOldServers(engine: Engine, cache: string, suite: Suite): Promise<void> {
  const archives = await removeOlder(cache, new RegExp(`^${suite}-[0-9a-f]{12}\\.tar$`));
  for (const archive of archives) {
    // An image that a server still runs on stays.
    await engine.attempt(['rmi', `nextdeploy-bed:${archive.replace(/\.tar$/, '')}`]);
  }
}

/** Whether the engine has this image. */
export async function hasImage(engine: Engine, image: string): Promise<boolean> {
  return (await engine.attempt(['image', 'inspect', '--format', '{{.Id}}', image])).code === 0;
}

async function recipeHash(suite: Suite): Promise<string> {
  const builder = await readFile(join(import.meta.dirname, 'rootfs-build.ts'));
  return createHash('sha256')
    .update(builder)
    .update(JSON.stringify(recipeFor(suite)))
    .digest('hex')
    .slice(0, 12);
}
