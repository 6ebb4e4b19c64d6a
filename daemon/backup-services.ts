/** Wires backup and restore with the files, the database and Docker of this host. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Log } from './api/log.ts';
import { BackupService } from './api/service-backup.ts';
import { type AftermathParts, finishRestore, removeSuperseded } from './backup/aftermath.ts';
import { Backups } from './backup/create.ts';
import type { Places } from './backup/ports.ts';
import { Restores } from './backup/restore.ts';
import { completeSwitch, type RestoreRecord, sweep } from './backup/switch.ts';
import { certbotDirectory } from './certificates.ts';
import type { Config } from './config.ts';
import type { Engine } from './engine/engine.ts';
import type { NewEvent, World } from './engine/ports.ts';
import { HostStateDatabases } from './host/backup-database.ts';
import { HostBackupFiles } from './host/backup-files.ts';
import { systemClock } from './host/clock.ts';
import { MasterKeyFiles } from './host/key-files.ts';
import type { Store } from './host/store.ts';
import type { Vault } from './secrets/vault.ts';

const files = () => new HostBackupFiles();

/** `acme`: where certbot, which the daemon runs with directories of its own, has its account. Caddy keeps its own. */
export function placesOf(config: Config, configuration: string): Places {
  const { state_directory, secrets, certificates } = config;
  return {
    state_directory,
    database: join(state_directory, 'nextdeploy.db'),
    master_key: secrets.master_key_file,
    configuration,
    trees: {
      certificates: certificates.directory,
      acme: join(certbotDirectory(config), 'config', 'accounts'),
    },
  };
}

/** Before the database is opened: does what a restore has decided. Null: there is none that is not seen to. */
export function completeRestore(places: Places): Promise<RestoreRecord | null> {
  return completeSwitch(places, files());
}

interface Parts {
  places: Places;
  store: Store;
  vault: Vault;
  world: World;
  engine: Engine;
  publishEvent(event: Omit<NewEvent, 'ts'>): void;
  restart(): void;
  version: string;
  log: Log;
}

export function createBackupService({ places, store, vault, world, version, publishEvent, restart }: Parts): BackupService {
  const { containers, images, markers } = world;
  const common = { places, files: files(), databases: new HostStateDatabases(store), now: systemClock.now };
  const keys = new MasterKeyFiles(places.master_key);
  return new BackupService({
    backups: new Backups({ ...common, keys, markers, version, hostname: hostname() }),
    restores: new Restores({
      ...common,
      live: { database: store, vault },
      containers,
      images,
      restoreId: () => `rst-${randomBytes(8).toString('hex')}`,
    }),
    publishEvent,
    restart,
  });
}

/** What is left of a restore, for the daemon that starts with what it restored. */
export interface Aftermath {
  /** To be awaited before anything is recovered. */
  prepare(signal: AbortSignal): Promise<void>;
  /** Once it has been. */
  finish(signal: AbortSignal): Promise<void>;
}

export async function createAftermath(record: RestoreRecord | null, parts: Parts): Promise<Aftermath> {
  const { places, store, world, engine, publishEvent, log } = parts;
  await sweep(record, places, files()).catch((err: unknown) =>
    log.warn({ err }, 'what a backup or restore has left stays for now'),
  );
  if (record === null) return { prepare: async () => undefined, finish: async () => undefined };
  const after: AftermathParts = {
    ...{ record, places, files: files(), databases: new HostStateDatabases(store), journal: store },
    ...{ containers: world.containers, markers: world.markers, clock: world.clock, log },
    start: (app, actor, signal) => engine.begin(app, { kind: 'start' }, { actor, idempotency: null, signal }),
    appendAudit: (entry) => store.access.appendAudit(entry),
    publish: publishEvent,
  };
  return { prepare: (signal) => removeSuperseded(after, signal), finish: (signal) => finishRestore(after, signal) };
}
