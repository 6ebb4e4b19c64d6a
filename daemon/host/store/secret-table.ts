/** The tables of secrets. What a value is sealed with is not known here. */
import type { SQLOutputValue } from 'node:sqlite';
import type { WrappedKeys } from '../../secrets/master-key.ts';
import type { OwnerKey, ProviderRecord, SecretKey, SecretStore, SecretVersion } from '../../secrets/ports.ts';
import type { SecretPlace, SecretPlaces } from '../secret-files.ts';
import type { Connection } from './connection.ts';
import type { Row } from './rows.ts';

/** Releases that serve, or may again, need the versions that they are pinned to. */
const NEEDED_BY_RELEASES = `SELECT json_extract(pin.value, '$.scope') || ' ' ||
    coalesce(json_extract(pin.value, '$.project'), json_extract(pin.value, '$.app_name'), '') || ' ' ||
    json_extract(pin.value, '$.name') || ' ' || json_extract(pin.value, '$.version')
  FROM releases, json_each(releases.secrets) AS pin WHERE releases.state IN ('pending', 'live', 'standby')`;
const NAMED = `scope || ' ' || owner || ' ' || name || ' ' || version`;
/** Of a secret that is there, the newest; of one that was removed, none. */
const NEEDED_BY_SECRET = `SELECT 1 FROM newest WHERE newest.scope = secrets.scope AND newest.owner = secrets.owner AND newest.name = secrets.name
  AND newest.is_there AND secrets.version > newest.version - ?1`;
const NEWEST = `newest AS (SELECT scope, owner, name, version, fingerprint IS NOT NULL AS is_there FROM secrets AS each WHERE version =
  (SELECT max(version) FROM secrets WHERE scope = each.scope AND owner = each.owner AND name = each.name))`;

export class SecretTable implements SecretStore, SecretPlaces {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  readKeys(): WrappedKeys | null {
    const row = this.#connection.get('SELECT master_key_id, wrapped FROM vault_keys');
    return row ? { master_key_id: String(row.master_key_id), wrapped: bytes(row.wrapped) } : null;
  }

  putFirstKeys(keys: WrappedKeys): void {
    this.#connection.transaction(() => this.#putKeys('INSERT', keys));
  }

  listNewest(): SecretVersion[] {
    const { all } = this.#connection;
    return all('SELECT *, max(version) AS version FROM secrets GROUP BY scope, owner, name').map(toVersion);
  }

  listKept(): SecretVersion[] {
    return this.#connection.all('SELECT * FROM secrets WHERE sealed IS NOT NULL ORDER BY version DESC').map(toVersion);
  }

  get({ scope, owner, name }: SecretKey, version: number): SecretVersion | null {
    const sql = 'SELECT * FROM secrets WHERE scope = ? AND owner = ? AND name = ? AND version = ?';
    const row = this.#connection.get(sql, scope, owner, name, version);
    return row ? toVersion(row) : null;
  }

  add(versions: readonly SecretVersion[], kept: number): void {
    this.#connection.transaction(() => {
      for (const version of versions) this.#insert(version);
      this.#sweep(kept);
    });
  }

  replaceAll(keys: WrappedKeys, versions: readonly SecretVersion[], providers: readonly ProviderRecord[]): void {
    const { transaction, run } = this.#connection;
    transaction(() => {
      this.#putKeys('REPLACE', keys);
      const sql = 'UPDATE secrets SET sealed = ? WHERE scope = ? AND owner = ? AND name = ? AND version = ?';
      for (const { sealed, scope, owner, name, version } of versions) run(sql, sealed, scope, owner, name, version);
      for (const provider of providers) this.#replaceProvider(provider);
    });
  }

  listProviders(): ProviderRecord[] {
    const rows = this.#connection.all('SELECT * FROM secret_providers ORDER BY scope, owner');
    return rows.map((row) => ({ ...row, sealed: bytes(row.sealed) }) as unknown as ProviderRecord); // its columns
  }

  putProvider(provider: ProviderRecord): void {
    this.#connection.transaction(() => this.#replaceProvider(provider));
  }

  removeProvider({ scope, owner }: OwnerKey): void {
    const { transaction, run } = this.#connection;
    transaction(() => run('DELETE FROM secret_providers WHERE scope = ? AND owner = ?', scope, owner));
  }

  put({ container, app_name, release, uid }: SecretPlace): void {
    this.#connection.transaction(() => {
      const sql = 'REPLACE INTO secret_places (container, app_name, release, uid) VALUES (?, ?, ?, ?)';
      this.#connection.run(sql, container, app_name, release, uid);
    });
  }

  remove(container: string): void {
    const { transaction, run, get } = this.#connection;
    // Most containers have none, and a full disk is no reason to keep one of those.
    if (get('SELECT 1 FROM secret_places WHERE container = ?', container) === undefined) return;
    transaction(() => run('DELETE FROM secret_places WHERE container = ?', container));
  }

  list(): SecretPlace[] {
    return this.#connection.all('SELECT * FROM secret_places ORDER BY container') as unknown as SecretPlace[]; // its columns
  }

  /** With the app's releases, in their transaction: nothing needs them any more. */
  removeOfApp(app_name: string): void {
    this.#connection.run("DELETE FROM secrets WHERE scope = 'app' AND owner = ?", app_name);
    this.#connection.run("DELETE FROM secret_providers WHERE scope = 'app' AND owner = ?", app_name);
  }

  /** What the newest version says of a secret stays for good: numbers are not given twice. */
  #sweep(kept: number): void {
    const { run } = this.#connection;
    const isKept = `EXISTS (${NEEDED_BY_SECRET}) OR ${NAMED} IN (${NEEDED_BY_RELEASES})`;
    run(`WITH ${NEWEST} UPDATE secrets SET sealed = NULL WHERE sealed IS NOT NULL AND NOT (${isKept})`, kept);
    const isNewest =
      'SELECT 1 FROM newest WHERE newest.scope = secrets.scope AND newest.owner = secrets.owner AND newest.name = secrets.name AND newest.version = secrets.version';
    run(`WITH ${NEWEST} DELETE FROM secrets WHERE sealed IS NULL AND NOT EXISTS (${isNewest})`);
  }

  #insert({ scope, owner, name, version, sealed, fingerprint, origin, created_at, created_by }: SecretVersion): void {
    this.#connection.run(
      'INSERT INTO secrets (scope, owner, name, version, sealed, fingerprint, origin, created_at, created_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
      ...[scope, owner, name, version, sealed, fingerprint, origin, created_at, created_by],
    );
  }

  #replaceProvider({ scope, owner, settings, sealed, set_at, set_by, pulled_at }: ProviderRecord): void {
    this.#connection.run(
      'REPLACE INTO secret_providers (scope, owner, settings, sealed, set_at, set_by, pulled_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
      ...[scope, owner, settings, sealed, set_at, set_by, pulled_at],
    );
  }

  #putKeys(verb: 'INSERT' | 'REPLACE', { master_key_id, wrapped }: WrappedKeys): void {
    this.#connection.run(`${verb} INTO vault_keys (id, master_key_id, wrapped) VALUES (1, ?, ?)`, master_key_id, wrapped);
  }
}

function toVersion(row: Row): SecretVersion {
  // The store alone has written it.
  return { ...row, sealed: row.sealed === null ? null : bytes(row.sealed) } as unknown as SecretVersion;
}

function bytes(value: SQLOutputValue | undefined): Buffer {
  return Buffer.from(value as Uint8Array); // a BLOB column
}
