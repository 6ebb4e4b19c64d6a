/** What a route does beside passing requests on, through either proxy. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProxyType } from '../../../daemon/contract/names.ts';
import { portRouteKey, type RouteOptions, type RoutePrefix } from '../../../daemon/engine/state.ts';
import { SLOTS_DIRECTORY } from './protocol.ts';
import { ECHO, type ProxyServer, routeOf, upstream, verifyKey } from './server.ts';
import { type Answer, beginReading, Socket, type Visit, visit } from './visitor.ts';

const NONE: RouteOptions = {
  headers: [],
  basic_auth: [],
  body_bytes_max: null,
  is_compressed: false,
  prefixes: [],
  path_redirects: [],
};
/** `open sesame`, by `htpasswd -nbBC 4`. */
const HASH = '$2y$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy';
const RIGHT = { authorization: `Basic ${Buffer.from('ann:open sesame').toString('base64')}` };
const WRONG = { authorization: `Basic ${Buffer.from('ann:open barley').toString('base64')}` };
/** All that means something to either proxy, or looks like it. */
const HOSTILE = [
  'say "hi"; } server { listen 1; }',
  'ends with \\',
  '\\\\ \\" \\$ \\n',
  `$host $\{host} $1 $uri$args $\{nextdeploy_port}`,
  '{host} {http.request.host} {env.HOME} {$HOME} {$HOME:x} {{x}}',
  '\\{host\\} } { {}',
  'a `tick` { "both" \\`',
  "'; # not a comment",
  '`',
  '{',
  '}',
  '\\',
  '$'.repeat(2_000),
  `default-src 'self'; script-src 'nonce-{nonce}' "x" ${'y'.repeat(4_000)}`.slice(0, 4_000),
  '@a *b /c',
];

