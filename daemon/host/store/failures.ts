/** Tells what keeps the database from being used for now (no space, a failing disk) from what is wrong with the data in it. */
import { DomainError } from '../../contract/errors.ts';

/** Nothing is wrong with the data, and it may pass by itself or by what the operator does: worth trying again. */
export class StorageUnavailable extends DomainError {
  constructor(what: string, cause: unknown) {
    super('unavailable', `${what}; nothing is wrong with the data, and it goes on by itself once that is set right.`, { cause });
  }
}

/** SQLite's primary result codes (https://sqlite.org/rescode.html). */
const SQLITE: Record<number, (path: string) => string> = {
  5: (path) => `The database ${path} is locked by another program`,
  6: (path) => `The database ${path} is locked by another program`,
  7: () => 'There is no memory left for the database',
  8: (path) => `The database ${path} cannot be written (read-only)`,
  10: (path) => `The disk under the database ${path} fails to read or write`,
  13: (path) => `There is no space left on the disk of ${path}`,
  14: (path) => `The files of the database ${path} cannot be opened`,
};
/** The file is shorter than its own header says: that is its content, not its disk. */
const SQLITE_IOERR_SHORT_READ = 522;

const SYSTEM: Record<string, (path: string) => string> = {
  ENOSPC: (path) => `There is no space left on the disk of ${path}`,
  EDQUOT: (path) => `The disk quota of ${path} is used up`,
  EIO: (path) => `The disk under ${path} fails to read or write`,
  EROFS: (path) => `The disk of ${path} is read-only`,
  EACCES: (path) => `${path} cannot be written (permission denied)`,
  EMFILE: () => 'The daemon has too many files open',
  ENFILE: () => 'This host has too many files open',
};

/** What to throw for an error met while using the files at `path`: {@link StorageUnavailable} where that fits, else the error itself. */
export function storageFailure(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || error instanceof DomainError) return error;
  const { errcode, code } = error as { errcode?: unknown; code?: unknown };
  if (typeof errcode === 'number') {
    const describe = errcode === SQLITE_IOERR_SHORT_READ ? undefined : SQLITE[errcode & 0xff];
    return describe ? new StorageUnavailable(describe(path), error) : error;
  }
  const describe = typeof code === 'string' ? SYSTEM[code] : undefined;
  return describe ? new StorageUnavailable(describe(path), error) : error;
}
