/** What happens to apps on a real server without anybody's doing, and what the daemon does about it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DaemonClient } from '../../daemon/api/client.ts';
import type { DaemonEvent, Operation } from '../../daemon/contract/domain.ts';
import type { Bed } from '../bed/bed.ts';
import { sharedBed } from '../bed/shared.ts';
import { type Deploy, deploy, until, visit } from './engine-harness.ts';

let bed: Bed;
let client: DaemonClient;
let images: { v1: string; v2: string };
const APPS = ['heal-killed', 'heal-hung', 'heal-gone', 'heal-loop', 'heal-new', 'heal-waits'] as const;
type App = (typeof APPS)[number];
/** Quick to be found sick: two failed probes in a row, one second each at most. */
const HEALTH = {
  kind: 'http',
  path: '/api/health',
  timeout_ms: 1_000,
  retries: 2,
  start_period_ms: 0,
  deadline_ms: 5_000,
} as const;
const HEALED_MS_MAX = 40_000;

/** An app that is healthy while its database is there: a file, on a volume of all releases. */
const DATABASE = '/data/database';
const WAITING = `require('node:http').createServer((_, answer) => { answer.statusCode = require('node:fs').existsSync('${DATABASE}') ? 200 : 500; answer.end('waits'); }).listen(3000)`;

beforeAll(async () => {
  ({ bed, client, images } = await sharedBed());
  await loseDatabase();
});

afterAll(async () => {
  const apps = await client.call('listApps');
  for (const { name } of apps.filter((app) => APPS.some((one) => one === app.name))) {
    const isIdle = async () => (await client.call('getAppStatus', { params: { name } })).operation_id === null;
    await until('the app to be idle', isIdle, (idle) => idle, 60_000);
    await client.call('removeApp', { params: { name }, query: { wait: 'true', purge: 'true' } });
  }
  await docker('volume', 'rm', 'heal-data');
  client.close();
});

const docker = async (...argv: string[]) => {
  const { code, stdout, stderr } = await bed.exec(['docker', ...argv]);
  if (code !== 0) throw new Error(`docker ${argv.join(' ')}: ${stderr}`);
  return stdout.trim();
};
const inDatabase = (program: string) =>
  docker('run', '--rm', '--user', '0', '--volume', 'heal-data:/data', images.v1, 'node', '-e', `require('node:fs').${program}`);
/** It takes as long as all the other tests until nothing more is tried. */
async function loseDatabase(): Promise<void> {
  const dockerfile = `FROM ${images.v1}\nCMD ${JSON.stringify(['node', '-e', WAITING])}\n`;
  await bed.exec(['docker', 'build', '--tag', 'heal-waiting', '-'], { input: dockerfile });
  await inDatabase(`writeFileSync('${DATABASE}', '')`);
  const request = { image: 'heal-waiting', volumes: [{ kind: 'volume', name: 'heal-data', target: '/data' }] } as const;
  for (const release of ['1', '2'])
    await start('heal-waits', { ...request, volumes: [...request.volumes], env: { RELEASE: release } });
  await inDatabase(`unlinkSync('${DATABASE}')`);
}
const domainOf = (app: App) => `${app}.test`;
const start = (app: App, request: Partial<Deploy> = {}) =>
  deploy(client, { app_name: app, image: images.v1, domain: domainOf(app), health: HEALTH, drain_ms: 500, ...request });
const answer = async (app: App) => {
  const { status, body } = await visit(bed, domainOf(app));
  return status === 200 ? body.trim() : String(status);
};
const serves = (app: App, wanted: string) =>
  until(
    `${app} to answer ${wanted}`,
    () => answer(app),
    (is) => is === wanted,
    HEALED_MS_MAX,
  );
const healing = async (app: App) => {
  const events = await client.call('listEvents', { query: { app_name: app, limit: 500 } });
  return events.filter(({ kind }) => kind.startsWith('heal.'));
};
const tells = async (app: App, kind: DaemonEvent['kind'], timeoutMs = HEALED_MS_MAX) => {
  const events = await until(
    `${kind} of ${app}`,
    () => healing(app),
    (seen) => seen.some((one) => one.kind === kind),
    timeoutMs,
  );
  return events.find((one) => one.kind === kind)!; // it was waited for
};
const startedAt = (container: string) => docker('inspect', '--format', '{{.Id}} {{.State.StartedAt}}', container);
const ended = async (event: DaemonEvent): Promise<Operation> => {
  const id = event.operation?.id ?? '';
  return until(
    'the end',
    () => client.call('getOperation', { params: { id } }),
    ({ state }) => state !== 'running',
    HEALED_MS_MAX,
  );
};