/** Defines the tests. `getServer` answers once they run. */
export function describeOptions(proxy: ProxyType, getServer: () => ProxyServer): void {
  const app = `more-${proxy}`;
  const other = `other-${proxy}`;
  const server = () => getServer();
  const get = (path = '/', more: Partial<Visit> = {}): Promise<Answer> =>
    visit({ base: server().base(proxy), host: `${app}.test`, path, ...more });
  const echoed = async (path: string, more: Partial<Visit> = {}) =>
    JSON.parse((await get(path, more)).body) as { url: string; headers: Record<string, string> };
  const mark = (name: string, state: 'blue' | 'green' | 'stopped') => server().call({ kind: 'mark', app: name, state });
  const page = (name: string, html: string | null) => server().call({ kind: 'page', app: name, html });
  const deploy = (options: Partial<RouteOptions>, upstreams?: { blue: string[]; green: string[] }) =>
    server().deploy(routeOf(proxy, app, { options: { ...NONE, ...options }, ...(upstreams && { upstreams }) }));
  const toEcho = { blue: [ECHO], green: [ECHO] };
  afterAll(() => server().remove(proxy, app));

  describe('headers', () => {
    const hostile = HOSTILE.map((value, index) => ({ name: `X-Hostile-${index}`, value }));
    const headers = [...hostile, { name: 'X-Frame-Options', value: 'DENY' }, { name: 'X-Gone', value: '' }];
    const expected = Object.fromEntries([
      ...hostile.map(({ name, value }) => [name.toLowerCase(), value]),
      ['x-frame-options', 'DENY'],
    ]);
    const expectAll = ({ headers: got }: Answer, status: number, answered: number) => {
      expect(answered).toBe(status);
      expect(got).toMatchObject(expected);
      expect(got).not.toHaveProperty('x-gone');
    };
    beforeAll(() => deploy({ headers }, toEcho));

    it("are in every answer word by word, in place of the app's own", async () => {
      const query = 'header=x-frame-options:ALLOW&header=X-Frame-Options:ALSO&header=x-gone:here&header=x-kept:kept';
      const answer = await get(`/?${query}`);
      expectAll(answer, 200, answer.status);
      expect(answer.headers['x-kept']).toBe('kept');
      const verified = await get('/', { headers: { 'x-nextdeploy-verify': verifyKey(app) } });
      expectAll(verified, 200, verified.status);
      expect(verified.headers['x-nextdeploy-slot']).toBe('blue');
    });

    it('are in those of the proxy itself too', async () => {
      await mark(app, 'stopped');
      const stopped = await get();
      expectAll(stopped, 503, stopped.status);
      expect([stopped.body, stopped.headers['retry-after']]).toEqual(['This site is stopped.', '30']);
      await mark(app, 'blue');
      await page(app, 'Back soon');
      const maintained = await get();
      expectAll(maintained, 503, maintained.status);
      expect([maintained.body, maintained.headers['cache-control']]).toEqual(['Back soon', 'no-store']);
      await page(app, null);
      await deploy({ headers }, { blue: ['127.0.0.1:1'], green: ['127.0.0.1:1'] });
      const failed = await get();
      expectAll(failed, 502, failed.status);
    });
  });

  describe('passwords', () => {
    const prefixes: RoutePrefix[] = [{ path: '/api', is_stripped: false, upstreams: toEcho, marker_directory: null }];
    const path_redirects: RouteOptions['path_redirects'] = [{ from: '/old', to: '/new', status: 308 }];
    const basic_auth = [{ username: 'ann', password_hash: HASH }];
    const statuses = async (paths: string[], headers = {}) =>
      Promise.all(paths.map(async (path) => (await get(path, { headers })).status));
    beforeAll(() => deploy({ basic_auth, prefixes, path_redirects }));

    it('are asked for everywhere but where a path leads elsewhere, and go no further', async () => {
      const paths = ['/', '/api/health', '/api/x', '/private/../.well-known/acme-challenge/x', '/.well-known/acme-challenge/x/y'];
      expect(await statuses(paths)).toEqual(paths.map(() => 401));
      expect(await statuses(paths, WRONG)).toEqual(paths.map(() => 401));
      expect(await statuses(['/old', '/.well-known/acme-challenge/x-_9'])).toEqual([308, 404]);
      const refused = await get();
      expect(refused.headers['www-authenticate']).toBe('Basic realm="restricted"');
      expect((await get('/', { headers: RIGHT })).headers['x-version']).toBe('blue-1');
      expect((await echoed('/api/x', { headers: RIGHT })).headers).not.toHaveProperty('authorization');
    });

    it('are not asked of those who know the key, nor in maintenance for the health path', async () => {
      await deploy({ basic_auth });
      const key = { 'x-nextdeploy-verify': verifyKey(app) };
      expect((await get('/', { headers: key })).headers).toMatchObject({ 'x-version': 'blue-1', 'x-nextdeploy-slot': 'blue' });
      expect((await get('/', { headers: { 'x-nextdeploy-verify': verifyKey('x') } })).status).toBe(401);
      expect(await statuses(['/api/health'])).toEqual([401]);
      await page(app, 'Back soon');
      expect(await statuses(['/', '/api/health', '/a/../api/health'])).toEqual([401, 200, 401]);
      expect(await statuses(['/', '/api/health'], RIGHT)).toEqual([503, 200]);
      await page(app, null);
      await mark(app, 'stopped');
      expect(await statuses(['/', '/api/health'])).toEqual([401, 401]);
      const stopped = await get('/', { headers: RIGHT });
      expect([stopped.status, stopped.body]).toEqual([503, 'This site is stopped.']);
      await mark(app, 'blue');
    });

    it('are kept where only the proxy reads them, and gone with the route', async () => {
      const find = `find /etc/${proxy}/nextdeploy -type f -exec grep -lF '${HASH}' {} +`;
      const files = (await server().run('sh', '-c', find)).trim().split('\n');
      expect(files).toHaveLength(1);
      const group = proxy === 'caddy' ? 'caddy' : 'www-data';
      expect(await server().run('stat', '-c', '%a %U %G', ...files)).toBe(`640 root ${group}\n`);
      await deploy({ basic_auth: [{ username: 'bob', password_hash: HASH }] });
      expect((await get('/', { headers: RIGHT })).status).toBe(401);
      await server().remove(proxy, app);
      expect(await server().run('sh', '-c', `${find} || true`)).toBe('');
    });
  });

  it('refuses bodies that are longer than it takes', async () => {
    await deploy({ body_bytes_max: 1_000 });
    const post = (bytes: number, headers = {}) => get('/posts?id=limit', { method: 'POST', body: 'x'.repeat(bytes), headers });
    expect([(await post(1_000)).status, (await post(1_001)).status, (await post(100_000)).status]).toEqual([200, 413, 413]);
    const chunked = { 'transfer-encoding': 'chunked' };
    expect([(await post(1_000, chunked)).status, (await post(5_000, chunked)).status]).toEqual([200, 413]);
  });

  describe('compression', () => {
    const packed = { 'accept-encoding': 'gzip' };
    const encodingOf = async (path: string, headers: Record<string, string> = packed) =>
      (await get(path, { headers })).headers['content-encoding'];

    it('is of texts that are long enough, for those who take it', async () => {
      await deploy({ is_compressed: true }, toEcho);
      expect(await encodingOf('/?type=text/html&bytes=5000')).toBe('gzip');
      expect(await encodingOf('/?type=application/json;charset=utf-8&bytes=5000')).toBe('gzip');
      expect(await encodingOf('/?type=text/html&bytes=5000', {})).toBeUndefined();
      expect(await encodingOf('/?type=image/png&bytes=5000')).toBeUndefined();
      expect(await encodingOf('/?type=text/html&bytes=100')).toBeUndefined();
      expect(await encodingOf('/?type=text/event-stream&bytes=5000')).toBeUndefined();
      expect(await encodingOf('/?type=text/html&bytes=5000&header=content-encoding:br')).toBe('br');
    });

    it('holds nothing up: neither server-sent events, nor pages in pieces, nor WebSockets', async () => {
      await deploy({ is_compressed: true });
      const at = { base: server().base(proxy), host: `${app}.test` };
      const events = beginReading({ ...at, path: '/events?count=20&interval_ms=50', headers: { ...packed, accept: '*/*' } });
      await expect.poll(() => events.pieces.length, { interval: 5, timeout: 5_000 }).toBeGreaterThan(0);
      expect(events.pieces.join('')).not.toContain('id: 20\n');
      await events.ended;
      expect(events.pieces.join('')).toContain('id: 20\n');
      const pieces = beginReading({ ...at, path: '/stream?seconds=1', headers: packed });
      await expect.poll(() => pieces.pieces.length, { interval: 5, timeout: 5_000 }).toBeGreaterThan(0);
      const atOnce = pieces.pieces.length;
      await pieces.ended;
      expect(pieces.pieces.length).toBeGreaterThan(atOnce + 3);
      const socket = await Socket.open({ ...at, headers: packed });
      expect(await socket.echoes('x'.repeat(5_000))).toBe(true);
      socket.close();
    });
  });

  describe('prefixes', () => {
    const slots = { blue: [upstream('blue-2')], green: [upstream('green-1')] };
    const prefixes: RoutePrefix[] = [
      { path: '/api', is_stripped: true, upstreams: toEcho, marker_directory: null },
      { path: '/api/raw/', is_stripped: false, upstreams: toEcho, marker_directory: null },
      { path: '/other', is_stripped: true, upstreams: slots, marker_directory: `${SLOTS_DIRECTORY}/${other}` },
      { path: "/it's%20(1+1).", is_stripped: true, upstreams: toEcho, marker_directory: null },
    ];
    beforeAll(async () => {
      await mark(other, 'blue');
      await deploy({ prefixes });
    });

    it('lead whole segments of the path elsewhere, the longest that fits first', async () => {
      const urls = {
        '/api': '/',
        '/api/': '/',
        '/api?x=/api': '/?x=/api',
        '/api/a%2Fb/%20c?d=%20e': '/a%2Fb/%20c?d=%20e',
        '/api/raw': '/api/raw',
        '/api/raw/x%2Fy': '/api/raw/x%2Fy',
        '/api/rawx': '/rawx',
        "/it's%20(1+1)./x": '/x',
      };
      for (const [path, url] of Object.entries(urls)) expect((await echoed(path)).url, path).toBe(url);
      for (const path of ['/apix', '/API/x', '/x/api', '/', "/it's%20(1+1)x"]) {
        expect((await get(path)).headers['x-version'], path).toBe('blue-1');
      }
    });

    it('reach another app by its own markers, whatever becomes of this one', async () => {
      const versions = async () => [(await get('/other')).headers['x-version'], (await get('/')).headers['x-version']];
      expect(await versions()).toEqual(['blue-2', 'blue-1']);
      await mark(other, 'green');
      await mark(app, 'stopped');
      expect(await versions()).toEqual(['green-1', undefined]);
      await mark(app, 'blue');
      await page(other, 'Other is back soon');
      const maintained = await get('/other/deep');
      expect([maintained.status, maintained.body, maintained.headers['retry-after']]).toEqual([503, 'Other is back soon', '30']);
      await page(other, null);
      await mark(other, 'stopped');
      const stopped = await get('/other');
      expect([stopped.status, stopped.body]).toEqual([503, 'This site is stopped.']);
      await mark(other, 'blue');
      expect(await versions()).toEqual(['blue-2', 'blue-1']);
    });

    it('pass WebSockets and streams on as they come', async () => {
      const at = { base: server().base(proxy), host: `${app}.test` };
      const socket = await Socket.open({ ...at, path: '/other/ws' });
      expect(await socket.echoes('beneath')).toBe(true);
      socket.close();
      const events = beginReading({ ...at, path: '/other/events?count=20&interval_ms=50' });
      await expect.poll(() => events.pieces.length, { interval: 5, timeout: 5_000 }).toBeGreaterThan(0);
      expect(events.pieces.join('')).not.toContain('id: 20\n');
      await events.ended;
    });
  });

  it('redirects single paths, with the query where the target has none and is a path', async () => {
    await deploy({
      prefixes: [{ path: '/gone', is_stripped: false, upstreams: toEcho, marker_directory: null }],
      path_redirects: [
        { from: '/old', to: '/new', status: 301 },
        { from: '/own', to: '/new?a=$1&b=$host', status: 302 },
        { from: '/part', to: '/new#part', status: 307 },
        { from: '/away', to: "https://example.com/$uri/('x')", status: 308 },
        { from: '/gone', to: '/', status: 308 },
        { from: '/a%20b.c', to: '/d', status: 308 },
      ],
    });
    const leads = {
      '/old': [301, '/new'],
      '/old?x=%20y': [301, '/new?x=%20y'],
      '/own?x=y': [302, '/new?a=$1&b=$host'],
      '/part?x=y': [307, '/new?x=y#part'],
      '/away?x=y': [308, "https://example.com/$uri/('x')"],
      '/gone': [308, '/'],
      '/a%20b.c': [308, '/d'],
    };
    for (const [path, lead] of Object.entries(leads)) {
      const { status, headers } = await get(path);
      expect([status, headers.location], path).toEqual(lead);
    }
    for (const path of ['/old/', '/older', '/OLD', '/a%20bxc']) expect((await get(path)).status, path).toBe(404);
    expect((await echoed('/gone/on')).url).toBe('/gone/on');
  });

  it('serves a program that is no app, beneath a key of its own', async () => {
    const domain = `${`${'l'.repeat(63)}.`.repeat(3)}${'l'.repeat(30)}.port-${proxy}.test`;
    for (const name of [`port-${proxy}.test`, domain]) {
      const key = portRouteKey(name);
      const marker_directory = `${SLOTS_DIRECTORY}/route.port-${proxy}.test`;
      await server().apply(routeOf(proxy, key, { sites: [{ domain: name, tls: 'off' }], upstreams: toEcho, marker_directory }));
      expect(JSON.parse((await get('/x', { host: name })).body).url).toBe('/x');
      expect((await server().call({ kind: 'list', proxy }))[0]?.split(' ')).toContain(key);
      await server().remove(proxy, key);
      expect((await server().call({ kind: 'list', proxy }))[0]?.split(' ')).not.toContain(key);
    }
  });
}
