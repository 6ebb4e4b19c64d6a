import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildTinyImages } from '../fixtures/images.ts';
import { buildForeignImage, buildLayeredImage, LAYERS } from '../fixtures/registry-images.ts';
import { type Bed, startBed } from './bed.ts';
import { acquireEngine, type Engine } from './engine.ts';
import { type Registry, startRegistry } from './registry.ts';
import { capture, type RunResult, run } from './run.ts';

const START_MS_MAX = 15 * 60_000; // a first run builds the server's file system
const STEP_MS_MAX = 120_000;

describe('the registry of a server', () => {
  let bed: Bed;
  let engine: Engine;
  let registry: Registry;
  beforeAll(async () => {
    bed = await startBed({ label: 'registry' });
    engine = await acquireEngine({ label: 'registry test' });
    registry = await startRegistry(bed, { user: 'shop', password: 'of the shop' });
  }, START_MS_MAX);
  afterAll(async () => {
    await engine.release();
    await bed.stop();
  }, STEP_MS_MAX);

  const inServer = (argv: string[], input?: string): Promise<RunResult> =>
    bed.exec(argv, input === undefined ? {} : { input, timeoutMs: STEP_MS_MAX });
  const login = () => inServer(['docker', 'login', '--username', 'shop', '--password-stdin', registry.address], 'of the shop');
  const onServer = async (format: string, image: string) =>
    (await inServer(['docker', 'image', 'inspect', '--format', format, image])).stdout.trim();

  test('refuses who has no account, and who has another password', async () => {
    expect((await fetch(new URL('/v2/', bed.registry))).status).toBe(401);
    const wrong = await inServer(['docker', 'login', '--username', 'shop', '--password-stdin', registry.address], 'wrong');
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('401') });
  });

  test('gives the server an image that was pushed, by its digest, layer by layer', { timeout: STEP_MS_MAX }, async () => {
    const image = await buildLayeredImage(engine);
    const digest = await registry.push(image, 'shop/layered:1.0');
    expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(await onServer('{{.Id}}', `${registry.address}/shop/layered:1.0`)).toBe('');
    expect((await login()).code).toBe(0);
    const pull = await inServer(['docker', 'pull', `${registry.address}/shop/layered@${digest}`]);
    expect(pull.stderr).toBe('');
    expect(pull.stdout.match(/Pull complete/g)?.length).toBeGreaterThan(LAYERS.count);
    const size = Number(await onServer('{{.Size}}', `${registry.address}/shop/layered@${digest}`));
    expect(size).toBeGreaterThan(LAYERS.count * LAYERS.bytes);
    expect(await registry.digestOf('shop/layered:1.0')).toBe(digest);
  });

  test('says which tag it does not have', async () => {
    await expect(registry.digestOf('shop/layered:2.0')).rejects.toThrow('404 for shop/layered:2.0');
  });

  test('holds an image for another architecture', { timeout: STEP_MS_MAX }, async () => {
    const { image, architecture } = await buildForeignImage(engine);
    await registry.push(image, 'shop/foreign:1.0');
    await login();
    await inServer(['docker', 'pull', `${registry.address}/shop/foreign:1.0`]);
    expect(await onServer('{{.Architecture}}', `${registry.address}/shop/foreign:1.0`)).toBe(architecture);
    expect(architecture).not.toBe({ x64: 'amd64', arm64: 'arm64' }[process.arch as string]);
  });

  test('takes an image that only the server has', { timeout: STEP_MS_MAX }, async () => {
    const { v2 } = await buildTinyImages(engine);
    const save = `docker --host unix://${engine.socket} save ${v2} | docker --host unix://${bed.dockerSocket} load`;
    await run('sh', ['-c', save], { env: { DOCKER_CONTEXT: '' } });
    await inServer(['docker', 'tag', v2, 'only:here']);
    expect(await registry.push('only:here', 'only/here:1.0')).toBe(await registry.digestOf('only/here:1.0'));
  });

  test('is empty after it was stopped, and may be stopped twice', { timeout: STEP_MS_MAX }, async () => {
    await registry.stop();
    await registry.stop();
    await expect(fetch(bed.registry)).rejects.toThrow();
    const left = await capture('docker', ['--host', `unix://${engine.socket}`, 'images', '--format', '{{.Repository}}']);
    expect(left.stdout).not.toContain('127.0.0.1');
    registry = await startRegistry(bed, { user: 'shop', password: 'another' });
    await expect(registry.digestOf('shop/layered:1.0')).rejects.toThrow('404');
    await registry.stop();
  });
});
