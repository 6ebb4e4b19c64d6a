/**
 * The private Docker engine of this machine, shared by all runs and counted by leases: the first user starts it, the last stops it.
 * It leaves a system Docker alone: own socket, files, containerd and address pool, no default bridge, no iptables rules. So beds reach
 * this machine (their network's gateway) and are reached by published ports, but neither each other nor the Internet.
 */
import { spawn } from 'node:child_process';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createLease, listLeases, removeLease, startTicksOf } from './lease.ts';
import { withLock } from './lock.ts';
import { type BedPaths, bedPaths, enginePaths, runDirectoryOf } from './paths.ts';
import { ensurePrerequisites } from './prerequisites.ts';
import { capture, type RunOptions, type RunResult, run, systemPath, waitFor } from './run.ts';

export interface Engine {
  /** Path of the engine's Unix socket. */
  socket: string;
  /** This use of the engine; label what you make with `nextdeploy.lease=<id>` and it goes when the lease goes. */
  leaseId: string;
  paths: BedPaths;
  /** Runs the docker client against this engine; throws with the end of its output when it fails. */
  docker(argv: readonly string[], options?: RunOptions): Promise<{ stdout: string; stderr: string }>;
  /** Like `docker`, but a failure is a result: for programs run in containers. */
  attempt(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Idempotent: removes everything labelled with the lease, and stops the engine when this was the last lease. */
  release(): Promise<void>;
}

export interface EngineOptions {
  label?: string | undefined;
  paths?: BedPaths | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: ((line: string) => void) | undefined;
}

export const LEASE_LABEL = 'nextdeploy.lease';

// 10.213.0.0/16 is the daemon's own network inside the servers, so the servers' networks must not be there.
const ADDRESS_POOL = 'base=10.214.0.0/16,size=24';
const CLIENT_MS_MAX = 300_000;
const ENGINE_START_MS_MAX = 30_000;
const ENGINE_STOP_MS_MAX = 30_000;

/**
 * Starts the engine or joins it, after sweeping what dead runs left. The lease belongs to this process and to no other.
 * Installs missing system packages where it can (see `ensurePrerequisites`). Throws when the engine does not come up, with its log's end.
 */
export async function acquireEngine(options: EngineOptions = {}): Promise<Engine> {
  const paths = options.paths ?? bedPaths();
  await ensurePrerequisites(options);
  return withLock(
    stateLock(paths),
    async () => {
      await startEngine(paths);
      await sweepLeases(paths);
      const lease = await createLease(paths, options.label ?? 'engine');
      return engineOf(paths, lease.id);
    },
    options.signal,
  );
}

/** The engine as seen by a lease that exists already (of this or another process). */
export function engineOf(paths: BedPaths, leaseId: string): Engine {
  return {
    socket: enginePaths(paths).socket,
    leaseId,
    paths,
    docker: (argv, runOptions) => docker(paths, argv, runOptions),
    attempt: (argv, runOptions) => capture('docker', ...clientCall(paths, argv, runOptions)),
    release: () => withLock(stateLock(paths), () => releaseLease(paths, leaseId)),
  };
}

/** Removes what dead runs left behind (containers, networks, files), and the engine if nobody alive uses it. */
export async function sweep(paths: BedPaths = bedPaths()): Promise<{ swept: string[] }> {
  return withLock(stateLock(paths), async () => {
    const { alive, dead } = await listLeases(paths);
    if (dead.length === 0 && (alive.length > 0 || !(await enginePid(paths)))) return { swept: [] };
    await startEngine(paths);
    const swept = await sweepLeases(paths);
    if (alive.length === 0) await stopEngine(paths);
    return { swept };
  });
}

function stateLock(paths: BedPaths): string {
  return `${paths.state}.lock`;
}

async function releaseLease(paths: BedPaths, id: string): Promise<void> {
  if (await enginePid(paths)) await removeLabelled(paths, id);
  await removeLease(paths, id);
  const { alive } = await listLeases(paths);
  if (alive.length === 0) await stopEngine(paths);
}

/** Everything whose lease is dead or gone: by folder, and by label, should a folder have been lost. */
async function sweepLeases(paths: BedPaths): Promise<string[]> {
  const { alive, dead } = await listLeases(paths);
  const living = new Set(alive.map((lease) => lease.id));
  const labelled = (await labelledResources(paths)).map((resource) => resource.lease);
  const gone = [...new Set([...dead, ...labelled])].filter((id) => !living.has(id));
  for (const id of gone) {
    await removeLabelled(paths, id);
    await removeLease(paths, id);
  }
  return gone;
}

interface LabelledResource {
  kind: 'container' | 'network' | 'volume';
  name: string;
  lease: string;
}

async function labelledResources(paths: BedPaths): Promise<LabelledResource[]> {
  const format = `{{.ID}} {{.Label "${LEASE_LABEL}"}}`;
  const filter = ['--filter', `label=${LEASE_LABEL}`];
  const lists = await Promise.all([
    docker(paths, ['ps', '--all', '--no-trunc', ...filter, '--format', format]),
    docker(paths, ['network', 'ls', ...filter, '--format', format]),
    docker(paths, ['volume', 'ls', ...filter, '--format', format.replace('.ID', '.Name')]),
  ]);
  const kinds = ['container', 'network', 'volume'] as const;
  return lists.flatMap((list, index) =>
    list.stdout
      .split('\n')
      .map((line) => line.split(' '))
      .flatMap(([name, lease]) => (name && lease ? [{ kind: kinds[index] ?? 'container', name, lease }] : [])),
  );
}

async function removeLabelled(paths: BedPaths, lease: string): Promise<void> {
  const mine = (await labelledResources(paths)).filter((resource) => resource.lease === lease);
  for (const kind of ['container', 'network', 'volume'] as const) {
    const names = mine.filter((resource) => resource.kind === kind).map((resource) => resource.name);
    if (names.length === 0) continue;
    await docker(paths, kind === 'container' ? ['rm', '--force', '--volumes', ...names] : [kind, 'rm', ...names]);
  }
}

function docker(paths: BedPaths, argv: readonly string[], options?: RunOptions): Promise<RunResult> {
  return run('docker', ...clientCall(paths, argv, options));
}

function clientCall(paths: BedPaths, argv: readonly string[], options: RunOptions = {}): [string[], RunOptions] {
  const { socket, dir } = enginePaths(paths);
  // An own, empty client configuration: neither the user's contexts nor credentials matter here.
  const env = { DOCKER_CONFIG: join(dir, 'client'), DOCKER_HOST: '', DOCKER_CONTEXT: '', DOCKER_BUILDKIT: '0', ...options.env };
  return [['--host', `unix://${socket}`, ...argv], { timeoutMs: CLIENT_MS_MAX, ...options, env }];
}

async function startEngine(paths: BedPaths): Promise<void> {
  const engine = enginePaths(paths);
  if (await enginePid(paths)) {
    await docker(paths, ['version'], { timeoutMs: 20_000 });
    return;
  }
  await rm(engine.socket, { force: true });
  await rm(engine.pid, { force: true });
  await mkdir(join(engine.dir, 'client'), { recursive: true, mode: 0o700 });
  await mkdir(engine.dataRoot, { recursive: true, mode: 0o711 });
  // Its own configuration file, because dockerd otherwise reads the system Docker's.
  await writeFile(join(engine.dir, 'daemon.json'), '{}\n');
  const log = await open(engine.log, 'w');
  const child = spawn('dockerd', dockerdArguments(paths), {
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    cwd: '/',
    env: { PATH: systemPath(), HOME: '/root' },
  });
  const failed = new Promise<never>((_, reject) => {
    child.once('error', (cause) => reject(new Error(`cannot start dockerd: ${cause.message}`, { cause })));
    child.once('exit', (code) => reject(new Error(`dockerd ended with code ${code}`)));
  });
  failed.catch(() => undefined);
  try {
    const up = waitFor('the Docker engine', () => docker(paths, ['version'], { timeoutMs: 5000 }), {
      timeoutMs: ENGINE_START_MS_MAX,
    });
    await Promise.race([up, failed]);
  } catch (error) {
    child.kill('SIGKILL');
    const tail = (await readFile(engine.log, 'utf8').catch(() => '')).slice(-1500);
    throw new Error(`the private Docker engine does not start. The end of its log:\n${tail}`, { cause: error });
  } finally {
    child.removeAllListeners();
    child.unref();
    await log.close();
  }
}

function dockerdArguments(paths: BedPaths): string[] {
  const engine = enginePaths(paths);
  const files = ['--data-root', engine.dataRoot, '--exec-root', engine.execRoot, '--pidfile', engine.pid];
  const network = ['--bridge=none', '--iptables=false', '--ip6tables=false', '--ip-forward=false', '--ip-masq=false'];
  return [
    ...['--config-file', join(engine.dir, 'daemon.json'), '--host', `unix://${engine.socket}`, '--log-level', 'warn'],
    ...files,
    ...network,
    ...['--default-address-pool', ADDRESS_POOL],
  ];
}

/** The running engine's pid; undefined when it is not running (the pid file may be stale and the pid another's by now). */
async function enginePid(paths: BedPaths): Promise<number | undefined> {
  const engine = enginePaths(paths);
  const pid = Number(await readFile(engine.pid, 'utf8').catch(() => ''));
  if (!Number.isInteger(pid) || pid <= 1) return undefined;
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return command.split('\0').includes(engine.execRoot) && (await startTicksOf(pid)) !== undefined ? pid : undefined;
}

async function stopEngine(paths: BedPaths): Promise<void> {
  const engine = enginePaths(paths);
  const pid = await enginePid(paths);
  if (pid !== undefined) {
    process.kill(pid, 'SIGTERM');
    await waitFor('the end of the Docker engine', async () => ((await enginePid(paths)) === undefined ? true : undefined), {
      timeoutMs: ENGINE_STOP_MS_MAX,
      intervalMs: 20,
    });
  }
  await rm(engine.dir, { recursive: true, force: true });
  await rm(join(paths.state, 'runs'), { recursive: true, force: true });
  await rm(paths.state, { recursive: true, force: true });
}

/** The folder for a lease's files. */
export function leaseDirectory(engine: Engine): string {
  return runDirectoryOf(engine.paths, engine.leaseId);
}
