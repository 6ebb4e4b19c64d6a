/** Files as backup and restore read, stage and move them. */
import { readFileSync } from 'node:fs';
import {
  chmod,
  chown,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  statfs,
  symlink,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BackupFiles, FileAttributes, Tree } from '../backup/ports.ts';
import { DomainError } from '../contract/errors.ts';
import { isMissing, readTextIfThere, syncDirectory, writeFileAtomically } from './files.ts';
import { storageFailure } from './store/failures.ts';

const CHUNK_BYTES = 256 * 1024;
const DEPTH_MAX = 12;
const ROOT = 0;

export class HostBackupFiles implements BackupFiles {
  exists(path: string): Promise<boolean> {
    return lstat(path).then(
      () => true,
      (error: unknown) => {
        if (isMissing(error)) return false;
        throw error;
      },
    );
  }

  readText(path: string): Promise<string | null> {
    return readTextIfThere(path);
  }

  async *read(path: string): AsyncGenerator<Uint8Array> {
    const file = await open(path, 'r');
    try {
      for (;;) {
        const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES);
        if (bytesRead === 0) return;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  }

  async sizeOf(path: string): Promise<number> {
    return (await stat(path)).size;
  }

  async readTree(directory: string, bytes_max: number): Promise<Tree> {
    const tree: Tree = { files: [], links: [] };
    let bytes = 0;
    for (const path of await pathsIn(directory, '', DEPTH_MAX)) {
      const full = join(directory, path);
      try {
        const stats = await lstat(full);
        if (stats.isSymbolicLink()) tree.links.push({ path, target: await readlink(full) });
        if (!stats.isFile()) continue;
        bytes += stats.size;
        if (bytes > bytes_max) {
          const message = `${directory} holds more than ${bytes_max} bytes, which is more than belongs there; move away what is not in use.`;
          throw new DomainError('unprocessable', message);
        }
        const owner = nameOf('/etc/passwd', stats.uid);
        const group = nameOf('/etc/group', stats.gid);
        tree.files.push({ path, mode: stats.mode & 0o755, owner, group, content: await readFile(full) });
      } catch (error) {
        // Somebody has removed it since.
        if (!isMissing(error)) throw error;
      }
    }
    return tree;
  }

  async makeDirectory(path: string, mode: number = 0o700): Promise<void> {
    // The mode holds whatever the umask; of one that is there it stays.
    if ((await mkdir(path, { recursive: true, mode: 0o700 })) !== undefined) await chmod(path, mode);
    await syncDirectory(dirname(path));
  }

  async likeDirectory(path: string, model: string): Promise<void> {
    const stats = await stat(model).catch((error: unknown) => {
      if (isMissing(error)) return null;
      throw error;
    });
    if (stats === null) return;
    await chown(path, stats.uid, stats.gid);
    await chmod(path, stats.mode & 0o755);
    await syncDirectory(path);
  }

  async write(path: string, content: AsyncIterable<Uint8Array>, { mode, owner, group }: FileAttributes): Promise<void> {
    const file = await open(path, 'wx', 0o600).catch((error: unknown) => {
      throw storageFailure(error, path);
    });
    try {
      for await (const chunk of content) await file.writeFile(chunk);
      if (process.getuid?.() === ROOT) await file.chown(idOf('/etc/passwd', owner), idOf('/etc/group', group));
      await file.chmod(mode);
      await file.sync();
    } catch (error) {
      throw storageFailure(error, path);
    } finally {
      await file.close();
    }
    await syncDirectory(dirname(path));
  }

  async link(path: string, target: string): Promise<void> {
    await symlink(target, path);
    await syncDirectory(dirname(path));
  }

  async writeRecord(path: string, text: string): Promise<void> {
    try {
      await writeFileAtomically(path, text, 0o600);
    } catch (error) {
      throw storageFailure(error, path);
    }
  }

  async rename(from: string, to: string): Promise<void> {
    await rename(from, to);
    await syncDirectory(dirname(to));
    await syncDirectory(dirname(from));
  }

  async remove(path: string): Promise<void> {
    await rm(path, { recursive: true, force: true });
    await syncDirectory(dirname(path)).catch((error: unknown) => {
      if (!isMissing(error)) throw error;
    });
  }

  async list(directory: string): Promise<string[]> {
    return readdir(directory).catch((error: unknown) => {
      if (isMissing(error)) return [];
      throw error;
    });
  }

  async isMovable(path: string): Promise<boolean> {
    if (!(await this.exists(path))) return true;
    const [own, parent] = await Promise.all([lstat(path), stat(dirname(path))]);
    return own.dev === parent.dev;
  }

  async freeBytes(directory: string): Promise<number> {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  }
}

/** Of whatever is no directory, relative to the root. */
async function pathsIn(root: string, beneath: string, depth: number): Promise<string[]> {
  const found = await readdir(join(root, beneath), { withFileTypes: true }).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  const paths: string[] = [];
  for (const entry of found.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = beneath === '' ? entry.name : `${beneath}/${entry.name}`;
    if (!entry.isDirectory()) paths.push(path);
    else if (depth > 1) paths.push(...(await pathsIn(root, path, depth - 1)));
  }
  return paths;
}

/** passwd(5), group(5): both begin with the name and have the id as their third field. */
function linesOf(file: string): string[][] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
}

const nameOf = (file: string, id: number) => linesOf(file).find((fields) => fields[2] === String(id))?.[0] ?? 'root';
const idOf = (file: string, name: string) => Number(linesOf(file).find((fields) => fields[0] === name)?.[2] ?? ROOT);
