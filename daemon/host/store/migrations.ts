/** The database's schema as a list of steps; its length is the version. A released step is never changed, only followed by another. */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE apps (
    name TEXT PRIMARY KEY,
    slot_index INTEGER NOT NULL UNIQUE,
    release TEXT,
    slot TEXT,
    wanted TEXT NOT NULL,
    route TEXT,
    verify_key TEXT NOT NULL,
    last_release_number INTEGER NOT NULL,
    last_error TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
  ) STRICT;

  CREATE TABLE releases (
    app_name TEXT NOT NULL,
    number INTEGER NOT NULL,
    state TEXT NOT NULL,
    image TEXT NOT NULL,
    image_id TEXT NOT NULL,
    configuration TEXT NOT NULL,
    created_at TEXT NOT NULL,
    created_by TEXT NOT NULL,
    operation_id TEXT NOT NULL,
    ended_at TEXT,
    end_reason TEXT,
    PRIMARY KEY (app_name, number)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE operations (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    app_name TEXT NOT NULL,
    state TEXT NOT NULL,
    record TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX one_operation_per_app ON operations (app_name) WHERE state = 'running';
  CREATE INDEX operations_of_app ON operations (app_name, number);

  CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    app_name TEXT,
    event TEXT NOT NULL
  ) STRICT;

  CREATE TABLE idempotency_keys (
    actor TEXT NOT NULL,
    key TEXT NOT NULL,
    operation_id TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (actor, key)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  ALTER TABLE apps ADD COLUMN replicas INTEGER NOT NULL DEFAULT 1;
  ALTER TABLE apps ADD COLUMN maintenance TEXT;
  ALTER TABLE releases ADD COLUMN nextcore TEXT;
  UPDATE apps SET route = json_set(route, '$.proxy', 'caddy', '$.redirects', json('[]'), '$.health_path', NULL) WHERE route IS NOT NULL;
  `,
  `
  CREATE TABLE removed_images (
    image_id TEXT NOT NULL,
    image TEXT NOT NULL,
    PRIMARY KEY (image_id, image)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  ALTER TABLE removed_images ADD COLUMN removed_at TEXT NOT NULL DEFAULT '1970-01-01T00:00:00.000Z';
  `,
  `
  CREATE TABLE vault_keys (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    master_key_id TEXT NOT NULL,
    wrapped BLOB NOT NULL
  ) STRICT;

  CREATE TABLE secrets (
    scope TEXT NOT NULL,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    sealed BLOB,
    fingerprint TEXT,
    created_at TEXT NOT NULL,
    created_by TEXT NOT NULL,
    PRIMARY KEY (scope, owner, name, version)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE secret_places (
    container TEXT PRIMARY KEY,
    app_name TEXT NOT NULL,
    release TEXT NOT NULL,
    uid INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  ALTER TABLE releases ADD COLUMN secrets TEXT NOT NULL DEFAULT '[]';
  `,
  `
  CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    apps TEXT,
    hash TEXT NOT NULL UNIQUE,
    created_at TEXT NOT NULL,
    created_by TEXT NOT NULL,
    expires_at TEXT,
    last_used_at TEXT,
    revoked_at TEXT,
    revoked_by TEXT
  ) STRICT;

  CREATE TABLE audit (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    ts TEXT NOT NULL,
    actor TEXT NOT NULL,
    role TEXT,
    token_id TEXT,
    listener TEXT NOT NULL,
    action TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    app_name TEXT,
    operation_id TEXT,
    status INTEGER NOT NULL,
    code TEXT,
    message TEXT NOT NULL,
    count INTEGER NOT NULL
  ) STRICT;
  `,
  `
  ALTER TABLE secrets ADD COLUMN origin TEXT;

  CREATE TABLE secret_providers (
    scope TEXT NOT NULL,
    owner TEXT NOT NULL,
    settings TEXT NOT NULL,
    sealed BLOB NOT NULL,
    set_at TEXT NOT NULL,
    set_by TEXT NOT NULL,
    pulled_at TEXT,
    PRIMARY KEY (scope, owner)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE certificates (
    domain TEXT PRIMARY KEY,
    last_attempt TEXT,
    failures INTEGER NOT NULL,
    retry_after TEXT,
    is_rate_limited INTEGER NOT NULL,
    told_state TEXT,
    told_fingerprint TEXT
  ) STRICT, WITHOUT ROWID;
  `,
  `
  ALTER TABLE apps ADD COLUMN routing TEXT;

  CREATE TABLE port_routes (
    domain TEXT PRIMARY KEY,
    wanted TEXT,
    previous TEXT,
    is_settled INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
];
