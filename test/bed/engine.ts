/**
 * The private Docker engine of this machine, shared by all runs and counted by leases: the first user starts it, the last stops it.
 * It leaves a system Docker alone: own socket, files, containerd and address pool, no default bridge, no iptables rules. So beds reach
 * this machine (their network's gateway) and are reached by published ports, but neither each other nor the Internet.
 */
import { attemptDocker, docker } from './docker-client.ts';
import { enginePid, startEngine, stopEngine } from './dockerd.ts';
import { createLease, listLeases, removeLease } from './lease.ts';
import { withLock } from './lock.ts';
import { type BedPaths, bedPaths, enginePaths, runDirectoryOf } from './paths.ts';
import { ensurePrerequisites } from './prerequisites.ts';
import type { RunOptions, RunResult } from './run.ts';

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
    attempt: (argv, runOptions) => attemptDocker(paths, argv, runOptions),
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

/** The folder for a lease's files. */
export function leaseDirectory(engine: Engine): string {
  return runDirectoryOf(engine.paths, engine.leaseId);
}
