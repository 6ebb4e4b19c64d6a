/**
 * A clock that jumps, for the daemon alone: a container's clock is its machine's, so the daemon is given another by libfaketime
 * (https://github.com/wolfcw/libfaketime). Its monotonic clock stays true, as it does when an administrator sets the time.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { installPackages } from '../bed/prerequisites.ts';
import { expectSuccess } from '../bench/server-tools.ts';
import { inRunDirectory, restartDaemon, type Stage } from './stage.ts';

export interface FakeClock {
  /** From now on the daemon's wall clock is off by that. */
  jump(seconds: number): Promise<void>;
}

const LIBRARY = '/opt/nextdeploy-chaos/libfaketime.so.1';
const DROP_IN = '/etc/systemd/system/nextdeployd.service.d/clock.conf';
const OFFSET = '/run/nextdeploy/chaos/offset';
const ENVIRONMENT = {
  LD_PRELOAD: LIBRARY,
  FAKETIME_TIMESTAMP_FILE: OFFSET,
  FAKETIME_NO_CACHE: '1',
  FAKETIME_DONT_FAKE_MONOTONIC: '1',
};

/** Restarts the daemon with the clock, and without it afterwards. */
export async function withFakeClock<T>(stage: Stage, work: (clock: FakeClock) => Promise<T>): Promise<T> {
  const { bed } = stage;
  const library = await findLibrary(stage);
  const set = async (seconds: number) =>
    writeFile(inRunDirectory(bed, 'chaos/offset'), `${seconds < 0 ? '-' : '+'}${Math.abs(seconds)}\n`);
  await mkdir(inRunDirectory(bed, 'chaos'), { recursive: true });
  await set(0);
  await expectSuccess(bed, ['mkdir', '-p', '/opt/nextdeploy-chaos', '/etc/systemd/system/nextdeployd.service.d']);
  await bed.copyIn(library, LIBRARY);
  const variables = Object.entries(ENVIRONMENT).map(([name, value]) => `Environment=${name}=${value}\n`);
  await expectSuccess(bed, ['tee', DROP_IN], { input: `[Service]\n${variables.join('')}` });
  await restartDaemon(stage);
  try {
    return await work({ jump: set });
  } finally {
    await expectSuccess(bed, ['rm', '-f', DROP_IN, LIBRARY]);
    await rm(inRunDirectory(bed, 'chaos'), { recursive: true, force: true });
    await restartDaemon(stage);
  }
}

/** This machine's, installed where it is missing: its libc is no newer than the server's. */
async function findLibrary({ signal, say }: Stage): Promise<string> {
  const find = async () => {
    for (const folder of await readdir('/usr/lib').catch(() => [])) {
      const path = join('/usr/lib', folder, 'faketime', 'libfaketime.so.1');
      if (existsSync(path)) return path;
    }
    return null;
  };
  const found = await find();
  if (found !== null) return found;
  await installPackages(['libfaketime'], { signal, onProgress: say });
  const installed = await find();
  if (installed === null) throw new Error('the package libfaketime brought no libfaketime.so.1');
  return installed;
}
