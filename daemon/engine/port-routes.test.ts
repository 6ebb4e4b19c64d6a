/** Routes to ports: served as kept, whatever fails and whenever the daemon dies. */
import { describe, expect, it } from 'vitest';
import { DomainError } from '../contract/errors.ts';
import { PortRoutes } from './port-routes.ts';
import type { World } from './ports.ts';
import { ServedRoutes } from './served-routes.ts';
import { NO_SETTINGS } from './site-settings.ts';
import type { PortRoute } from './state.ts';
import { configuring, createEngine, deploying, run, SETTINGS, signal, startApp } from './test-engine.ts';
import { ModelJournal } from './test-journal.ts';
import { Life } from './test-life.ts';
import { ModelWorld } from './test-world.ts';

const KEY = 'route.wiki.test';
const route = (changes: Partial<PortRoute> = {}): PortRoute => ({
  ...{ domain: 'wiki.test', port: 3000, proxy: 'caddy', tls: null, aliases: [], maintenance: null },
  ...{ settings: NO_SETTINGS, verify_key: 'b'.repeat(32) },
  ...changes,
});

function over(world: World, journal: ModelJournal): PortRoutes {
  const { proxies } = new ServedRoutes(world.proxies, journal, SETTINGS);
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const rest = { settings: SETTINGS, log, publish: () => undefined, stopping: signal };
  return new PortRoutes({ world: { ...world, proxies }, journal, ...rest });
}

function start(world = new ModelWorld(), journal = new ModelJournal()) {
  const routes = over(world.ports(), journal);
  const set = (changes: Partial<PortRoute> = {}) => routes.set(changes.domain ?? 'wiki.test', () => route(changes), 'admin');
  return { world, journal, routes, set };
}

/** All that there is of routes, but for times. */
function stateOf({ world, journal }: { world: ModelWorld; journal: ModelJournal }): unknown {
  const kept = journal
    .listPortRoutes()
    .map(({ domain, wanted, previous, is_settled }) => ({ domain, wanted, previous, is_settled }));
  return structuredClone({ world: world.snapshot(), kept });
}

const CASES: [string, Partial<PortRoute> | null, Partial<PortRoute> | null][] = [
  ['a first one', null, {}],
  ['a change of its port', {}, { port: 4000, maintenance: { message: 'Soon.' } }],
  ['a move to the other proxy', { maintenance: { message: 'Soon.' } }, { proxy: 'nginx', aliases: ['notes.test'] }],
  ['a removal', { aliases: ['notes.test'] }, null],
];

/** As it is before the change, and a function that makes it. */
async function prepare(first: Partial<PortRoute> | null, world = new ModelWorld(), journal = new ModelJournal()) {
  const parts = start(world, journal);
  if (first !== null) await parts.set(first);
  return parts;
}
const changeTo = (then: Partial<PortRoute> | null, { routes, set }: ReturnType<typeof start>) =>
  then === null ? routes.remove('wiki.test', 'admin') : set(then);

async function undisturbed(first: Partial<PortRoute> | null, then: Partial<PortRoute> | null) {
  const parts = await prepare(first);
  const old = stateOf(parts);
  const counts = { effects: 0, writes: 0 };
  parts.world.hook = () => {
    counts.effects += 1;
  };
  parts.journal.beforeCommit = () => {
    counts.writes += 1;
  };
  await changeTo(then, parts);
  return { ...counts, old, changed: stateOf(parts) };
}

