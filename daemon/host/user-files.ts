/** The few files that the command line reads for its user: a token, a request, an env file, an archive. */
import { createReadStream } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
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

function unreadable(path: string, error: unknown): DomainError {
  if (error instanceof DomainError) return error;
  const { code } = error as NodeJS.ErrnoException;
  const reason = code === 'ENOENT' ? 'it does not exist' : code === 'EACCES' ? 'you may not read it' : (code ?? String(error));
  return new DomainError('invalid_request', `Cannot read ${path}: ${reason}.`, { cause: error });
}
