/** Encrypted files of the operator's, beneath the directories that the configuration allows and nowhere else. */
import { constants } from 'node:fs';
import { open, readlink, realpath } from 'node:fs/promises';
import { LIMITS } from '../contract/limits.ts';
import type { EncryptedFile, EncryptedFiles } from '../secrets/ports.ts';
import { isMissing } from './files.ts';

export class AllowedFiles implements EncryptedFiles {
  readonly #roots: readonly string[];

  constructor(roots: readonly string[]) {
    this.#roots = roots;
  }

  problemOf(path: string): string | null {
    if (this.#roots.some((root) => isBeneath(path, root))) return null;
    const allowed = this.#roots.length === 0 ? 'it allows none yet' : `it allows ${this.#roots.join(', ')}`;
    return `it is beneath no directory that secrets.age_directories of the server's configuration allows; ${allowed}`;
  }

  async read(path: string): Promise<EncryptedFile> {
    const problem = this.problemOf(path);
    if (problem !== null) return { kind: 'refused', reason: problem };
    try {
      return await this.#read(path);
    } catch (error) {
      return { kind: 'refused', reason: describe(error) };
    }
  }

  async #read(path: string): Promise<EncryptedFile> {
    // A pipe would keep the daemon waiting.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      // What was opened counts: links are followed, and may change at any time.
      const real = await readlink(`/proc/self/fd/${file.fd}`);
      const roots = await Promise.all(this.#roots.map((root) => realpath(root).catch(() => root)));
      if (!roots.some((root) => isBeneath(real, root)))
        return { kind: 'refused', reason: 'it is a link to where nothing may be read' };
      const stats = await file.stat();
      if (!stats.isFile()) return { kind: 'refused', reason: 'it is no file' };
      const { provider_answer_bytes_max: bytes_max } = LIMITS;
      const content = Buffer.alloc(Math.min(stats.size, bytes_max) + 1);
      let bytes = 0;
      for (let count = 1; count > 0 && bytes < content.length; bytes += count)
        count = (await file.read(content, bytes, content.length - bytes)).bytesRead;
      if (bytes > bytes_max) return { kind: 'refused', reason: `it is larger than ${bytes_max} bytes` };
      return { kind: 'file', content: content.subarray(0, bytes) };
    } finally {
      await file.close();
    }
  }
}

function isBeneath(path: string, root: string): boolean {
  return path.startsWith(`${root.replace(/\/+$/, '')}/`) && !path.split('/').includes('..');
}

function describe(error: unknown): string {
  if (isMissing(error)) return 'it does not exist';
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return code === 'EACCES' || code === 'EPERM' ? 'the daemon may not read it' : `it cannot be opened (${code || 'unexpectedly'})`;
}
