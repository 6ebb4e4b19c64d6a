/** The few files that the command line reads for its user: a token, a request, an env file, an archive; and the one that it writes, a backup. */
import { createReadStream } from 'node:fs';
import { link, lstat, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { DomainError } from '../contract/errors.ts';

const TEXT_BYTES_MAX = 4 * 1024 * 1024;

/** @throws DomainError `invalid_request` if it cannot be read or is too large to be what it is taken for */
export async function readUserFile(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > TEXT_BYTES_MAX) throw new DomainError('invalid_request', `${path} is larger than ${TEXT_BYTES_MAX} bytes.`);
    return await readFile(path, 'utf8');
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** As {@link readUserFile}; null where it does not exist or may not be read. */
export async function readUserFileIfAllowed(path: string): Promise<string | null> {
  return readUserFile(path).catch((error: unknown) => {
    const cause = error instanceof DomainError ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
    if (cause?.code === 'ENOENT' || cause?.code === 'EACCES') return null;
    throw error;
  });
}

/** A file as a stream, with its size. @throws DomainError `invalid_request` if it cannot be opened */
export async function openUserFile(path: string): Promise<{ stream: Readable; size_bytes: number }> {
  try {
    const handle = await open(path, 'r');
    const stats = await handle.stat();
    if (!stats.isFile()) {
      await handle.close();
      throw new DomainError('invalid_request', `${path} is not a file.`);
    }
    return { stream: createReadStream('', { fd: handle, highWaterMark: 256 * 1024 }), size_bytes: stats.size };
  } catch (error) {
    throw unreadable(path, error);
  }
}

/**
 * Writes a file of mode 0600 that is whole or not there: beside its place first, then moved. `read` is called once it is known that the file can be
 * made. Returns its size. @throws DomainError `conflict` if it is there and not to be replaced, `invalid_request` if it cannot be written
 */
export async function writeUserFile(
  path: string,
  read: () => Promise<Readable>,
  { is_replaced }: { is_replaced: boolean },
): Promise<number> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.new`);
  try {
    if (!is_replaced && (await isThere(path))) throw isThereAlready(path);
    const file = await open(temporary, 'wx', 0o600);
    try {
      for await (const chunk of await read()) await file.writeFile(chunk as Buffer);
      await file.sync();
      const { size } = await file.stat();
      // link(2) never replaces what somebody has made meanwhile.
      if (is_replaced) await rename(temporary, path);
      else await link(temporary, path);
      await syncDirectory(dirname(path));
      return size;
    } finally {
      await file.close();
      await rm(temporary, { force: true });
    }
  } catch (error) {
    throw unwritable(path, error);
  }
}

const isThere = (path: string) =>
  lstat(path).then(
    () => true,
    () => false,
  );

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  await directory.sync().finally(() => directory.close());
}

function isThereAlready(path: string): DomainError {
  return new DomainError('conflict', `${path} is there already; choose another name, or add --force to replace it.`);
}

const WRITE_FAILURES: Record<string, string> = {
  EACCES: 'you may not write there',
  ENOENT: 'there is no such directory',
  ENOSPC: 'there is no space left',
  EROFS: 'it is on a read-only disk',
};

/** What is no failure of this file stays as it is. */
function unwritable(path: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (error instanceof DomainError || typeof code !== 'string') return error;
  if (code === 'EEXIST') return isThereAlready(path);
  return new DomainError('invalid_request', `Cannot write ${path}: ${WRITE_FAILURES[code] ?? code}.`, { cause: error });
}

function unreadable(path: string, error: unknown): DomainError {
  if (error instanceof DomainError) return error;
  const { code } = error as NodeJS.ErrnoException;
  const reason = code === 'ENOENT' ? 'it does not exist' : code === 'EACCES' ? 'you may not read it' : (code ?? String(error));
  return new DomainError('invalid_request', `Cannot read ${path}: ${reason}.`, { cause: error });
}
