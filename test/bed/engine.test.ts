import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildTinyImages } from '../fixtures/images.ts';
import { acquireEngine, type Engine } from './engine.ts';
import { type BedPaths, enginePaths } from './paths.ts';
import { tracesOf } from './traces.ts';

const START_MS_MAX = 120_000;

/** With a state and a cache of its own, so that no other run keeps this engine alive. */
describe('the private engine', () => {
  let folder: string;
  let paths: BedPaths;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nd-engine-'));
    paths = { state: join(folder, 'state'), cache: join(folder, 'cache') };
  });
  const engines: Engine[] = [];
  const acquire = async () => {
    const engine = await acquireEngine({ paths });
    engines.push(engine);
    return engine;
  };
  afterAll(async () => {
    // Also after a failure: a running engine would hold its folder.
    for (const engine of engines) await engine.release();
    await rm(folder, { recursive: true, force: true });
  });

  test('is shared, lives until its last user leaves, and leaves nothing', { timeout: START_MS_MAX }, async () => {
    const [one, two] = await Promise.all([acquire(), acquire()]);
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

  test('starts again after it was killed, and ends what it left running', { timeout: START_MS_MAX }, async () => {
    const first = await acquire();
    const { v1 } = await buildTinyImages(first);
    const orphan = ['--label', 'nextdeploy.lease=deadbeef'];
    await first.docker(['network', 'create', ...orphan, 'orphan']);
    const container = (await first.docker(['run', '--detach', '--network', 'none', ...orphan, v1])).stdout.trim();
    const server = Number((await first.docker(['inspect', '--format', '{{.State.Pid}}', container])).stdout);
    expect(existsSync(`/proc/${server}`)).toBe(true);
    process.kill(Number(await readFile(enginePaths(paths).pid, 'utf8')), 'SIGKILL');

    const second = await acquire();
    expect((await second.docker(['network', 'ls'])).stdout).not.toContain('orphan');
    expect((await second.docker(['ps', '--all', '--quiet'])).stdout).toBe('');
    expect(await tracesOf('deadbeef', container)).toEqual([]);
    await second.release();
    await first.release();
    expect(existsSync(paths.state)).toBe(false);
    expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(folder);
  });
});
