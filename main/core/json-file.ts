/** Small state of the console as JSON files: read whole, checked, and replaced atomically. */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { z } from 'zod';

const FILE_BYTES_MAX = 4 * 1024 * 1024;

/**
 * One file, of `schema`, which should carry its own version number. A file that is torn, newer or edited by hand into something else is
 * refused with its path and never overwritten.
 */
export class JsonFile<T> {
  readonly #path: string;
  readonly #schema: z.ZodType<T>;
  readonly #initial: T;
  /** Writes happen one after another, each of them whole. */
  #last: Promise<void> = Promise.resolve();

  constructor(path: string, schema: z.ZodType<T>, initial: T) {
    this.#path = path;
    this.#schema = schema;
    this.#initial = initial;
  }

  async read(): Promise<T> {
    const text = await readFile(this.#path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw new Error(`${this.#path} cannot be read; check its permissions.`, { cause: error });
    });
    if (text === null) return this.#initial;
    const parsed = this.#schema.safeParse(parseJson(text));
    if (parsed.success) return parsed.data;
    throw new Error(
      `${this.#path} is damaged or from a newer version; restore it from a backup or move it away, then start again.`,
      {
        cause: parsed.error,
      },
    );
  }

  write(value: T): Promise<void> {
    const text = `${JSON.stringify(this.#schema.parse(value), null, 2)}\n`;
    if (text.length > FILE_BYTES_MAX) return Promise.reject(new Error(`${this.#path} would become too large`));
    const written = this.#last.then(() => replaceFile(this.#path, text));
    this.#last = written.catch(() => undefined);
    return written;
  }
}

/** Written beside, synced, renamed over: a reader, and a crash, find the old or the new text. Mode 0600. */
async function replaceFile(path: string, text: string): Promise<void> {
  const directory = dirname(path);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  const folder = await open(directory, 'r');
  // Not every file system can sync a folder; the rename itself is done.
  await folder.sync().catch(() => undefined);
  await folder.close();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
