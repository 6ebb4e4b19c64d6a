/** The folder of a demo's files, named by its process so that a later demo can tell which are of the dead. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTicksOf } from '../bed/lease.ts';

const PREFIX = 'nextdeploy-demo-';

/** Makes a folder for this process, after removing those of processes that are gone. */
export async function createDirectory(parent = tmpdir()): Promise<string> {
  await sweepDirectories(parent);
  return mkdtemp(join(parent, `${PREFIX}${process.pid}-`));
}

async function sweepDirectories(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    if (pid !== undefined && (await startTicksOf(Number(pid))) === undefined) {
      await rm(join(parent, name), { recursive: true, force: true });
    }
  }
}
