/** A server's state in a directory of its own: a real database with real secrets, the key's file, certificates, configuration. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Readable } from 'node:stream';
import { appConfigurationSchema } from '../contract/configuration.ts';
import type { ObservedContainer } from '../engine/ports.ts';
import type { OperationRecord, PortRoute } from '../engine/state.ts';
import { HostStateDatabases } from '../host/backup-database.ts';
import { HostBackupFiles } from '../host/backup-files.ts';
import { MasterKeyFiles } from '../host/key-files.ts';
import { Store } from '../host/store.ts';
import { Sealed } from '../secrets/sealed.ts';
import { Vault } from '../secrets/vault.ts';
import { Backups } from './create.ts';
import type { BackupFiles, Places } from './ports.ts';
import { Restores } from './restore.ts';
import { completeSwitch, type RestoreRecord, sweep } from './switch.ts';

export const PASSPHRASE = new Sealed('correct horse battery');
/** Of scrypt: what takes a second and 256 MB otherwise. */
export const QUICK = 10;
const AT = '2026-01-01T00:00:00.000Z';
export const IMAGE = `sha256:${'1'.repeat(64)}`;
const now = () => new Date(AT);
export const never = new AbortController().signal;

export class TestPlace {
  readonly directory: string = mkdtempSync(join(tmpdir(), 'nextdeploy-backup-'));
  readonly places: Places = {
    state_directory: join(this.directory, 'state'),
    database: join(this.directory, 'state', 'nextdeploy.db'),
    master_key: join(this.directory, 'etc', 'master.key'),
    configuration: join(this.directory, 'etc', 'config.yml'),
    trees: { certificates: join(this.directory, 'etc', 'certs'), acme: join(this.directory, 'state', 'acme') },
  };
  store!: Store;
  vault!: Vault;
  files: BackupFiles = new HostBackupFiles();
  containers: ObservedContainer[] | null = [];
  images: string[] = [];
  /** Of the restore that the start has found. */
  record: RestoreRecord | null = null;
  #restores = 0;

  /** As the daemon starts: what a restore has decided comes first. */
  static async start(): Promise<TestPlace> {
    const place = new TestPlace();
    mkdirSync(place.places.state_directory);
    mkdirSync(place.places.trees.certificates, { recursive: true });
    writeFileSync(place.places.configuration, `auth: { token: ${'t'.repeat(32)} }\nretention: { releases: 7 }\n`);
    await place.start();
    return place;
  }

  async start(files: BackupFiles = new HostBackupFiles()): Promise<void> {
    const record = await completeSwitch(this.places, files);
    await sweep(record, this.places, files);
    this.record = record;
    this.store = new Store(this.places.database, now);
    this.isOpen = true;
    this.vault = await Vault.open({ store: this.store.secrets, files: new MasterKeyFiles(this.places.master_key), now });
  }

  isOpen: boolean = true;

  stop(): void {
    this.store.close();
    this.isOpen = false;
  }

  remove(): void {
    if (this.isOpen) this.stop();
    rmSync(this.directory, { recursive: true });
  }

  set(name: string, value: string): void {
    const secrets = new Map([[name, new Sealed(value)]]);
    this.vault.sync({
      ...{ owner: { scope: 'app', app_name: 'shop' }, secrets, origin: null, removes: 'none', actor: 'admin', is_dry: false },
    });
  }

  valueOf(name: string): string | undefined {
    return this.vault
      .open(this.vault.pin('shop', null).filter((pin) => pin.name === name))
      .get(name)
      ?.open();
  }

  certificate(domain: string, content: string): void {
    writeFileSync(join(this.places.trees.certificates, `${domain}.crt`), content);
    writeFileSync(join(this.places.trees.certificates, `${domain}.key`), `key of ${content}`, { mode: 0o600 });
  }

