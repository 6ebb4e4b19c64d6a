/** Routes over the API: what is asked of engine and proxies, what is refused with which field, and what is told of it. */
import { compare } from 'bcryptjs';
import { describe, expect, it } from 'vitest';
import { DomainError } from '../contract/errors.ts';
import { proxyRouteRequestSchema, proxyRouteSchema } from '../contract/proxy-routes.ts';
import { PortRoutes } from '../engine/port-routes.ts';
import type { World } from '../engine/ports.ts';
import { ServedRoutes } from '../engine/served-routes.ts';
import { createEngine, deploying, engineOver, SETTINGS, signal, startApp } from '../engine/test-engine.ts';
import type { RequestContext } from './handlers.ts';
import { type LocalPorts, RouteService } from './service-routes.ts';

const LOG = { info: () => undefined, warn: () => undefined, error: () => undefined };
const contextOf = (apps: string[] | null = null): RequestContext => ({
  ...{ actor: 'token:ci', role: 'operator', apps: apps && new Set(apps), idempotency_key: undefined, signal },
});

async function start(change: (ports: World) => Partial<World['proxies']['caddy']> = () => ({})) {
  const { world, journal, perform } = await startApp();
  const plain = world.ports();
  const ports = { ...plain, proxies: { ...plain.proxies, caddy: { ...plain.proxies.caddy, ...change(plain) } } };
  const listening = new Set([3000]);
  const local: LocalPorts = {
    ownerOf: (port) => (port === 80 ? 'Caddy' : null),
    look: async (port) => (port === 2222 ? 'ssh' : listening.has(port) ? 'open' : 'closed'),
    isListening: async (port) => listening.has(port),
  };
  const { proxies } = new ServedRoutes(ports.proxies, journal, SETTINGS);
  const rest = { log: LOG, publish: () => undefined, stopping: signal };
  const portRoutes = new PortRoutes({ world: { ...ports, proxies }, journal, settings: SETTINGS, ...rest });
  const service = new RouteService({
    ...{ engine: engineOver(ports, journal), portRoutes, proxies, journal, settings: SETTINGS, ports: local },
    ...{ defaultProxy: 'caddy', verifyKey: () => 'c'.repeat(32) },
  });
  const configure = async (body: object, context = contextOf()) =>
    proxyRouteSchema.parse(await service.configure(proxyRouteRequestSchema.parse(body), context));
  return { world, journal, perform, service, configure, listening };
}

const refusalOf = (field: string, code = 'invalid_request') => ({ code, details: [expect.objectContaining({ field })] });
const usersOf = (route: { options?: { basic_auth: { username: string; password_hash: string }[] } } | undefined) =>
  route?.options?.basic_auth ?? [];

