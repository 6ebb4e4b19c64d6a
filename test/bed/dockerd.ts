/** The private engine's process: start, stop, and whether it runs. Callers hold the state's lock. */
import { spawn } from 'node:child_process';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { docker } from './docker-client.ts';
import { startTicksOf } from './lease.ts';
import { type BedPaths, enginePaths } from './paths.ts';
import { clearRemains } from './remains.ts';
import { systemPath, waitFor } from './run.ts';

// 10.213.0.0/16 is the daemon's own network inside the servers, so the servers' networks must not be there.
const ADDRESS_POOL = 'base=10.214.0.0/16,size=24';
const ENGINE_START_MS_MAX = 30_000;
const ENGINE_STOP_MS_MAX = 30_000;

/** Starts dockerd unless it runs, after clearing what a killed one left. Throws with the end of its log when it does not come up. */
export async function startEngine(paths: BedPaths): Promise<void> {
  const engine = enginePaths(paths);
  if (await enginePid(paths)) {
    await docker(paths, ['version'], { timeoutMs: 20_000 });
    return;
  }
  await clearRemains(paths);
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
export async function enginePid(paths: BedPaths): Promise<number | undefined> {
  const engine = enginePaths(paths);
  const pid = Number(await readFile(engine.pid, 'utf8').catch(() => ''));
  if (!Number.isInteger(pid) || pid <= 1) return undefined;
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return command.split('\0').includes(engine.execRoot) && (await startTicksOf(pid)) !== undefined ? pid : undefined;
}

/** Stops dockerd, in the worst case by force, and removes the engine's own files and those of leases. */
export async function stopEngine(paths: BedPaths): Promise<void> {
  const engine = enginePaths(paths);
  const pid = await enginePid(paths);
  if (pid !== undefined) {
    process.kill(pid, 'SIGTERM');
    const ended = async () => ((await enginePid(paths)) === undefined ? true : undefined);
    await waitFor('the end of the Docker engine', ended, { timeoutMs: ENGINE_STOP_MS_MAX, intervalMs: 20 }).catch(() => {
      process.kill(pid, 'SIGKILL');
    });
  }
  await clearRemains(paths);
  await rm(engine.dir, { recursive: true, force: true });
  await rm(join(paths.state, 'runs'), { recursive: true, force: true });
  await rm(paths.state, { recursive: true, force: true });
}
