/** Prefixes of a site that lead to other apps: they follow them wherever they go, and keep them from going away. */
import { describe, expect, it } from 'vitest';
import { DomainError } from '../contract/errors.ts';
import type { Intent } from './engine.ts';
import { filledRoute } from './served-routes.ts';
import { configuring, createEngine, deploying, rollingBack, run, SETTINGS, startApp } from './test-engine.ts';
import type { ModelWorld } from './test-world.ts';

const prefixes = [{ path: '/blog', strip: true, app_name: 'blog' }];

/** The app shop, whose site has the app blog at /blog. */
async function startBoth(changes: Parameters<typeof deploying>[1] = {}) {
  const parts = await startApp();
  await parts.perform(deploying('shop:v1', { domain: 'blog.test', ...changes }), 'blog');
  await parts.perform(configuring({ prefixes }));
  // Another one has counted on.
  return { ...parts, engine: createEngine(parts.world, parts.journal) };
}

/** What a visitor of shop.test/blog gets: the release of blog, or that nothing answers. */
function visitBlog(world: ModelWorld): string | number {
  const prefix = world.state.routes.get('caddy shop')?.options?.prefixes[0];
  const marker = world.state.markers.get('blog');
  if (prefix === undefined || marker === 'stopped') return 503;
  const asked = prefix.upstreams[marker ?? 'blue'].map((upstream) =>
    [...world.state.containers.values()].find(({ spec }) => `${spec.address}:${spec.env.PORT}` === upstream),
  );
  if (asked.length === 0 || asked.some((container) => container?.is_running !== true)) return 502;
  return asked[0]?.spec.release ?? 502;
}

const CHANGES: [string, Intent, Parameters<typeof deploying>[1]][] = [
  ['deployed to another port', deploying('shop:v2', { domain: 'blog.test', ports: [8080] }), {}],
  [
    'a worker without a domain that is deployed to another port',
    deploying('shop:v2', { domain: undefined, ports: [8080] }),
    { domain: undefined },
  ],
  [
    'deployed with more replicas to another port and proxy',
    deploying('shop:v2', { domain: 'b.test', proxy: 'nginx', ports: [8080], replicas: 2 }),
    {},
  ],
  ['scaled up', { kind: 'scale', replicas: 3 }, {}],
  ['scaled down', { kind: 'scale', replicas: 1 }, { replicas: 3 }],
  ['restarted', { kind: 'restart' }, {}],
];

