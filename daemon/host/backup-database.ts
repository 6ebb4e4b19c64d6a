/** Copies of the database for a backup, and databases of backups that are to become the live one. */
import { chmod, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Settlement, StateDatabase, StateDatabases } from '../backup/ports.ts';
import type { AuditEntry } from '../contract/access.ts';
import { DomainError } from '../contract/errors.ts';
import { syncDirectory } from './files.ts';
import { MIGRATIONS } from './store/migrations.ts';
import { Store } from './store.ts';

const MARGIN = 100;

export class HostStateDatabases implements StateDatabases {
  readonly #live: Store;

  constructor(live: Store) {
    this.#live = live;
  }

  async snapshot(path: string): Promise<void> {
    // SQLite would make it with the umask's mode.
    await (await open(path, 'wx', 0o600)).close();
    await this.#live.copyTo(path);
    // As the live one it would be three files.
    using database = new DatabaseSync(path);
    database.exec('PRAGMA journal_mode = DELETE');
  }

  open(path: string): StateDatabase {
    try {
      demandSound(path);
    } catch (cause) {
      if (cause instanceof DomainError) throw cause;
      throw new DomainError('unprocessable', 'The database in the backup cannot be read. Nothing was changed.', { cause });
    }
    return new Store(path);
  }

  async settle(path: string, settlement: Settlement | null): Promise<void> {
    const numbers = settlement === null ? {} : this.#live.lastNumbers();
    {
      using database = new DatabaseSync(path);
      database.exec('PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL; BEGIN IMMEDIATE');
      const stop = database.prepare("UPDATE apps SET wanted = 'stopped' WHERE name = ?");
      for (const name of settlement?.stopped ?? []) stop.run(name);
      for (const [table, last] of Object.entries(numbers)) {
        // Whoever follows by these numbers misses nothing, also of what is told until the daemon ends.
        const changed = database.prepare('UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?').run(last + MARGIN, table);
        if (changed.changes === 0)
          database.prepare('INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)').run(table, last + MARGIN);
      }
      database.exec('COMMIT');
    }
    await chmod(path, 0o600);
    const file = await open(path, 'r');
    await file.sync().finally(() => file.close());
    await syncDirectory(dirname(path));
  }

  lastRestoreIn(path: string): Omit<AuditEntry, 'seq'> | null {
    using database = new DatabaseSync(path);
    const sql = "SELECT * FROM audit WHERE action = 'restoreBackup' AND code IS NULL ORDER BY seq DESC LIMIT 1";
    const row = database.prepare(sql).get();
    if (row === undefined) return null;
    const { seq: _, ...entry } = row;
    return entry as unknown as Omit<AuditEntry, 'seq'>; // its columns
  }
}

/** Throws `unprocessable`. */
function demandSound(path: string): void {
  using database = new DatabaseSync(path);
  const value = (sql: string, column: string) => database.prepare(sql).get()?.[column];
  const version = Number(value('PRAGMA user_version', 'user_version') ?? 0);
  if (version > MIGRATIONS.length) {
    const message = `The database in the backup was written by a newer NextDeploy (version ${version}, this one knows ${MIGRATIONS.length}); install that version, then restore. Nothing was changed.`;
    throw new DomainError('unprocessable', message);
  }
  const verdict = value('PRAGMA integrity_check(1)', 'integrity_check');
  // Ours has neither triggers nor views: in somebody else's they could do anything with each write.
  const foreign = value("SELECT count(*) AS count FROM sqlite_schema WHERE type IN ('trigger', 'view')", 'count');
  if (verdict === 'ok' && version > 0 && foreign === 0) return;
  throw new DomainError('unprocessable', 'The database in the backup is damaged, or is none of NextDeploy. Nothing was changed.');
}
