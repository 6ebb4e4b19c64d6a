/** The engine on a real server: real Docker, real Caddy, real daemon. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { DaemonClient } from '../../daemon/api/client.ts';
import type { Bed } from '../bed/bed.ts';
import { sharedBed } from '../bed/shared.ts';
import { startWrk } from '../load/wrk.ts';
import { deploy, failureOf, swap, tracesOf, until, visit } from './engine-harness.ts';

let bed: Bed;
let client: DaemonClient;
let images: { v1: string; v2: string };
const APPS = ['eng-shop', 'eng-other', 'eng-worker'];
const SHOP = 'eng-shop';
const DOMAIN = 'shop.test';

beforeAll(async () => {
  ({ bed, client, images } = await sharedBed());
});

afterEach(async () => {
  for (const { name } of await client.call('listApps')) {
    if (APPS.includes(name)) await client.call('removeApp', { params: { name }, query: { wait: 'true', purge: 'true' } });
  }
});

afterAll(() => client?.close());

const version = async (domain = DOMAIN) => (await visit(bed, domain)).body.trim();
const status = (name = SHOP) => client.call('getAppStatus', { params: { name } });
const act = (action: 'startApp' | 'stopApp' | 'restartApp') =>
  client.call(action, { params: { name: SHOP }, query: { wait: 'true' } });

describe('deploy and swap', () => {
  it('serves the first release, then the second, and leaves one container', async () => {
    const first = await deploy(client, { app_name: SHOP, image: images.v1, domain: DOMAIN });
    expect(first).toMatchObject({ state: 'succeeded', kind: 'deploy', release: 'r1', slot: 'blue', from_release: null });
    expect(await version()).toBe('v1');
    expect(await status()).toMatchObject({
      status: 'running',
      release: 'r1',
      url: 'http://shop.test',
      health: { healthy: true },
    });

    const second = await swap(client, SHOP, images.v2);
    expect(second).toMatchObject({ state: 'succeeded', kind: 'swap', release: 'r2', slot: 'green', from_release: 'r1' });
    expect(second.steps.map(({ name, state }) => `${name} ${state}`)).toEqual(
      ['validate', 'pull', 'create', 'start', 'probe', 'switch', 'verify', 'drain', 'retire'].map((name) => `${name} done`),
    );
    expect(await version()).toBe('v2');
    expect(await tracesOf(bed, SHOP)).toEqual([
      `/etc/caddy/nextdeploy/${SHOP}.caddy`,
      `/var/lib/nextdeploy/slots/${SHOP}`,
      `/var/lib/nextdeploy/slots/${SHOP}/green`,
      `nextdeploy-${SHOP}-green-0 running`,
    ]);
  });

  it('loses no request of 32 busy connections over swaps, a rollback and a restart', async () => {
    await deploy(client, { app_name: SHOP, image: images.v1, domain: DOMAIN, drain_ms: 10_000 });
    const load = startWrk({ url: `${bed.http}/`, host: DOMAIN, connections: 32, seconds_max: 120 });
    await swap(client, SHOP, images.v2);
    await swap(client, SHOP, images.v1);
    await client.call('rollback', { query: { wait: 'true' }, body: { app_name: SHOP } });
    await act('restartApp');
    const result = await load.stop();
    expect({ errors: result.socket_errors_total, non_2xx: result.non_2xx }).toEqual({ errors: 0, non_2xx: 0 });
    expect(result.requests).toBeGreaterThan(500);
    expect(await version()).toBe('v2');
  });

  it('keeps a WebSocket and a stream of the old release open until they end or the drain is over', async () => {
    await deploy(client, { app_name: SHOP, image: images.v1, domain: DOMAIN, drain_ms: 3_000 });
    const socket = new WebSocket(`${bed.http.replace('http', 'ws')}/ws`, { headers: { host: DOMAIN } });
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    const stream = visit(bed, DOMAIN, '/stream?seconds=2');
    const swapping = client.call('swap', { body: { app_name: SHOP, image: images.v2 } });
    const { id } = await swapping;
    const read = () => client.call('getOperation', { params: { id } });
    await until('the drain', read, ({ steps }) => steps.some(({ name, state }) => name === 'drain' && state === 'running'));

    expect(await version()).toBe('v2');
    socket.send('still there');
    expect(String(await new Promise((resolve) => socket.once('message', resolve)))).toBe('still there');
    const lines = (await stream).body.trim().split('\n');
    expect(lines.at(-1)).toBe('v1 20');
    await closed;
    expect(await until('the end', read, ({ state }) => state !== 'running')).toMatchObject({ state: 'succeeded' });
  });

  it('passes a streamed answer on line by line', async () => {
    await deploy(client, { app_name: SHOP, image: images.v1, domain: DOMAIN });
    const { arrivals } = await visit(bed, DOMAIN, '/stream?seconds=1');
    expect(arrivals.length).toBeGreaterThanOrEqual(8);
    expect(arrivals.at(-1)).toBeGreaterThan(500);
  });

  it('tells the slot to nobody but the daemon', async () => {
    await deploy(client, { app_name: SHOP, image: images.v1, domain: DOMAIN });
    const { headers } = await visit(bed, DOMAIN, '/', { 'x-nextdeploy-verify': 'guessed' });
    expect(headers).not.toHaveProperty('x-nextdeploy-slot');
  });

  it('moves an app to another domain, after which the old one is free', async () => {
    await deploy(client, { app_name: SHOP, image: images.v1, domain: DOMAIN });
    await deploy(client, { app_name: SHOP, image: images.v2, domain: 'moved.test' });
    expect(await version('moved.test')).toBe('v2');
    await deploy(client, { app_name: 'eng-other', image: images.v1, domain: DOMAIN });
    expect(await version()).toBe('v1');
    expect(await version('moved.test')).toBe('v2');
  });

  it('runs a worker without a domain, in slots as well', async () => {
    await deploy(client, { app_name: 'eng-worker', image: images.v1 });
    const { steps } = await swap(client, 'eng-worker', images.v2);
    expect(steps.map(({ name }) => name)).not.toContain('verify');
    expect(await tracesOf(bed, 'eng-worker')).toEqual([
      '/var/lib/nextdeploy/slots/eng-worker',
      '/var/lib/nextdeploy/slots/eng-worker/green',
      'nextdeploy-eng-worker-green-0 running',
    ]);
  });

  it('makes containers that Docker keeps alive, with rotated logs and without new privileges', async () => {
    await deploy(client, { app_name: SHOP, image: images.v1, domain: DOMAIN });
    const { stdout } = await bed.exec(['docker', 'inspect', `nextdeploy-${SHOP}-blue-0`]);
    const [container] = JSON.parse(stdout);
    expect(container.HostConfig.RestartPolicy.Name).toBe('unless-stopped');
    expect(container.HostConfig.LogConfig.Config).toEqual({ 'max-file': '3', 'max-size': '10m' });
    expect(container.HostConfig.SecurityOpt).toEqual(['no-new-privileges']);
    expect(container.HostConfig.PortBindings ?? {}).toEqual({});
    expect(container.Config.Env).toEqual(expect.arrayContaining(['HOSTNAME=0.0.0.0', 'PORT=3000']));
    expect(container.Config.Labels).toMatchObject({
      'nextdeploy.app': SHOP,
      'nextdeploy.release': 'r1',
      'nextdeploy.slot': 'blue',
    });
  });
});

describe('lifecycle', () => {
  it('rolls back to the previous release and to a named one, with their configuration', async () => {
    await deploy(client, { app_name: SHOP, image: images.v1, domain: DOMAIN, env: { COLOUR: 'red' } });
    await deploy(client, { app_name: SHOP, image: images.v2, domain: DOMAIN, env: { COLOUR: 'blue' } });
    const back = await client.call('rollback', { query: { wait: 'true' }, body: { app_name: SHOP } });
    expect(back).toMatchObject({ state: 'succeeded', release: 'r1', from_release: 'r2' });
    expect(await version()).toBe('v1');
    const { stdout } = await bed.exec(['docker', 'inspect', '--format', '{{.Config.Env}}', `nextdeploy-${SHOP}-blue-0`]);
    expect(stdout).toContain('COLOUR=red');

    await client.call('rollback', { query: { wait: 'true' }, body: { app_name: SHOP, release: 'r2' } });
    expect(await version()).toBe('v2');
    const releases = await client.call('listReleases', { params: { name: SHOP } });
    expect(releases.map(({ id, state }) => `${id} ${state}`)).toEqual(['r2 live', 'r1 standby']);
  });

  it('pins the image: a tag that moves changes nothing for a release', async () => {
    await bed.exec(['docker', 'tag', images.v1, 'moving:tag']);
    await deploy(client, { app_name: SHOP, image: 'moving:tag', domain: DOMAIN });
    await bed.exec(['docker', 'tag', images.v2, 'moving:tag']);
    await act('restartApp');
    expect(await version()).toBe('v1');
    await bed.exec(['docker', 'rmi', 'moving:tag']);
  });

  it('stops with a 503 and no container, and starts the same release again', async () => {
    await deploy(client, { app_name: SHOP, image: images.v1, domain: DOMAIN });
    await act('stopApp');
    expect((await visit(bed, DOMAIN)).status).toBe(503);
    expect(await status()).toMatchObject({ status: 'stopped', container_id: null, release: 'r1' });
    expect((await tracesOf(bed, SHOP)).filter((line) => line.startsWith('nextdeploy-'))).toEqual([]);
    await expect(act('stopApp')).rejects.toMatchObject({ code: 'conflict' });

    await act('startApp');
    expect(await version()).toBe('v1');
    await expect(act('startApp')).rejects.toMatchObject({ code: 'conflict' });
  });

  it('removes everything with purge, and says 404 afterwards', async () => {
    await deploy(client, { app_name: SHOP, image: images.v1, domain: DOMAIN });
    await client.call('removeApp', { params: { name: SHOP }, query: { wait: 'true', purge: 'true' } });
    expect(await tracesOf(bed, SHOP)).toEqual([]);
    expect((await visit(bed, DOMAIN)).body).not.toContain('v1');
    await expect(status()).rejects.toMatchObject({ code: 'not_found' });
  });

  it('gives one key one operation, and refuses a second operation on a busy app', async () => {
    await deploy(client, { app_name: SHOP, image: images.v1, domain: DOMAIN });
    const begin = (idempotencyKey: string, image: string) =>
      client.call('swap', { idempotencyKey, body: { app_name: SHOP, image } });
    const first = await begin('one-key', images.v2);
    expect((await begin('one-key', images.v2)).id).toBe(first.id);
    await expect(begin('one-key', images.v1)).rejects.toMatchObject({ code: 'conflict' });
    await expect(begin('another-key', images.v2)).rejects.toMatchObject({ code: 'conflict', operation_id: first.id });
    const state = async () => (await client.call('getOperation', { params: { id: first.id } })).state;
    expect(await until('its end', state, (value) => value !== 'running')).toBe('succeeded');
  });
});

describe('a release that is no good', () => {
  const bad = [
    {
      what: 'has an image that does not exist',
      image: '127.0.0.1:9/missing:v9',
      env: {},
      step: 'pull',
      says: /does not exist on this host/,
    },
    { what: 'ends at once', env: { TINY_EXIT: '3' }, step: 'probe', says: /exit code 3/ },
    { what: 'never opens its port', env: { TINY_NO_LISTEN: '1' }, step: 'probe', says: /Nothing listens on port 3000/ },
    { what: 'listens on another port', env: {}, ports: [4000], image: 'eng-fixed-port', step: 'probe', says: /listens on 3000/ },
    { what: 'answers 500 on its health path', env: { TINY_HEALTH: '500' }, step: 'probe', says: /answered 500/ },
  ];

  beforeAll(async () => {
    // An image that ignores PORT, as some do.
    const dockerfile = `FROM ${images.v2}\nCMD ["node", "--import", "data:text/javascript,process.env.PORT=3000", "server.mjs"]\n`;
    const { code, stderr } = await bed.exec(['docker', 'build', '--tag', 'eng-fixed-port', '-'], { input: dockerfile });
    if (code !== 0) throw new Error(stderr);
  });

  it.each(bad)(
    'that $what is never served, with evidence, and nothing stays behind',
    async ({ what: _, step, says, ...request }) => {
      await deploy(client, { app_name: SHOP, image: images.v1, domain: DOMAIN });
      const before = await tracesOf(bed, SHOP);
      const load = startWrk({ url: `${bed.http}/`, host: DOMAIN, connections: 4, seconds_max: 120 });
      const { error, evidence } = await failureOf(
        deploy(client, { app_name: SHOP, domain: DOMAIN, image: images.v2, ...request }),
      );
      const result = await load.stop();

      expect(error).toMatchObject({ code: 'unprocessable', message: expect.stringMatching(says) });
      expect(evidence.step).toBe(step);
      if (step === 'probe') {
        expect(evidence.log_tail.join('\n')).toContain('tiny v2 starts');
        expect(evidence.probes.length).toBeGreaterThan(0);
      }
      expect({ errors: result.socket_errors_total, non_2xx: result.non_2xx }).toEqual({ errors: 0, non_2xx: 0 });
      expect(await tracesOf(bed, SHOP)).toEqual(before);
      expect(await status()).toMatchObject({ status: 'running', release: 'r1', last_error: error.message });
    },
  );

  it('as the first of an app leaves no container, route or marker, and the next attempt works', async () => {
    const request = { app_name: SHOP, image: images.v1, domain: DOMAIN };
    await failureOf(deploy(client, { ...request, env: { TINY_EXIT: '1' } }));
    expect(await tracesOf(bed, SHOP)).toEqual([]);
    expect(await status()).toMatchObject({ status: 'error', release: null });
    expect((await deploy(client, request)).release).toBe('r2');
    expect(await version()).toBe('v1');
  });

  it('for a domain of another app is refused before anything happens', async () => {
    await deploy(client, { app_name: SHOP, image: images.v1, domain: DOMAIN });
    const { error } = await failureOf(deploy(client, { app_name: 'eng-other', image: images.v1, domain: DOMAIN }));
    expect(error.message).toContain(SHOP);
    expect(await tracesOf(bed, 'eng-other')).toEqual([]);
  });

  it("for a domain of the operator's own site is refused by Caddy, and his site goes on", async () => {
    const file = '/etc/caddy/nextdeploy/own-site.caddy';
    await bed.exec(['tee', file], { input: 'http://own.test {\n\trespond "own"\n}\n' });
    await bed.exec(['systemctl', 'reload', 'caddy']);
    try {
      const { error } = await failureOf(deploy(client, { app_name: 'eng-other', image: images.v1, domain: 'own.test' }));
      expect(error.message).toMatch(/Caddy refuses the route: .*ambiguous/);
      expect((await visit(bed, 'own.test')).body).toBe('own');
      expect(await tracesOf(bed, 'eng-other')).toEqual([]);
    } finally {
      await bed.exec(['rm', file]);
      await bed.exec(['systemctl', 'reload', 'caddy']);
    }
  });
});

describe('a daemon that is killed', () => {
  it.each(['start', 'probe', 'drain'] as const)(
    'during %s finishes the swap when it is back, and nothing is lost meanwhile',
    async (during) => {
      await deploy(client, {
        app_name: SHOP,
        image: images.v1,
        domain: DOMAIN,
        drain_ms: 5_000,
        env: { TINY_LISTEN_AFTER_MS: '700' },
      });
      const load = startWrk({ url: `${bed.http}/`, host: DOMAIN, connections: 8, seconds_max: 120 });
      const { id } = await client.call('swap', { body: { app_name: SHOP, image: images.v2 } });
      const read = () => client.call('getOperation', { params: { id } });
      await until(during, read, ({ steps }) => steps.some(({ name, state }) => name === during && state === 'running'));
      await bed.exec(['systemctl', 'kill', '--signal=SIGKILL', 'nextdeployd.service']);
      const operation = await until('the end', read, ({ state }) => state !== 'running', 60_000);
      const result = await load.stop();

      expect(operation).toMatchObject({ state: 'succeeded', release: 'r2' });
      expect({ errors: result.socket_errors_total, non_2xx: result.non_2xx }).toEqual({ errors: 0, non_2xx: 0 });
      expect(await version()).toBe('v2');
      expect((await tracesOf(bed, SHOP)).filter((line) => line.startsWith('nextdeploy-'))).toEqual([
        `nextdeploy-${SHOP}-green-0 running`,
      ]);
      // systemd counts restarts; the next kill of this test is not a crash loop.
      await bed.exec(['systemctl', 'reset-failed', 'nextdeployd.service']);
    },
  );
});