describe('a prefix that leads to an app', () => {
  it.each(CHANGES)('serves its visitors at every moment while that is %s', async (_, intent, changes) => {
    const { world, journal, engine } = await startBoth(changes);
    expect(visitBlog(world)).toBe('r1');
    const seen = new Set<unknown>();
    world.hook = () => void seen.add(typeof visitBlog(world));
    expect((await run(engine, intent, 'blog')).state).toBe('succeeded');
    expect([...seen]).toEqual(['string']);
    expect(visitBlog(world)).toBe(intent.kind === 'deploy' ? 'r2' : 'r1');
    // As the proxies would be told now, so that nothing seems to differ.
    const kept = journal.getApp('shop')!.route!; // deployed
    expect(world.state.routes.get('caddy shop')).toEqual(filledRoute(kept, journal, SETTINGS));
  });

  it.each(CHANGES)('serves its visitors still when that is %s, and it fails at any effect', async (_, intent, changes) => {
    const { world, engine } = await startBoth(changes);
    let effects = 0;
    world.hook = () => {
      effects += 1;
    };
    await run(engine, intent, 'blog');
    for (let failing = 1; failing <= effects; failing += 1) {
      const again = await startBoth(changes);
      let count = 0;
      const seen = new Set<unknown>();
      let failed: string | null = null;
      again.world.hook = (effect) => {
        seen.add(typeof visitBlog(again.world));
        count += 1;
        if (count === failing) failed = effect;
        if (count === failing) throw new Error(`effect ${failing} fails`);
      };
      const { state } = await run(again.engine, intent, 'blog');
      expect(state).toMatch(/^(succeeded|failed|rolled_back)$/);
      expect([...seen]).toEqual(['string']);
      // Where it could not be told on the way back, the next start does that.
      if (failed === 'route') await createEngine(again.world, again.journal).recover();
      const kept = again.journal.getApp('shop')!.route!; // deployed
      expect(again.world.state.routes.get('caddy shop')).toEqual(filledRoute(kept, again.journal, SETTINGS));
    }
  });

  it('follows it back by a rollback, and is not part of one of its own site', async () => {
    const { world, perform } = await startBoth();
    await perform(deploying('shop:v2', { domain: 'blog.test', ports: [8080] }), 'blog');
    await perform(rollingBack(), 'blog');
    expect(visitBlog(world)).toBe('r1');
    await perform(deploying('shop:v2'));
    await perform(rollingBack());
    expect(visitBlog(world)).toBe('r1');
  });

  it('fails what would leave its visitors behind, and names the site', async () => {
    const { world, engine } = await startBoth({ proxy: 'nginx' });
    world.hook = (effect, phase) => {
      const isCaddy = engine.describe('op-00000004')?.steps.some(({ name, state }) => name === 'switch' && state === 'running');
      if (effect === 'route' && phase === 'begun' && isCaddy) throw new DomainError('unavailable', 'Caddy does not run.');
    };
    const operation = await run(engine, deploying('shop:v2', { domain: 'blog.test', proxy: 'nginx', ports: [8080] }), 'blog');
    expect(operation).toMatchObject({
      state: 'failed',
      error: {
        step: 'switch',
        message: expect.stringMatching(/route of shop\.test has a prefix that leads to blog.*Caddy does not run/),
      },
    });
    expect(visitBlog(world)).toBe('r1');
  });

  it('is told where the app is when the daemon starts', async () => {
    const { world, journal } = await startBoth();
    const route = world.state.routes.get('caddy shop')!; // deployed
    const elsewhere = { ...route.options!.prefixes[0]!, upstreams: { blue: ['10.0.0.1:1'], green: ['10.0.0.1:1'] } }; // configured
    world.state.routes.set('caddy shop', { ...route, options: { ...route.options!, prefixes: [elsewhere] } });
    expect(visitBlog(world)).toBe(502);
    await createEngine(world, journal).recover();
    expect(visitBlog(world)).toBe('r1');
  });

  it('keeps the app from being removed until it is taken out, and stops at a stopped one', async () => {
    const { world, perform, engine } = await startBoth();
    await expect(run(engine, { kind: 'remove' }, 'blog')).rejects.toMatchObject({
      code: 'conflict',
      message: 'The route of shop leads /blog to blog; take that prefix out of it first.',
    });
    await perform({ kind: 'stop' }, 'blog');
    expect(visitBlog(world)).toBe(503);
    await perform(configuring({}));
    await perform({ kind: 'remove' }, 'blog');
  });

  it.each([
    ['that there is not', 'nothing', 'not_found', 'there is no such app'],
    ['whose site it is', 'shop', 'invalid_request', 'the site is its own already'],
    ['of which nothing has been deployed', 'failed', 'conflict', 'nothing has been deployed as it yet'],
  ] as const)('is refused for an app %s, with the field', async (_, app_name, code, message) => {
    const { world, engine } = await startApp();
    world.broken.add('sha256:2');
    await run(engine, deploying('shop:v2', { domain: 'failed.test' }), 'failed');
    const asked = configuring({
      prefixes: [
        { path: '/a', strip: false, port: 1 },
        { path: '/there', strip: false, app_name },
      ],
    });
    await expect(run(engine, asked)).rejects.toMatchObject({
      code,
      message: `The prefix /there cannot lead to ${app_name}: ${message}.`,
      details: [{ field: 'prefixes.1.app_name', message }],
    });
  });
});
