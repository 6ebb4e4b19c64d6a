/** What the proxies are told of an app's names over its operations. */
import { describe, expect, it } from 'vitest';
import type { AppConfiguration } from '../contract/configuration.ts';
import { DomainError } from '../contract/errors.ts';
import { createEngine, deploying, engineOver, rollingBack, run, startApp, swapping } from './test-engine.ts';

describe('routes', () => {
  it('move from one proxy to the other and back, and nothing stays behind', async () => {
    const { world, perform } = await startApp();
    await perform(deploying('shop:v2', { proxy: 'nginx' }));
    expect([...world.state.routes.keys()]).toEqual(['nginx shop']);
    await perform(rollingBack());
    expect([...world.state.routes.keys()]).toEqual(['caddy shop']);
    await perform({ kind: 'remove' });
    expect([...world.state.routes.keys()]).toEqual([]);
  });

  it('are taken from both proxies when an app is removed after a move that got stuck', async () => {
    const { world, engine, perform } = await startApp();
    let isBroken = false;
    world.hook = (effect) => {
      if (effect === 'verify') isBroken = true;
      if (isBroken && effect === 'route') throw new Error('the proxy hangs');
    };
    expect((await run(engine, deploying('shop:v2', { proxy: 'nginx' }))).state).toBe('stuck');
    expect([...world.state.routes.keys()].sort()).toEqual(['caddy shop', 'nginx shop']);
    world.hook = () => undefined;
    await perform({ kind: 'remove' });
    expect([...world.state.routes.keys()]).toEqual([]);
  });

  it('are taken from either proxy when an app is removed whose first deploy got stuck with one', async () => {
    const { world, journal, engine, perform } = await startApp();
    for (const proxy of ['caddy', 'nginx'] as const) {
      world.hook = (effect, phase) => {
        if (effect === 'verify') throw new Error('no answer');
        const isTakenBack = effect === 'route' && world.state.routes.has(`${proxy} blog`);
        if (isTakenBack && phase === 'begun') throw new Error('the proxy hangs');
      };
      const first = deploying('shop:v1', { domain: 'blog.test', proxy });
      expect((await run(engine, first, 'blog')).state).toBe('stuck');
      expect([...world.state.routes.keys()].sort()).toEqual([`${proxy} blog`, 'caddy shop'].sort());
      // It is not kept of the app, as after a crash between the proxy's change and the journal's.
      journal.apps.get('blog')!.route = null; // deployed
      world.hook = () => undefined;
      await perform({ kind: 'remove' }, 'blog');
      expect([...world.state.routes.keys()]).toEqual(['caddy shop']);
    }
  });

  it.each([
    { to: { proxy: 'nginx' as const }, left: ['caddy shop', 'nginx blog'] },
    { to: { domain: undefined }, left: ['caddy shop'] },
  ])('are taken from the proxy of a first deploy that got stuck by the next one, with $to', async ({ to, left }) => {
    const { world, journal, engine, perform } = await startApp();
    world.hook = (effect, phase) => {
      if (effect === 'verify') throw new Error('no answer');
      const isTakenBack = effect === 'route' && world.state.routes.has('caddy blog');
      if (isTakenBack && phase === 'begun') throw new Error('the proxy hangs');
    };
    const first = { domain: 'blog.test', proxy: 'caddy' as const };
    expect((await run(engine, deploying('shop:v1', first), 'blog')).state).toBe('stuck');
    expect([...world.state.routes.keys()]).toEqual(['caddy shop', 'caddy blog']);
    // It is not kept of the app, as after a crash between the proxy's change and the journal's.
    journal.apps.get('blog')!.route = null; // deployed
    world.hook = () => undefined;
    await perform(deploying('shop:v1', { ...first, ...to }), 'blog');
    expect([...world.state.routes.keys()]).toEqual(left);
  });

  it('are not asked of a proxy that has none of the app, which may not be installed', async () => {
    const { world, journal } = await startApp({ proxy: 'nginx' });
    const ports = world.ports();
    const absent = () => Promise.reject(new DomainError('unavailable', 'Caddy is not installed'));
    const caddy = { check: absent, checkRemoval: async () => undefined, apply: absent, listApps: absent, differences: absent };
    const engine = engineOver({ ...ports, proxies: { ...ports.proxies, caddy } }, journal);
    const uncertain = { ...journal.operations[0]!, id: 'op-00000000', state: 'stuck' as const }; // deployed
    journal.operations.unshift(uncertain);
    expect((await run(engine, swapping('shop:v2'))).state).toBe('succeeded');
    expect((await run(engine, { kind: 'remove' })).state).toBe('succeeded');
    expect([...world.state.routes.keys()]).toEqual([]);
  });

  it('that such a move has left go when the daemon starts, and those of apps it does not know, unless they have containers', async () => {
    const { world, journal, perform } = await startApp({ proxy: 'nginx' });
    await perform(deploying('shop:v1', { domain: 'blog.test' }), 'blog');
    const route = journal.getApp('shop')!.route!; // deployed
    world.state.routes.set('caddy shop', route);
    for (const app_name of ['purged', 'My_own', 'route.shop.test'])
      world.state.routes.set(`nginx ${app_name}`, { ...route, app_name });
    // The database was lost since.
    journal.apps.delete('blog');
    world.isDockerDown = true;
    let looks = 0;
    world.onLook = (what) => {
      if (what === 'list') world.isDockerDown = ++looks < 3;
    };
    await createEngine(world, journal).recover();
    expect([...world.state.routes.keys()]).toEqual(['nginx shop', 'caddy blog', 'nginx My_own', 'nginx route.shop.test']);
  });

  it('that a proxy has lost with its files are told to it when the daemon starts', async () => {
    const { world, journal } = await startApp();
    const before = structuredClone(world.state.routes);
    world.state.routes.clear();
    await createEngine(world, journal).recover();
    expect(world.state.routes).toEqual(before);
  });

  it('are set right by what is kept when their turn comes, not by what was when they were listed', async () => {
    const { world, journal, perform } = await startApp();
    await perform(deploying('shop:v1', { domain: 'blog.test', proxy: 'nginx' }), 'blog');
    await perform(deploying('shop:v1', { domain: 'wiki.test' }), 'wiki');
    const { routes } = world.state;
    const moved = { ...journal.getApp('blog')!.route!, proxy: 'caddy' as const }; // deployed
    for (const app of ['shop', 'wiki']) routes.delete(`caddy ${app}`);
    for (const app of ['blog', 'left']) routes.set(`caddy ${app}`, { ...moved, app_name: app });
    const deployed = { ...moved, app_name: 'left' };
    world.hook = (effect, phase) => {
      if (effect !== 'route' || phase !== 'begun') return;
      world.hook = () => undefined;
      // While the first reload is under way operations on the others begin and end.
      journal.apps.set('blog', { ...journal.getApp('blog')!, route: moved }); // deployed
      routes.delete('nginx blog');
      journal.apps.delete('wiki');
      journal.apps.set('left', { ...journal.getApp('blog')!, name: 'left', route: deployed }); // deployed
    };
    await createEngine(world, journal).recover();
    expect([...routes.keys()].sort()).toEqual(['caddy blog', 'caddy left', 'caddy shop']);
  });

  it.each(['next bring-up', 'next start of the daemon'])(
    'that an operation left changed when it got stuck are set right by the %s',
    async (by) => {
      const { world, journal, engine, perform } = await startApp();
      const names = () => world.state.routes.get('caddy shop')?.sites.map(({ domain }) => domain);
      let isBroken = false;
      world.hook = (effect, phase) => {
        // The proxy takes it, says that it did not, and then nothing more.
        if (isBroken && effect === 'route') throw new Error('the proxy hangs');
        if (effect !== 'route' || phase !== 'ended') return;
        isBroken = true;
        throw new Error('the proxy hangs');
      };
      expect((await run(engine, deploying('shop:v2', { domain: 'new.test' }))).state).toBe('stuck');
      expect(names()).toEqual(['new.test', 'shop.test']);
      world.hook = () => undefined;
      await perform({ kind: 'maintenance', to: { message: 'Soon.' } });
      if (by === 'next bring-up') await perform(swapping('shop:v2'));
      else await createEngine(world, journal).recover();
      expect(names()).toEqual(['shop.test']);
    },
  );

  it('keep their names when the app is scaled after a move that got stuck', async () => {
    const { world, journal, engine, perform } = await startApp();
    let isBroken = false;
    world.hook = (effect) => {
      if (effect === 'verify') isBroken = true;
      if (isBroken && effect === 'route') throw new Error('the proxy hangs');
    };
    const elsewhere = deploying('shop:v2', { proxy: 'nginx', domain: 'new.test', watch_ms: 0 });
    expect((await run(engine, elsewhere)).state).toBe('stuck');
    world.hook = () => undefined;
    await perform({ kind: 'scale', replicas: 2 });
    expect(journal.getApp('shop')?.route).toMatchObject({ proxy: 'nginx', upstreams: { green: { length: 2 } } });
    await perform(deploying('shop:v1', { domain: 'new.test' }));
    expect([...world.state.routes.keys()]).toEqual(['caddy shop']);
  });

  it('carry aliases and redirects, and keep what the old release has until it is gone', async () => {
    const { world, journal, perform } = await startApp({ aliases: ['www.test'], redirects: [{ from: 'old.test', status: 301 }] });
    expect(journal.getApp('shop')?.route).toMatchObject({
      sites: [{ domain: 'shop.test' }, { domain: 'www.test' }],
      redirects: [{ from: 'old.test', to: 'shop.test', status: 301 }],
    });
    const during: unknown[] = [];
    world.hook = (effect, phase) => {
      if (effect !== 'verify' || phase !== 'begun') return;
      const { sites, redirects } = world.state.routes.get('caddy shop')!; // deployed
      during.push([...sites.map(({ domain }) => domain), ...redirects.map(({ from }) => from)]);
    };
    await perform(deploying('shop:v2', { domain: 'new.test', redirects: [{ from: 'shop.test', status: 308 }] }));
    expect(during[0]).toEqual(['new.test', 'www.test', 'shop.test', 'old.test']);
    const { sites, redirects } = journal.getApp('shop')!.route!; // deployed
    expect(sites.map(({ domain }) => domain)).toEqual(['new.test']);
    expect(redirects).toMatchObject([{ from: 'shop.test', to: 'new.test' }]);
  });

  it('are refused before any effect when a name belongs to another app, be it domain, alias or redirect', async () => {
    const { world, journal, engine } = await startApp({ aliases: ['www.test'], redirects: [{ from: 'old.test', status: 308 }] });
    const before = world.snapshot();
    const wanted: [Partial<AppConfiguration>, field: string][] = [
      [{ domain: 'shop.test' }, 'domain'],
      [{ domain: 'old.test' }, 'domain'],
      [{ domain: 'blog.test', aliases: ['www.test'] }, 'aliases.0'],
      [{ domain: 'blog.test', redirects: [{ from: 'shop.test', status: 308 }] }, 'redirects.0.from'],
    ];
    for (const [changes, field] of wanted) {
      const operation = await run(engine, deploying('shop:v2', changes), 'blog');
      expect(operation).toMatchObject({
        state: 'failed',
        error: { step: 'validate', field, message: expect.stringContaining('belongs to the app shop') },
      });
      expect(world.snapshot()).toEqual(before);
    }
    expect(journal.getApp('blog')?.release).toBeNull();
  });

  it('stay with a stopped app, and a name that was given up can be taken', async () => {
    const { perform, engine } = await startApp();
    await perform({ kind: 'stop' });
    expect((await run(engine, deploying('shop:v2'), 'blog')).state).toBe('failed');
    await perform(deploying('shop:v2', { domain: 'new.test' }));
    await perform(deploying('shop:v2'), 'blog');
    expect((await run(engine, rollingBack('r1'))).error?.message).toContain('belongs to the app blog');
  });
});

describe('a domain for a stopped worker', () => {
  it('leaves the marker alone when the deploy fails', async () => {
    const { world, engine, perform } = await startApp({ domain: undefined });
    await perform({ kind: 'stop' });
    world.broken.add('sha256:2');
    expect((await run(engine, deploying('shop:v2'))).state).toBe('failed');
    expect(world.state.markers.get('shop')).toBe('stopped');
  });
});