describe('configuring the site of an app', () => {
  it('answers with the route as read back, and keeps nothing of a password but its hash, which it never tells', async () => {
    const { world, journal, configure, service } = await start();
    const basic_auth = [{ username: 'ann', password: 'correct horse' }];
    const route = await configure({ app_name: 'shop', headers: { A: 'b' }, basic_auth });
    expect(route).toMatchObject({
      ...{ domain: 'shop.test', app_name: 'shop', port: null, proxy_type: 'caddy', headers: { A: 'b' } },
      ...{ basic_auth: [{ username: 'ann' }], is_served: true, detail: '' },
    });
    const [user] = usersOf(world.state.routes.get('caddy shop'));
    expect(user?.password_hash).toMatch(/^\$2b\$10\$/);
    expect(await compare('correct horse', user?.password_hash ?? '')).toBe(true);
    const everything = JSON.stringify([journal.operations, journal.events, [...journal.apps.values()]]);
    expect(everything).not.toContain('correct horse');
    expect(JSON.stringify([route, await service.list(signal)])).not.toContain('$2b$');
  });

  it('lets a user keep its password, and wants one for a new user, with the field', async () => {
    const { world, configure } = await start();
    await configure({ app_name: 'shop', basic_auth: [{ username: 'ann', password: 'one' }] });
    const [before] = usersOf(world.state.routes.get('caddy shop'));
    const hash = `$2y$10$${'a'.repeat(53)}`;
    await configure({ app_name: 'shop', basic_auth: [{ username: 'ann' }, { username: 'bob', password_hash: hash }] });
    expect(usersOf(world.state.routes.get('caddy shop'))).toEqual([before, { username: 'bob', password_hash: hash }]);
    const asked = { app_name: 'shop', basic_auth: [{ username: 'ann' }, { username: 'eve' }] };
    await expect(configure(asked)).rejects.toMatchObject(refusalOf('basic_auth.1.password'));
  });

  it.each([
    ['an app that there is not', { app_name: 'none' }, 'app_name', 'not_found'],
    ['a domain that is not its own', { app_name: 'shop', domain: 'blog.test' }, 'domain', undefined],
    [
      'a prefix to an app that there is not',
      { app_name: 'shop', prefixes: [{ path: '/a', app_name: 'none' }] },
      'prefixes.0.app_name',
      'not_found',
    ],
    ['a prefix to a port of a proxy', { app_name: 'shop', prefixes: [{ path: '/a', port: 80 }] }, 'prefixes.0.port', undefined],
    ['a prefix to SSH', { app_name: 'shop', prefixes: [{ path: '/a', port: 2222 }] }, 'prefixes.0.port', undefined],
  ])('is refused for %s', async (_, body, field, code) => {
    const { configure, journal } = await start();
    const before = journal.operations.length;
    await expect(configure(body)).rejects.toMatchObject(refusalOf(field, code));
    expect(journal.operations).toHaveLength(before);
  });

  it('answers with the field that the proxy refuses, and the operation, which has changed nothing', async () => {
    const { world, configure, journal } = await start(({ proxies }) => ({
      check: async (asked, route) => {
        if (route?.options?.is_compressed) throw new DomainError('unprocessable', 'Caddy refuses the route: no.');
        return proxies.caddy.check(asked, route);
      },
    }));
    const before = world.snapshot();
    const asked = configure({ app_name: 'shop', compression: true, headers: { A: 'b' } });
    const refusal = await asked.catch((error: unknown) => error);
    expect(refusal).toMatchObject({
      ...refusalOf('compression', 'unprocessable'),
      message: 'Caddy refuses the route: no. (field "compression")',
      operation_id: journal.operations[0]?.id,
    });
    expect(world.snapshot()).toEqual(before);
  });

  it('goes on for a caller who hangs up', async () => {
    const { world, configure, journal } = await start();
    const gone = new AbortController();
    world.hook = (effect) => {
      if (effect === 'route') gone.abort(new Error('gone'));
    };
    const asked = configure({ app_name: 'shop', compression: true }, { ...contextOf(), signal: gone.signal });
    await expect(asked).rejects.toThrow('gone');
    await expect.poll(() => journal.operations[0]?.state).toBe('succeeded');
    expect(world.state.routes.get('caddy shop')?.options?.is_compressed).toBe(true);
  });

  it('lets a token for some apps lead visitors to these alone, and keep what others have set', async () => {
    const { configure, perform } = await start();
    await perform(deploying('shop:v1', { domain: 'blog.test' }), 'blog');
    const limited = contextOf(['shop']);
    const lead = (prefixes: object[]) => configure({ app_name: 'shop', prefixes }, limited);
    await expect(lead([{ path: '/a', app_name: 'blog' }])).rejects.toMatchObject(refusalOf('prefixes.0.app_name', 'forbidden'));
    await expect(lead([{ path: '/a', port: 3000 }])).rejects.toMatchObject(refusalOf('prefixes.0.port', 'forbidden'));
    const both = [
      { path: '/a', app_name: 'blog' },
      { path: '/b', port: 3000 },
    ];
    await configure({ app_name: 'shop', prefixes: both });
    expect((await lead(both)).prefixes).toHaveLength(2);
    await expect(lead([{ path: '/c', port: 3000 }])).rejects.toMatchObject(refusalOf('prefixes.0.port', 'forbidden'));
    await expect(lead([{ path: '/b', port: 3000, strip: true }])).rejects.toMatchObject({ code: 'forbidden' });
  });

  it('of an app that has given its domain up only keeps it', async () => {
    const { configure, perform } = await start();
    await configure({ app_name: 'shop', compression: true });
    await perform(deploying('shop:v1', { domain: undefined }));
    expect(await configure({ app_name: 'shop' })).toMatchObject({ domain: '', is_served: false, compression: false });
  });
});

