/** The table of routes to ports. */
import type { PortRouteRecord } from '../../engine/state.ts';
import type { Connection } from './connection.ts';
import type { Row } from './rows.ts';

export class PortRouteTable {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  list(): PortRouteRecord[] {
    return this.#connection.all('SELECT * FROM port_routes ORDER BY domain').map(toPortRoute);
  }

  get(domain: string): PortRouteRecord | null {
    const row = this.#connection.get('SELECT * FROM port_routes WHERE domain = ?', domain);
    return row ? toPortRoute(row) : null;
  }

  /** Within a transaction. */
  put({ domain, wanted, previous, is_settled, created_at, updated_at }: PortRouteRecord): void {
    this.#connection.run(
      `INSERT OR REPLACE INTO port_routes (domain, wanted, previous, is_settled, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)`,
      ...[domain, wanted && JSON.stringify(wanted), previous && JSON.stringify(previous), is_settled ? 1 : 0],
      ...[created_at, updated_at],
    );
  }

  /** Within a transaction. */
  remove(domain: string): void {
    this.#connection.run('DELETE FROM port_routes WHERE domain = ?', domain);
  }
}

/** The cast is of what the store alone has written. */
function toPortRoute({ wanted, previous, is_settled, ...rest }: Row): PortRouteRecord {
  const parsed = (text: Row[string] | undefined) => (text == null ? null : JSON.parse(String(text)));
  return {
    ...rest,
    wanted: parsed(wanted),
    previous: parsed(previous),
    is_settled: is_settled === 1,
  } as unknown as PortRouteRecord;
}
