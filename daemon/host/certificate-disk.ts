/** The changes that certificates' files consist of, one by one, so that a test can end the process before and after each. */
import { chmod, chown, open, rename, rm, symlink } from 'node:fs/promises';
import { makeDirectory, syncDirectory } from './files.ts';

export interface Disk {
  makeDirectory(path: string, mode: number): Promise<void>;
  /** On the disk when it resolves. */
  write(path: string, content: string, mode: number): Promise<void>;
  symlink(target: string, path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** With all that is in it; fine if it is gone. */
  remove(path: string): Promise<void>;
  chown(path: string, uid: number, gid: number): Promise<void>;
  chmod(path: string, mode: number): Promise<void>;
  sync(directory: string): Promise<void>;
}

export const realDisk: Disk = {
  makeDirectory,
  write: async (path, content, mode) => {
    const file = await open(path, 'wx', mode);
    try {
      await file.chmod(mode);
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
  },
  symlink,
  rename,
  remove: (path) => rm(path, { recursive: true, force: true }),
  chown,
  chmod,
  sync: syncDirectory,
};