describe('a route to a port', () => {
  it('has both slots there, and a marker directory of its own with blue open', async () => {
    const { world, journal, set } = start();
    await set({
      aliases: ['notes.test'],
      settings: { ...NO_SETTINGS, headers: { A: 'b' }, www: 'add' },
      maintenance: { message: 'Soon.' },
    });
    expect(world.state.routes.get(`caddy ${KEY}`)).toMatchObject({
      app_name: KEY,
      sites: [{ domain: 'www.wiki.test' }, { domain: 'notes.test' }],
      redirects: [{ from: 'wiki.test', to: 'www.wiki.test' }],
      upstreams: { blue: ['127.0.0.1:3000'], green: ['127.0.0.1:3000'] },
      marker_directory: `/state/slots/${KEY}`,
      options: { headers: [{ name: 'A', value: 'b' }] },
    });
    expect(world.state.markers.get(KEY)).toBe('blue');
    expect(world.state.pages.get(KEY)).toContain('Soon.');
    expect(journal.events.map(({ kind, message }) => [kind, message])).toEqual([
      ['route.changed', 'The route of wiki.test to port 3000 was set by admin'],
    ]);
  });

  it.each(CASES)('is as before when %s fails at any effect, before it and after it', async (_, first, then) => {
    const { effects, old, changed } = await undisturbed(first, then);
    for (let failing = 1; failing <= effects; failing += 1) {
      const parts = await prepare(first);
      let count = 0;
      parts.world.hook = () => {
        count += 1;
        if (count === failing) throw new Error(`effect ${failing} fails`);
      };
      const error = await changeTo(then, parts).then(
        () => null,
        (reason: unknown) => reason,
      );
      expect(stateOf(parts)).toEqual(error === null ? changed : old);
      expect(error).toMatchObject({ message: expect.stringContaining('fails') });
    }
  });

  it.each(CASES)('is as before or as wanted when the daemon is killed at any effect and write of %s', async (_, first, then) => {
    const { effects, writes, old, changed } = await undisturbed(first, then);
    for (let cut = 1; cut <= effects + writes; cut += 1) {
      const world = new ModelWorld();
      const journal = new ModelJournal();
      await prepare(first, world, journal);
      const life = new Life(world, journal);
      let count = 0;
      const strike = () => {
        count += 1;
        if (count !== cut || life.isOver) return;
        life.end();
        throw new Error('killed');
      };
      Object.assign(world, { hook: strike });
      journal.beforeCommit = strike;
      const routes = over(life.world, life.journal);
      const dying = {
        ...start(world, journal),
        routes,
        set: (changes: Partial<PortRoute> = {}) => routes.set('wiki.test', () => route(changes), 'admin'),
      };
      await Promise.race([changeTo(then, dying).catch(() => undefined), life.death]);
      expect(life.isOver).toBe(true);
      Object.assign(world, { hook: () => undefined });
      journal.beforeCommit = () => undefined;
      await over(world.ports(), journal).recover();
      expect([old, changed]).toContainEqual(stateOf({ world, journal }));
    }
  });

  it('that could be neither changed nor set back is set back at the next start', async () => {
    const { world, journal, set, routes } = await prepare({});
    const old = stateOf({ world, journal });
    world.hook = (effect) => {
      if (effect === 'route') throw new DomainError('unprocessable', 'Caddy is broken.');
    };
    await expect(set({ port: 4000 })).rejects.toThrow('Caddy is broken. The route of wiki.test could not be set back either');
    await expect(routes.remove('wiki.test', 'admin')).rejects.toMatchObject({ code: 'conflict' });
    world.hook = () => undefined;
    await over(world.ports(), journal).recover();
    expect(stateOf({ world, journal })).toEqual(old);
  });

  it('is told again at start where the proxy has another, or none, and its marker is lost; one that nothing is known of goes', async () => {
    const { world, journal, set } = await prepare({});
    await set({ domain: 'notes.test', maintenance: { message: 'Soon.' } });
    const good = stateOf({ world, journal });
    const { routes, markers, pages } = world.state;
    const served = routes.get(`caddy ${KEY}`)!; // just set
    routes.set(`caddy ${KEY}`, { ...served, upstreams: { blue: ['127.0.0.1:9'], green: ['127.0.0.1:9'] } });
    routes.delete('caddy route.notes.test');
    routes.set('nginx route.gone.test', { ...served, app_name: 'route.gone.test' });
    markers.delete('route.notes.test');
    pages.delete('route.notes.test');
    let looks = 0;
    const ports = world.ports();
    // Caddy comes up later than the daemon.
    const caddy: World['proxies']['caddy'] = {
      ...ports.proxies.caddy,
      differences: async (...asked) => {
        if (++looks < 3) throw new DomainError('unavailable', 'Caddy does not run.');
        return ports.proxies.caddy.differences(...asked);
      },
    };
    await over({ ...ports, proxies: { ...ports.proxies, caddy } }, journal).recover();
    expect(stateOf({ world, journal })).toEqual(good);
  });

  it('leaves what is there alone at start', async () => {
    const { world, journal } = await prepare({});
    const effects: string[] = [];
    world.hook = (effect) => void effects.push(effect);
    await over(world.ports(), journal).recover();
    expect(new Set(effects)).toEqual(new Set(['writePage']));
  });

  it('is refused for a name that an app has, has coming, or another route has, with the field; and an app for one of its names', async () => {
    const { world, journal, engine, perform } = await startApp({ aliases: ['alias.test'] });
    const { set } = start(world, journal);
    const taken = (changes: Partial<PortRoute>, field: string, message: string) =>
      expect(set(changes)).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringContaining(message),
        details: [{ field }],
      });
    await taken({ domain: 'shop.test' }, 'domain', 'shop.test belongs to the app shop');
    await taken({ aliases: ['x.test', 'alias.test'] }, 'aliases.1', 'alias.test belongs to the app shop');
    await perform(deploying('shop:v1', { domain: 'www.wiki.test' }), 'blog');
    await taken({ settings: { ...NO_SETTINGS, www: 'add' } }, 'www', 'www.wiki.test belongs to the app blog');
    await set({ aliases: ['notes.test'] });
    await taken({ domain: 'notes.test' }, 'domain', 'notes.test belongs to the route wiki.test to port 3000');
    const { id } = await createEngine(world, journal).begin('later', deploying('shop:v1', { domain: 'later.test' }), {
      ...{ actor: 'test', idempotency: null, signal },
    });
    await taken({ domain: 'later.test' }, 'domain', `being set up for the app later by ${id}`);
    expect(
      await run(createEngine(world, journal), deploying('shop:v1', { domain: 'new.test', aliases: ['notes.test'] }), 'new'),
    ).toMatchObject({
      state: 'failed',
      error: {
        field: 'aliases.0',
        message: expect.stringContaining('belongs to the route wiki.test to port 3000; choose another'),
      },
    });
    expect(engine).toBeDefined();
  });

  it('is refused while it is being changed, and names the setting that its proxy refuses', async () => {
    const { world, journal, routes, set } = start();
    const setting = set();
    await expect(set()).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('just being changed') });
    await setting;
    const ports = world.ports();
    const caddy: World['proxies']['caddy'] = {
      ...ports.proxies.caddy,
      check: async (_, asked) => {
        if (asked?.options?.is_compressed) throw new DomainError('unprocessable', 'Caddy refuses it.');
      },
    };
    const strict = over({ ...ports, proxies: { ...ports.proxies, caddy } }, journal);
    const old = stateOf({ world, journal });
    const asked = route({ settings: { ...NO_SETTINGS, compression: true, headers: { A: 'b' } } });
    await expect(strict.set('wiki.test', () => asked, 'admin')).rejects.toMatchObject({
      ...{ code: 'unprocessable', message: 'Caddy refuses it.', details: [{ field: 'compression' }] },
    });
    expect(stateOf({ world, journal })).toEqual(old);
    await expect(routes.remove('other.test', 'admin')).rejects.toMatchObject({ code: 'not_found' });
  });

  it('leads a prefix to an app, which follows it and keeps it', async () => {
    const { world, journal, perform } = await startApp();
    const { set, routes } = start(world, journal);
    const prefixes = [{ path: '/shop', strip: false, app_name: 'shop' }];
    await set({ settings: { ...NO_SETTINGS, prefixes } });
    const led = () => world.state.routes.get(`caddy ${KEY}`)?.options?.prefixes[0]?.upstreams;
    expect(led()).toEqual({ blue: ['10.213.0.16:3000'], green: ['10.213.0.24:3000'] });
    await perform(deploying('shop:v2', { ports: [8080] }));
    expect(led()).toEqual({ blue: ['10.213.0.16:8080'], green: ['10.213.0.24:8080'] });
    await expect(perform({ kind: 'remove' })).rejects.toThrow('The route of wiki.test leads /shop to shop');
    await expect(
      set({ domain: 'x.test', settings: { ...NO_SETTINGS, prefixes: [{ path: '/a', strip: false, app_name: 'none' }] } }),
    ).rejects.toMatchObject({
      details: [{ field: 'prefixes.0.app_name' }],
    });
    await routes.remove('wiki.test', 'admin');
    await perform(configuring({}));
    await perform({ kind: 'remove' });
    expect(world.state.routes.size + world.state.markers.size).toBe(0);
  });
});
