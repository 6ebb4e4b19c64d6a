/** Secrets on a real server: who is given them, and where they must not be found. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DaemonClient } from '../../daemon/api/client.ts';
import type { Bed } from '../bed/bed.ts';
import { sharedBed } from '../bed/shared.ts';
import { type Deploy, deploy, failureOf, swap, until } from './engine-harness.ts';
import {
  clearHunt,
  hunt,
  type Needles,
  namesIn,
  PLACES,
  placeNeedles,
  READ_ROUTES,
  readRoute,
  stopWatching,
  watchProcesses,
} from './leak-hunt.ts';

const APP = 'sec-shop';
const name = { name: APP };
/** Unlike anything else on the server, and of the forms that escaping changes. */
const VALUES = {
  SEC_PLAIN: 'needle-7f3a9c-plain',
  SEC_QUOTED: 'needle-7f3a9c "quoted" \\ back',
  SEC_LINES: 'needle-7f3a9c-line one\nneedle-7f3a9c-line two',
};
const NEEDLE = 'needle-7f3a9c';

let bed: Bed;
let client: DaemonClient;
let images: { v1: string; v2: string };
let token: string;

beforeAll(async () => {
  ({ bed, client, images, token } = await sharedBed());
});
afterAll(async () => {
  await client.call('removeApp', { params: name, query: { wait: 'true', purge: 'true' } }).catch(() => undefined);
  for (const secret of await client.call('listSecrets')) {
    const { scope, name: secretName } = secret;
    if (scope === 'global') await client.call('removeSecret', { query: { scope, name: secretName } });
  }
  client.close();
});

const base = (more: Partial<Deploy> = {}): Deploy => ({ app_name: APP, image: images.v1, domain: 'sec.test', ...more });
const set = (secrets: Record<string, string>, more: object = {}) =>
  client.call('syncSecrets', { body: { scope: 'app', app_name: APP, secrets, ...more } });

async function environment(): Promise<Record<string, string>> {
  const { slot } = await client.call('getAppStatus', { params: name });
  const { stdout } = await bed.exec(['docker', 'inspect', '--format', '{{json .Config.Env}}', `nextdeploy-${APP}-${slot}-0`]);
  const entries = (JSON.parse(stdout) as string[]).map((entry) => [
    entry.slice(0, entry.indexOf('=')),
    entry.slice(entry.indexOf('=') + 1),
  ]);
  return Object.fromEntries(entries);
}

/** The whole life that is hunted through: it ends with the secrets in files, which keeps them out of `docker inspect`. */
async function live(): Promise<Needles> {
  const owner = { scope: 'project', project: 'sec-project' } as const;
  const doppler = {
    kind: 'doppler',
    project: 'x',
    config: 'y',
    token: `${NEEDLE}-provider`,
    endpoint: 'http://127.0.0.1:9',
  } as const;
  await client.call('setSecretProvider', { body: { ...owner, provider: doppler } });
  await client.call('pullSecrets', { body: { ...owner } }).catch(() => undefined); // nobody listens there
  const made = await client.call('createToken', { body: { name: 'sec-token', role: 'viewer' } });
  await watchProcesses(bed);
  // A domain of its own has the proxy's program check and reload.
  await deploy(client, base({ domain: 'sec-files.test', secrets: { inject: 'file' } }));
  await deploy(client, base({ domain: 'sec-files.test', secrets: { inject: 'file' } }));
  expect(await stopWatching(bed)).toContain('caddy');
  await failureOf(deploy(client, base({ domain: 'sec-files.test', secrets: { inject: 'file' }, env: { TINY_EXIT: '1' } })));
  const key = (await bed.exec(['sed', '-n', 's/^nextdeploy-master-key-1://p', '/etc/nextdeploy/master.key'])).stdout.trim();
  expect(key).toHaveLength(43);
  const ofToken = { 'a token': made.token, "the administrator's token": token };
  const ofKey = { 'the master key': key, 'the master key in hexadecimal': Buffer.from(key, 'base64url').toString('hex') };
  return { ...ofToken, ...ofKey, secrets: NEEDLE, 'the credentials of a provider': doppler.token, ...VALUES };
}

