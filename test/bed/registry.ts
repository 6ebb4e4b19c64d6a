/**
 * A private registry on a bed: Debian's docker-registry on port 5000 of the server, with one account. Essentials for users:
 *
 *   const registry = await startRegistry(bed, { user: 'shop', password: 'secret' });
 *   const digest = await registry.push('nextdeploy-tiny:v1', 'shop/web:1.0');   // from the private engine, see test/fixtures
 *   … deploy `${registry.address}/shop/web:1.0` with these credentials …
 *   await registry.stop();
 *
 * Pushing leaves nothing on the server's Docker, so that a pull has something to do. An image that the private engine does not have is
 * pushed from the server's own Docker.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bed } from './bed.ts';
import { acquireEngine, type Engine } from './engine.ts';
import { hasImage } from './rootfs.ts';
import { type RunOptions, run, waitFor } from './run.ts';

export interface Registry {
  /** How the server's Docker names it, first part of an image's name there: `127.0.0.1:5000`. */
  address: string;
  user: string;
  password: string;
  /** Pushes `image` as `repository:tag`; resolves with the digest (`sha256:…`) it has there. */
  push(image: string, reference: string): Promise<string>;
  /** The digest of `repository:tag`; throws when the registry has none. */
  digestOf(reference: string): Promise<string>;
  /** Idempotent: ends the service and removes what was pushed, and the account. */
  stop(): Promise<void>;
}

const PORT = 5000;
const STORAGE = '/var/lib/docker-registry';
const ACCOUNTS = '/etc/docker/registry/htpasswd';
const READY_MS_MAX = 20_000;
/** What a registry may call an image: without these it answers in its oldest format, whose digest is another. */
const MANIFESTS = [
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
].join(', ');

/** On all addresses, because this machine reaches it by a published port; no cache, because the storage goes while it may not. */
const CONFIGURATION = `version: 0.1
storage:
  filesystem:
    rootdirectory: ${STORAGE}
  delete:
    enabled: true
http:
  addr: :${PORT}
auth:
  htpasswd:
    realm: bed
    path: ${ACCOUNTS}
`;

/** Starts the bed's registry, empty; one that runs already is replaced. Throws with the journal's end when it does not come up. */
export async function startRegistry(bed: Bed, account: { user: string; password: string }): Promise<Registry> {
  const { user, password } = account;
  await clear(bed);
  const { stdout: accounts } = await inServer(bed, ['htpasswd', '-niB', user], password);
  await inServer(bed, ['tee', ACCOUNTS], accounts);
  await inServer(bed, ['tee', '/etc/docker/registry/config.yml'], CONFIGURATION);
  await inServer(bed, ['systemctl', 'start', 'docker-registry']);
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const ask = (path: string, method = 'GET') =>
    fetch(new URL(path, bed.registry), { method, headers: { authorization, accept: MANIFESTS } });
  await waitUntilUp(bed, ask);
  const client = await writeClient(bed, authorization);
  const engine = await acquireEngine({ label: 'registry' });
  return {
    address: `127.0.0.1:${PORT}`,
    user,
    password,
    push: async (image, reference) => {
      await push(bed, engine, client, image, reference);
      return digestOf(ask, reference);
    },
    digestOf: (reference) => digestOf(ask, reference),
    stop: async () => {
      await clear(bed);
      await rm(client, { recursive: true, force: true });
      await engine.release();
    },
  };
}

async function waitUntilUp(bed: Bed, ask: (path: string) => Promise<Response>): Promise<void> {
  const answers = async () => ((await ask('/v2/')).ok ? true : undefined);
  await waitFor('the answer of the registry', answers, { timeoutMs: READY_MS_MAX }).catch(async (cause: unknown) => {
    const { stdout } = await bed.exec(['journalctl', '-u', 'docker-registry', '-n', '10', '--no-pager', '-o', 'cat']);
    throw new Error(`the registry did not come up:\n${stdout}`, { cause });
  });
}

/** A folder of the docker client that knows the account by both of the registry's addresses. */
async function writeClient(bed: Bed, authorization: string): Promise<string> {
  const folder = join(bed.runDirectory, 'registry-client');
  const auth = authorization.replace('Basic ', '');
  const auths = { [new URL(bed.registry).host]: { auth }, [`127.0.0.1:${PORT}`]: { auth } };
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(join(folder, 'config.json'), JSON.stringify({ auths }), { mode: 0o600 });
  return folder;
}

async function push(bed: Bed, engine: Engine, client: string, image: string, reference: string): Promise<void> {
  const env = { DOCKER_CONFIG: client, DOCKER_HOST: '', DOCKER_CONTEXT: '' };
  const fromServer = (argv: string[], options?: RunOptions) =>
    run('docker', ['--host', `unix://${bed.dockerSocket}`, ...argv], { ...options, env });
  const isHere = await hasImage(engine, image);
  const docker = isHere ? engine.docker : fromServer;
  // Docker speaks plain HTTP with a registry on 127.0.0.0/8.
  const name = `${isHere ? new URL(bed.registry).host : `127.0.0.1:${PORT}`}/${reference}`;
  await docker(['tag', image, name]);
  try {
    await docker(['push', '--quiet', name], { env });
  } finally {
    await docker(['rmi', name]);
  }
}

async function digestOf(ask: (path: string, method: string) => Promise<Response>, reference: string): Promise<string> {
  const [, repository, tag] = /^([^:]+):([^:]+)$/.exec(reference) ?? [];
  if (!repository || !tag) throw new Error(`say repository:tag, not ${reference}`);
  const answer = await ask(`/v2/${repository}/manifests/${tag}`, 'HEAD');
  const digest = answer.headers.get('docker-content-digest');
  if (!answer.ok || digest === null) throw new Error(`the registry answers ${answer.status} for ${reference}`);
  return digest;
}

async function clear(bed: Bed): Promise<void> {
  await inServer(bed, ['systemctl', 'stop', 'docker-registry']);
  await inServer(bed, ['find', STORAGE, '-mindepth', '1', '-delete']);
  await inServer(bed, ['rm', '-f', ACCOUNTS]);
}

async function inServer(bed: Bed, argv: string[], input?: string): Promise<{ stdout: string }> {
  const result = await bed.exec(argv, { timeoutMs: 60_000, ...(input === undefined ? {} : { input }) });
  if (result.code !== 0) throw new Error(`${argv.join(' ')} failed in the server: ${result.stderr || result.stdout}`);
  return result;
}
