/** The table of what is known about certificates beside their files. */
import type { CertificateRecord, CertificateStore } from '../../certs/ports.ts';
import type { Connection } from './connection.ts';
import type { Row } from './rows.ts';

export class CertificateTable implements CertificateStore {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get(domain: string): CertificateRecord | null {
    const row = this.#connection.get('SELECT * FROM certificates WHERE domain = ?', domain);
    return row ? toRecord(row) : null;
  }

  put(record: CertificateRecord): void {
    const { transaction, run } = this.#connection;
    const { domain, last_attempt, failures, retry_after, is_rate_limited, told_state, told_fingerprint } = record;
    transaction(() =>
      run(
        `INSERT OR REPLACE INTO certificates (domain, last_attempt, failures, retry_after, is_rate_limited, told_state, told_fingerprint)
         VALUES (?, ?, ?, ?, ?, ?, ?)`,
        ...[domain, last_attempt && JSON.stringify(last_attempt), failures, retry_after, is_rate_limited ? 1 : 0],
        ...[told_state, told_fingerprint],
      ),
    );
  }

  remove(domain: string): void {
    const { transaction, run } = this.#connection;
    transaction(() => run('DELETE FROM certificates WHERE domain = ?', domain));
  }
}

/** The cast is of what the store alone has written. */
function toRecord({ last_attempt, is_rate_limited, ...rest }: Row): CertificateRecord {
  const attempt = last_attempt == null ? null : JSON.parse(String(last_attempt));
  return { ...rest, last_attempt: attempt, is_rate_limited: is_rate_limited === 1 } as unknown as CertificateRecord;
}
