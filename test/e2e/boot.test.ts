/** Apps serve whatever becomes of the daemon, of Docker and of the server: a server of its own, behind both proxies. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DaemonClient, unixSocketTransport } from '../../daemon/api/client.ts';
import type { ProxyType } from '../../daemon/contract/names.ts';
import { Sealed } from '../../daemon/secrets/sealed.ts';
import type { DaemonTarball } from '../../main/core/installer/tarball.ts';
import { buildDaemonTarball, DIST_CACHE, ROOT, releaseFiles } from '../../scripts/dist.ts';
import { packRelease } from '../../scripts/tarball/pack.ts';
import { findRuntime } from '../../scripts/tarball/runtime.ts';
import { type Bed, startBed } from '../bed/bed.ts';
import { engineOf } from '../bed/engine.ts';
import { installDaemon } from '../bed/install-daemon.ts';
import { bedPaths } from '../bed/paths.ts';
import { waitUntilReady } from '../bed/readiness.ts';
import { buildTinyImages, saveImage } from '../fixtures/images.ts';
import { startWrk } from '../load/wrk.ts';
import { deploy, entryOf, swap, until, visit } from './engine-harness.ts';

const PROXIES = ['caddy', 'nginx'] as const satisfies ProxyType[];
const BOOT_MS_MAX = 60_000;
const appOf = (proxy: ProxyType) => `boot-${proxy}`;
const domainOf = (proxy: ProxyType) => `${proxy}.boot.test`;

let bed: Bed;
let client: DaemonClient;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nextdeploy-boot-'));
  bed = await startBed({ label: 'boot', proxies: 'both' });
  const { token } = await installDaemon(bed);
  client = new DaemonClient({ transport: unixSocketTransport(bed.daemonSocket), token: new Sealed(token) });
  const engine = engineOf(bedPaths(), bed.id);
  const { v1, v2 } = await buildTinyImages(engine);
  for (const image of [v1, v2]) await client.upload('loadImages', Readable.from(await saveImage(engine, image)));
  const request = { image: v1, drain_ms: 500 };
  await client.call('syncSecrets', { body: { scope: 'global', secrets: { BOOT_TOKEN: 'in memory alone' } } });
  for (const proxy of PROXIES) {
    // A reboot empties the memory that the files of secrets are in, and not what Docker keeps of variables.
    const secrets = { inject: proxy === 'nginx' ? ('file' as const) : ('env' as const) };
    await deploy(client, { ...request, app_name: appOf(proxy), domain: domainOf(proxy), proxy, secrets });
  }
  await deploy(client, { ...request, app_name: 'boot-stopped', domain: 'stopped.boot.test', proxy: 'caddy' });
  // What serves is in green: a marker has to say so.
  for (const proxy of PROXIES) await swap(client, appOf(proxy), v2);
  await client.call('stopApp', { params: { name: 'boot-stopped' }, query: { wait: 'true' } });
});

afterAll(async () => {
  client.close();
  await bed.stop();
  await rm(directory, { recursive: true, force: true });
});

const ask = async (proxy: ProxyType, host = domainOf(proxy)) => {
  const { status, body } = await visit(bed, host, '/', {}, entryOf(bed, proxy));
  return status === 200 ? body.trim() : String(status);
};
const isServed = (proxy: ProxyType) =>
  until(
    `an answer behind ${proxy}`,
    () => ask(proxy),
    (answer) => answer === 'v2',
    BOOT_MS_MAX,
  );
const systemctl = async (...argv: string[]) => {
  const { code, stderr } = await bed.exec(['systemctl', ...argv], { timeoutMs: BOOT_MS_MAX });
  if (code !== 0) throw new Error(`systemctl ${argv.join(' ')}: ${stderr}`);
};
const isAnswering = () =>
  until(
    'the answer of the daemon',
    () => client.call('getHealth'),
    ({ status }) => status === 'ok',
    BOOT_MS_MAX,
  );
/** What has been done to the apps: nothing of this may add to it. */
const done = async () => {
  const operations = await client.call('listOperations');
  const events = await client.call('listEvents', { query: { limit: 1_000 } });
  return [
    ...operations.map(({ id }) => id),
    ...events.filter(({ kind }) => kind.startsWith('heal.')).map(({ message }) => message),
  ];
};

