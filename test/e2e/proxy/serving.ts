/** What a route does for visitors, through either proxy. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProxyType } from '../../../daemon/contract/names.ts';
import type { RouteModel } from '../../../daemon/engine/state.ts';
import { ECHO, type ProxyServer, routeOf, upstream, verifyKey } from './server.ts';
import { type Answer, beginReading, beginUpload, Socket, type Visit, visit } from './visitor.ts';

const VERIFY = 'x-nextdeploy-verify';
const SLOT = 'x-nextdeploy-slot';

/** Defines the tests. `server` is there once they run. */
export function describeServing(proxy: ProxyType, getServer: () => ProxyServer): void {
  const app = `shop-${proxy}`;
  const base = () => getServer().base(proxy);
  const get = (path = '/', more: Partial<Visit> = {}): Promise<Answer> =>
    visit({ base: base(), host: `${app}.test`, path, ...more });
  const own = (): Promise<Answer> => visit({ base: base(), host: 'own.test' });
  const version = async () => (await get()).headers['x-version'];
  const mark = (state: 'blue' | 'green' | 'stopped') => getServer().call({ kind: 'mark', app, state });
  let canRepeatBodies = true;
  beforeAll(async () => {
    const [version = ''] = await getServer().call({ kind: 'version', proxy });
    canRepeatBodies = !(proxy === 'caddy' && version.startsWith('2.6.'));
  });
  const reset = () => getServer().deploy(routeOf(proxy, app));

  describe('a route', () => {
    beforeAll(reset);

    it('follows the marker at once, without a reload, and is the only one to know its name', async () => {
      expect(await version()).toBe('blue-1');
      await mark('green');
      expect(await version()).toBe('green-1');
      await mark('blue');
      expect(await version()).toBe('blue-1');
      expect((await own()).body).toBe('own\n');
      expect((await visit({ base: base(), host: 'nobody.test' })).headers['x-version']).toBeUndefined();
    });

    it('answers for its name in any case', async () => {
      const answer = await visit({ base: base(), host: `${app[0]?.toUpperCase()}${app.slice(1)}.TEST` });
      expect(answer.headers['x-version']).toBe('blue-1');
    });

    it('names the slot to those who know the key', async () => {
      expect((await get('/', { headers: { [VERIFY]: verifyKey(app) } })).headers[SLOT]).toBe('blue');
      expect((await get('/', { headers: { [VERIFY]: verifyKey('other') } })).headers).not.toHaveProperty(SLOT);
      expect((await get()).headers).not.toHaveProperty(SLOT);
    });

    it('answers 503 while the app is stopped', async () => {
      await mark('stopped');
      const answer = await get('/any', { method: 'POST', body: 'x' });
      expect([answer.status, answer.body, answer.headers['retry-after']]).toEqual([503, 'This site is stopped.', '30']);
      await mark('blue');
      expect(await version()).toBe('blue-1');
    });

    it('carries no open connection over to the other slot, and cuts none', async () => {
      const at = { base: base(), host: `${app}.test` };
      const socket = await Socket.open(at);
      const events = beginReading({ ...at, path: '/events?count=30&interval_ms=50' });
      const download = beginReading({ ...at, path: '/download?bytes=2000000&rate=1000000' });
      const upload = beginUpload({ ...at, path: `/posts?id=${app}-flip` });
      upload.send('first ');
      expect([await events.version, await download.version, await socket.echoes('before')]).toEqual(['blue-1', 'blue-1', true]);
      await mark('green');
      expect(await version()).toBe('green-1');
      expect(await socket.echoes('after')).toBe(true);
      upload.send('second');
      const counted = JSON.parse((await upload.finish()).body);
      expect(counted).toMatchObject({ version: 'blue-1', times: 1, bytes: 12 });
      await events.ended;
      expect(events.pieces.join('')).toContain('id: 30\n');
      expect(await download.ended).toBe(2_000_000);
      socket.close();
      await mark('blue');
    });

    it('passes what an app writes on as it is written', async () => {
      const events = beginReading({ base: base(), host: `${app}.test`, path: '/stream?seconds=1' });
      await expect.poll(() => events.pieces.length, { interval: 5, timeout: 5_000 }).toBeGreaterThan(0);
      expect(events.pieces.join('').split('\n').length).toBeLessThan(6);
      await events.ended;
    });
  });

  describe('what an app is told', () => {
    const echo = `echo-${proxy}`;
    const told = async (more: Partial<Visit>) => {
      const answer = await visit({ base: base(), host: `${echo}.test`, ...more });
      return { answer, ...(JSON.parse(answer.body) as { url: string; headers: Record<string, string> }) };
    };
    beforeAll(() => getServer().deploy(routeOf(proxy, echo, { upstreams: { blue: [ECHO], green: [ECHO] } })));
    afterAll(() => getServer().remove(proxy, echo));

    it('is who asks for what, by the name and port that the visitor used, whatever he claims', async () => {
      const { url, headers } = await told({
        host: `${echo}.test:8443`,
        path: '/a/../b//c%2Fd?x=%20y',
        headers: { 'x-forwarded-for': '6.6.6.6', 'x-forwarded-host': 'evil.test', 'x-forwarded-proto': 'gopher' },
      });
      expect(url).toBe('/a/../b//c%2Fd?x=%20y');
      expect(headers).toMatchObject({
        host: `${echo}.test:8443`,
        'x-forwarded-host': `${echo}.test:8443`,
        'x-forwarded-proto': 'http',
      });
      expect(headers['x-forwarded-for']).not.toContain('6.6.6.6');
    });

    it('is the name by which the site was chosen, where the request line has another than the Host header', async () => {
      // Of a request line with a whole address, as for a forward proxy.
      const { headers } = await told({ host: 'evil.test', path: `http://${echo}.test/` });
      expect([headers.host, headers['x-forwarded-host']]).toEqual([`${echo}.test`, `${echo}.test`]);
    });

    it('is never the key, and what it says of slots itself does not count', async () => {
      const { headers, answer } = await told({ headers: { [VERIFY]: verifyKey(echo) } });
      expect(headers).not.toHaveProperty(VERIFY);
      expect(answer.headers[SLOT]).toBe('blue');
    });
  });

  describe('redirects', () => {
    const statuses = [301, 302, 307, 308] as const;
    const redirects = statuses.map((status) => ({
      from: `old-${status}.test`,
      tls: 'off' as const,
      to: `${app}.test`,
      to_tls: status === 301 ? ('auto' as const) : ('off' as const),
      status,
    }));
    const sites: RouteModel['sites'] = [
      { domain: `${app}.test`, tls: 'off' },
      { domain: `www.${app}.test`, tls: 'off' },
      { domain: `${'long-'.repeat(10)}name.${app}.test`, tls: 'off' },
    ];
    beforeAll(() => getServer().deploy(routeOf(proxy, app, { redirects, sites })));
    afterAll(reset);

    it.each(statuses)('answer %i with the same path and query at the target', async (status) => {
      const answer = await get('/a%2Fb/c?d=e&f=%20', { host: `old-${status}.test`, method: 'POST', body: 'x' });
      const scheme = status === 301 ? 'https' : 'http';
      expect([answer.status, answer.headers.location]).toEqual([status, `${scheme}://${app}.test/a%2Fb/c?d=e&f=%20`]);
    });

    it('stand beside all names of the app', async () => {
      for (const { domain } of sites) expect((await get('/', { host: domain })).headers['x-version']).toBe('blue-1');
    });
  });

  describe('maintenance', () => {
    const HTML = '<!doctype html><title>Back soon</title>Wir sind gleich zurück.\n';
    const page = (html: string | null) => getServer().call({ kind: 'page', app, html });
    beforeAll(reset);
    afterAll(() => page(null));

    it('shows its page to visitors, whatever they ask, and to nobody else', async () => {
      await page(HTML);
      const asked: Partial<Visit>[] = [
        {},
        { path: '/deep/path?x=1' },
        { method: 'POST', body: 'x'.repeat(100_000) },
        { method: 'PUT', body: 'x' },
        { headers: { range: 'bytes=0-3' } },
        { headers: { 'if-none-match': '*', 'if-modified-since': new Date().toUTCString() } },
        { path: '/api/health/deep' },
        { path: '/API/HEALTH' },
        { headers: { [VERIFY]: verifyKey('other') } },
      ];
      for (const more of asked) {
        const { status, headers, body } = await get('/', more);
        expect([status, body], JSON.stringify(more).slice(0, 100)).toEqual([503, HTML]);
        expect(headers).toMatchObject({ 'retry-after': '30', 'cache-control': 'no-store' });
        expect(headers['content-type']).toMatch(/^text\/html; charset=utf-8$/i);
      }
      const head = await get('/', { method: 'HEAD' });
      expect([head.status, head.body]).toEqual([503, '']);

      for (const path of ['/api/health', '/api/health?deep=1']) expect((await get(path)).status).toBe(200);
      const verified = await get('/', { headers: { [VERIFY]: verifyKey(app) } });
      expect([verified.status, verified.headers[SLOT], verified.headers['x-version']]).toEqual([200, 'blue', 'blue-1']);
      await page(null);
      expect(await version()).toBe('blue-1');
    });

    it('does not make a stopped app answer', async () => {
      await page(HTML);
      await mark('stopped');
      expect((await get()).status).toBe(503);
      expect((await get('/api/health')).status).toBe(503);
      await mark('blue');
      await page(null);
    });
  });

  describe('replicas', () => {
    beforeAll(() =>
      getServer().deploy(
        routeOf(proxy, app, { upstreams: { blue: [upstream('blue-1'), upstream('blue-2')], green: [upstream('green-1')] } }),
      ),
    );
    afterAll(async () => {
      await getServer().run('docker', 'start', 'blue-1', 'blue-2');
      await reset();
    });

    it('share the requests', async () => {
      const answers = await Promise.all(Array.from({ length: 40 }, () => get('/stream?seconds=0.3')));
      const counts = Map.groupBy(answers, ({ headers }) => String(headers['x-version']));
      expect([...counts.keys()].sort()).toEqual(['blue-1', 'blue-2']);
      for (const [, of] of counts) expect(of.length).toBeGreaterThanOrEqual(12);
    });

    it('take over when one is killed, and no body arrives twice', async () => {
      await getServer().run('docker', 'kill', 'blue-2');
      const ids = Array.from({ length: 30 }, (_, index) => `${app}-killed-${index}`);
      const post = (id: string) => get(`/posts?id=${id}`, { method: 'POST', body: 'x'.repeat(20_000) });
      const [posts, gets] = await Promise.all([Promise.all(ids.map(post)), Promise.all(ids.map(() => get('/')))]);
      expect(new Set(gets.map(({ headers }) => headers['x-version']))).toEqual(new Set(['blue-1']));
      const { ids: counted } = JSON.parse((await get('/posts')).body) as { ids: Record<string, number> };
      const times = ids.map((id) => counted[id] ?? 0);
      expect(times).toEqual(posts.map(({ status }) => (status === 200 ? 1 : 0)));
      // Caddy 2.6 takes the body away with the connection that was refused, and then has none to send to the other replica.
      if (!canRepeatBodies) expect(new Set(posts.map(({ status }) => status))).toEqual(new Set([200, 502]));
      else expect(times).toEqual(ids.map(() => 1));
    });

    it('are used again when they are back', async () => {
      await getServer().run('docker', 'start', 'blue-2');
      const seen = async () => {
        const answers = await Promise.all(Array.from({ length: 10 }, () => get('/stream?seconds=0.2')));
        return new Set(answers.map(({ headers }) => headers['x-version'])).size;
      };
      await expect.poll(seen, { timeout: 15_000 }).toBe(2);
    });
  });
}
