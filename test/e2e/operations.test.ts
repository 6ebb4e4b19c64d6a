/** What can be done with an app besides deploying it, on a real server, behind both proxies. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { DaemonClient } from '../../daemon/api/client.ts';
import type { ProxyType } from '../../daemon/contract/names.ts';
import type { Bed } from '../bed/bed.ts';
import { sharedBed } from '../bed/shared.ts';
import { openDownload, openEvents, openUpload, openWebSocket } from '../bench/agent/open-streams.ts';
import { describeFailures, LOST_IN_RELOAD_MAX, type Load, startLoad } from '../chaos/load.ts';
import { startWrk } from '../load/wrk.ts';
import { deploy, entryOf, failureOf, swap, tracesOf, until, visit } from './engine-harness.ts';
import { type ForeignSite, placeForeignSite } from './foreign-site.ts';

let bed: Bed;
let client: DaemonClient;
let images: { v1: string; v2: string };
const APP = 'ops-shop';
const DOMAIN = 'ops.test';
const name = { name: APP };

beforeAll(async () => {
  ({ bed, client, images } = await sharedBed());
});

afterEach(async () => {
  const apps = await client.call('listApps');
  const app = apps.find((candidate) => candidate.name === APP);
  if (app?.operation_id) await client.call('cancelOperation', { params: { id: app.operation_id } }).catch(() => undefined);
  if (!app) return;
  await until(
    'the app to be idle',
    () => client.call('getAppStatus', { params: name }),
    ({ operation_id }) => operation_id === null,
  );
  await client.call('removeApp', { params: name, query: { wait: 'true', purge: 'true' } });
});

afterAll(() => client?.close());

const act = (route: 'startApp' | 'stopApp' | 'restartApp') => client.call(route, { params: name, query: { wait: 'true' } });
const status = () => client.call('getAppStatus', { params: name });
const operation = (id: string) => client.call('getOperation', { params: { id } });
const ended = (id: string) =>
  until(
    'the end',
    () => operation(id),
    ({ state }) => state !== 'running',
  );
const runs = (id: string, step: string) =>
  until(
    step,
    () => operation(id),
    ({ steps }) => steps.some((one) => one.name === step && one.state === 'running'),
  );
const inspect = async (container: string) => JSON.parse((await bed.exec(['docker', 'inspect', container])).stdout)[0];

describe.each<ProxyType>(['caddy', 'nginx'])('behind %s', (proxy) => {
  let foreign: ForeignSite | undefined;
  let load: Load | undefined;
  beforeAll(async () => {
    foreign = await placeForeignSite(bed, proxy);
    load = startLoad(bed, { proxy, domain: foreign.domain }, 'new');
  });
  afterAll(async () => {
    await load?.stop();
    await foreign?.remove();
  });

  const ask = (path = '/', host = DOMAIN) => visit(bed, host, path, {}, entryOf(bed, proxy));
  const base = () => ({ app_name: APP, image: images.v1, domain: DOMAIN, proxy });

  it('loses no request over swaps, a rollback and a restart under load', async () => {
    await deploy(client, { ...base(), drain_ms: 10_000 });
    const load = startWrk({ url: `${entryOf(bed, proxy)}/`, host: DOMAIN, connections: 16, seconds_max: 120, is_paced: true });
    await swap(client, APP, images.v2);
    await client.call('rollback', { query: { wait: 'true' }, body: { app_name: APP } });
    await act('restartApp');
    const result = await load.stop();
    expect({ errors: result.socket_errors_total, non_2xx: result.non_2xx }).toEqual({ errors: 0, non_2xx: 0 });
    expect(result.requests).toBeGreaterThan(500);
    expect((await ask()).body).toBe('v1\n');
  });

  it('lets what was open before a swap end after it, and ends the drain with the last of it', async () => {
    await deploy(client, { ...base(), drain_ms: 60_000 });
    const { hostname, port } = new URL(entryOf(bed, proxy));
    const entry = { address: hostname, port: Number(port), host: DOMAIN, path: '/' };
    const switched = Promise.withResolvers<void>();
    const length_ms = 6_000;
    const streams = [
      openEvents(entry, length_ms),
      openWebSocket(entry, switched.promise),
      openDownload(entry, length_ms),
      openUpload(entry, 'slow', length_ms),
    ];
    const ends = Promise.all(streams.map(({ ended }) => ended));
    ends.catch(() => undefined);
    await Promise.all(streams.map(({ begun }) => begun));
    const { id } = await client.call('swap', { body: { app_name: APP, image: images.v2 } });
    await runs(id, 'drain');
    expect((await ask()).body).toBe('v2\n');
    switched.resolve();
    await ends;
    const { state, steps } = await ended(id);
    expect(state).toBe('succeeded');
    // Long before the drain's limit.
    expect(steps.find((step) => step.name === 'drain')?.detail).toMatch(/^all connections ended after [12]?\d\.\d s$/);
  });

  it('stops with a 503 and no container, and starts the same release again', async () => {
    await deploy(client, base());
    await act('stopApp');
    expect((await ask()).status).toBe(503);
    expect(await status()).toMatchObject({ status: 'stopped', container_id: null, release: 'r1' });
    expect((await tracesOf(bed, APP)).filter((line) => line.startsWith('nextdeploy-'))).toEqual([]);
    await expect(act('stopApp')).rejects.toMatchObject({ code: 'conflict' });

    await act('startApp');
    expect((await ask()).body).toBe('v1\n');
    await expect(act('startApp')).rejects.toMatchObject({ code: 'conflict' });
  });

  it('removes everything with purge, and says 404 afterwards', async () => {
    await deploy(client, base());
    await client.call('removeApp', { params: name, query: { wait: 'true', purge: 'true' } });
    expect(await tracesOf(bed, APP)).toEqual([]);
    expect((await ask()).body).not.toContain('v1');
    await expect(status()).rejects.toMatchObject({ code: 'not_found' });
  });

  it('answers with the maintenance page, keeps the health path answering, and serves again', async () => {
    await deploy(client, base());
    const set = (enabled: boolean) =>
      client.call('setMaintenance', { params: name, query: { wait: 'true' }, body: { enabled, message: 'Back at <noon>.' } });
    await set(true);
    const page = await ask();
    expect(page).toMatchObject({ status: 503, body: expect.stringContaining('Back at &lt;noon&gt;.') });
    expect((await ask('/api/health')).status).toBe(200);
    expect((await status()).maintenance).toEqual({ message: 'Back at <noon>.' });
    // A release that comes up meanwhile is verified behind the page.
    expect((await swap(client, APP, images.v2)).state).toBe('succeeded');
    expect((await ask()).status).toBe(503);
    await set(false);
    expect(await ask()).toMatchObject({ status: 200, body: 'v2\n' });
  });

  it('scales up and down, and every replica serves', async () => {
    await deploy(client, base());
    const scale = (replicas: number) => client.call('scaleApp', { params: name, query: { wait: 'true' }, body: { replicas } });
    await scale(3);
    expect(await status()).toMatchObject({ replicas: 3, replicas_wanted: 3 });
    const load = startWrk({ url: `${entryOf(bed, proxy)}/`, host: DOMAIN, connections: 16, seconds_max: 60 });
    const logs = ['0', '1', '2'].map((replica) => `nextdeploy-${APP}-blue-${replica}`);
    for (const container of logs) {
      const reads = async () => (await bed.exec(['docker', 'stats', '--no-stream', '--format', '{{.NetIO}}', container])).stdout;
      await until(`traffic to ${container}`, reads, (text) => /[0-9.]+(k|M)B/.test(text));
    }
    expect((await load.stop()).non_2xx).toBe(0);
    await swap(client, APP, images.v2);
    expect(await status()).toMatchObject({ replicas: 3, slot: 'green' });
    await scale(1);
    expect(await tracesOf(bed, APP)).toContain(`nextdeploy-${APP}-green-0 running`);
    expect((await tracesOf(bed, APP)).filter((trace) => trace.endsWith('running'))).toHaveLength(1);
    expect((await ask()).body).toBe('v2\n');
  });

  it('redirects, and serves aliases', async () => {
    await deploy(client, { ...base(), aliases: ['www.ops.test'], redirects: [{ from: 'old.ops.test', status: 301 }] });
    expect((await ask('/', 'www.ops.test')).body).toBe('v1\n');
    const redirect = await ask('/a/b?c=d', 'old.ops.test');
    expect(redirect).toMatchObject({ status: 301, headers: { location: `http://${DOMAIN}/a/b?c=d` } });
  });

  it('goes back when the new release crashes in its watch window, and when it is cancelled there', async () => {
    await deploy(client, base());
    const crashing = client.call('deploy', {
      body: { ...base(), image: images.v2, env: { TINY_CRASH_AFTER_MS: '4000' }, watch_ms: 60_000, drain_ms: 500 },
    });
    const crashed = await ended((await crashing).id);
    expect(crashed).toMatchObject({
      state: 'rolled_back',
      error: { step: 'watch', message: expect.stringContaining('crashed') },
    });
    expect(crashed.evidence?.log_tail.join(' ')).toContain('tiny v2 starts');
    expect((await ask()).body).toBe('v1\n');
    expect(await status()).toMatchObject({ status: 'running', release: 'r1', slot: 'blue' });

    const { id } = await client.call('deploy', { body: { ...base(), image: images.v2, watch_ms: 60_000, drain_ms: 500 } });
    await runs(id, 'watch');
    expect((await ask()).body).toBe('v2\n');
    await client.call('cancelOperation', { params: { id } });
    expect((await ended(id)).state).toBe('cancelled');
    expect((await ask()).body).toBe('v1\n');
    expect((await tracesOf(bed, APP)).filter((trace) => trace.endsWith('running'))).toEqual([`nextdeploy-${APP}-blue-0 running`]);
  });

  it("lost nothing of the operator's own site beside it in all of that", async () => {
    if (!load || !foreign) throw new Error('the site could not be placed');
    const { requests, failed, failures } = await load.stop();
    expect(requests).toBeGreaterThan(500);
    const allowed = LOST_IN_RELOAD_MAX[proxy] * (await foreign.countReloads());
    expect(failed, describeFailures(failures)).toBeLessThanOrEqual(allowed);
  });
});

describe('an operation', () => {
  const base = () => ({ app_name: APP, image: images.v1, domain: DOMAIN });

  it('is cancelled before the switch, and leaves nothing', async () => {
    await deploy(client, base());
    const { id } = await client.call('deploy', { body: { ...base(), env: { TINY_LISTEN_AFTER_MS: '30000' } } });
    await runs(id, 'probe');
    await client.call('cancelOperation', { params: { id } });
    const operation = await ended(id);
    expect(operation).toMatchObject({ state: 'cancelled', error: { message: expect.stringMatching(/^Cancelled by /) } });
    expect((await tracesOf(bed, APP)).filter((trace) => /running|created|exited/.test(trace))).toEqual([
      `nextdeploy-${APP}-blue-0 running`,
    ]);
    await expect(client.call('cancelOperation', { params: { id } })).rejects.toMatchObject({ code: 'conflict' });
  });

  it('keeps the new release when the watch window is ended', async () => {
    await deploy(client, base());
    const { id } = await client.call('deploy', { body: { ...base(), image: images.v2, watch_ms: 60_000, drain_ms: 500 } });
    await runs(id, 'watch');
    await client.call('keepRelease', { params: { id } });
    expect(await ended(id)).toMatchObject({ state: 'succeeded' });
    expect(await status()).toMatchObject({ release: 'r2' });
  });

  it('runs one-off commands of the new image, and tells what they printed', async () => {
    const run = (script: string) => ({ command: ['node', '-e', script] });
    const { steps } = await deploy(client, {
      ...base(),
      env: { WHO: 'shop' },
      pre_switch: run('console.log("migrating", process.env.WHO)'),
      post_switch: run('console.log("warm")'),
    });
    expect(steps.map((step) => step.name).join(' ')).toBe(
      'validate pull pre_switch create start route probe switch verify post_switch',
    );
    const outputs = Object.fromEntries(steps.flatMap((step) => (step.output ? [[step.name, step.output]] : [])));
    expect(outputs).toEqual({ pre_switch: ['migrating shop'], post_switch: ['warm'] });
    const failing = deploy(client, {
      ...base(),
      image: images.v2,
      pre_switch: run('console.error("no table"); process.exit(3)'),
    });
    const { evidence } = await failureOf(failing);
    expect(evidence).toMatchObject({ step: 'pre_switch', exit_code: 3, log_tail: ['no table'] });
    expect((await visit(bed, DOMAIN)).body).toBe('v1\n');
    expect((await bed.exec(['docker', 'ps', '-aq', '--filter', `name=${APP}-p`])).stdout).toBe('');
  });

  it('gives a container what was asked for, and nothing more', async () => {
    await bed.exec(['docker', 'network', 'create', 'ops-extra']);
    await deploy(client, {
      ...base(),
      limits: { cpus: 0.5, memory_bytes: 128 * 1024 ** 2 },
      volumes: [{ kind: 'volume', name: 'ops-data', target: '/data' }],
      networks: ['ops-extra'],
      user: '1000:1000',
      read_only_root: true,
      capabilities: ['NET_RAW'],
      stop_signal: 'SIGINT',
      log: { file_bytes_max: 1024 ** 2, files: 2 },
    });
    const { HostConfig, Config, NetworkSettings, Mounts } = await inspect(`nextdeploy-${APP}-blue-0`);
    expect(HostConfig).toMatchObject({ NanoCpus: 5e8, Memory: 128 * 1024 ** 2, ReadonlyRootfs: true, CapDrop: ['ALL'] });
    expect(HostConfig.CapAdd.map((text: string) => text.replace('CAP_', ''))).toEqual(['NET_RAW']);
    expect(HostConfig.LogConfig).toEqual({ Type: 'json-file', Config: { 'max-file': '2', 'max-size': String(1024 ** 2) } });
    expect(Config).toMatchObject({ User: '1000:1000', StopSignal: 'SIGINT' });
    expect(new Set(Object.keys(NetworkSettings.Networks))).toEqual(new Set(['nextdeploy', 'ops-extra']));
    expect(Mounts).toContainEqual(expect.objectContaining({ Type: 'volume', Name: 'ops-data', Destination: '/data' }));
    await client.call('removeApp', { params: name, query: { wait: 'true', purge: 'true' } });
    // Data is never removed with an app.
    expect((await bed.exec(['docker', 'volume', 'ls', '-q', '--filter', 'name=ops-data'])).stdout.trim()).toBe('ops-data');
    await bed.exec(['docker', 'volume', 'rm', 'ops-data']);
    await bed.exec(['docker', 'network', 'rm', 'ops-extra']);
  });

  it('brings back the code alone, with the configuration as it is', async () => {
    await deploy(client, { ...base(), env: { A: 'old' } });
    await deploy(client, { ...base(), image: images.v2, env: { A: 'new' } });
    const back = await client.call('rollback', { query: { wait: 'true' }, body: { app_name: APP, code_only: true } });
    expect(back).toMatchObject({ state: 'succeeded', kind: 'rollback', release: 'r3' });
    const release = await client.call('getRelease', { params: { name: APP, id: 'r3' } });
    expect(release).toMatchObject({ image: images.v1, configuration: { env: { A: 'new' } } });
    expect((await visit(bed, DOMAIN)).body).toBe('v1\n');
  });

  it('moves an app from one proxy to the other, and leaves nothing behind', async () => {
    await deploy(client, { ...base(), proxy: 'caddy' });
    await deploy(client, { ...base(), image: images.v2, proxy: 'nginx' });
    expect((await visit(bed, DOMAIN, '/', {}, entryOf(bed, 'nginx'))).body).toBe('v2\n');
    expect((await visit(bed, DOMAIN)).headers).not.toHaveProperty('x-version');
    const files = (await tracesOf(bed, APP)).filter((trace) => /^(\/etc|route)/.test(trace));
    expect(files).toEqual([expect.stringMatching(/^\/etc\/nginx\/nextdeploy\//)]);
  });

  it('moves an app away from a proxy that was uninstalled', async () => {
    await deploy(client, { ...base(), proxy: 'caddy' });
    expect((await bed.exec(['sh', '-c', 'systemctl stop caddy && mv /usr/bin/caddy /usr/bin/caddy.gone'])).code).toBe(0);
    try {
      await deploy(client, { ...base(), image: images.v2, proxy: 'nginx' });
      expect((await visit(bed, DOMAIN, '/', {}, entryOf(bed, 'nginx'))).body).toBe('v2\n');
      const files = (await tracesOf(bed, APP)).filter((trace) => /^(\/etc|route)/.test(trace));
      expect(files).toEqual([expect.stringMatching(/^\/etc\/nginx\/nextdeploy\//)]);
    } finally {
      await bed.exec(['sh', '-c', 'mv /usr/bin/caddy.gone /usr/bin/caddy && systemctl start caddy']);
    }
  });

  it.each([
    [
      'a bind outside the allowed roots',
      { volumes: [{ kind: 'bind', source: '/etc', target: '/x' }] },
      /bind_roots.*volumes\.0\.source/,
    ],
    ['a network that is not there', { networks: ['nowhere'] }, /nowhere.*networks\.0/],
    ['an image that is nowhere', { image: 'nowhere.test/none:1' }, /image/],
  ] as const)('is refused in validation for %s, before anything has happened', async (_, part, message) => {
    const before = await tracesOf(bed, APP);
    const { error, evidence } = await failureOf(deploy(client, { ...base(), ...(part as object) }));
    expect(error.message).toMatch(message);
    expect(evidence.step).toBe('validate');
    expect(await tracesOf(bed, APP)).toEqual(before);
  });
});
