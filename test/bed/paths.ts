/** Where the bed keeps its files, and who owns what there. */
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * `state` holds what lives only while a run lives (sockets, leases, keys); it is short because a Unix socket's path may have
 * 107 bytes. `cache` outlives runs: root file systems and the engine's images.
 */
export interface BedPaths {
  state: string;
  cache: string;
}

/** The machine's shared paths. All runs must agree on `state`, so that one engine serves them all; `XDG_CACHE_HOME` moves the cache. */
export function bedPaths(env: NodeJS.ProcessEnv = process.env): BedPaths {
  return { state: '/run/nextdeploy-bed', cache: join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'nextdeploy') };
}

/** The folder of one lease: `lease.json` and the files of its bed. */
export function runDirectoryOf(paths: BedPaths, id: string): string {
  return join(paths.state, 'runs', id);
}

/** The private engine's own files. */
export function enginePaths(paths: BedPaths): {
  dir: string;
  socket: string;
  pid: string;
  log: string;
  execRoot: string;
  dataRoot: string;
} {
  const dir = join(paths.state, 'engine');
  return {
    dir,
    socket: join(dir, 'docker.sock'),
    pid: join(dir, 'docker.pid'),
    log: join(dir, 'dockerd.log'),
    execRoot: join(dir, 'exec'),
    dataRoot: join(paths.cache, 'engine'),
  };
}
