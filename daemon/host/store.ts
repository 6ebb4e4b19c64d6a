/** Everything durable, in one SQLite file. Each writing method is one transaction, on disk when it returns. */
import { backup, type DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import type { EventFilter } from '../api/service-streams.ts';
import type { DaemonEvent, Release } from '../contract/domain.ts';
import { DomainError } from '../contract/errors.ts';
import { LIMITS } from '../contract/limits.ts';
import type { BeginEntry, Journal, NewEvent, OperationFilter, RemovedImage } from '../engine/ports.ts';
import type { AppRecord, Change, NewRelease, OperationRecord, PortRouteRecord } from '../engine/state.ts';
import { AccessTables } from './store/access-tables.ts';
import { CertificateTable } from './store/certificate-table.ts';
import type { Connection } from './store/connection.ts';
import { openDatabase } from './store/database.ts';
import { storageFailure } from './store/failures.ts';
import { PortRouteTable } from './store/port-route-table.ts';
import { type Row, releaseNumber, toApp, toEvent, toRecord, toRelease, toRemovedImage } from './store/rows.ts';
import { SecretTable } from './store/secret-table.ts';

const OPERATIONS_KEPT = 5_000;
/** Trimming is cheap but not free: once in this many events. */
const TRIM_EVERY = 256;

export class Store implements Journal {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #now: () => Date;
  readonly #connection: Connection = {
    transaction: (body) => this.#transaction(body),
    run: (sql, ...values) => this.#run(sql, ...values),
    get: (sql, ...values) => this.#get(sql, ...values),
    all: (sql, ...values) => this.#all(sql, ...values),
  };
  readonly secrets = new SecretTable(this.#connection);
  /** Tokens and the audit log. */
  readonly access = new AccessTables(this.#connection);
  readonly certificates = new CertificateTable(this.#connection);
  readonly #portRoutes = new PortRouteTable(this.#connection);

  constructor(path: string, now: () => Date = () => new Date(), open: (path: string) => DatabaseSync = openDatabase) {
    this.#path = path;
    this.#database = open(path);
    this.#now = now;
  }

  /** A consistent copy, made while this one is in use. Throws `unavailable`. */
  async copyTo(path: string): Promise<void> {
    try {
      await backup(this.#database, path);
    } catch (error) {
      throw storageFailure(error, path);
    }
  }

  /** The last numbers that were given, by table: none is given twice, also once its row is gone. */
  lastNumbers(): Record<string, number> {
    const rows = this.#all("SELECT name, seq FROM sqlite_sequence WHERE name IN ('events', 'audit')");
    return Object.fromEntries(rows.map(({ name, seq }) => [String(name), Number(seq)]));
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  begin({ operation, app, release, idempotency, event }: BeginEntry): DaemonEvent {
    return this.#transaction(() => {
      const busy = this.#get("SELECT id FROM operations WHERE app_name = ? AND state = 'running'", app.name);
      if (busy) {
        const operation_id = String(busy.id);
        throw new DomainError('conflict', `The app ${app.name} is busy with ${operation_id}; wait for its end.`, {
          operation_id,
        });
      }
      this.#putApp(app);
      if (release) this.#insertRelease(release);
      const { lastInsertRowid } = this.#run(
        'INSERT INTO operations (id, app_name, state, record) VALUES (?, ?, ?, ?)',
        ...[operation.id, operation.app_name, operation.state, JSON.stringify(operation)],
      );
      if (idempotency) {
        this.#run(
          'INSERT OR REPLACE INTO idempotency_keys (actor, key, operation_id, request_hash, number) VALUES (?, ?, ?, ?, ?)',
          ...[operation.actor, idempotency.key, operation.id, idempotency.request_hash, lastInsertRowid],
        );
      }
      const last = Number(lastInsertRowid) - OPERATIONS_KEPT;
      this.#run("DELETE FROM operations WHERE number <= ? AND state <> 'running'", last);
      // A key goes with its operation.
      this.#run('DELETE FROM idempotency_keys WHERE number <= ? AND number NOT IN (SELECT number FROM operations)', last);
      return this.#insertEvent(event);
    });
  }

  commit(record: OperationRecord, changes: readonly Change[], events: readonly NewEvent[]): DaemonEvent[] {
    return this.#transaction(() => {
      const { changes: count } = this.#run(
        'UPDATE operations SET state = ?, record = ? WHERE id = ?',
        ...[record.state, JSON.stringify(record), record.id],
      );
      if (count !== 1) throw new Error(`the operation ${record.id} is not in the journal`);
      for (const change of changes) this.#apply(change);
      return events.map((event) => this.#insertEvent(event));
    });
  }

  appendEvent(event: NewEvent, overtaken: number | null = null): DaemonEvent {
    return this.#transaction(() => {
      if (overtaken !== null) this.#run('DELETE FROM events WHERE seq = ?', overtaken);
      return this.#insertEvent(event);
    });
  }

  getApp(name: string): AppRecord | null {
    const row = this.#get('SELECT * FROM apps WHERE name = ?', name);
    return row ? toApp(row) : null;
  }

  listApps(): AppRecord[] {
    return this.#all('SELECT * FROM apps ORDER BY name').map(toApp);
  }

  getRelease(app: string, id: string): Release | null {
    const row = this.#get('SELECT * FROM releases WHERE app_name = ? AND number = ?', app, releaseNumber(id));
    return row ? toRelease(row) : null;
  }

  listReleases(app: string, limit: number): Release[] {
    return this.#all('SELECT * FROM releases WHERE app_name = ? ORDER BY number DESC LIMIT ?', app, limit).map(toRelease);
  }

  listAllReleases(): Release[] {
    return this.#all('SELECT * FROM releases ORDER BY app_name, number DESC').map(toRelease);
  }

  pruneReleases(
    releases: readonly { app_name: string; release: string; reason: string }[],
    events: readonly NewEvent[],
  ): DaemonEvent[] {
    return this.#transaction(() => {
      for (const { app_name, release, reason } of releases) {
        const sql = "UPDATE releases SET state = 'pruned', end_reason = ? WHERE app_name = ? AND number = ? AND state <> 'live'";
        this.#run(sql, reason, app_name, releaseNumber(release));
      }
      return events.map((event) => this.#insertEvent(event));
    });
  }

  listRemovedImages(): RemovedImage[] {
    return this.#all('SELECT image_id, image, removed_at FROM removed_images').map(toRemovedImage);
  }

  forgetRemovedImages(image_ids: readonly string[]): void {
    this.#transaction(() => {
      for (const image_id of image_ids) this.#run('DELETE FROM removed_images WHERE image_id = ?', image_id);
    });
  }

  listCurrentReleases(app: string, live: string | null): Release[] {
    if (live === null) return this.listReleases(app, 1);
    const standby = `SELECT * FROM releases WHERE app_name = ?1 AND number < ?2 AND state = 'standby' ORDER BY number DESC LIMIT 1`;
    const sql = `SELECT * FROM releases WHERE app_name = ?1 AND number = ?2 UNION ALL SELECT * FROM (${standby})`;
    return this.#all(sql, app, releaseNumber(live)).map(toRelease);
  }

  getOperation(id: string): OperationRecord | null {
    const row = this.#get('SELECT record FROM operations WHERE id = ?', id);
    return row ? toRecord(row) : null;
  }

  listOperations({ app_name, apps, state, limit }: OperationFilter): OperationRecord[] {
    // A statement for each kind of filter: SQLite chooses the index when it prepares one. What runs is asked for several times a second.
    const isRunning = state === 'running';
    const conditions = [
      ...(app_name === undefined ? [] : ['app_name = ?']),
      ...(apps ? ['app_name IN (SELECT value FROM json_each(?))'] : []),
      ...(state === undefined ? [] : [isRunning ? "state = 'running'" : 'state = ?']),
    ];
    const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
    const index = isRunning ? 'INDEXED BY one_operation_per_app' : '';
    const values = [app_name, namesIn(apps), isRunning ? undefined : state, limit].filter((value) => value !== undefined);
    return this.#all(`SELECT record FROM operations ${index} ${where} ORDER BY number DESC LIMIT ?`, ...values).map(toRecord);
  }

  findIdempotent(key: string, actor: string): { operation_id: string; request_hash: string } | null {
    const sql = `SELECT operation_id, request_hash FROM idempotency_keys
       WHERE actor = ? AND key = ? AND EXISTS (SELECT 1 FROM operations WHERE operations.number = idempotency_keys.number)`;
    const row = this.#get(sql, actor, key);
    return row ? { operation_id: String(row.operation_id), request_hash: String(row.request_hash) } : null;
  }

  listPortRoutes(): PortRouteRecord[] {
    return this.#portRoutes.list();
  }

  getPortRoute(domain: string): PortRouteRecord | null {
    return this.#portRoutes.get(domain);
  }

  putPortRoute(record: PortRouteRecord): void {
    this.#transaction(() => this.#portRoutes.put(record));
  }

  settlePortRoute(domain: string, record: PortRouteRecord | null, events: readonly NewEvent[]): DaemonEvent[] {
    return this.#transaction(() => {
      if (record === null) this.#portRoutes.remove(domain);
      else this.#portRoutes.put(record);
      return events.map((event) => this.#insertEvent(event));
    });
  }

  /** Kept events after `after`, or without it the newest; oldest first. */
  listEvents({ after, app_name, apps, limit }: EventFilter): DaemonEvent[] {
    const order = after === undefined ? 'DESC' : 'ASC';
    const isWanted = '(?2 IS NULL OR app_name = ?2) AND (?3 IS NULL OR app_name IN (SELECT value FROM json_each(?3)))';
    const sql = `SELECT seq, event FROM events WHERE seq > ?1 AND ${isWanted} ORDER BY seq ${order} LIMIT ?4`;
    const events = this.#all(sql, after ?? 0, app_name ?? null, namesIn(apps) ?? null, limit).map(toEvent);
    return after === undefined ? events.reverse() : events;
  }

  /** The number of the oldest event that is kept; 0 before the first. */
  firstEventSeq(): number {
    return Number(this.#get('SELECT seq FROM events ORDER BY seq LIMIT 1')?.seq ?? 0);
  }

  /** The number of the newest event; 0 before the first. */
  lastEventSeq(): number {
    return Number(this.#get("SELECT seq FROM sqlite_sequence WHERE name = 'events'")?.seq ?? 0);
  }

  /** Writes to the disk, and changes nothing. Throws `unavailable` with the reason when it cannot. */
  checkWritable(): void {
    const version = Number(this.#get('PRAGMA user_version')?.user_version);
    this.#transaction(() => this.#database.exec(`PRAGMA user_version = ${version}`));
  }

  #apply(change: Change): void {
    const at = this.#now().toISOString();
    switch (change.kind) {
      case 'image_pinned':
        this.#run(
          'UPDATE releases SET image_id = ? WHERE app_name = ? AND number = ?',
          ...[change.image_id, change.app_name, releaseNumber(change.release)],
        );
        return;
      case 'app_serves':
        this.#run(
          'UPDATE apps SET release = ?, slot = ?, replicas = ?, wanted = ?, updated_at = ? WHERE name = ?',
          ...[change.release, change.slot, change.replicas, change.wanted, at, change.app_name],
        );
        return;
      case 'app_replicas':
        this.#run('UPDATE apps SET replicas = ?, updated_at = ? WHERE name = ?', change.replicas, at, change.app_name);
        return;
      case 'app_maintenance':
        this.#run(
          'UPDATE apps SET maintenance = ?, updated_at = ? WHERE name = ?',
          ...[change.maintenance && JSON.stringify(change.maintenance), at, change.app_name],
        );
        return;
      case 'app_route':
        this.#run('UPDATE apps SET route = ? WHERE name = ?', change.route && JSON.stringify(change.route), change.app_name);
        return;
      case 'app_routing':
        this.#run(
          'UPDATE apps SET routing = ?, updated_at = ? WHERE name = ?',
          ...[change.routing && JSON.stringify(change.routing), at, change.app_name],
        );
        return;
      case 'app_error':
        this.#run('UPDATE apps SET last_error = ?, updated_at = ? WHERE name = ?', change.message, at, change.app_name);
        return;
      case 'release_state':
        this.#run(
          'UPDATE releases SET state = ?, end_reason = ?, ended_at = ? WHERE app_name = ? AND number = ?',
          ...[
            change.state,
            change.end_reason,
            change.state === 'live' ? null : at,
            change.app_name,
            releaseNumber(change.release),
          ],
        );
        return;
      case 'app_removed':
        this.#run(
          `INSERT OR REPLACE INTO removed_images SELECT image_id, image, ? FROM releases WHERE app_name = ? AND image_id <> ''`,
          ...[at, change.app_name],
        );
        this.secrets.removeOfApp(change.app_name);
        this.#run('DELETE FROM releases WHERE app_name = ?', change.app_name);
        this.#run('DELETE FROM apps WHERE name = ?', change.app_name);
        return;
    }
  }

  #putApp(app: AppRecord): void {
    this.#run(
      `INSERT INTO apps (name, slot_index, release, slot, wanted, replicas, maintenance, route, verify_key, last_release_number, last_error, created_at, updated_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (name) DO UPDATE SET last_release_number = excluded.last_release_number, updated_at = excluded.updated_at`,
      ...[app.name, app.index, app.release, app.slot, app.wanted, app.replicas],
      ...[app.maintenance && JSON.stringify(app.maintenance), app.route && JSON.stringify(app.route)],
      ...[app.verify_key, app.last_release_number, app.last_error, app.created_at, this.#now().toISOString()],
    );
  }

  #insertRelease(release: NewRelease): void {
    this.#run(
      `INSERT INTO releases (app_name, number, state, image, image_id, configuration, nextcore, secrets, created_at, created_by, operation_id)
       VALUES (?, ?, 'pending', ?, '', ?, ?, ?, ?, ?, ?)`,
      ...[release.app_name, releaseNumber(release.id), release.image, JSON.stringify(release.configuration)],
      ...[release.nextcore && JSON.stringify(release.nextcore), JSON.stringify(release.secrets)],
      ...[release.created_at, release.created_by, release.operation_id],
    );
  }

  #insertEvent(event: NewEvent): DaemonEvent {
    const { lastInsertRowid } = this.#run(
      'INSERT INTO events (app_name, event) VALUES (?, ?)',
      event.app_name,
      JSON.stringify(event),
    );
    const seq = Number(lastInsertRowid);
    // By count: those that were overtaken have left gaps.
    const surplus = 'SELECT seq FROM events ORDER BY seq DESC LIMIT 1 OFFSET ?';
    if (seq % TRIM_EVERY === 0) this.#run(`DELETE FROM events WHERE seq <= (${surplus})`, LIMITS.events_kept);
    return { seq, ...event };
  }

  #transaction<T>(body: () => T): T {
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      const result = body();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      // Of a full or failing disk SQLite rolls back by itself.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw storageFailure(error, this.#path);
    }
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #run(sql: string, ...values: SQLInputValue[]) {
    return this.#prepare(sql).run(...values);
  }

  #get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#prepare(sql).get(...values);
  }

  #all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#prepare(sql).all(...values);
  }
}

/** For `json_each`. */
function namesIn(apps: ReadonlySet<string> | null | undefined): string | undefined {
  return apps ? JSON.stringify([...apps]) : undefined;
}
