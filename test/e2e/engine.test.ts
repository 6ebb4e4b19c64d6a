/** The engine on a real server: real Docker, real Caddy, real daemon. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { DaemonClient } from '../../daemon/api/client.ts';
import type { Bed } from '../bed/bed.ts';
import { sharedBed } from '../bed/shared.ts';
import { deploy, swap, tracesOf, until, visit } from './engine-harness.ts';

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
      `/var/lib/nextdeploy/slots/${SHOP}`,
      `/var/lib/nextdeploy/slots/${SHOP}/not-blue`,
      `nextdeploy-${SHOP}-green-0 running`,
      `route caddy ${SHOP}`,
    ]);
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
      '/var/lib/nextdeploy/slots/eng-worker/not-blue',
      'nextdeploy-eng-worker-green-0 running',
    ]);
  });

  it('makes containers that Docker keeps alive, with rotated logs and without new privileges', async () => {
    await deploy(client, { app_name: SHOP, image: images.v1, domain: DOMAIN });
    const { stdout } = await bed.exec(['docker', 'inspect', `nextdeploy-${SHOP}-blue-0`]);
    const [container] = JSON.parse(stdout);
    expect(container.HostConfig.RestartPolicy.Name).toBe('unless-stopped');
    expect(container.HostConfig.LogConfig.Config).toEqual({ 'max-file': '3', 'max-size': '10485760' });
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
