import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { acquireEngine } from './engine.ts';
import { type BedPaths, enginePaths } from './paths.ts';

const START_MS_MAX = 120_000;

/** With a state and a cache of its own, so that no other run keeps this engine alive. */
describe('the private engine', () => {
  let folder: string;
  let paths: BedPaths;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nd-engine-'));
    paths = { state: join(folder, 'state'), cache: join(folder, 'cache') };
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('is shared, lives until its last user leaves, and leaves nothing', { timeout: START_MS_MAX }, async () => {
    const [one, two] = await Promise.all([acquireEngine({ paths }), acquireEngine({ paths })]);
    expect(one.socket).toBe(two.socket);
    const pid = Number(await readFile(enginePaths(paths).pid, 'utf8'));
    await one.release();
    expect((await two.docker(['version', '--format', '{{.Server.Os}}'])).stdout.trim()).toBe('linux');
    await two.release();
    await two.release();
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    expect(existsSync(paths.state)).toBe(false);
    expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(folder);
  });

  test('starts again after it was killed, and sweeps the leases of the dead', { timeout: START_MS_MAX }, async () => {
    const first = await acquireEngine({ paths });
    await first.docker(['network', 'create', '--label', `nextdeploy.lease=deadbeef`, 'orphan']);
    process.kill(Number(await readFile(enginePaths(paths).pid, 'utf8')), 'SIGKILL');
    const second = await acquireEngine({ paths });
    try {
      expect((await second.docker(['network', 'ls'])).stdout).not.toContain('orphan');
    } finally {
      await second.release();
      await first.release();
    }
    expect(existsSync(paths.state)).toBe(false);
  });
});
