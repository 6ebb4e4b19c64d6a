/** The system packages that the bed needs on this machine: found, or installed, or asked for. */
import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run, systemPath } from './run.ts';

interface Program {
  name: string;
  package: string;
}

const PROGRAMS: readonly Program[] = [
  { name: 'dockerd', package: 'docker.io' },
  { name: 'docker', package: 'docker.io' },
  { name: 'debootstrap', package: 'debootstrap' },
  { name: 'iptables', package: 'iptables' },
  { name: 'ssh-keygen', package: 'openssh-client' },
  { name: 'flock', package: 'util-linux' },
  { name: 'unshare', package: 'util-linux' },
  { name: 'setpriv', package: 'util-linux' },
  { name: 'tar', package: 'tar' },
];

export interface InstallOptions {
  /** Called with each line of apt's output. */
  onProgress?: ((line: string) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** The Debian packages that provide what is missing here, sorted, each once. */
export async function missingPackages(programs: readonly Program[] = PROGRAMS): Promise<string[]> {
  const found = await Promise.all(
    programs.map(async (program) => ((await isInstalled(program.name)) ? undefined : program.package)),
  );
  return [...new Set(found.filter((name) => name !== undefined))].sort((a, b) => a.localeCompare(b));
}

/**
 * Makes sure that the bed's programs are here. On Debian and Ubuntu as root it installs the missing packages (minutes, at the first
 * time); elsewhere it throws an error whose message is the command to run. The bed needs root and Linux in any case.
 */
export async function ensurePrerequisites(options: InstallOptions = {}): Promise<void> {
  if (process.platform !== 'linux') throw new Error('The test bed runs on Linux only: it starts real Debian servers.');
  if (process.getuid?.() !== 0)
    throw new Error('The test bed needs root: it starts a Docker engine of its own. Run the command with sudo.');
  const missing = await missingPackages();
  if (missing.length > 0) await installPackages(missing, options);
}

/** Installs Debian packages by name where that is possible (see `ensurePrerequisites`); also for what other tests need. */
export async function installPackages(packages: readonly string[], options: InstallOptions = {}): Promise<void> {
  const install = ['install', '--yes', '--no-install-recommends', ...packages];
  if (!(await isDebianFamily()) || process.getuid?.() !== 0) {
    throw new Error(`Missing programs. Install them with: sudo apt-get update && sudo apt-get ${install.join(' ')}`);
  }
  options.onProgress?.(`installing ${packages.join(', ')}`);
  // RUNLEVEL=1 keeps the packages from starting services where no systemd runs: the bed's engine is its own.
  const env = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const common = { env, signal: options.signal, onLine: options.onProgress };
  const wait = ['-o', 'DPkg::Lock::Timeout=300'];
  await run('apt-get', [...wait, 'update'], common);
  await run('apt-get', [...wait, ...install], common);
}

async function isInstalled(program: string): Promise<boolean> {
  const checks = systemPath()
    .split(':')
    .map((dir) => access(join(dir, program), constants.X_OK));
  return (await Promise.allSettled(checks)).some((check) => check.status === 'fulfilled');
}

async function isDebianFamily(): Promise<boolean> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(release);
}
