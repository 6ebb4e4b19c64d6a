/** Restores a backup: first as a rehearsal, which says what would change; then for real, up to the point where the next start has it. */
import { createHash } from 'node:crypto';
import type { RestoreReport } from '../contract/backup.ts';
import { DomainError } from '../contract/errors.ts';
import { LIMITS } from '../contract/limits.ts';
import { transition } from '../engine/journal.ts';
import type { Containers, Images, Journal } from '../engine/ports.ts';
import type { Sealed } from '../secrets/sealed.ts';
import type { Vault } from '../secrets/vault.ts';
import { compareThings, thingsOf } from './compare.ts';
import { decideOutcomes, findMissingImages } from './outcomes.ts';
import type { BackupFiles, Places, StateDatabase, StateDatabases } from './ports.ts';
import { openSound, type SoundState } from './sound-state.ts';
import { commitSwitch, discardStaged, keptIn, planMoves, stagedPath } from './switch.ts';
import { type Unpacked, unpack } from './unpack.ts';

export interface RestoreParts {
  places: Places;
  files: BackupFiles;
  databases: StateDatabases;
  /** What is here now. */
  live: { database: Omit<StateDatabase, 'close'>; vault: Vault };
  containers: Pick<Containers, 'list'>;
  images: Pick<Images, 'list'>;
  now: () => Date;
  restoreId(): string;
}

export interface Wish {
  file: AsyncIterable<Uint8Array>;
  passphrase: Sealed;
  is_applied: boolean;
  actor: string;
  signal: AbortSignal;
}

const DOCKER_DEADLINE_MS = 10_000;
const EVERYTHING = Number.MAX_SAFE_INTEGER;
const INTERRUPTED = 'It was under way when the backup was made, and ended with it.';

export class Restores {
  readonly #parts: RestoreParts;
  #isBusy: boolean = false;

  constructor(parts: RestoreParts) {
    this.#parts = parts;
  }

  /**
   * Where it is applied, the daemon has to start anew once this has resolved: the next start has the state of the backup. Whatever it throws,
   * nothing was changed: `unprocessable` for a backup that is not whole and sound, `conflict` while an operation or another restore is under way.
   */
  async run(wish: Wish): Promise<RestoreReport> {
    const { places, files } = this.#parts;
    if (this.#isBusy) throw new DomainError('conflict', 'Another backup is being restored; wait for its end.');
    if (wish.is_applied) this.#demandIdle();
    this.#isBusy = true;
    let isCommitted = false;
    try {
      const unpacked = await unpack(wish.file, wish.passphrase, { places, files });
      wish.signal.throwIfAborted();
      const report = await this.#consider(unpacked, wish);
      isCommitted = report.applied;
      return report;
    } finally {
      // The next start would throw it away as well.
      if (!isCommitted) await discardStaged(places, files).catch(() => undefined);
      // Of one that is applied, this daemon's state is over.
      this.#isBusy = isCommitted;
    }
  }

  async #consider(unpacked: Unpacked, wish: Wish): Promise<RestoreReport> {
    const { places, databases, now, restoreId } = this.#parts;
    const staged = stagedPath(places.database);
    const sound = await openSound(databases, staged, unpacked.master_key, now);
    let told: Told;
    try {
      told = await this.#compare(sound, unpacked, wish.signal);
      if (wish.is_applied) endOperations(sound.database, now().toISOString());
    } finally {
      sound.database.close();
    }
    const { manifest, trees } = unpacked;
    const { created_at, hostname, version } = manifest;
    const id = restoreId();
    const moves = planMoves(places, trees, id);
    const about = { backup: { created_at, hostname, version }, kept_in: wish.is_applied ? keptIn(moves) : [] };
    if (!wish.is_applied) return { applied: false, restore_id: null, ...about, ...told.report };
    const { apps } = told.report;
    const waiting = apps.filter(({ outcome }) => outcome === 'starts' || outcome === 'needs_image');
    await databases.settle(staged, { stopped: waiting.map(({ name }) => name) });
    wish.signal.throwIfAborted();
    this.#demandIdle();
    const record = {
      ...({ id, state: 'committed', actor: wish.actor, backup: about.backup, moves, gone: told.gone } as const),
      starts: apps.filter(({ outcome }) => outcome === 'starts').map(({ name }) => name),
      remedies: apps.filter(({ detail }) => detail !== '').map(({ name, detail }) => `${name}: ${detail}`),
    };
    await commitSwitch(record, places, this.#parts.files);
    return { applied: true, restore_id: id, ...about, ...told.report };
  }

  async #compare({ database, vault }: SoundState, { manifest, configuration }: Unpacked, signal: AbortSignal): Promise<Told> {
    const { live, files, places } = this.#parts;
    const here = thingsOf({
      ...live,
      certificates: await this.#certificatesHere(),
      configuration: await files.readText(places.configuration),
    });
    const backed = manifest.entries.flatMap((entry) =>
      entry.kind === 'certificates' ? [[entry.path, entry.sha256] as const] : [],
    );
    const there = thingsOf({ database, vault, certificates: new Map(backed), configuration });
    const [containers, images] = await this.#lookAtDocker(signal);
    const [apps, releases] = [database.listApps(), database.listAllReleases()];
    const isKnown = (operation_id: string) => database.getOperation(operation_id) !== null;
    const names = new Set(apps.map(({ name }) => name));
    return {
      report: {
        ...compareThings(here, there),
        apps: decideOutcomes({ apps, releases, containers, images, isKnown }),
        missing_images: findMissingImages({ apps, releases, images }),
      },
      gone: live.database.listApps().flatMap(({ name }) => (names.has(name) ? [] : [name])),
    };
  }

