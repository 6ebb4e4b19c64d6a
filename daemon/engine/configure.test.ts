/** What is configured of an app's site. */
import { describe, expect, it } from 'vitest';
import { DomainError } from '../contract/errors.ts';
import { namesOf } from './routing.ts';
import { configuring, createEngine, deploying, engineOver, rollingBack, run, signal, startApp, swapping } from './test-engine.ts';

describe('configuring', () => {
  it('serves with it, and keeps it with the app over deploys, a rollback and a restart of the daemon', async () => {
    const { world, journal, perform } = await startApp();
    const operation = await perform(configuring({ headers: { 'X-Frame-Options': 'DENY' } }));
    expect(operation.steps.map(({ name }) => name)).toEqual(['validate', 'route']);
    const served = () => world.state.routes.get('caddy shop')?.options?.headers;
    const wanted = [{ name: 'X-Frame-Options', value: 'DENY' }];
    expect(served()).toEqual(wanted);
    await perform(swapping('shop:v2'));
    await perform(deploying('shop:v3', { proxy: 'nginx' }));
    expect(world.state.routes.get('nginx shop')?.options?.headers).toEqual(wanted);
    await perform(rollingBack());
    await createEngine(world, journal).recover();
    expect(served()).toEqual(wanted);
    await perform(configuring({}));
    expect(world.state.routes.get('caddy shop')).not.toHaveProperty('options');
  });

  it.each([
    ['shop.test', 'add', 'www.shop.test', 'shop.test'],
    ['shop.test', 'remove', 'shop.test', 'www.shop.test'],
    ['www.shop.test', 'add', 'www.shop.test', 'shop.test'],
    ['www.shop.test', 'remove', 'shop.test', 'www.shop.test'],
  ] as const)('of %s with www %s serves %s, and redirects %s to it', async (domain, www, main, from) => {
    const { world, perform } = await startApp({ domain, aliases: ['other.test'] });
    await perform(configuring({ www }));
    const route = world.state.routes.get('caddy shop');
    expect(route?.sites.map((site) => site.domain)).toEqual([main, 'other.test']);
    expect(route?.redirects).toEqual([{ from, tls: 'off', to: main, to_tls: 'off', status: 308 }]);
    await perform(configuring({}));
    expect(namesOf(world.state.routes.get('caddy shop') ?? null)).toEqual([domain, 'other.test']);
  });

  it('takes www before an alias and a redirect of the same name, so that nothing leads in a circle', async () => {
    const { world, perform } = await startApp({
      aliases: ['www.shop.test'],
      redirects: [
        { from: 'old.test', status: 301 },
        { from: 'older.test', to: 'shop.test', status: 301 },
      ],
    });
    await perform(configuring({ www: 'add' }));
    const route = world.state.routes.get('caddy shop');
    expect(route?.sites.map(({ domain }) => domain)).toEqual(['www.shop.test']);
    expect(route?.redirects.map(({ from, to }) => `${from} ${to}`)).toEqual([
      'old.test www.shop.test',
      'older.test www.shop.test',
      'shop.test www.shop.test',
    ]);
  });

  it('refuses the name that www adds where another app has it, also one that is coming, and a deploy that wants it', async () => {
    const { perform, engine } = await startApp();
    await perform(deploying('shop:v1', { domain: 'www.shop.test' }), 'blog');
    expect(await run(engine, configuring({ www: 'add' }))).toMatchObject({
      state: 'failed',
      error: { step: 'validate', field: 'www', message: expect.stringContaining('www.shop.test belongs to the app blog') },
    });
    await perform({ kind: 'remove' }, 'blog');
    await perform(configuring({ www: 'add' }));
    expect(await run(engine, deploying('shop:v1', { domain: 'www.shop.test' }), 'blog')).toMatchObject({
      state: 'failed',
      error: { field: 'domain', message: expect.stringContaining('belongs to the app shop') },
    });
  });

  it.each([
    ['headers', { headers: { A: 'b' } }],
    ['basic_auth', { basic_auth: [{ username: 'a', password_hash: 'x' }] }],
    ['prefixes', { prefixes: [{ path: '/a', strip: false, port: 1 }] }],
    ['redirects', { redirects: [{ from: '/a', to: '/b', status: 308 as const }] }],
    ['body_bytes_max', { body_bytes_max: 1 }],
    ['compression', { compression: true }],
  ])('names %s where the proxy refuses that, and leaves all as it was', async (field, settings) => {
    const { world, journal } = await startApp();
    const before = [world.snapshot(), journal.snapshot()];
    const ports = world.ports();
    const caddy: typeof ports.proxies.caddy = {
      ...ports.proxies.caddy,
      check: async (_, route) => {
        const { headers, basic_auth, prefixes, path_redirects, body_bytes_max, is_compressed } = route?.options ?? {};
        const given = { headers, basic_auth, prefixes, redirects: path_redirects, body_bytes_max, compression: is_compressed };
        const refused = given[field as keyof typeof given];
        if (refused && (!Array.isArray(refused) || refused.length > 0))
          throw new DomainError('unprocessable', 'Caddy refuses it.');
      },
    };
    const engine = engineOver({ ...ports, proxies: { ...ports.proxies, caddy } }, journal);
    const asked = configuring({ headers: { C: 'd' }, compression: true, www: 'add', ...settings });
    expect(await run(engine, asked)).toMatchObject({ state: 'failed', error: { field, message: 'Caddy refuses it.' } });
    expect([world.snapshot(), journal.snapshot()]).toEqual(before);
  });

  it('tells that the route changed, with no more than its name', async () => {
    const { journal, perform } = await startApp();
    await perform(configuring({ basic_auth: [{ username: 'a', password_hash: '$2b$10$hash' }] }));
    const event = journal.events.find(({ kind }) => kind === 'route.changed');
    expect(event).toMatchObject({ app_name: 'shop', message: 'The route of shop was configured by test' });
    expect(JSON.stringify(journal.events)).not.toContain('$2b$');
  });

  it('is refused for an app that is busy, unknown, or without a domain; what outlived one can be taken back', async () => {
    const { world, journal, perform, engine } = await startApp();
    await expect(run(engine, configuring({}), 'blog')).rejects.toMatchObject({ code: 'not_found' });
    const { id } = await engine.begin('shop', swapping('shop:v2'), { actor: 'test', idempotency: null, signal });
    await expect(run(engine, configuring({}))).rejects.toMatchObject({
      code: 'conflict',
      operation_id: id,
    });
    await engine.waitFor(id, signal);
    await perform(configuring({ www: 'add' }));
    await perform(deploying('shop:v1', { domain: undefined }));
    await perform(configuring({}));
    expect(journal.getApp('shop')?.routing).toMatchObject({ www: 'off' });
    expect(world.state.routes.size).toBe(0);
    await perform(deploying('shop:v1', { domain: undefined }), 'worker');
    await expect(run(engine, configuring({}), 'worker')).rejects.toThrow('no domain to configure');
  });
});
