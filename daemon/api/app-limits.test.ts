import { describe, expect, it } from 'vitest';
import { appConfigurationSchema, deployRequestSchema } from '../contract/configuration.ts';
import { startApp } from '../engine/test-engine.ts';
import { appOf, maySee, requireAllowedApp, requireKnownParts } from './app-limits.ts';
import { createHandlers, type ServiceOptions } from './service.ts';

const parts = (asked: object) => appConfigurationSchema.parse(asked);
const data = { kind: 'volume', name: 'shop-data', target: '/data' };

describe('what a limited caller may give an app of the host', () => {
  const earlier = [
    parts({ volumes: [data], networks: ['databases'], project: 'web' }),
    parts({ volumes: [{ kind: 'bind', source: '/srv/shop', target: '/srv', read_only: true }], capabilities: ['NET_RAW'] }),
  ];

  it.each([
    {},
    {
      volumes: [
        { ...data, target: '/elsewhere' },
        { ...data, read_only: true, target: '/again' },
      ],
      networks: ['databases'],
      project: 'web',
    },
    { volumes: [{ kind: 'bind', source: '/srv/shop', target: '/x', read_only: true }], capabilities: ['NET_RAW'] },
  ])('is what a release of it had before: %j', (asked) => {
    expect(() => requireKnownParts(parts(asked), earlier)).not.toThrow();
  });

  it.each([
    ['volumes.1', { volumes: [data, { kind: 'volume', name: 'blog-data', target: '/blog' }] }],
    ['volumes.0', { volumes: [{ kind: 'bind', source: '/srv/shop', target: '/x' }] }],
    ['volumes.0', { volumes: [{ kind: 'bind', source: '/srv', target: '/x', read_only: true }] }],
    ['volumes.0', { volumes: [{ kind: 'bind', source: '/shop-data', target: '/x', read_only: true }] }],
    ['networks.0', { networks: ['others'] }],
    ['capabilities.0', { capabilities: ['SYS_ADMIN'] }],
    ['project', { project: 'another' }],
  ])('is nothing else: %s of %j', (field, asked) => {
    expect(() => requireKnownParts(parts(asked), earlier)).toThrow(
      expect.objectContaining({ code: 'forbidden', details: [expect.objectContaining({ field })] }),
    );
  });

  it('is asked of a deploy by a limited caller, and of nobody else', async () => {
    const { engine, journal } = await startApp({ volumes: parts({ volumes: [data] }).volumes });
    // A deploy needs no more of them.
    const providers = { pullFor: async () => undefined };
    const handlers = createHandlers({ engine, journal, providers, defaultProxy: 'caddy' } as unknown as ServiceOptions);
    const deploy = (apps: string[] | null, volumes: object[]) =>
      handlers.deploy({
        body: deployRequestSchema.parse({ app_name: 'shop', image: 'shop:v2', volumes }),
        ...{ params: {}, query: {}, upload: undefined as never },
        context: {
          ...{ actor: 'token:ci', role: 'operator', idempotency_key: undefined, signal: new AbortController().signal },
          apps: apps && new Set(apps),
        },
      });
    const foreign = { kind: 'volume', name: 'blog-data', target: '/blog' };
    await expect(deploy(['shop'], [foreign])).rejects.toMatchObject({ code: 'forbidden' });
    expect(journal.operations).toHaveLength(1);
    const { id } = await deploy(['shop'], [data]);
    await engine.waitFor(id, new AbortController().signal);
    await expect(deploy(null, [foreign])).resolves.toMatchObject({ actor: 'token:ci' });
    await engine.close();
  });
});

describe('the app that a request is about', () => {
  const none = { params: {}, query: {}, body: undefined };
  it.each([
    [{ params: { name: 'shop' } }, 'named', 'shop'],
    [{ params: { app: 'shop' } }, 'named', 'shop'],
    [{ body: { app_name: 'shop' } }, 'named', 'shop'],
    [{ query: { app_name: 'shop' } }, 'named', 'shop'],
    [{ query: { app_name: 'blog' }, body: { app_name: 'shop' } }, 'named', 'shop'],
    [{ params: { id: 'op-1' } }, 'operation', 'of op-1'],
    [{}, 'named', null],
    [{ query: { app_name: 'shop' } }, 'filtered', null],
    [{ params: { name: 'shop' } }, 'never', null],
  ] as const)('of %j with the rule %s is %j', (asked, rule, expected) => {
    expect(appOf({ ...none, ...asked }, rule, (id) => `of ${id}`)).toBe(expected);
  });

  it('must be named where the rule says so', () => {
    const ask = (app: string | null) => () => requireAllowedApp({ apps: new Set(['shop']) }, 'named', app, none);
    expect(ask('shop')).not.toThrow();
    expect(ask('blog')).toThrow('This is about blog, and the token in use is for shop only. Use another token.');
    expect(ask(null)).toThrow('This is about the whole host, and the token in use is for shop only.');
  });
});

describe('what a limited caller sees', () => {
  const apps = new Set(['shop']);
  it.each([
    [{ app_name: 'shop' }, true],
    [{ app_name: 'blog' }, false],
    [{ app_name: null }, false],
    [{ app_name: null, name: 'shop' }, false],
    [{ name: 'shop' }, true],
    [{ name: 'blog' }, false],
    [{}, false],
    [{ dropped: 3 }, true],
  ])('of %j is %j', (entry, expected) => {
    expect(maySee(apps, entry)).toBe(expected);
    expect(maySee(null, entry)).toBe(true);
  });
});
