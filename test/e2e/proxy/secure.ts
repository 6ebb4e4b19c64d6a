/** Sites with certificates, through either proxy. */
import { connect as connectHttp2 } from 'node:http2';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ProxyType } from '../../../daemon/contract/names.ts';
import type { RouteModel } from '../../../daemon/engine/state.ts';
import { CHALLENGE_DIRECTORY } from './protocol.ts';
import { ECHO, type ProxyServer, routeOf, verifyKey } from './server.ts';
import { Socket, type Visit, visit } from './visitor.ts';

/** Defines the tests. `getServer` answers once they run. */
export function describeSecure(proxy: ProxyType, getServer: () => ProxyServer): void {
  const app = `secure-${proxy}`;
  const [name, alias, old] = [`${app}.example.test`, `alias.${app}.test`, `old.${app}.test`];
  const sites: RouteModel['sites'] = [
    { domain: name, tls: 'import' },
    { domain: alias, tls: 'import' },
    { domain: `plain.${app}.test`, tls: 'off' },
  ];
  const redirects: RouteModel['redirects'] = [{ from: old, tls: 'import', to: name, to_tls: 'import', status: 302 }];
  const server = () => getServer();
  const ask = (host: string, more: Partial<Visit> = {}) => visit({ base: server().secureBase(proxy), host, ...more });
  const askPlainly = (host: string, path = '/') => visit({ base: server().base(proxy), host, path });
  const port = proxy === 'caddy' ? '' : ':8443';
  let prints: Record<string, string> = {};

  beforeAll(async () => {
    const made = [name, alias, old].map(async (domain) => [domain, await server().makeCertificate(proxy, domain)] as const);
    prints = Object.fromEntries(await Promise.all(made));
    await server().deploy(routeOf(proxy, app, { sites, redirects }));
  });
  afterAll(() => server().remove(proxy, app));

  it('shows each name its own certificate', async () => {
    for (const domain of [name, alias]) {
      const { status, headers, certificate } = await ask(domain);
      expect([status, headers['x-version'], certificate]).toEqual([200, 'blue-1', prints[domain]]);
    }
    expect((await ask(old)).certificate).toBe(prints[old]);
    expect((await askPlainly(`plain.${app}.test`)).headers['x-version']).toBe('blue-1');
  });

  it('leads there from plain HTTP, with path and query, also where it leads elsewhere then', async () => {
    for (const domain of [name, old]) {
      const { status, headers } = await askPlainly(domain, '/a%2Fb?c=%20');
      expect([status, headers.location]).toEqual([308, `https://${domain}${port}/a%2Fb?c=%20`]);
    }
    const { status, headers } = await ask(old, { path: '/a%2Fb?c=%20' });
    expect([status, headers.location]).toEqual([302, `https://${name}/a%2Fb?c=%20`]);
  });

  it('tells nobody else that it is there', async () => {
    await expect(ask('nobody.test')).rejects.toThrow();
    const answer = await ask('nobody.test', { servername: name });
    expect(answer.headers).not.toHaveProperty('x-version');
  });

  it('follows the markers, and names the slot to those who know the key', async () => {
    const mark = (state: 'blue' | 'green' | 'stopped') => server().call({ kind: 'mark', app, state });
    const key = { 'x-nextdeploy-verify': verifyKey(app) };
    await mark('green');
    expect((await ask(name, { headers: key })).headers).toMatchObject({ 'x-version': 'green-1', 'x-nextdeploy-slot': 'green' });
    await mark('stopped');
    expect((await ask(alias)).status).toBe(503);
    await mark('blue');
    await server().call({ kind: 'page', app, html: '<title>Back soon</title>' });
    expect([(await ask(name)).status, (await ask(name, { path: '/api/health' })).status]).toEqual([503, 200]);
    expect((await ask(name, { headers: key })).headers['x-version']).toBe('blue-1');
    await server().call({ kind: 'page', app, html: null });
  });

  it('passes WebSockets and HTTP/2 on, and says by which scheme they came', async () => {
    const socket = await Socket.open({ base: server().secureBase(proxy), host: name });
    expect(await socket.echoes('over TLS')).toBe(true);
    socket.close();
    const echo = `${app}-echo`;
    const domain = `${echo}.example.test`;
    await server().makeCertificate(proxy, domain);
    const upstreams = { blue: [ECHO], green: [ECHO] };
    await server().deploy(routeOf(proxy, echo, { upstreams, sites: [{ domain, tls: 'import' }] }));
    const told = JSON.parse((await ask(domain, { headers: { 'x-forwarded-proto': 'http' } })).body);
    expect(told.headers).toMatchObject({ host: domain, 'x-forwarded-proto': 'https', 'x-forwarded-host': domain });
    const [version = ''] = await server().call({ kind: 'version', proxy });
    const isOld = proxy === 'nginx' && /^1\.(1\d|2[0-4])\./.test(version);
    const multiplexed = await askByHttp2(server().secureBase(proxy), domain);
    // Of nginx before 1.25.1, that is a matter of all sites on the port.
    if (isOld) expect(multiplexed).toBeNull();
    else expect(multiplexed?.headers).toMatchObject({ host: domain, 'x-forwarded-proto': 'https' });
    await server().remove(proxy, echo);
  });

  it('shows a renewed certificate once it was told, and only then', async () => {
    const renewed = await server().makeCertificate(proxy, name);
    expect((await ask(name)).certificate).toBe(prints[name]);
    await server().call({ kind: 'reload_certificates', proxy });
    await expect.poll(async () => (await ask(name)).certificate, { timeout: 10_000 }).toBe(renewed);
    expect((await ask(alias)).certificate).toBe(prints[alias]);
  });

  if (proxy === 'caddy') {
    it('shows it also where the unit of Caddy passes over a configuration that is the same', async () => {
      const directory = '/etc/systemd/system/caddy.service.d';
      await server().run('mkdir', '-p', directory);
      const reload = 'ExecReload=\nExecReload=/usr/bin/caddy reload --config /etc/caddy/Caddyfile\n';
      await server().write(`${directory}/reload.conf`, `[Service]\n${reload}`);
      await server().run('systemctl', 'daemon-reload');
      try {
        const renewed = await server().makeCertificate(proxy, name);
        await server().call({ kind: 'reload_certificates', proxy });
        await expect.poll(async () => (await ask(name)).certificate, { timeout: 10_000 }).toBe(renewed);
      } finally {
        await server().run('rm', '-r', directory);
        await server().run('systemctl', 'daemon-reload');
      }
    });
  }

  it('is refused without its files, and nothing is another than before', async () => {
    const route = routeOf(proxy, `${app}-2`, { sites: [{ domain: `missing.${app}.test`, tls: 'import' }] });
    const before = await server().fingerprint(proxy);
    const [outcome] = await server().attempt({ kind: 'apply', proxy, app: `${app}-2`, route });
    expect(outcome).toMatchObject({ code: 'unprocessable', message: expect.stringContaining(`missing.${app}.test.crt`) });
    expect(await server().fingerprint(proxy)).toBe(before);
  });

  if (proxy === 'nginx') describeNginx({ app, name, old, alias, sites, server, ask, askPlainly });
}

