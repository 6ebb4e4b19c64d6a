/** Electron's runtime, which its npm package does not bring along but downloads when it is first wanted. */
import { spawn } from 'node:child_process';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const PACKAGE = join(import.meta.dirname, '..', 'node_modules', 'electron');

/** The executable, or null where it is not on this machine. */
export async function findElectron(): Promise<string | null> {
  const name = await readFile(join(PACKAGE, 'path.txt'), 'utf8').catch(() => null);
  if (name === null) return null;
  const executable = join(process.env.ELECTRON_OVERRIDE_DIST_PATH ?? join(PACKAGE, 'dist'), name.trim());
  return access(executable).then(
    () => executable,
    () => null,
  );
}

/**
 * Lets Electron's own installer fetch its runtime, checksum verified, for at most `wait_ms_max`. Resolves with the executable, or null
 * where it could not be had: without a network, behind a proxy that refuses it, on a system Electron is not made for.
 */
export async function downloadElectron(wait_ms_max: number, signal: AbortSignal): Promise<string | null> {
  await new Promise<void>((resolve) => {
    const child = spawn(process.execPath, [join(PACKAGE, 'install.js')], {
      stdio: 'ignore',
      signal: AbortSignal.any([signal, AbortSignal.timeout(wait_ms_max)]),
      killSignal: 'SIGKILL', // it holds nothing but a file in the system's temporary directory
    });
    child.once('error', () => undefined);
    child.once('close', () => resolve());
  });
  return findElectron();
}
