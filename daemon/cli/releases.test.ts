import { describe, expect, it } from 'vitest';
import { sampleApp, sampleNextCore, sampleRelease } from '../api/test-server.ts';
import type { Release } from '../contract/domain.ts';
import { DomainError } from '../contract/errors.ts';
import { nextdeploy } from './test-command.ts';

const r1 = sampleRelease;
const r2: Release = { ...r1, id: 'r2', state: 'failed', image: 'shop:broken', end_reason: 'It never became healthy.' };
const r3: Release = {
  ...r1,
  id: 'r3',
  image: 'shop:v3',
  nextcore: null,
  configuration: { ...r1.configuration, env: { GREETING: 'hush' }, drain_ms: 1_000 },
};
const handlers = {
  listReleases: async () => [r3, r2, r1],
  getRelease: async ({ params }: { params: { id: string } }) => {
    const found = [r1, r2, r3].find(({ id }) => id === params.id);
    if (found) return found;
    throw new DomainError('not_found', `The app shop has no release ${params.id}.`);
  },
};
const releases = async (...args: string[]) => {
  const { code, out, err } = await nextdeploy(['releases', 'shop', ...args], { handlers });
  return { code, err, out };
};

describe('releases', () => {
  it('lists them with state, image, who, when and why it ended', async () => {
    const { out } = await releases();
    expect(out.split('\n')[0]).toMatch(/^RELEASE +STATE +IMAGE +BY +CREATED +ENDED$/);
    expect(out).toMatch(/\nr2 +failed +shop:broken +admin +\d+ d ago +It never became healthy.\n/);
  });

  it('says with --diff how each differs from the one before that served, and no value of a variable', async () => {
    const { out } = await releases('--diff');
    expect(out).toContain(
      'r3 differs from r1 in:\n  image  shop:v1 → shop:v3\n  drain  0s → 1s\n  env    GREETING changed\n\nr2 differs from r1 in:\n  image  shop:v1 → shop:broken\n\nr1 is the first of those that are known.\n',
    );
    expect(out).not.toContain('hush');
    const [first] = JSON.parse((await releases('--diff', '--json')).out) as unknown[];
    expect(first).toEqual({
      release: r3,
      before: 'r1',
      differences: [
        { field: 'image', from: 'shop:v1', to: 'shop:v3' },
        { field: 'env.GREETING', from: 'hello', to: 'hush' },
        { field: 'drain_ms', from: '0', to: '1000' },
      ],
    });
  });

  it('shows one in full, against the one before it or another', async () => {
    const shown = await releases('r1');
    for (const line of [
      'release     r1 of shop',
      'runs with   stop_timeout 0s, drain 0s, watch 0s, health none, env GREETING',
      'build       Next.js 16.0.1 (standalone), build build-1, commit 0123456789ab on main',
      'routes      1 static, 1 dynamic, 0 ISR',
      'public env  NEXT_PUBLIC_API',
    ])
      expect(shown.out.split('\n')).toContain(line);
    expect((await releases('r3')).out).toContain('r3 differs from r1 in:\n  image  shop:v1 → shop:v3\n');
    expect((await releases('r3', 'r2')).out).toContain('r3 differs from r2 in:\n  image  shop:broken → shop:v3\n');
    expect((await releases('r1', 'r1')).out).toContain('r1 is the same as r1.\n');
    expect(JSON.parse((await releases('r3', 'r2', '--json')).out)).toMatchObject({ before: 'r2', release: r3 });
    expect(await releases('r9')).toMatchObject({ code: 4, err: expect.stringContaining('no release r9') });
    expect(await releases('r1', '--limit', '2')).toMatchObject({
      code: 2,
      err: expect.stringContaining('--limit is for the list'),
    });
  });
});

describe('a release of a Next.js build', () => {
  const shown = async (more: object) => {
    const release = { ...r1, nextcore: { ...sampleNextCore, ...more } };
    return (await nextdeploy(['releases', 'shop', 'r1'], { handlers: { ...handlers, getRelease: async () => release } })).out;
  };

  it('is shown with its static directory, and the health path and port it suggests', async () => {
    const all = await shown({ static_directory: '/app/.next/static', health_path: '/api/health', port: 8080 });
    for (const line of ['static      /app/.next/static', 'suggests    health path /api/health, port 8080'])
      expect(all.split('\n')).toContain(line);
    expect((await shown({ port: 8080 })).split('\n')).toContain('suggests    port 8080');
    expect(await shown({})).not.toMatch(/^(static|suggests) /m);
  });
});

describe('an app', () => {
  const app = {
    ...sampleApp,
    replicas: 1,
    replicas_wanted: 3,
    aliases: ['www.shop.test'],
    maintenance: { message: 'Back at noon.' },
    nextcore: { ...sampleNextCore, git: { commit: 'abcdef0123456789', is_dirty: true } },
  };

  it('is shown with its replicas, aliases, maintenance page and build', async () => {
    const { out } = await nextdeploy(['status', 'shop'], { handlers: { getAppStatus: async () => app } });
    for (const line of [
      'replicas     1 running of 3 wanted',
      'aliases      www.shop.test',
      'maintenance  on: Back at noon.',
      'build        Next.js 16.0.1 (standalone), build build-1, commit abcdef012345, with uncommitted changes',
    ])
      expect(out.split('\n')).toContain(line);
  });

  it('has its replicas and maintenance in the list', async () => {
    const { out } = await nextdeploy(['apps'], { handlers: { listApps: async () => [app] } });
    expect(out).toMatch(/\nshop +running, maintenance +healthy +r1 +1\/3 +shop:v1 /);
  });
});
