/** A server is lost, and another one takes its place from a backup: the app serves with the same secrets. Two servers of its own. */
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DaemonClient, unixSocketTransport } from '../../daemon/api/client.ts';
import { Sealed } from '../../daemon/secrets/sealed.ts';
import { type Bed, startBed } from '../bed/bed.ts';
import { engineOf } from '../bed/engine.ts';
import { installDaemon } from '../bed/install-daemon.ts';
import { bedPaths } from '../bed/paths.ts';
import { buildTinyImages, saveImage } from '../fixtures/images.ts';
import { deploy, until, visit } from './engine-harness.ts';

const PASSPHRASE = 'correct horse battery';
const NEEDLE = 'needle-51d0e7';
const BACK_MS_MAX = 60_000;

interface Server {
  bed: Bed;
  client: DaemonClient;
}

let first: Server;
let second: Server;
let directory: string;
let backup: Buffer;

async function startServer(label: string): Promise<Server> {
  const bed = await startBed({ label });
  const { token } = await installDaemon(bed);
  return { bed, client: new DaemonClient({ transport: unixSocketTransport(bed.daemonSocket), token: new Sealed(token) }) };
}

async function load({ bed, client }: Server, version: 'v1' | 'v2'): Promise<string> {
  const engine = engineOf(bedPaths(), bed.id);
  const image = (await buildTinyImages(engine))[version];
  await client.upload('loadImages', Readable.from(await saveImage(engine, image)));
  return image;
}

const environment = async ({ bed, client }: Server, app: string): Promise<string[]> => {
  const { slot } = await client.call('getAppStatus', { params: { name: app } });
  const { stdout } = await bed.exec(['docker', 'inspect', '--format', '{{json .Config.Env}}', `nextdeploy-${app}-${slot}-0`]);
  return JSON.parse(stdout) as string[];
};
const serves = (server: Server, host: string, body: string) =>
  until(
    `${host} to serve ${body}`,
    () => visit(server.bed, host),
    (answer) => answer.status === 200 && answer.body.trim() === body,
    BACK_MS_MAX,
  );
const restored = (server: Server, id: string) =>
  until(
    'the restored daemon',
    () => server.client.call('listEvents', { query: { limit: 1_000 } }),
    (events) => events.some(({ kind, message }) => kind === 'state.restored' && message.includes(id)),
    BACK_MS_MAX,
  );
const restore = ({ client }: Server, query: { apply?: 'true' } = {}) =>
  client.upload('restoreBackup', Readable.from([Buffer.from(`${PASSPHRASE}\n`), backup]), { query });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nextdeploy-backup-e2e-'));
  [first, second] = await Promise.all([startServer('backup-first'), startServer('backup-second')]);
  const image = await load(first, 'v1');
  for (const app of ['back-shop', 'back-blog']) {
    await first.client.call('syncSecrets', {
      body: { scope: 'app', app_name: app, secrets: { BACK_TOKEN: `${NEEDLE}-${app}` } },
    });
    await deploy(first.client, { app_name: app, image, domain: `${app}.test` });
  }
  await first.client.call('stopApp', { params: { name: 'back-blog' }, query: { wait: 'true' } });
  await first.client.call('createToken', { body: { name: 'ci', role: 'operator', apps: ['back-shop'] } });
});
afterAll(async () => {
  for (const server of [first, second]) {
    server.client.close();
    await server.bed.stop();
  }
  await rm(directory, { recursive: true, force: true });
});

describe('a backup', () => {
  it('is made by the command line, for root alone, and leaves nothing of itself on the server', async () => {
    const { bed } = first;
    const made = await bed.exec(
      ['/opt/nextdeploy/current/bin/nextdeploy', 'backup', '/root/server.backup', '--passphrase-file', '-'],
      {
        input: `${PASSPHRASE}\n`,
        timeoutMs: BACK_MS_MAX,
      },
    );
    expect(made).toMatchObject({ code: 0, stderr: '' });
    expect((await bed.exec(['stat', '-c', '%a %U', '/root/server.backup'])).stdout.trim()).toBe('600 root');
    expect((await bed.exec(['ls', '-A', '/var/lib/nextdeploy'])).stdout).not.toContain('backup');
    const file = join(directory, 'server.backup');
    await engineOf(bedPaths(), bed.id).docker(['cp', `nextdeploy-bed-${bed.id}:/root/server.backup`, file]);
    backup = await readFile(file);
    expect(backup.length).toBe((await stat(file)).size);
    expect(backup.includes(NEEDLE)).toBe(false);
  });
});

