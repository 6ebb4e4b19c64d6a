import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildFixtureImages, buildTinyImages, saveImage } from '../fixtures/images.ts';
import { acquireEngine, type Engine, LEASE_LABEL } from './engine.ts';
import { type RunResult, waitFor } from './run.ts';

const BUILD_MS_MAX = 10 * 60_000; // a first run installs packages and runs `next build` twice
const STEP_MS_MAX = 60_000;

describe('fixture images', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await acquireEngine({ label: 'fixture images' });
  }, STEP_MS_MAX);
  afterAll(() => engine.release(), STEP_MS_MAX);

  /** Runs a container to its end. Without a network: nothing here needs one. */
  function runImage(image: string, environment: Record<string, string>, ...argv: string[]): Promise<RunResult> {
    const variables = Object.entries(environment).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
    return engine.attempt([
      'run',
      '--rm',
      '--network',
      'none',
      '--label',
      `${LEASE_LABEL}=${engine.leaseId}`,
      ...variables,
      image,
      ...argv,
    ]);
  }

  async function layersOf(image: string): Promise<string[]> {
    return JSON.parse(
      (await engine.docker(['image', 'inspect', '--format', '{{json .RootFS.Layers}}', image])).stdout,
    ) as string[];
  }

  test('tiny: two runs at once get the same images', { timeout: STEP_MS_MAX }, async () => {
    const [one, two] = await Promise.all([buildTinyImages(engine), buildTinyImages(engine)]);
    expect(one).toEqual({ v1: 'nextdeploy-tiny:v1', v2: 'nextdeploy-tiny:v2' });
    expect(two).toEqual(one);
  });

  test('tiny: runs as a user who is not root, and fails as it is told', { timeout: STEP_MS_MAX }, async () => {
    const { v1 } = await buildTinyImages(engine);
    expect((await runImage(v1, {}, 'node', '--print', 'process.getuid()')).stdout).toBe('1000\n');
    const failed = await runImage(v1, { TINY_EXIT: '3' });
    expect(failed).toMatchObject({ code: 3, stderr: expect.stringContaining('TINY_EXIT') });
  });

  test('tiny: is saved as an archive; a missing image is an error', { timeout: STEP_MS_MAX }, async () => {
    const { v2 } = await buildTinyImages(engine);
    expect(await bytesOf(await saveImage(engine, v2))).toBeGreaterThan(100_000_000);
    await expect(saveImage(engine, 'nextdeploy-tiny:missing').then(bytesOf)).rejects.toThrow(
      'docker save nextdeploy-tiny:missing failed',
    );
  });

  test('Next.js: v1 and v2 share base and packages and differ in the app', { timeout: BUILD_MS_MAX }, async () => {
    const { v1, v2 } = await buildFixtureImages(engine);
    const [one, two] = await Promise.all([layersOf(v1), layersOf(v2)]);
    expect(one.slice(0, 2)).toEqual(two.slice(0, 2));
    expect(one.at(-1)).not.toBe(two.at(-1));
  });

  test('Next.js: answers its health path with the version it was built as', { timeout: BUILD_MS_MAX }, async () => {
    const { v2 } = await buildFixtureImages(engine);
    const name = `fixture-${engine.leaseId}`;
    const place = ['--name', name, '--network', 'none', '--label', `${LEASE_LABEL}=${engine.leaseId}`];
    await engine.docker(['run', '--detach', ...place, '--env', 'HOSTNAME=127.0.0.1', v2]);
    const ask = `fetch('http://127.0.0.1:3000/api/health').then(r => r.text()).then(console.log)`;
    const answer = await waitFor(
      'the health path',
      async () => {
        const result = await engine.attempt(['exec', name, 'node', '--eval', ask]);
        return result.code === 0 ? result.stdout.trim() : undefined;
      },
      { timeoutMs: 30_000 },
    );
    expect(JSON.parse(answer)).toEqual({ status: 'ok', version: 'v2' });
    expect((await engine.docker(['logs', name])).stdout).toContain('fixture v2 starts');
  });

  test('Next.js: exits as it is told', { timeout: BUILD_MS_MAX }, async () => {
    const { v1 } = await buildFixtureImages(engine);
    expect(await runImage(v1, { FIXTURE_EXIT: '4' })).toMatchObject({ code: 4, stderr: expect.stringContaining('FIXTURE_EXIT') });
  });
});

async function bytesOf(stream: NodeJS.ReadableStream): Promise<number> {
  let bytes = 0;
  for await (const chunk of stream) bytes += chunk.length;
  return bytes;
}
