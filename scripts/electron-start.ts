/** Starts the desktop app from its source. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ARCHITECTURES, type DaemonTarball } from '../main/core/installer/tarball.ts';
import { type ConsolePaths, pathsEnvironment } from '../main/web/paths.ts';
import { buildDesktop } from './build.ts';
import { buildDaemonTarball } from './dist.ts';

const ROOT = join(import.meta.dirname, '..');

export interface ElectronOptions {
  /** Default: the operator's own. */
  paths?: ConsolePaths;
  log: (line: string) => void;
  /** Ends the app. */
  signal: AbortSignal;
}

/** Builds the app where it is stale and starts it; `ended` resolves with its exit code. Throws when it cannot be built or started. */
export async function startElectron(executable: string, options: ElectronOptions): Promise<{ ended: Promise<number> }> {
  const { paths, log, signal } = options;
  await buildDesktop(log, signal);
  void listTarballs(log); // needed only when a daemon is installed: the window need not wait for it
  const child = spawn(executable, [ROOT], {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, ...(paths === undefined ? {} : pathsEnvironment(paths)) },
  });
  const end = () => child.kill('SIGTERM');
  signal.addEventListener('abort', end, { once: true });
  await once(child, 'spawn');
  const ended = once(child, 'close').then(([code]) => {
    signal.removeEventListener('abort', end);
    return typeof code === 'number' ? code : 0;
  });
  return { ended };
}

/** Builds the daemon and tells the app's core, which knows this list alone, of each build as it is there. */
async function listTarballs(log: (line: string) => void): Promise<void> {
  const built: (DaemonTarball & { architecture: string })[] = [];
  for (const architecture of ARCHITECTURES) {
    try {
      built.push({ architecture, ...(await buildDaemonTarball({ arch: architecture })) });
      await writeFile(join(ROOT, 'out', 'electron', 'tarballs.json'), JSON.stringify(built));
    } catch (error) {
      log(`No daemon for linux-${architecture}: ${error instanceof Error ? error.message : error}`);
    }
  }
}
