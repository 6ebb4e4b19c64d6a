/** What a change of routes does to everything else in the proxy, and what becomes of it when something is wrong. */
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ProxyType } from '../../../daemon/contract/names.ts';
import { startWrk } from '../../load/wrk.ts';
import { type ProxyServer, routeOf, upstream } from './server.ts';
import { Socket, visit } from './visitor.ts';

const BROKEN = {
  caddy: { path: '/etc/caddy/Caddyfile', append: '\nbroken.test {\n\tnonsense\n}\n', says: 'nonsense' },
  nginx: { path: '/etc/nginx/sites-enabled/own', append: '\nnonsense on;\n', says: 'nonsense' },
} as const;

/** Defines the tests. `getServer` answers once they run. */
export function describeChanging(proxy: ProxyType, getServer: () => ProxyServer): void {
  const app = `changing-${proxy}`;
  const server = () => getServer();
  const at = (host: string) => ({ base: server().base(proxy), host });
  const versionAt = async (host: string) => (await visit(at(host))).headers['x-version'];
  const failureOf = async (...calls: Parameters<ProxyServer['attempt']>) => (await server().attempt(...calls))[0];
  const apply = (name: string) => ({ kind: 'apply', proxy, app: name, route: routeOf(proxy, name) }) as const;
  const directory = `/etc/${proxy}/nextdeploy`;
  const apps = async () => {
    const { stdout } = await server().bed.exec(
      proxy === 'caddy' ? ['sed', '-n', 's/^# app \\(\\S*\\) .*/\\1/p', `${directory}/routes.caddy`] : ['ls', directory],
    );
    return stdout
      .split('\n')
      .filter((name) => name !== '')
      .map((name) => name.replace('.conf', ''));
  };

  beforeAll(() => server().call({ kind: 'mark', app, state: 'blue' }));
  afterEach(() => server().remove(proxy, app));

  describe('a site of the operator', () => {
    it('answers the same throughout, and its files are not touched', async () => {
      const own = (await server().run('find', `/etc/${proxy}`, '-name', '*own*', '-o', '-name', 'Caddyfile')).trim().split('\n');
      const before = await server().run('md5sum', ...own);
      const load = startWrk({ url: `${server().base(proxy)}/`, host: 'own.test', connections: 8, seconds_max: 60 });
      for (let round = 0; round < 2; round += 1) {
        await server().apply(routeOf(proxy, app));
        expect(await versionAt(`${app}.test`)).toBe('blue-1');
        await server().remove(proxy, app);
      }
      const { non_2xx, requests, socket_errors } = await load.stop();
      expect([non_2xx, requests > 100]).toEqual([0, true]);
      // Four reloads: each may end a connection that is being kept alive, never one that is being refused or not answered.
      expect([socket_errors.connect, socket_errors.timeout]).toEqual([0, 0]);
      expect(await server().run('md5sum', ...own)).toBe(before);
    });

    it('keeps its WebSockets through our reloads, where the proxy does', async () => {
      const [version = ''] = await server().call({ kind: 'version', proxy });
      const socket = await Socket.open(at('own.test'));
      await server().apply(routeOf(proxy, app));
      await server().remove(proxy, app);
      // Caddy cuts those of sites without stream_close_delay (2.7) at each reload.
      if (proxy === 'nginx') expect(await socket.echoes('still there')).toBe(true);
      else expect(version).not.toBe('');
      socket.close();
    });

    it('answers for unknown names as before', async () => {
      const before = await visit(at('nobody.test'));
      await server().apply(routeOf(proxy, app));
      const after = await visit(at('nobody.test'));
      expect([after.status, after.body]).toEqual([before.status, before.body]);
    });
  });

  describe('a route of ours', () => {
    it('keeps its WebSockets through reloads for other apps, where the proxy can', async () => {
      const [version = ''] = await server().call({ kind: 'version', proxy });
      await server().apply(routeOf(proxy, app));
      const socket = await Socket.open(at(`${app}.test`));
      await server().apply(routeOf(proxy, `${app}-2`));
      await server().remove(proxy, `${app}-2`);
      if (!(proxy === 'caddy' && version.startsWith('2.6.'))) expect(await socket.echoes('still there')).toBe(true);
      socket.close();
    });

    it('is one of many that come and go at once', async () => {
      const names = Array.from({ length: 6 }, (_, index) => `${app}-${index + 10}`);
      await server().call(...names.map((name) => ({ kind: 'mark', app: name, state: 'blue' }) as const));
      await server().call(...names.map(apply));
      expect(await Promise.all(names.map((name) => versionAt(`${name}.test`)))).toEqual(names.map(() => 'blue-1'));
      await server().call(...names.map((name) => ({ kind: 'apply', proxy, app: name, route: null }) as const));
      expect((await apps()).filter((name) => name.startsWith(`${app}-`))).toEqual([]);
      expect(await Promise.all(names.map((name) => versionAt(`${name}.test`)))).toEqual(names.map(() => undefined));
    });

    it('is loaded by the next attempt when the one before died between its file and the reload', async () => {
      await server().apply(routeOf(proxy, app));
      const path = proxy === 'caddy' ? `${directory}/routes.caddy` : `${directory}/${app}.conf`;
      const file = await server().run('cat', path);
      await server().apply(
        routeOf(proxy, app, { redirects: [{ from: 'x.test', tls: 'off', to: 'y.test', to_tls: 'off', status: 301 }] }),
      );
      // What the disk says now is not what runs.
      await server().write(path, file);
      expect((await visit(at('x.test'))).status).toBe(301);
      await server().apply(routeOf(proxy, app));
      expect((await visit(at('x.test'))).status).not.toBe(301);
    });

    it('is taken away while the proxy does not run, and is not back with it', async () => {
      await server().apply(routeOf(proxy, app));
      await server().run('systemctl', 'stop', proxy);
      try {
        const outcome = await failureOf({ kind: 'check', proxy });
        expect(outcome).toMatchObject({ code: 'unavailable', message: expect.stringContaining('does not run') });
        await server().remove(proxy, app);
        expect(await failureOf(apply(app))).toMatchObject({ code: 'unavailable' });
        expect((await apps()).filter((name) => name.startsWith(app))).toEqual([]);
      } finally {
        await server().run('systemctl', 'start', proxy);
      }
      expect(await versionAt(`${app}.test`)).toBeUndefined();
      await server().call({ kind: 'check', proxy });
    });
  });

  describe('a change is refused, and nothing is another than before,', () => {
    const refused = async (call: Parameters<ProxyServer['attempt']>[0], says: string) => {
      const before = await server().fingerprint(proxy);
      expect(await failureOf(call)).toMatchObject({ code: 'unprocessable', message: expect.stringContaining(says) });
      expect(await server().fingerprint(proxy)).toBe(before);
    };

    it("when the operator's own configuration is broken, with the proxy's words", async () => {
      await server().apply(routeOf(proxy, app));
      const { path, append, says } = BROKEN[proxy];
      const file = await server().run('cat', path);
      await server().write(path, file + append);
      try {
        await refused(apply(`${app}-2`), says);
        expect(await versionAt(`${app}.test`)).toBe('blue-1');
        expect((await visit(at('own.test'))).body).toBe('own\n');
      } finally {
        await server().write(path, file);
      }
      await server().call(apply(`${app}-2`));
      await server().remove(proxy, `${app}-2`);
    });

    it('when another site has the domain', async () => {
      const route = routeOf(proxy, app, { sites: [{ domain: 'own.test', tls: 'off' }] });
      await refused({ kind: 'check', proxy, route }, 'own.test');
      await refused({ kind: 'apply', proxy, app, route }, 'own.test');
      expect((await visit(at('own.test'))).body).toBe('own\n');
    });
  });

  if (proxy === 'nginx') {
    it('is asked to be set right first, where it reads no routes or would lose its default', async () => {
      const include = '/etc/nginx/conf.d/nextdeploy.conf';
      const site = '/etc/nginx/sites-enabled/default';
      const [line, text] = [await server().run('cat', include), await server().run('cat', site)];
      try {
        for (const name of await apps()) await server().remove(proxy, name);
        await server().write(include, '# nothing\n');
        expect(await failureOf({ kind: 'check', proxy })).toMatchObject({
          code: 'unavailable',
          message: expect.stringContaining('`include /etc/nginx/nextdeploy/*.conf;`'),
        });
        await server().write(include, line);
        await server().write(site, text.replaceAll(' default_server', ''));
        expect(await failureOf(apply(app))).toMatchObject({
          code: 'unprocessable',
          message: expect.stringMatching(/sites-enabled\/\w+ answers for unknown names on port 8080.*add `default_server`/),
        });
        expect(await apps()).toEqual([]);
      } finally {
        await server().write(include, line);
        await server().write(site, text);
      }
      await server().call({ kind: 'check', proxy }, apply(app));
    });
  }

  it('waits a little for a single container that is on its way back, and sends nothing twice', async () => {
    await server().apply(routeOf(proxy, app, { upstreams: { blue: [upstream('blue-2')], green: [upstream('green-1')] } }));
    const began = performance.now();
    let took: number | null = null;
    const restarted = server()
      .run('docker', 'restart', '--time', '1', 'blue-2')
      .then(async () => {
        await expect.poll(() => versionAt(`${app}.test`), { timeout: 20_000 }).toBe('blue-2');
        took = performance.now() - began;
      });
    const statuses = new Set<number>();
    const visitors = Array.from({ length: 4 }, async (_, visitor) => {
      for (let count = 0; took === null; count += 1) {
        const path = `/posts?id=${app}-restart-${visitor}-${count}`;
        const answer = await visit({ ...at(`${app}.test`), path, ...(visitor === 0 ? { method: 'POST', body: 'x' } : {}) }).catch(
          () => null,
        );
        if (visitor !== 0) statuses.add(answer?.status ?? 0);
      }
    });
    await Promise.all([restarted, ...visitors]);
    const { repeated } = JSON.parse((await visit({ ...at(`${app}.test`), path: '/posts' })).body) as { repeated: number };
    expect(repeated).toBe(0);
    // nginx has no way to wait but for a connection that is not refused.
    if (proxy === 'caddy' && (took ?? 0) < 2_500) expect(statuses).toEqual(new Set([200]));
  });
}
