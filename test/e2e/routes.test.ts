/** Routes on a real server, behind both proxies: to programs that are no apps, and what is configured of the sites of apps. */
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { DaemonClient } from '../../daemon/api/client.ts';
import { DomainError } from '../../daemon/contract/errors.ts';
import type { ProxyType } from '../../daemon/contract/names.ts';
import type { RouteBodyInput } from '../../daemon/contract/routes.ts';
import type { Bed } from '../bed/bed.ts';
import { sharedBed } from '../bed/shared.ts';
import { openEvents, openWebSocket } from '../bench/agent/open-streams.ts';
import { expectSuccess, installNode, REMOTE_NODE } from '../bench/server-tools.ts';
import { describeFailures, LOST_IN_RELOAD_MAX, startLoad } from '../chaos/load.ts';
import { deploy, entryOf, tracesOf, until, visit } from './engine-harness.ts';
import { type ForeignSite, placeForeignSite } from './foreign-site.ts';

type Configure = RouteBodyInput<'configureRoute'>;

const WIKI = 'wiki.routes.test';
const SHOP = 'routes-shop';
const BLOG = 'routes-blog';
const SHOP_DOMAIN = 'shop.routes.test';
/** Where the program listens that is no app. */
const PORT = 4711;
/** What it answers; one that the visitors of a load take for an answer. */
const VERSION = 'v2';
const UNIT = 'routes-wiki';
const REMOTE_TINY = '/opt/routes-tiny';

let bed: Bed;
let client: DaemonClient;
let images: { v1: string; v2: string };

beforeAll(async () => {
  ({ bed, client, images } = await sharedBed());
  await installNode(bed);
  await bed.copyIn(fileURLToPath(new URL('../fixtures/tiny', import.meta.url)), REMOTE_TINY);
  const environment = [`--setenv=PORT=${PORT}`, `--setenv=TINY_VERSION=${VERSION}`];
  const started = ['systemd-run', `--unit=${UNIT}`, ...environment, REMOTE_NODE, `${REMOTE_TINY}/server.mjs`];
  await expectSuccess(bed, started);
});

afterEach(async () => {
  for (const { domain, port } of await client.call('listRoutes'))
    if (port !== null) await client.call('removeRoute', { params: { domain } });
  for (const app of [SHOP, BLOG]) {
    await client.call('removeApp', { params: { name: app }, query: { wait: 'true', purge: 'true' } }).catch((error: unknown) => {
      if (!(error instanceof DomainError && error.code === 'not_found')) throw error;
    });
  }
});

afterAll(async () => {
  await bed?.exec(['systemctl', 'stop', UNIT]);
  client?.close();
});

const configure = (body: Configure) => client.call('configureRoute', { body });
const list = () => client.call('listRoutes');
const refusal = async (asked: Promise<unknown>): Promise<DomainError> => {
  const error = await asked.then(
    () => new Error('it was not refused'),
    (reason: unknown) => reason,
  );
  if (error instanceof DomainError) return error;
  throw error;
};
/** systemd counts restarts; the next one is not a crash loop. */
const restarted = async (how: string[]) => {
  await bed.exec(['systemctl', ...how, 'nextdeployd.service']);
  await bed.exec(['systemctl', 'reset-failed', 'nextdeployd.service']);
  await until('the daemon', list, () => true);
};
const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

