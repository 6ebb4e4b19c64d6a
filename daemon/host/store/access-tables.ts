/** The tables of tokens and of the audit log. */
import type { AuditStore, NewAuditEntry } from '../../api/audit.ts';
import type { AuditFilter } from '../../api/service.ts';
import type { TokenRecord, TokenStore } from '../../api/tokens.ts';
import type { AuditEntry } from '../../contract/access.ts';
import { LIMITS } from '../../contract/limits.ts';
import type { Connection } from './connection.ts';
import type { Row } from './rows.ts';

/** Trimming is cheap but not free: once in this many entries. */
const TRIM_EVERY = 256;

export class AccessTables implements TokenStore, AuditStore {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  listTokens(): TokenRecord[] {
    return this.#connection.all('SELECT * FROM tokens ORDER BY rowid').map(toToken);
  }

  addToken(record: TokenRecord, forgotten: readonly string[]): void {
    const { transaction, run } = this.#connection;
    transaction(() => {
      for (const id of forgotten) run('DELETE FROM tokens WHERE id = ?', id);
      run(
        `INSERT INTO tokens (id, name, role, apps, hash, created_at, created_by, expires_at, last_used_at, revoked_at, revoked_by)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        ...[record.id, record.name, record.role, record.apps && JSON.stringify(record.apps), record.hash],
        ...[record.created_at, record.created_by, record.expires_at, record.last_used_at, record.revoked_at, record.revoked_by],
      );
    });
  }

  revokeToken(id: string, at: string, by: string): void {
    const { transaction, run } = this.#connection;
    transaction(() => run('UPDATE tokens SET revoked_at = ?, revoked_by = ? WHERE id = ? AND revoked_at IS NULL', at, by, id));
  }

  setTokenUse(id: string, at: string): void {
    const { transaction, run } = this.#connection;
    transaction(() => run('UPDATE tokens SET last_used_at = ? WHERE id = ?', at, id));
  }

  appendAudit(entry: NewAuditEntry): number {
    const { transaction, run } = this.#connection;
    return transaction(() => {
      const { lastInsertRowid } = run(
        `INSERT INTO audit (ts, actor, role, token_id, listener, action, method, path, app_name, operation_id, status, code, message, count)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        ...[entry.ts, entry.actor, entry.role, entry.token_id, entry.listener, entry.action, entry.method, entry.path],
        ...[entry.app_name, entry.operation_id, entry.status, entry.code, entry.message, entry.count],
      );
      const seq = Number(lastInsertRowid);
      if (seq % TRIM_EVERY === 0) run('DELETE FROM audit WHERE seq <= ?', seq - LIMITS.audit_entries_kept);
      return seq;
    });
  }

  setAuditCount(seq: number, count: number): void {
    const { transaction, run } = this.#connection;
    transaction(() => run('UPDATE audit SET count = ? WHERE seq = ?', count, seq));
  }

  /** Newest first. */
  listAudit({ actor, app_name, action, result, since, until, before, limit }: AuditFilter): AuditEntry[] {
    const conditions: [string, string | number | undefined][] = [
      ['actor = ?', actor],
      ['app_name = ?', app_name],
      ['action = ?', action],
      ['(code IS NULL) = ?', result && (result === 'ok' ? 1 : 0)],
      ['ts >= ?', since],
      ['ts <= ?', until],
      ['seq < ?', before],
    ];
    const given = conditions.filter((each): each is [string, string | number] => each[1] !== undefined);
    const where = given.length === 0 ? '' : `WHERE ${given.map(([condition]) => condition).join(' AND ')}`;
    const values = given.map(([, value]) => value);
    return this.#connection.all(`SELECT * FROM audit ${where} ORDER BY seq DESC LIMIT ?`, ...values, limit).map(toEntry);
  }
}

// The casts below are of what the store alone has written.

const toEntry = (row: Row) => ({ ...row }) as unknown as AuditEntry;

function toToken({ apps, ...rest }: Row): TokenRecord {
  return { ...rest, apps: apps == null ? null : JSON.parse(String(apps)) } as unknown as TokenRecord;
}