/** Visitors of both proxies while it happens; how many of them were not served. */
async function lostDuring(work: () => Promise<void>): Promise<number> {
  const loads = PROXIES.map((proxy) =>
    startWrk({ url: `${entryOf(bed, proxy)}/`, host: domainOf(proxy), connections: 4, seconds_max: 120, is_paced: true }),
  );
  try {
    await work();
  } finally {
    await Promise.all(loads.map((load) => load.stop()));
  }
  const results = await Promise.all(loads.map((load) => load.ended));
  for (const { requests } of results) expect(requests).toBeGreaterThan(100);
  return results.reduce((sum, { socket_errors_total, non_2xx }) => sum + socket_errors_total + non_2xx, 0);
}

describe('a server that is booted again', () => {
  it('serves its apps before the daemon is up, and the daemon then finds nothing to do', async () => {
    const before = await done();
    await systemctl('disable', '--quiet', 'nextdeployd');
    await engineOf(bedPaths(), bed.id).docker(['restart', '--time', '60', `nextdeploy-bed-${bed.id}`], { timeoutMs: 90_000 });
    await waitUntilReady(bed);
    for (const proxy of PROXIES) await isServed(proxy);
    expect(await ask('caddy', 'stopped.boot.test')).toBe('503');
    expect((await bed.exec(['systemctl', 'is-active', 'nextdeployd'])).stdout.trim()).toBe('inactive');
    const script = "console.log(require('node:fs').readFileSync('/run/secrets/BOOT_TOKEN', 'utf8'), process.env.BOOT_TOKEN)";
    const read = await bed.exec(['docker', 'exec', `nextdeploy-${appOf('nginx')}-green-0`, 'node', '-e', script]);
    expect(read.stdout.trim()).toBe('in memory alone undefined');

    await systemctl('enable', '--quiet', '--now', 'nextdeployd');
    await isAnswering();
    const statuses = await client.call('listApps');
    expect(statuses.map(({ name, status, slot }) => `${name} ${status} ${slot}`).sort()).toEqual([
      'boot-caddy running green',
      'boot-nginx running green',
      'boot-stopped stopped null',
    ]);
    expect(await done()).toEqual(before);
    // It works as before.
    await client.call('restartApp', { params: { name: 'boot-caddy' }, query: { wait: 'true' } });
    expect(await ask('caddy')).toBe('v2');
  });
});

describe('apps go on serving', () => {
  it('while Docker restarts', async () => {
    const before = await done();
    expect(await lostDuring(() => systemctl('restart', 'docker'))).toBe(0);
    await isAnswering();
    expect(await done()).toEqual(before);
  });

  it('while the daemon restarts, is killed, and is stopped for good', async () => {
    const before = await done();
    const lost = await lostDuring(async () => {
      await systemctl('restart', 'nextdeployd');
      await isAnswering();
      await systemctl('kill', '--signal=SIGKILL', 'nextdeployd');
      await isAnswering();
      await systemctl('stop', 'nextdeployd');
      for (const proxy of PROXIES) expect(await ask(proxy)).toBe('v2');
      await systemctl('start', 'nextdeployd');
      await isAnswering();
    });
    expect(lost).toBe(0);
    expect(await done()).toEqual(before);
  });

  it('while the daemon is upgraded', async () => {
    const release = () => bed.exec(['readlink', '-f', '/opt/nextdeploy/current']).then(({ stdout }) => stdout.trim());
    const [before, first] = [await done(), await release()];
    const build = await anotherBuild();
    expect(await lostDuring(async () => void (await installDaemon(bed, async () => build)))).toBe(0);
    await isAnswering();
    expect(await release()).not.toBe(first);
    expect(await done()).toEqual(before);
  });

  it.each(PROXIES)('as soon as %s is back from a restart, and behind the other one all the time', async (proxy) => {
    const [other] = PROXIES.filter((name) => name !== proxy);
    await systemctl('restart', proxy);
    expect(await ask(other ?? proxy)).toMatch(/^v[12]$/);
    await isServed(proxy);
    await swap(client, appOf(proxy), 'nextdeploy-tiny:v1');
    expect(await ask(proxy)).toBe('v1');
  });
});

/** The same daemon in other bytes. */
async function anotherBuild(): Promise<DaemonTarball> {
  const [{ version }, { stdout: daemon }, { stdout: cli }, runtime] = await Promise.all([
    buildDaemonTarball(),
    bed.exec(['cat', '/opt/nextdeploy/current/nextdeployd.mjs']),
    bed.exec(['cat', '/opt/nextdeploy/current/nextdeploy.mjs']),
    findRuntime(ROOT, DIST_CACHE, 'x64'),
  ]);
  const files = releaseFiles(Buffer.from(`${daemon}\n// another build\n`), Buffer.from(cli));
  return packRelease({ version, architecture: 'x64', files, runtime }, directory, DIST_CACHE, 'another.tar.gz');
}
