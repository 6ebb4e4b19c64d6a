import type { SQLInputValue, StatementResultingChanges } from 'node:sqlite';
import type { Row } from './rows.ts';

/** What of the store its tables need. */
export interface Connection {
  transaction<T>(body: () => T): T;
  run(sql: string, ...values: SQLInputValue[]): StatementResultingChanges;
  get(sql: string, ...values: SQLInputValue[]): Row | undefined;
  all(sql: string, ...values: SQLInputValue[]): Row[];
}
