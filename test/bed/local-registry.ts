/**
 * A private registry as a process of this machine, for tests of the daemon's Docker side on the private engine; see registry.ts for one
 * on a server. Essentials for users:
 *
 *   const registry = await startLocalRegistry(engine);
 *   await registry.push('nextdeploy-tiny:v1', 'shop/web:1.0');
 *   … pull `${registry.address}/shop/web:1.0` as ACCOUNT …
 *   await registry.stop();
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Engine } from './engine.ts';
import { installPackages, missingPackages } from './prerequisites.ts';
import { systemPath, waitFor } from './run.ts';

export interface LocalRegistry {
  /** First part of its images' names: `127.0.0.1:port`. Docker speaks plain HTTP with it. */
  address: string;
  /** Pushes `image` as `repository:tag`; resolves with its digest there. The engine keeps no name of it. */
  push(image: string, reference: string): Promise<string>;
  /** Idempotent. */
  stop(): Promise<void>;
}

export const ACCOUNT = { username: 'shop', password: 'of the shop' } as const;
/** bcrypt of the password, as `htpasswd -B` makes it. */
const ACCOUNTS = 'shop:$2y$05$Mvln0j2fway7XvRO/Zoo8e5sAEHXC84RfGfqNmDJn9rc9rExLFg/S\n';
const READY_MS_MAX = 20_000;

const configuration = (folder: string, port: number): string => `version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: ${join(folder, 'storage')}}}
http: {addr: 127.0.0.1:${port}}
auth: {htpasswd: {realm: test, path: ${join(folder, 'htpasswd')}}}
`;

/** Starts an empty registry with one {@link ACCOUNT}; installs the program where it is missing. */
export async function startLocalRegistry(engine: Engine): Promise<LocalRegistry> {
  const missing = await missingPackages([{ name: 'docker-registry', package: 'docker-registry' }]);
  if (missing.length > 0) await installPackages(missing);
  const folder = await mkdtemp(join(tmpdir(), 'nextdeploy-registry-'));
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const basic = Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString('base64');
  const client = join(folder, 'client');
  await mkdir(client);
  await writeFile(join(client, 'config.json'), JSON.stringify({ auths: { [address]: { auth: basic } } }));
  await writeFile(join(folder, 'htpasswd'), ACCOUNTS);
  await writeFile(join(folder, 'config.yml'), configuration(folder, port));
  const child = spawn('docker-registry', ['serve', join(folder, 'config.yml')], {
    stdio: 'ignore',
    env: { ...process.env, PATH: systemPath() },
  });
  const ended = once(child, 'close');
  const stop = async () => {
    child.kill('SIGKILL');
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  const answers = async () =>
    (await fetch(`http://${address}/v2/`, { headers: { authorization: `Basic ${basic}` } })).ok ? true : undefined;
  try {
    await waitFor('the answer of the registry', answers, { timeoutMs: READY_MS_MAX });
  } catch (error) {
    await stop();
    throw error;
  }
  return { address, push: (image, reference) => push(engine, client, image, `${address}/${reference}`), stop };
}

async function push(engine: Engine, client: string, image: string, name: string): Promise<string> {
  await engine.docker(['tag', image, name]);
  try {
    const { stdout } = await engine.docker(['push', name], { env: { DOCKER_CONFIG: client } });
    const digest = /digest: (sha256:[0-9a-f]{64})/.exec(stdout)?.[1];
    if (digest === undefined) throw new Error(`docker push says no digest: ${stdout}`);
    return digest;
  } finally {
    await engine.docker(['rmi', name]);
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // of a TCP server
  server.close();
  await once(server, 'close');
  return port;
}