describe('secrets', () => {
  it('are given to the app, the narrower over the wider and over its environment, and come back with a rollback', async () => {
    await set(VALUES);
    await client.call('syncSecrets', { body: { scope: 'global', secrets: { SEC_PLAIN: 'global', SEC_GLOBAL: 'for all' } } });
    await deploy(client, base({ env: { SEC_PLAIN: 'of the environment', PLAIN: 'x' } }));
    expect(await environment()).toMatchObject({ ...VALUES, SEC_GLOBAL: 'for all', PLAIN: 'x', PORT: '3000' });
    await set({ SEC_PLAIN: 'another' });
    expect((await environment()).SEC_PLAIN).toBe(VALUES.SEC_PLAIN);
    await swap(client, APP, images.v2);
    expect((await environment()).SEC_PLAIN).toBe('another');
    await client.call('rollback', { query: { wait: 'true' }, body: { app_name: APP } });
    expect(await environment()).toMatchObject(VALUES);
  });

  it('reach the running app by a new release of the same image, without a request lost', async () => {
    const { release } = await client.call('getAppStatus', { params: name });
    const changed = await set({ SEC_ROLLED: 'needle-7f3a9c-rolled' }, { roll: true });
    expect(changed).toMatchObject({ apps: [APP], not_rolled: [], rolled: [{ app_name: APP }] });
    const id = changed.rolled[0]?.operation_id ?? '';
    const done = await until(
      'the end',
      () => client.call('getOperation', { params: { id } }),
      ({ state }) => state !== 'running',
    );
    expect(done.state).toBe('succeeded');
    expect((await client.call('getAppStatus', { params: name })).release).not.toBe(release);
    expect((await environment()).SEC_ROLLED).toBe('needle-7f3a9c-rolled');
  });

  it('are masked in what a failing program printed, and in the answer that says so', async () => {
    const script = 'console.log(process.env.SEC_QUOTED, process.env.SEC_LINES, JSON.stringify(process.env)); process.exit(3)';
    const failing = deploy(client, base({ pre_switch: { command: ['node', '-e', script] } }));
    const { error, evidence } = await failureOf(failing);
    expect(evidence).toMatchObject({ step: 'pre_switch', exit_code: 3 });
    expect(JSON.stringify([error.message, evidence])).not.toContain(NEEDLE);
    expect(evidence.log_tail.join('\n')).toContain('[value]');
  });

  it('are sealed with a new key by a rotation, also one in which the daemon is killed', { timeout: 120_000 }, async () => {
    const key = async () => (await bed.exec(['cat', '/etc/nextdeploy/master.key'])).stdout;
    const before = await key();
    expect((await client.call('rotateSecretsKey')).secrets).toBeGreaterThan(4);
    expect(await key()).not.toBe(before);
    expect((await bed.exec(['stat', '-c', '%a %U', '/etc/nextdeploy/master.key'])).stdout.trim()).toBe('400 root');
    for (const wait_ms of [0, 2, 5, 10]) {
      const rotation = client.call('rotateSecretsKey').catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, wait_ms));
      // systemd gives up on a unit that is started too often within a minute.
      await bed.exec(['systemctl', 'reset-failed', 'nextdeployd']);
      await bed.exec(['systemctl', 'kill', '--signal=KILL', 'nextdeployd']);
      await rotation;
      await until(
        'the daemon',
        () => client.call('getVersion'),
        () => true,
      );
      expect((await bed.exec(['ls', '/etc/nextdeploy'])).stdout).not.toContain('master.key.');
    }
    await swap(client, APP, images.v1);
    expect(await environment()).toMatchObject({ SEC_LINES: VALUES.SEC_LINES, SEC_GLOBAL: 'for all' });
  });
});

describe('nothing that is secret', () => {
  let needles: Needles;
  beforeAll(async () => {
    needles = await live();
    await placeNeedles(bed, needles);
  });
  afterAll(async () => {
    await client.call('removeSecretProvider', { query: { scope: 'project', project: 'sec-project' } });
    await clearHunt(bed);
  });

  it('escapes the hunt where it is by right', async () => {
    const found = await hunt(bed, { script: PLACES[1]?.script ?? '' }, needles);
    expect(found.join('\n')).toMatch(/the master key .*master\.key/);
    expect(found.join('\n')).toMatch(/the administrator's token .*config\.yml/);
    const files = await bed.exec(['sh', '-c', `grep --recursive --files-with-matches ${NEEDLE} /run/nextdeploy-secrets | wc -l`]);
    expect(Number(files.stdout)).toBeGreaterThanOrEqual(Object.keys(VALUES).length);
  });

  it.each(PLACES)('is in $what', async (place) => {
    expect(await hunt(bed, place, needles)).toEqual([]);
  });

  it.each(READ_ROUTES)('is in what %s answers', async (name) => {
    const [operation] = await client.call('listOperations', { query: { app_name: APP, limit: 1 } });
    const { release } = await client.call('getAppStatus', { params: { name: APP } });
    const params = { name: APP, domain: 'sec-files.test', 'getRelease.id': release ?? '', id: operation?.id ?? '' };
    const { status, text } = await readRoute(bed.daemonSocket, token, name, params);
    expect(status).toBeLessThan(500);
    expect(text.length).toBeGreaterThan(1);
    expect(namesIn(text, needles)).toEqual([]);
  });
});

describe('secrets that are not needed any more', () => {
  it('of an app go with it', async () => {
    await client.call('removeApp', { params: name, query: { wait: 'true', purge: 'true' } });
    expect((await client.call('listSecrets')).filter(({ scope }) => scope === 'app')).toEqual([]);
  });
});