  /** As a deploy leaves an app. */
  app(name: string, release: string, state: 'live' | 'pending' = 'live', index: number = 1): void {
    const database = new DatabaseSync(this.places.database);
    database
      .prepare(
        `INSERT INTO apps (name, slot_index, release, slot, wanted, verify_key, last_release_number, created_at, updated_at, route)
         VALUES (?, ?, ?, 'blue', 'running', 'k', ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET release = excluded.release`,
      )
      .run(name, index, release, Number(release.slice(1)), AT, AT, JSON.stringify(routeOf(name)));
    database
      .prepare(
        `INSERT INTO releases (app_name, number, state, image, image_id, configuration, created_at, created_by, operation_id)
         VALUES (?, ?, ?, ?, ?, ?, ?, 'admin', 'op-1')`,
      )
      .run(name, Number(release.slice(1)), state, `${name}:v1`, IMAGE, JSON.stringify(appConfigurationSchema.parse({})), AT);
    database.close();
  }

  portRoute(domain: string, port: number): void {
    const wanted: PortRoute = {
      ...{ domain, port, proxy: 'caddy', tls: null, aliases: [], maintenance: null, verify_key: 'k' },
      settings: {
        ...{ www: 'off', redirects: [], prefixes: [], headers: {}, basic_auth: [], body_bytes_max: null, compression: false },
      },
    };
    this.store.putPortRoute({ domain, wanted, previous: null, is_settled: true, created_at: AT, updated_at: AT });
  }

  /** An operation on an app. */
  running(app_name: string, release: string): void {
    const record: OperationRecord = {
      ...{
        id: 'op-0123456789ab',
        app_name,
        kind: 'deploy',
        state: 'running',
        direction: 'forward',
        is_cancelled: false,
        actor: 'admin',
      },
      ...{ release, is_new_release: true, from_release: 'r1', image: 'shop:v2', slot: 'green', created_at: AT, ended_at: null },
      ...{ steps: [], error: null, evidence: null },
    };
    const database = new DatabaseSync(this.places.database);
    database
      .prepare('INSERT INTO operations (id, app_name, state, record) VALUES (?, ?, ?, ?)')
      .run(record.id, app_name, record.state, JSON.stringify(record));
    database.close();
  }

  async backup(passphrase: Sealed = PASSPHRASE): Promise<Buffer> {
    return collect(await this.backups().create(passphrase, never));
  }

  backups(work_factor: number = QUICK): Backups {
    return new Backups({
      ...this.#common(),
      keys: new MasterKeyFiles(this.places.master_key),
      markers: { read: async () => 'blue' },
      version: '1.2.3',
      hostname: 'first',
      now,
      work_factor,
    });
  }

  restores(): Restores {
    return new Restores({
      ...this.#common(),
      live: { database: this.store, vault: this.vault },
      containers: {
        list: async () => {
          if (this.containers === null) throw new Error('Docker does not answer');
          return this.containers;
        },
      },
      images: { list: async () => this.images.map((id) => ({ id, references: [], size_bytes: 1, created_at: AT })) },
      now,
      restoreId: () => {
        this.#restores += 1;
        return `rst-${this.#restores}`;
      },
    });
  }

  restore(file: Buffer, is_applied: boolean, passphrase: Sealed = PASSPHRASE) {
    return this.restores().run({ file: pieces(file), passphrase, is_applied, actor: 'admin', signal: never });
  }

  /** Everything on the disk but what SQLite has beside the database while it is open: paths with the hash of their content. */
  snapshot(): Record<string, string> {
    const paths = readdirSync(this.directory, { recursive: true, encoding: 'utf8' }).filter(
      (path) => !/\.db-(wal|shm)$/.test(path),
    );
    const files = paths.filter((path) => statSync(join(this.directory, path)).isFile()).sort();
    return Object.fromEntries(files.map((path) => [path, sha256(readFileSync(join(this.directory, path)))]));
  }

  #common() {
    return { places: this.places, files: this.files, databases: new HostStateDatabases(this.store) };
  }
}

function routeOf(name: string) {
  return {
    ...{
      app_name: name,
      proxy: 'caddy',
      sites: [{ domain: `${name}.test`, tls: 'off' }],
      redirects: [],
      upstreams: { blue: [], green: [] },
    },
    ...{ health_path: null, marker_directory: '/', verify_key: 'k' },
  };
}

const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');

export async function collect(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** As a connection brings it. */
export const pieces = (content: Buffer): Readable =>
  Readable.from(
    Array.from({ length: Math.ceil(content.length / 10_000) }, (_, index) =>
      content.subarray(10_000 * index, 10_000 * (index + 1)),
    ),
  );