describe('a container', () => {
  it('that is killed is started again, and the others are left alone', async () => {
    await Promise.all([start('heal-killed'), start('heal-hung')]);
    const neighbour = await startedAt('nextdeploy-heal-hung-blue-0');
    await docker('kill', 'nextdeploy-heal-killed-blue-0');
    expect(await answer('heal-killed')).toMatch(/^50/);
    await serves('heal-killed', 'v1');
    const restarted = await tells('heal-killed', 'heal.restarted');
    expect(restarted.message).toBe('nextdeploy-heal-killed-blue-0 was restarted (1 of 3): it ended with exit code 137');
    expect((await healing('heal-killed')).map(({ kind }) => kind)).toEqual(['heal.unhealthy', 'heal.restarted']);
    expect(await startedAt('nextdeploy-heal-hung-blue-0')).toBe(neighbour);
  });

  it('that hangs is restarted', async () => {
    await docker('pause', 'nextdeploy-heal-hung-blue-0');
    await tells('heal-hung', 'heal.restarted');
    await serves('heal-hung', 'v1');
    const [unhealthy] = await healing('heal-hung');
    expect(unhealthy?.message).toMatch(/^heal-hung is not healthy: nextdeploy-heal-hung-blue-0: .*1 s/);
  });

  it('that is gone is replaced', async () => {
    await start('heal-gone', { replicas: 2 });
    await docker('rm', '--force', 'nextdeploy-heal-gone-blue-1');
    const replacing = await tells('heal-gone', 'heal.replacing');
    expect(replacing.message).toContain('nextdeploy-heal-gone-blue-1 is gone');
    const operation = await ended(replacing);
    expect(operation).toMatchObject({ kind: 'restart', state: 'succeeded', actor: 'supervisor', release: 'r1' });
    expect(await answer('heal-gone')).toBe('v1');
    expect(await client.call('getAppStatus', { params: { name: 'heal-gone' } })).toMatchObject({ replicas: 2, slot: 'green' });
  });
});

describe('a crash loop', () => {
  it('is rolled back where there is an earlier release, and else ends in a stop', async () => {
    const crashing = { image: images.v2, env: { TINY_CRASH_AFTER_MS: '2500' } };
    await start('heal-loop');
    await Promise.all([start('heal-loop', crashing), start('heal-new', crashing)]);
    const [back, stop] = await Promise.all([
      tells('heal-loop', 'heal.rolling_back', 60_000),
      tells('heal-new', 'heal.stopping', 60_000),
    ]);
    expect(back).toMatchObject({
      level: 'error',
      message: expect.stringMatching(/from r2 to r1, because r2 keeps crashing: it ended/),
    });
    expect(stop).toMatchObject({ level: 'error', message: expect.stringContaining('no earlier release to go back to') });
    expect(await ended(back)).toMatchObject({ kind: 'rollback', state: 'succeeded', release: 'r1', actor: 'supervisor' });
    expect(await ended(stop)).toMatchObject({ kind: 'stop', state: 'succeeded' });
    expect(await answer('heal-loop')).toBe('v1');
    expect(await answer('heal-new')).toBe('503');
    expect(await client.call('getAppStatus', { params: { name: 'heal-new' } })).toMatchObject({
      status: 'stopped',
      release: 'r1',
    });
    const ends = await client.call('listReleases', { params: { name: 'heal-loop' } });
    expect(ends.map(({ id, state }) => `${id} ${state}`)).toEqual(['r2 standby', 'r1 live']);
  });
});

describe('an app whose database is down', () => {
  it('gets new containers once and its earlier release once, is never stopped, and is well when the database is back', async () => {
    const isGivenUp = async () =>
      (await healing('heal-waits')).some(({ kind, level }) => kind === 'heal.unhealthy' && level === 'error');
    await until('the end of all attempts', isGivenUp, (given) => given, 120_000);
    const operations = await client.call('listOperations', { query: { app_name: 'heal-waits' } });
    const attempts = operations.filter(({ actor }) => actor === 'supervisor').map(({ kind, state }) => `${kind} ${state}`);
    expect(attempts).toEqual(['rollback failed', 'restart failed']);
    expect(await client.call('getAppStatus', { params: { name: 'heal-waits' } })).toMatchObject({ release: 'r2', slot: 'green' });
    expect((await visit(bed, domainOf('heal-waits'))).body).toBe('waits');
    await inDatabase(`writeFileSync('${DATABASE}', '')`);
    await serves('heal-waits', 'waits');
    expect((await healing('heal-waits')).map(({ kind }) => kind)).not.toContain('heal.stopping');
  });
});

describe('an app that is well', () => {
  it('is left alone when dockerd restarts, and looked after again when it is back', async () => {
    const before = await startedAt('nextdeploy-heal-gone-green-0');
    const known = (await healing('heal-gone')).filter(({ kind }) => kind !== 'heal.recovered');
    const { code, stderr } = await bed.exec(['systemctl', 'restart', 'docker'], { timeoutMs: 60_000 });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(await answer('heal-gone')).toBe('v1');
    await docker('kill', 'nextdeploy-heal-hung-blue-0');
    await serves('heal-hung', 'v1');
    expect(await startedAt('nextdeploy-heal-gone-green-0')).toBe(before);
    expect((await healing('heal-gone')).filter(({ kind }) => kind !== 'heal.recovered')).toEqual(known);
  });

  it('again is told of, once', async () => {
    const recovered = await tells('heal-killed', 'heal.recovered', 60_000);
    expect(recovered).toMatchObject({
      level: 'info',
      message: expect.stringMatching(/^heal-killed is healthy again after \d+ s$/),
    });
    expect((await healing('heal-killed')).map(({ kind }) => kind)).toEqual([
      'heal.unhealthy',
      'heal.restarted',
      'heal.recovered',
    ]);
  });
});
