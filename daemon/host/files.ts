/** Small files that must be whole or not there. */
import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Null when there is no such file. */
export async function readTextIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** `group`: its id, if it is not to be the process's own. Writes beside the old file, syncs, renames: whoever reads sees the old content or the new, also after a power cut. */
export async function writeFileAtomically(path: string, content: string, mode: number, group?: number): Promise<void> {
  const temporary = join(dirname(path), `.${path.slice(dirname(path).length + 1)}.new`);
  const file = await open(temporary, 'w', mode);
  try {
    if (group !== undefined) await file.chown(process.getuid?.() ?? 0, group);
    await file.chmod(mode);
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}

/** Fine if it is gone. */
export async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true });
  await syncDirectory(dirname(path)).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
  });
}

/** Makes the directory with its parents; the mode holds whatever the umask. */
export async function makeDirectory(path: string, mode: number): Promise<void> {
  await mkdir(path, { recursive: true });
  await chmod(path, mode);
}

export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
