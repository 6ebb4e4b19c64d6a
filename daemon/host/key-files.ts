/** The file with the master key, and the next one beside it. Nobody but its owner may read them. */
import { chmod, link, mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { KeyFiles } from '../secrets/ports.ts';
import { readTextIfThere, removeFile, syncDirectory, writeFileAtomically } from './files.ts';

const MODE = 0o400;

export class MasterKeyFiles implements KeyFiles {
  readonly path: string;
  readonly #next: string;

  constructor(path: string) {
    this.path = path;
    this.#next = `${path}.next`;
  }

  async read(): Promise<string | null> {
    const text = await readTextIfThere(this.path);
    // Put back from a copy it may be open to others.
    if (text !== null) await chmod(this.path, MODE).catch(() => undefined);
    return text;
  }

  readNext(): Promise<string | null> {
    return readTextIfThere(this.#next);
  }

  async createFirst(text: string): Promise<boolean> {
    const first = `${this.path}.first`;
    await mkdir(dirname(this.path), { recursive: true, mode: 0o750 });
    await writeFileAtomically(first, text, MODE);
    try {
      await link(first, this.path); // link(2) never replaces
      await syncDirectory(dirname(this.path));
      return true;
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
      throw error;
    } finally {
      await rm(first, { force: true });
    }
  }

  writeNext(text: string): Promise<void> {
    return writeFileAtomically(this.#next, text, MODE);
  }

  async promoteNext(): Promise<void> {
    await rename(this.#next, this.path);
    await syncDirectory(dirname(this.path));
  }

  removeNext(): Promise<void> {
    return removeFile(this.#next);
  }
}
