import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { sampleRoute } from '../api/test-server.ts';
import type { ProxyRoute } from '../contract/proxy-routes.ts';
import { nextdeploy } from './test-command.ts';

const WIKI: ProxyRoute = { ...sampleRoute, domain: 'wiki.test', app_name: null, port: 3000 };
const RICH: ProxyRoute = {
  ...sampleRoute,
  ...{ aliases: ['other.test'], www: 'add', headers: { 'X-Frame-Options': 'DENY', A: 'b' }, basic_auth: [{ username: 'ann' }] },
  redirects: [{ from: '/old', to: '/new', status: 301 }],
  prefixes: [{ path: '/blog', app_name: 'blog', strip: true }],
  ...{ body_bytes_max: 10 * 1024 ** 2, compression: true },
};
const having = (...routes: ProxyRoute[]) => ({ handlers: { listRoutes: async () => routes } });
const bodyOf = ({ calls }: Awaited<ReturnType<typeof nextdeploy>>) =>
  calls.find(({ name }) => name === 'configureRoute')?.request.body;
const piped = (text: string) => Readable.from([text]);

describe('routes', () => {
  it.each([[['routes']], [['routes', 'list']]])('%j lists them, with what they do and what is wrong', async (args) => {
    const dead = { ...WIKI, detail: 'Nothing listens on port 3000 of this host yet.' };
    const { code, out } = await nextdeploy(args, having(RICH, dead));
    expect(code).toBe(0);
    expect(out.split('\n')).toEqual([
      'DOMAIN     TO         PROXY  TLS  SERVED  WITH',
      'shop.test  shop       caddy  off  yes     www add, 1 redirect, 1 prefix, 2 headers, 1 user, bodies to 10m, compression',
      'wiki.test  port 3000  caddy  off  yes',
      'wiki.test: Nothing listens on port 3000 of this host yet.',
      '',
    ]);
    expect((await nextdeploy(args, having())).out).toContain('No routes yet');
  });

  it('shows one in full, by its app or any of its domains', async () => {
    for (const name of ['shop', 'shop.test', 'other.test']) {
      const { out } = await nextdeploy(['routes', 'show', name], having(WIKI, RICH));
      expect(out).toContain('header       X-Frame-Options: DENY\n');
      expect(out).toContain('prefix       /blog → blog, stripped\n');
      expect(out).toContain('redirect     /old → /new (301)\n');
    }
    expect(await nextdeploy(['routes', 'show', 'none'], having(WIKI))).toMatchObject({
      code: 4,
      err: expect.stringContaining('no route none'),
    });
  });
});

