import { once } from 'node:events';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DockerClient } from './docker/client.ts';
import { ScriptedDocker, says } from './docker/test-docker.ts';
import { DockerHostResources } from './resources.ts';

let fake: ScriptedDocker;
let client: DockerClient;
let folder: string;
const { signal } = new AbortController();

beforeEach(async () => {
  fake = await ScriptedDocker.start();
  client = new DockerClient(fake.socket);
  folder = await realpath(await mkdtemp(join(tmpdir(), 'nextdeploy-binds-')));
  await mkdir(join(folder, 'allowed', 'data'), { recursive: true });
  await mkdir(join(folder, 'allowed-not'));
});
afterEach(async () => {
  client.close();
  fake.close();
  await rm(folder, { recursive: true });
});

const resources = (...bind_roots: string[]) => new DockerHostResources(client, { bind_roots, network: 'nextdeploy' });
const check = (source: string, ...roots: string[]) =>
  resources(...roots.map((root) => join(folder, root))).checkBind(join(folder, source), signal);

describe('a bind mount', () => {
  it('is allowed at and beneath a directory of the list, and nowhere else', async () => {
    await check('allowed/data', 'other', 'allowed');
    await check('allowed', 'allowed');
    await resources('/').checkBind(folder, signal);
    await expect(check('allowed-not', 'allowed')).rejects.toThrow('is not beneath a directory that this server allows');
    await expect(check('allowed', 'allowed/data')).rejects.toThrow(
      'add it to `volumes.bind_roots` in /etc/nextdeploy/config.yml',
    );
  });

  it('is off where the list is empty', async () => {
    await expect(check('allowed')).rejects.toThrow(
      'This server allows no bind mounts; add the directory to `volumes.bind_roots`',
    );
  });

  it('goes by where links lead, in the source and in the list', async () => {
    await symlink('/etc', join(folder, 'allowed', 'link'));
    await symlink(join(folder, 'allowed'), join(folder, 'list'));
    await expect(check('allowed/link', 'allowed')).rejects.toThrow('link, which is /etc, is not beneath');
    await check('allowed/data', 'list');
    await check('list/data', 'allowed');
  });

  it('must exist', async () => {
    await writeFile(join(folder, 'allowed', 'file'), '');
    await symlink('loop', join(folder, 'allowed', 'loop'));
    for (const missing of ['allowed/none', 'allowed/file/none', 'allowed/loop']) {
      await expect(check(missing, 'allowed')).rejects.toThrow('does not exist on this host, or is hidden from the daemon');
    }
    await check('allowed/file', 'allowed');
  });

  it.skipIf(process.getuid?.() !== 0)("is no socket of root's unless the list names it", async () => {
    const server = createServer().listen(join(folder, 'allowed', 'docker.sock'));
    await once(server, 'listening');
    try {
      await expect(check('allowed/docker.sock', 'allowed')).rejects.toThrow('could hand over the host');
      await check('allowed/docker.sock', 'allowed', 'allowed/docker.sock');
    } finally {
      server.close();
    }
  });
});

describe('a network', () => {
  const network = (Driver: string, more: object = {}) => says(200, JSON.stringify({ Name: 'db', Driver, ...more }));

  it.each([
    ['bridge', {}],
    ['macvlan', {}],
    ['overlay', { Attachable: true }],
  ])('of the driver %s %o can be joined', async (driver, more) => {
    fake.answers = [network(driver, more)];
    await resources().checkNetwork('db', signal);
  });

  it.each([
    ['host', {}, 'cannot join the Docker network db (driver host)'],
    ['null', {}, 'cannot join'],
    ['overlay', { Attachable: false }, '--attachable'],
    ['overlay', { Attachable: true, Ingress: true }, 'cannot join'],
    ['bridge', { ConfigOnly: true }, 'cannot join'],
    ['bridge', { Name: 'dbase' }, 'There is no Docker network db; make it with `docker network create db`'],
  ])('of the driver %s %o cannot, and why is said', async (driver, more, expected) => {
    fake.answers = [network(driver, more)];
    await expect(resources().checkNetwork('db', signal)).rejects.toThrow(expected);
  });

  it("is not the daemon's own, and must be there once", async () => {
    fake.answers = [network('bridge', { Name: 'nextdeploy' }), says(404), says(400, '{"message":"network db is ambiguous"}')];
    await expect(resources().checkNetwork('nextdeploy', signal)).rejects.toThrow('leave it out');
    await expect(resources().checkNetwork('db', signal)).rejects.toThrow('There is no Docker network db');
    await expect(resources().checkNetwork('db', signal)).rejects.toThrow('cannot be used: network db is ambiguous');
  });
});

describe("Docker's disk", () => {
  it('is where Docker says, or where it would be when that cannot be seen', async () => {
    fake.answers = [folder, '/nowhere/at/all'].map((DockerRootDir) => says(200, JSON.stringify({ DockerRootDir })));
    for (let count = 0; count < 2; count += 1) {
      const { total_bytes, available_bytes } = await resources().dockerDisk(signal);
      expect(available_bytes).toBeGreaterThan(0);
      expect(total_bytes).toBeGreaterThan(available_bytes);
    }
  });
});