  async #certificatesHere(): Promise<Map<string, string>> {
    const { files, places } = this.#parts;
    const found = await files.readTree(places.trees.certificates, LIMITS.backup_files_bytes_max);
    return new Map(found.files.map(({ path, content }) => [path, createHash('sha256').update(content).digest('hex')]));
  }

  /** Containers, and content ids of images; null where Docker does not answer: state can be restored without it. */
  async #lookAtDocker(signal: AbortSignal) {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(DOCKER_DEADLINE_MS)]);
    const { containers, images } = this.#parts;
    const seen = await Promise.all([
      containers.list(deadline).catch(() => null),
      images.list(deadline).then(
        (all) => new Set(all.map(({ id }) => id)),
        () => null,
      ),
    ]);
    signal.throwIfAborted();
    return seen;
  }

  #demandIdle(): void {
    const journal: Pick<Journal, 'listOperations'> = this.#parts.live.database;
    const [running] = journal.listOperations({ state: 'running', limit: 1 });
    if (running === undefined) return;
    const { id, kind, app_name } = running;
    const message = `The ${kind} of ${app_name} is under way (${id}); wait for its end, then restore. Nothing was changed.`;
    throw new DomainError('conflict', message, { operation_id: id });
  }
}

interface Told {
  report: Pick<RestoreReport, 'changes' | 'unchanged' | 'apps' | 'missing_images'>;
  gone: string[];
}

/** Their containers are another server's, or gone: nobody could go on with them. */
function endOperations(database: Pick<StateDatabase, 'listOperations' | 'listAllReleases' | 'commit'>, at: string): void {
  for (const record of database.listOperations({ state: 'running', limit: EVERYTHING }))
    database.commit(
      transition(record, { kind: 'given_up', at, message: INTERRUPTED }),
      database
        .listAllReleases()
        .filter(({ app_name, id, state }) => app_name === record.app_name && id === record.release && state === 'pending')
        .map(({ app_name, id }) => ({ kind: 'release_state', app_name, release: id, state: 'failed', end_reason: INTERRUPTED })),
      [],
    );
}
