/**
 * A disposable server: Debian with systemd, sshd, Docker, and Caddy or nginx or both (certbot and docker-registry installed, not
 * running), as a container of the machine's private engine. Essentials for users:
 *
 *   const bed = await startBed();             // about 5 s when the image is cached
 *   try { await bed.exec(['uname', '-a']); } finally { await bed.stop(); }
 *
 * SSH is `operator` (sudo without password) or root with `bed.ssh.key`; host keys are new in each bed. Ports are on 127.0.0.1 and keep
 * through a restart of the server. `daemonSocket` and `dockerSocket` are the server's own sockets, usable from here. A bed whose process
 * dies is removed at the next start of any bed, or by `sweep()`.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { acquireEngine, type Engine, engineOf, leaseDirectory, sweep } from './engine.ts';
import { Entrance } from './enter.ts';
import { detachLease } from './lease.ts';
import { type BedPaths, bedPaths, runDirectoryOf } from './paths.ts';
import { waitUntilReady } from './readiness.ts';
import { ensureServerImage } from './rootfs.ts';
import type { Suite } from './rootfs-recipe.ts';
import { createServer, type ServerRecord } from './server.ts';
import type { Proxies } from './server-proxies.ts';

export type { Suite } from './rootfs-recipe.ts';
export type { Proxies } from './server-proxies.ts';
export { sweep };

export interface Bed {
  /** Short random id. */
  id: string;
  suite: Suite;
  /** The proxies that run. */
  proxies: Proxies;
  /** `key` is the path of an ed25519 private key file (0600) without passphrase. */
  ssh: { host: '127.0.0.1'; port: number; user: string; key: string };
  /** `http://127.0.0.1:PORT`: port 80 of the server, Caddy's unless only nginx runs. */
  http: string;
  /** `https://127.0.0.1:PORT`: port 443 of the server. */
  https: string;
  /** The same for nginx: port 8080 and 8443 of a server with both proxies; where nginx runs alone, 80 and 443. */
  nginx: { http: string; https: string };
  /** `http://127.0.0.1:PORT`: port 5000 of the server, where registry.ts starts a registry. */
  registry: string;
  /** Unix socket on this machine of the Docker engine inside the server. */
  dockerSocket: string;
  /** This bed's files on this machine; removed by stop(). */
  runDirectory: string;
  /** Where on this machine the server's /run/nextdeploy/nextdeployd.sock appears. */
  daemonSocket: string;
  /** Runs a program in the server as root, without a shell. Rejects only when it cannot be run or `timeoutMs` passes. */
  exec(
    argv: string[],
    options?: { input?: string | Buffer; timeoutMs?: number },
  ): Promise<{ code: number; stdout: string; stderr: string }>;
  /** Copies a file or folder into the server, owned by root. */
  copyIn(localPath: string, remotePath: string): Promise<void>;
  /** Idempotent; removes container, volumes, network, files, lease, and the engine when this was its last user. */
  stop(): Promise<void>;
}

export interface StartBedOptions {
  suite?: Suite;
  /** `caddy` unless said otherwise. With `both`, nginx listens on 8080 and 8443. */
  proxies?: Proxies;
  /** Part of the server's host name and of `bed ls`. */
  label?: string;
  /** Aborting removes everything made so far and rejects with the signal's reason. */
  signal?: AbortSignal;
  onProgress?: (line: string) => void;
}

/**
 * Starts a server; resolves when systemd is up, sshd and Docker answer, and the proxies serve their default sites. Throws with what was missing
 * and the server's own evidence, after removing what was made.
 */
export async function startBed(options: StartBedOptions = {}): Promise<Bed> {
  const { suite = 'bookworm', proxies = 'caddy', label = 'bed', signal, onProgress } = options;
  const engine = await acquireEngine({ label, signal, onProgress });
  try {
    const image = await ensureServerImage(engine, suite, { signal, onProgress });
    onProgress?.(`starting a ${suite} server`);
    const record = await createServer(engine, { suite, label, proxies, image, signal });
    const bed = bedOf(engine, record);
    await waitUntilReady(bed, signal);
    await writeFile(join(leaseDirectory(engine), 'bed.json'), JSON.stringify(record));
    return bed;
  } catch (error) {
    await engine.release();
    throw error;
  }
}

/** Lets the bed live on when this process ends, until `stop()` by any process. */
export async function keepBed(bed: Bed): Promise<void> {
  await detachLease(bedPaths(), bed.id);
}

/** The beds that are up on this machine, those of other processes too, oldest first. */
export async function listBeds(paths: BedPaths = bedPaths()): Promise<(Bed & { label: string; createdAt: string })[]> {
  const ids = await readdir(join(paths.state, 'runs')).catch(() => []);
  const records = await Promise.all(ids.map((id) => readRecord(paths, id)));
  return records
    .filter((record) => record !== undefined)
    .sort((a, b) => a.createdAt.localeCompare(b.createdAt))
    .map((record) => ({ ...bedOf(engineOf(paths, record.id), record), label: record.label, createdAt: record.createdAt }));
}

async function readRecord(paths: BedPaths, id: string): Promise<ServerRecord | undefined> {
  const text = await readFile(join(runDirectoryOf(paths, id), 'bed.json'), 'utf8').catch(() => undefined);
  // Written by startBed alone, once the server is up.
  return text === undefined ? undefined : (JSON.parse(text) as ServerRecord);
}

function bedOf(engine: Engine, record: ServerRecord): Bed {
  const runDirectory = leaseDirectory(engine);
  const { ports } = record;
  const entrance = new Entrance(engine, record.container);
  const main = { http: `http://127.0.0.1:${ports.http}`, https: `https://127.0.0.1:${ports.https}` };
  const beside = { http: `http://127.0.0.1:${ports.nginx_http}`, https: `https://127.0.0.1:${ports.nginx_https}` };
  return {
    id: record.id,
    suite: record.suite,
    proxies: record.proxies,
    ssh: { host: '127.0.0.1', port: ports.ssh, user: record.user, key: record.key },
    ...main,
    nginx: record.proxies === 'nginx' ? main : beside,
    registry: `http://127.0.0.1:${ports.registry}`,
    dockerSocket: join(record.mounts.docker, 'docker.sock'),
    runDirectory,
    daemonSocket: join(record.mounts.daemon, 'nextdeployd.sock'),
    exec: (argv, options = {}) => entrance.run(argv, options),
    copyIn: async (localPath, remotePath) => {
      await engine.docker(['cp', localPath, `${record.container}:${remotePath}`]);
    },
    stop: () => engine.release(),
  };
}