describe.each<ProxyType>(['caddy', 'nginx'])('behind %s', (proxy) => {
  let foreign: ForeignSite;
  beforeAll(async () => {
    foreign = await placeForeignSite(bed, proxy);
  });
  afterAll(() => foreign.remove());

  const ask = (host: string, path = '/', headers: Record<string, string> = {}) =>
    visit(bed, host, path, headers, entryOf(bed, proxy));
  const wiki = (changes: Partial<Configure> = {}) => configure({ domain: WIKI, port: PORT, proxy_type: proxy, ...changes });
  const deployShop = (changes = {}) =>
    deploy(client, { app_name: SHOP, image: images.v1, domain: SHOP_DOMAIN, proxy, ...changes });
  const isServed = async () => (await list()).map(({ domain, is_served, detail }) => ({ domain, is_served, detail }));

  it('a program that is no app is served under load while its route is configured again and again, over a restart of the daemon', async () => {
    expect(await wiki()).toMatchObject({ domain: WIKI, port: PORT, app_name: null, is_served: true, detail: '' });
    expect((await ask(WIKI)).body).toBe(`${VERSION}\n`);
    const reloads = await foreign.countReloads();
    const load = startLoad(bed, { proxy, domain: WIKI }, 'new');
    await wiki({ headers: { 'X-Frame-Options': 'DENY' }, redirects: [{ from: '/old', to: '/api/health', status: 302 }] });
    expect((await ask(WIKI)).headers).toMatchObject({ 'x-frame-options': 'DENY', 'x-version': VERSION });
    expect(await ask(WIKI, '/old')).toMatchObject({ status: 302 });
    await wiki({ aliases: ['notes.routes.test'], www: 'add', body_bytes_max: 10 });
    // The visitors of the load stay with the domain, which is redirected now.
    expect(await ask(WIKI, '/a?b=c')).toMatchObject({ status: 308, headers: { location: `http://www.${WIKI}/a?b=c` } });
    expect((await ask(`www.${WIKI}`)).body).toBe(`${VERSION}\n`);
    expect((await ask('notes.routes.test')).headers).not.toHaveProperty('x-frame-options');
    await wiki({ compression: true });
    await restarted(['restart']);
    expect(await isServed()).toEqual([{ domain: WIKI, is_served: true, detail: '' }]);
    await wiki({ maintenance: { message: 'Back at <noon>.' } });
    expect(await ask(WIKI)).toMatchObject({ status: 503, body: expect.stringContaining('Back at &lt;noon&gt;.') });
    await wiki({});
    const { requests, failures } = await load.stop();
    // Redirects and the page were asked for; what counts is that each connection was answered.
    const lost = failures.filter(({ why }) => !/\b(308|503)\b/.test(why));
    const allowed = LOST_IN_RELOAD_MAX[proxy] * ((await foreign.countReloads()) - reloads);
    expect(lost.length, describeFailures(lost)).toBeLessThanOrEqual(allowed);
    expect(requests).toBeGreaterThan(100);
    await client.call('removeRoute', { params: { domain: WIKI } });
    expect((await ask(WIKI)).body).not.toContain(VERSION);
    expect(await tracesOf(bed, `route.${WIKI}`)).toEqual([]);
    const key = await bed.exec([
      'sh',
      '-c',
      `grep -rl '${WIKI}' /etc/caddy/nextdeploy /etc/nginx/nextdeploy /var/lib/nextdeploy/slots`,
    ]);
    expect(key.stdout).toBe('');
  });

  it('server-sent events and a WebSocket pass through to it, unbuffered', async () => {
    await wiki({ compression: true, headers: { 'X-Robots-Tag': 'none' } });
    const { arrivals, body } = await ask(WIKI, '/events?count=5&interval_ms=300', { 'accept-encoding': 'gzip' });
    expect(body.match(/^id: /gm)).toHaveLength(5);
    expect(arrivals.length).toBeGreaterThanOrEqual(5);
    expect(arrivals.at(-1)).toBeGreaterThan(900);
    const { hostname, port } = new URL(entryOf(bed, proxy));
    const entry = { address: hostname, port: Number(port), host: WIKI, path: '/' };
    const said = Promise.withResolvers<void>();
    const streams = [openEvents(entry, 2_000), openWebSocket(entry, said.promise)];
    await Promise.all(streams.map(({ begun }) => begun));
    said.resolve();
    await Promise.all(streams.map(({ ended }) => ended));
  });

  it('a visitor of a site with a password gets nothing without it, and of the password nothing is found on the server', async () => {
    const password = 'needle-5b1d routes';
    await deployShop();
    const basic_auth = [{ username: 'ann', password }];
    expect((await configure({ app_name: SHOP, basic_auth })).basic_auth).toEqual([{ username: 'ann' }]);
    expect((await ask(SHOP_DOMAIN)).status).toBe(401);
    expect((await ask(SHOP_DOMAIN, '/', { authorization: basic('ann', 'wrong') })).status).toBe(401);
    expect((await ask(SHOP_DOMAIN, '/', { authorization: basic('ann', password) })).body).toBe('v1\n');
    // A release is verified behind it, and both stay with the app.
    await client.call('swap', { query: { wait: 'true' }, body: { app_name: SHOP, image: images.v2 } });
    await client.call('rollback', { query: { wait: 'true' }, body: { app_name: SHOP } });
    await configure({ app_name: SHOP, basic_auth: [{ username: 'ann' }], headers: { A: 'b' } });
    expect((await ask(SHOP_DOMAIN)).status).toBe(401);
    expect(await ask(SHOP_DOMAIN, '/', { authorization: basic('ann', password) })).toMatchObject({
      body: 'v1\n',
      headers: { a: 'b' },
    });
    const places = '/var/lib/nextdeploy /etc/nextdeploy /etc/caddy /etc/nginx';
    const found = await bed.exec(['sh', '-c', `grep -rla needle-5b1d ${places}; journalctl --no-pager | grep needle-5b1d`]);
    expect(found.stdout).toBe('');
    const told = JSON.stringify([await list(), await client.call('listEvents', { query: { limit: 200 } })]);
    expect(told).not.toMatch(/needle-5b1d|\$2b\$/);
  });

  it('prefixes lead to an app and to a port, and follow the app to another port without losing a visitor', async () => {
    await deploy(client, { app_name: BLOG, image: images.v1 });
    await deployShop();
    const prefixes = [
      { path: '/blog', app_name: BLOG, strip: true },
      { path: '/wiki', port: PORT, strip: true },
    ];
    await configure({ app_name: SHOP, prefixes });
    expect((await ask(SHOP_DOMAIN, '/wiki')).body).toBe(`${VERSION}\n`);
    expect((await ask(SHOP_DOMAIN, '/blog/')).body).toBe('v1\n');
    const reloads = await foreign.countReloads();
    const seen: string[] = [];
    const stopping = new AbortController();
    const visitor = (async () => {
      while (!stopping.signal.aborted) {
        seen.push(
          await ask(SHOP_DOMAIN, '/blog').then(
            ({ status, body }) => (status === 200 ? body.trim() : String(status)),
            () => 'lost',
          ),
        );
      }
    })();
    await deploy(client, { app_name: BLOG, image: images.v2, ports: [8080] });
    await client.call('scaleApp', { params: { name: BLOG }, query: { wait: 'true' }, body: { replicas: 2 } });
    await client.call('scaleApp', { params: { name: BLOG }, query: { wait: 'true' }, body: { replicas: 1 } });
    stopping.abort();
    await visitor;
    const allowed = LOST_IN_RELOAD_MAX[proxy] * ((await foreign.countReloads()) - reloads);
    expect(seen.filter((answer) => answer !== 'v1' && answer !== 'v2').length, seen.join(' ').slice(-500)).toBeLessThanOrEqual(
      allowed,
    );
    expect((await ask(SHOP_DOMAIN, '/blog')).body).toBe('v2\n');
    expect(await isServed()).toEqual([{ domain: SHOP_DOMAIN, is_served: true, detail: '' }]);
    const removal = refusal(client.call('removeApp', { params: { name: BLOG }, query: { wait: 'true', purge: 'true' } }));
    expect(await removal).toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(`The route of ${SHOP} leads /blog`),
    });
    await configure({ app_name: SHOP });
  });

  it('what the proxy refuses is answered with the field, and all is as before', async () => {
    await wiki({ headers: { A: 'b' } });
    const before = await list();
    const taken = await refusal(wiki({ aliases: ['notes.routes.test', foreign.domain] }));
    expect(taken).toMatchObject({ code: 'unprocessable', details: [{ field: 'aliases.1' }] });
    expect(await refusal(configure({ domain: foreign.domain, port: PORT, proxy_type: proxy }))).toMatchObject({
      ...{ code: 'unprocessable', details: [{ field: 'domain' }] },
    });
    const app = { app_name: SHOP, image: images.v1, domain: `www.${foreign.domain}`, proxy };
    await deploy(client, app);
    expect(await refusal(configure({ app_name: SHOP, www: 'remove' }))).toMatchObject({
      code: 'unprocessable',
      details: [{ field: 'www' }],
    });
    expect((await ask(app.domain)).body).toBe('v1\n');
    expect((await ask(foreign.domain)).body).toBe('v1\n');
    expect(await ask(WIKI)).toMatchObject({ body: `${VERSION}\n`, headers: { a: 'b' } });
    expect((await list()).filter(({ port }) => port !== null)).toEqual(before);
    expect((await refusal(deploy(client, { ...app, app_name: BLOG, domain: WIKI }))).message).toMatch(
      /belongs to the route wiki.*domain/,
    );
  });

  it('a daemon that is killed while it configures comes back with the old or the new, and the proxy serves that', async () => {
    await deployShop();
    await wiki({ headers: { A: '0' } });
    const headerOf = async (host: string) => (await ask(host)).headers.a;
    for (const [index, delay_ms] of [0, 30, 80, 150, 300].entries()) {
      const value = String(index + 1);
      const asked = [wiki({ headers: { A: value } }), configure({ app_name: SHOP, headers: { A: value } })];
      for (const one of asked) one.catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, delay_ms));
      await restarted(['kill', '--signal=SIGKILL']);
      await Promise.allSettled(asked);
      const routes = await until(
        'both routes to be served',
        async () => {
          const operations = await client.call('listOperations', { query: { state: 'running' } });
          return operations.length === 0 ? list() : [];
        },
        (all) => all.length === 2 && all.every(({ is_served }) => is_served),
      );
      for (const { domain, headers } of routes) {
        expect([undefined, String(index), value]).toContain(headers.A);
        expect({ domain, a: await headerOf(domain) }).toEqual({ domain, a: headers.A });
      }
      await wiki({ headers: { A: value } });
      await configure({ app_name: SHOP, headers: { A: value } });
    }
  });
});

describe('a route to a port', () => {
  it.each([
    ['the daemon', 8371],
    ['SSH', 22],
    ['Caddy', 80],
    ['nginx', 8080],
  ])('is refused for the port of %s', async (owner, port) => {
    const error = await refusal(configure({ domain: WIKI, port }));
    expect(error).toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining(`is ${owner}'s`),
      details: [{ field: 'port' }],
    });
  });

  it('is set with a warning where nothing listens yet', async () => {
    const { detail, is_served } = await configure({ domain: WIKI, port: 4712 });
    expect({ detail, is_served }).toEqual({ is_served: true, detail: expect.stringContaining('Nothing listens on port 4712') });
  });
});
