/** The bound of what is kept between runs. */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Two, so that two checkouts with different recipes do not rebuild in turns. */
const KEPT_MAX = 2;

/** Removes all but the newest entries of `folder` whose names match, and returns the names removed. */
export async function removeOlder(folder: string, pattern: RegExp): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => pattern.test(name));
  const entries = await Promise.all(names.map(async (name) => ({ name, mtimeMs: (await stat(join(folder, name))).mtimeMs })));
  const old = entries
    .sort((a, b) => b.mtimeMs - a.mtimeMs)
    .slice(KEPT_MAX)
    .map((entry) => entry.name);
  for (const name of old) await rm(join(folder, name), { recursive: true, force: true });
  return old;
}