describe('a fresh server', () => {
  it('is told what a restore would bring, and which images it lacks', async () => {
    const report = await restore(second);
    expect(report).toMatchObject({
      applied: false,
      apps: [
        { name: 'back-blog', outcome: 'stays_stopped' },
        { name: 'back-shop', outcome: 'needs_image' },
      ],
    });
    expect(report.changes.map(({ kind, name, change }) => `${change} ${kind} ${name}`)).toEqual(
      expect.arrayContaining(['added app back-shop', 'added route back-shop.test', 'added secret app back-shop BACK_TOKEN']),
    );
    expect(await second.client.call('listApps')).toEqual([]);
  });

  it('serves the app with the same secrets once it is restored, its image being there', { timeout: 300_000 }, async () => {
    await load(second, 'v1');
    const { restore_id, apps } = await restore(second, { apply: 'true' });
    expect(apps).toContainEqual({ name: 'back-shop', outcome: 'starts', detail: '' });
    await restored(second, restore_id ?? '');
    await serves(second, 'back-shop.test', 'v1');
    expect(await environment(second, 'back-shop')).toContain(`BACK_TOKEN=${NEEDLE}-back-shop`);
    expect((await visit(second.bed, 'back-blog.test')).status).toBe(503);
    await second.client.call('startApp', { params: { name: 'back-blog' }, query: { wait: 'true' } });
    expect(await environment(second, 'back-blog')).toContain(`BACK_TOKEN=${NEEDLE}-back-blog`);
    expect((await second.client.call('listTokens')).map(({ name }) => name)).toEqual(['ci']);
    expect((await second.client.call('listAudit', { query: { action: 'restoreBackup' } }))[0]).toMatchObject({
      actor: 'admin',
      code: null,
    });
    expect(await second.client.call('listSecrets')).toEqual(await first.client.call('listSecrets'));
    expect((await second.bed.exec(['ls', '-A', '/var/lib/nextdeploy', '/etc/nextdeploy'])).stdout).not.toMatch(
      /staged|restore\.json/,
    );
  });
});

describe('a server with apps of its own', () => {
  it('has the apps of the backup afterwards, and leaves those alone that are the same', { timeout: 300_000 }, async () => {
    // Another one since the backup, and the same one as before.
    const image = await load(first, 'v2');
    await deploy(first.client, { app_name: 'back-later', image, domain: 'back-later.test' });
    const container = () =>
      first.bed.exec(['docker', 'ps', '--no-trunc', '--quiet', '--filter', 'label=nextdeploy.app=back-shop']);
    const before = (await container()).stdout;
    const report = await restore(first);
    expect(report.changes).toContainEqual(expect.objectContaining({ kind: 'app', name: 'back-later', change: 'gone' }));
    const { restore_id, apps } = await restore(first, { apply: 'true' });
    expect(apps).toContainEqual({ name: 'back-shop', outcome: 'serves_on', detail: '' });
    await restored(first, restore_id ?? '');
    expect((await first.client.call('listApps')).map(({ name }) => name)).toEqual(['back-blog', 'back-shop']);
    await serves(first, 'back-shop.test', 'v1');
    expect((await container()).stdout).toBe(before);
    const left = await first.bed.exec(['docker', 'ps', '--all', '--quiet', '--filter', 'label=nextdeploy.app=back-later']);
    expect(left.stdout).toBe('');
  });

  it('is restored whole or not at all when the daemon is killed meanwhile', { timeout: 300_000 }, async () => {
    for (const wait_ms of [200, 800, 1_500]) {
      await second.client.call('syncSecrets', { body: { scope: 'global', secrets: { SINCE: `since ${wait_ms}` } } });
      const asked = restore(second, { apply: 'true' }).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, wait_ms));
      // systemd gives up on a unit that is started too often within a minute.
      await second.bed.exec(['systemctl', 'reset-failed', 'nextdeployd']);
      await second.bed.exec(['systemctl', 'kill', '--signal=KILL', 'nextdeployd']);
      await asked;
      await until(
        'the daemon',
        () => second.client.call('getHealth'),
        ({ status }) => status === 'ok',
        BACK_MS_MAX,
      );
      const events = await second.client.call('listEvents', { query: { limit: 1_000 } });
      const secrets = (await second.client.call('listSecrets')).map(({ scope, name }) => `${scope} ${name}`);
      const kept = ['app BACK_TOKEN', 'app BACK_TOKEN'];
      expect([kept, ['global SINCE', ...kept]]).toContainEqual(secrets);
      expect(events.length).toBeGreaterThan(0);
      await serves(second, 'back-shop.test', 'v1');
      expect(await environment(second, 'back-shop')).toContain(`BACK_TOKEN=${NEEDLE}-back-shop`);
    }
  });

  it('says nothing of passphrase and values in its journal', async () => {
    for (const { bed } of [first, second])
      for (const secret of [PASSPHRASE, NEEDLE]) {
        const found = await bed.exec(['sh', '-c', `journalctl --no-pager --unit nextdeployd | grep --count -- '${secret}'`]);
        expect(found.stdout.trim()).toBe('0');
      }
  });
});