interface Secure {
  app: string;
  name: string;
  alias: string;
  old: string;
  sites: RouteModel['sites'];
  server: () => ProxyServer;
  ask: (host: string, more?: Partial<Visit>) => ReturnType<typeof visit>;
  askPlainly: (host: string, path?: string) => ReturnType<typeof visit>;
}

function describeNginx({ app, name, old, alias, sites, server, ask, askPlainly }: Secure): void {
  it('answers the challenges of an authority over plain HTTP, for all names that have or are to get a certificate', async () => {
    await server().write(`${CHALLENGE_DIRECTORY}/.well-known/acme-challenge/token-1`, 'token-1.key');
    for (const domain of [name, alias, old]) {
      const { status, body } = await askPlainly(domain, '/.well-known/acme-challenge/token-1');
      expect([status, body]).toEqual([200, 'token-1.key']);
    }
    expect((await askPlainly(name, '/.well-known/acme-challenge/token-2')).status).toBe(404);
    expect((await askPlainly(name, '/.well-known/acme-challenge/../../etc/passwd')).status).toBe(308);
  });

  it('takes the default of a port from no site of the operator', async () => {
    const path = '/etc/nginx/sites-enabled/own-secure';
    const print = await server().makeCertificate('nginx', 'own.test');
    const certificate =
      'ssl_certificate /etc/nextdeploy/certs/own.test.crt; ssl_certificate_key /etc/nextdeploy/certs/own.test.key;';
    const site = (word: string) => `server { listen 8443 ssl${word}; server_name own.test; ${certificate} return 200 own; }\n`;
    const apply = { kind: 'apply', proxy: 'nginx', app, route: routeOf('nginx', app, { sites }) } as const;
    await server().remove('nginx', app);
    try {
      await server().write(path, site(''));
      expect((await server().attempt(apply))[0]).toMatchObject({
        code: 'unprocessable',
        message: expect.stringMatching(/own-secure answers for unknown names on port 8443.*add `default_server`/),
      });
      await server().write(path, site(' default_server'));
      await server().call(apply);
      expect((await ask('nobody.test')).certificate).toBe(print);
      expect((await ask(name)).headers['x-version']).toBe('blue-1');
    } finally {
      await server().run('rm', '-f', path);
    }
  });
}

/** What the echo was sent; null: HTTP/2 was not agreed on. */
function askByHttp2(base: string, servername: string): Promise<{ headers: Record<string, string> } | null> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(base, { servername, rejectUnauthorized: false });
    session.on('error', () => resolve(null));
    const stream = session.request({ ':path': '/', ':authority': servername });
    let body = '';
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => (body += chunk));
    stream.on('error', () => resolve(null));
    stream.on('end', () => {
      session.close();
      try {
        resolve(JSON.parse(body));
      } catch (error) {
        reject(error);
      }
    });
    stream.end();
  });
}
