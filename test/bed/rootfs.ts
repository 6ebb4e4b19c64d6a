/** The servers' root file systems: built once per recipe, kept as an archive and as an image of the private engine. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine } from './engine.ts';
import { withLock } from './lock.ts';
import { recipeFor, type Suite } from './rootfs-recipe.ts';
import { run } from './run.ts';

export interface RootfsOptions {
  signal?: AbortSignal | undefined;
  onProgress?: ((line: string) => void) | undefined;
}

const UNUSED_DAYS_MAX = 14;
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
      await removeUnused(engine, cache, suite, name);
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

/** Archives of older recipes go when nobody has used them for two weeks: other checkouts may still want them. */
async function removeUnused(engine: Engine, cache: string, suite: Suite, current: string): Promise<void> {
  const oldest = Date.now() - UNUSED_DAYS_MAX * 86_400_000;
  for (const file of await readdir(cache)) {
    const name = file.replace(/\.tar$/, '');
    if (name === file || name === current || !name.startsWith(`${suite}-`)) continue;
    if ((await stat(join(cache, file))).mtimeMs > oldest) continue;
    await rm(join(cache, file));
    await engine.docker(['rmi', `nextdeploy-bed:${name}`]).catch(() => undefined);
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