describe('routes configure', () => {
  it('keeps what no flag names', async () => {
    const done = await nextdeploy(
      ['routes', 'configure', 'shop', '--header', 'a: c', '--unset-header', 'x-frame-options'],
      having(RICH),
    );
    const { www, redirects, prefixes, body_bytes_max, compression, basic_auth } = RICH;
    expect(bodyOf(done)).toMatchObject({
      ...{ app_name: 'shop', headers: { a: 'c' }, www, redirects, body_bytes_max, compression, basic_auth },
      prefixes: prefixes.map((prefix) => expect.objectContaining(prefix)),
    });
  });

  it('takes away what it is told to, or all', async () => {
    const nothing = {
      www: 'off',
      redirects: [],
      prefixes: [],
      headers: {},
      body_bytes_max: null,
      compression: false,
      basic_auth: [],
    };
    const flags = [
      '--no-redirect',
      '--no-prefix',
      '--no-header',
      '--no-body-max',
      '--no-compress',
      '--no-basic-auth',
      '--www',
      'off',
    ];
    expect(bodyOf(await nextdeploy(['routes', 'configure', 'shop', ...flags], having(RICH)))).toMatchObject(nothing);
    expect(bodyOf(await nextdeploy(['routes', 'configure', 'shop', '--reset'], having(RICH)))).toMatchObject(nothing);
  });

  it('reads each flag', async () => {
    const flags = [
      ...['--redirect', '/a=/b?c=d', '--redirect', '/e=https://f.test/:302', '--prefix', '/g=blog', '--prefix', '/h=9000:strip'],
      ...['--header', 'X: y: z', '--header', 'Empty:', '--body-max', '2k', '--compress', '--www', 'remove'],
    ];
    expect(bodyOf(await nextdeploy(['routes', 'configure', 'shop', ...flags], having()))).toMatchObject({
      redirects: [
        { from: '/a', to: '/b?c=d', status: 308 },
        { from: '/e', to: 'https://f.test/', status: 302 },
      ],
      prefixes: [
        { path: '/g', app_name: 'blog', strip: false },
        { path: '/h', port: 9000, strip: true },
      ],
      ...{ headers: { X: 'y: z', Empty: '' }, body_bytes_max: 2048, compression: true, www: 'remove' },
    });
  });

  it('takes a password from standard input or the terminal, without the line end, and shows it nowhere', async () => {
    const args = ['routes', 'configure', 'shop', '--basic-auth-user', 'bob'];
    const done = await nextdeploy(args, { stdin: piped('hunter2 \n'), ...having(RICH) });
    expect(bodyOf(done)).toMatchObject({ basic_auth: [{ username: 'ann' }, { username: 'bob', password: 'hunter2 ' }] });
    expect(done.out + done.err).not.toContain('hunter2');
    const asked = await nextdeploy(args, { stdin: Object.assign(piped('hunter2\n'), { isTTY: true }), ...having() });
    expect(bodyOf(asked)).toMatchObject({ basic_auth: [{ username: 'bob', password: 'hunter2' }] });
    expect(asked.err).toContain('Password of bob');
    expect(await nextdeploy(args, having(RICH))).toMatchObject({ code: 2, err: expect.stringContaining('bob got no password') });
    const gone = await nextdeploy(['routes', 'configure', 'shop', '--remove-basic-auth-user', 'ann'], having(RICH));
    expect(bodyOf(gone)).toMatchObject({ basic_auth: [] });
  });

  it.each([
    [['--header', 'no colon'], '--header takes a header'],
    [['--redirect', 'old=new'], '--redirect takes FROM=TO'],
    [['--prefix', '/a'], '--prefix takes PATH=APP'],
    [['--body-max', 'much'], '--body-max takes a size'],
    [['--header', 'Connection: close'], 'not for a route to set'],
    [['--basic-auth-user', 'bob', '--redirect', 'x'], '--redirect takes'],
  ])('%j is refused before anything is asked for', async (flags, message) => {
    const result = await nextdeploy(['routes', 'configure', 'shop', ...flags], { stdin: piped('pw'), ...having() });
    expect(result).toMatchObject({ code: 2, err: expect.stringContaining(message) });
    expect(bodyOf(result)).toBeUndefined();
  });
});

describe('routes set', () => {
  it('makes a route to a port, and changes it', async () => {
    const made = await nextdeploy(
      ['routes', 'set', 'wiki.test', '--port', '3000', '--alias', 'notes.test', '--proxy', 'nginx'],
      having(RICH),
    );
    expect(bodyOf(made)).toMatchObject({
      domain: 'wiki.test',
      port: 3000,
      aliases: ['notes.test'],
      proxy_type: 'nginx',
      maintenance: null,
    });
    expect(bodyOf(made)).not.toHaveProperty('tls');
    const changed = await nextdeploy(
      ['routes', 'set', 'wiki.test', '--maintenance', 'Soon.'],
      having({ ...WIKI, aliases: ['n.test'] }),
    );
    expect(bodyOf(changed)).toMatchObject({ port: 3000, aliases: ['n.test'], tls: 'off', maintenance: { message: 'Soon.' } });
    const over = await nextdeploy(
      ['routes', 'set', 'wiki.test', '--no-maintenance', '--no-alias'],
      having({ ...WIKI, maintenance: { message: 'x' } }),
    );
    expect(bodyOf(over)).toMatchObject({ maintenance: null, aliases: [] });
  });

  it('wants a port for a new one, also where the domain is an app’s', async () => {
    expect(await nextdeploy(['routes', 'set', 'shop.test'], having(RICH))).toMatchObject({
      code: 2,
      err: expect.stringContaining('with --port'),
    });
  });
});

describe('routes remove', () => {
  it('asks for the domain once more', async () => {
    const removing = (stdin: Readable & { isTTY?: boolean }, ...more: string[]) =>
      nextdeploy(['routes', 'remove', 'wiki.test', ...more], { stdin, handlers: { removeRoute: async () => WIKI } });
    const typed = await removing(Object.assign(piped('wiki.test\n'), { isTTY: true }));
    expect(typed).toMatchObject({ code: 0, out: 'The route of wiki.test to port 3000 is removed.\n' });
    expect(await removing(piped(''))).toMatchObject({ code: 2, calls: [], err: expect.stringContaining('add --yes') });
    expect(await removing(piped(''), '--yes')).toMatchObject({ code: 0 });
  });
});