describe('a route to a port', () => {
  it('is set, changed and removed, with a warning where nothing listens', async () => {
    const { world, service, configure } = await start();
    expect(await configure({ domain: 'wiki.test', port: 3000, www: 'add' })).toMatchObject({
      ...{ domain: 'wiki.test', app_name: null, port: 3000, tls: 'off', www: 'add', is_served: true, detail: '' },
    });
    const key = world.state.routes.get('caddy route.wiki.test')?.verify_key;
    expect(
      await configure({ domain: 'wiki.test', port: 4000, proxy_type: 'nginx', maintenance: { message: 'Soon.' } }),
    ).toMatchObject({
      ...{ port: 4000, proxy_type: 'nginx', www: 'off', maintenance: { message: 'Soon.' }, is_served: true },
      detail: 'Nothing listens on port 4000 of this host yet, so visitors get an error.',
    });
    expect([...world.state.routes.keys()]).toEqual(['caddy shop', 'nginx route.wiki.test']);
    expect(world.state.routes.get('nginx route.wiki.test')?.verify_key).toBe(key);
    expect(await service.remove('wiki.test', contextOf())).toMatchObject({ domain: 'wiki.test', port: 4000, is_served: false });
    expect([...world.state.routes.keys()]).toEqual(['caddy shop']);
    await expect(service.remove('wiki.test', contextOf())).rejects.toMatchObject({ code: 'not_found' });
    await expect(service.remove('shop.test', contextOf())).rejects.toMatchObject(refusalOf('domain', 'conflict'));
  });

  it.each([
    ['the port of a proxy', { domain: 'wiki.test', port: 80 }, 'port', undefined],
    ["SSH's port", { domain: 'wiki.test', port: 2222 }, 'port', undefined],
    ['www of an address', { domain: '10.0.0.1', port: 3000, www: 'add' }, 'www', undefined],
    ['www of a name with no room for it', { domain: `${'a.'.repeat(125)}bc`, port: 3000, www: 'add' }, 'www', undefined],
    ['the domain of an app', { domain: 'shop.test', port: 3000 }, 'domain', 'conflict'],
  ])('is refused for %s', async (_, body, field, code) => {
    const { world, configure } = await start();
    await expect(configure(body)).rejects.toMatchObject(refusalOf(field, code));
    expect([...world.state.routes.keys()]).toEqual(['caddy shop']);
  });
});

describe('the list of routes', () => {
  it('says of each whether its proxy runs with it, and why not', async () => {
    const { world, service, configure, listening } = await start();
    await configure({ domain: 'wiki.test', port: 3000 });
    await configure({ domain: 'notes.test', port: 3000, proxy_type: 'nginx' });
    const servedOf = async () => (await service.list(signal)).map(({ domain, is_served, detail }) => [domain, is_served, detail]);
    expect(await servedOf()).toEqual([
      ['shop.test', true, ''],
      ['wiki.test', true, ''],
      ['notes.test', true, ''],
    ]);
    world.state.routes.delete('caddy shop');
    listening.clear();
    const [shop, wiki] = await servedOf();
    expect(shop).toEqual(['shop.test', false, expect.stringContaining('Caddy does not serve it as it is kept')]);
    expect(wiki).toEqual(['wiki.test', true, expect.stringContaining('Nothing listens')]);
  });

  it('has the words of a proxy that does not answer, for its own routes alone', async () => {
    const { service, configure } = await start(() => ({
      differences: async () => {
        throw new DomainError('unavailable', 'Caddy does not run; start it.');
      },
    }));
    await configure({ domain: 'notes.test', port: 3000, proxy_type: 'nginx' });
    expect((await service.list(signal)).map(({ is_served, detail }) => [is_served, detail])).toEqual([
      [false, 'Caddy does not run; start it.'],
      [true, ''],
    ]);
  });

  it('shows an app under the domain that it is configured with, whatever www makes of it', async () => {
    const { world, journal, service, configure, perform } = await start();
    await perform(deploying('shop:v1', { aliases: ['other.test'] }));
    await configure({ app_name: 'shop', www: 'add' });
    await createEngine(world, journal).recover();
    expect(await service.list(signal)).toMatchObject([
      { domain: 'shop.test', aliases: ['other.test'], www: 'add', is_served: true },
    ]);
  });
});
