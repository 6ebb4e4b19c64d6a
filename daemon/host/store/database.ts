/** Opens the database so that it is either sound and of this version, or refused with what to do; it is never reset. */
import { chmodSync, closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { DomainError } from '../../contract/errors.ts';
import { StorageUnavailable, storageFailure } from './failures.ts';
import { MIGRATIONS } from './migrations.ts';

const BUSY_TIMEOUT_MS = 5_000;

/**
 * `:memory:` for tests and the self-test. The file is 0600. Throws `unavailable` for a torn, foreign or newer file, and its subclass
 * {@link StorageUnavailable} while something else is in the way, such as a full disk.
 */
export function openDatabase(path: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    // SQLite would make it with the umask's mode, and its -wal and -shm take over the mode of the file itself.
    if (path !== ':memory:') closeSync(openSync(path, 'a', 0o600));
    database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
    // Every commit waits for the disk: the journal is only worth something if it is there after a power cut.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;');
    checkIntegrity(database, path);
    migrate(database, path);
    if (path !== ':memory:') chmodSync(path, 0o600);
    return database;
  } catch (cause) {
    database?.close();
    const error = storageFailure(cause, path);
    if (error instanceof DomainError) throw error;
    throw refusal(path, 'cannot be read as a NextDeploy database', error);
  }
}

function checkIntegrity(database: DatabaseSync, path: string): void {
  const rows = database.prepare('PRAGMA quick_check(1)').all();
  const verdict = rows[0]?.quick_check;
  if (verdict !== 'ok') throw refusal(path, `is damaged (${String(verdict)})`);
}

function migrate(database: DatabaseSync, path: string): void {
  const version = Number(database.prepare('PRAGMA user_version').get()?.user_version ?? 0);
  if (version > MIGRATIONS.length) {
    const message = `The database ${path} was written by a newer NextDeploy (version ${version}, this one knows ${MIGRATIONS.length}); install that version again.`;
    throw new DomainError('unavailable', message);
  }
  const isForeign =
    version === 0 && database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' LIMIT 1").get() !== undefined;
  if (isForeign) throw refusal(path, 'belongs to another program');
  for (const [index, migration] of MIGRATIONS.entries()) {
    if (index < version) continue;
    database.exec(`BEGIN IMMEDIATE; ${migration} PRAGMA user_version = ${index + 1}; COMMIT;`);
  }
}

function refusal(path: string, what: string, cause?: unknown): DomainError {
  const message = `The database ${path} ${what}. NextDeploy leaves it as it is and does not start; the apps keep serving. Restore it from a backup, or move it away to start anew.`;
  return new DomainError('unavailable', message, { cause });
}
