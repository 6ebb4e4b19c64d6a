/** Carries out {@link planRetention}: marks releases as pruned, then removes the images that nothing needs any more. */
import type { DaemonEvent } from '../contract/domain.ts';
import { DomainError } from '../contract/errors.ts';
import { LIMITS } from '../contract/limits.ts';
import type { EngineLog } from './engine.ts';
import type { Arrival, Clock, Containers, HostResources, Images, Journal, NewEvent } from './ports.ts';
import {
  type DiskSpace,
  freePercent,
  planRetention,
  type RetentionPlan,
  type RetentionSettings,
  type RetentionSight,
} from './retention-plan.ts';

export interface RetentionOptions {
  journal: Pick<
    Journal,
    | 'listAllReleases'
    | 'listRemovedImages'
    | 'forgetRemovedImages'
    | 'listApps'
    | 'listOperations'
    | 'pruneReleases'
    | 'appendEvent'
  >;
  world: {
    images: Pick<Images, 'find' | 'list' | 'listArrivals' | 'remove'>;
    containers: Pick<Containers, 'list'>;
    resources: Pick<HostResources, 'dockerDisk'>;
    clock: Pick<Clock, 'now'>;
  };
  settings: RetentionSettings;
  /** Called with each event after it is on disk. */
  publish(event: DaemonEvent): void;
  log: EngineLog;
  /** Ends everything: the daemon stops. */
  signal: AbortSignal;
}

type Look = Pick<RetentionSight, 'images' | 'arrivals' | 'containers' | 'disk'>;

/** Each round of a low disk costs one image, and there are never this many. */
const ROUNDS_MAX = 1_000;
const EVERYTHING = Number.MAX_SAFE_INTEGER;
/** The disk has to be so much above its limit until it can be low again: one that stands at the limit does not flood the events. */
const RELIEF_PERCENT = 2;
const NAMED_IN_EVENT_MAX = 10;

export class Retention {
  readonly #options: RetentionOptions;
  #last: Promise<void> = Promise.resolve();
  /** Waits for the last one; whoever asks meanwhile gets it too. */
  #next: Promise<void> | null = null;
  #isLowTold = false;

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  /** Resolves when all that can go now has gone, as far as Docker and the journal let it: failures are logged. Rejects for an abort alone. */
  async run(signal: AbortSignal): Promise<void> {
    if (this.#next === null) {
      this.#next = this.#last.then(() => {
        this.#next = null;
        return this.#runOnce();
      });
      this.#last = this.#next;
    }
    await orAborted(this.#next, signal);
  }

  /** Whether there is room to pull an image; on a low disk once everything has gone that can. */
  async makeRoom(signal: AbortSignal): Promise<boolean> {
    if (!this.#isLow(await this.#diskSpace(signal))) return true;
    await this.run(signal);
    return !this.#isLow(await this.#diskSpace(signal));
  }

  async #runOnce(): Promise<void> {
    const { log, signal } = this.#options;
    try {
      // One that could not be removed must not stand in the way of the next.
      const tried = new Set<string>();
      let removed = 0;
      const before = await this.#diskSpace(signal);
      for (let round = 0; round < ROUNDS_MAX; round += 1) {
        const look = await this.#look(tried);
        const { prune, images } = this.#prune(look);
        if (prune.length === 0 && images.length === 0) break;
        for (const image of images) {
          tried.add(image.id);
          if (await this.#remove(image, look)) removed += 1;
        }
      }
      this.#tellOfDisk(before, await this.#diskSpace(signal), removed);
      await this.#forgetRemoved();
    } catch (err) {
      if (!signal.aborted) log.warn({ err }, 'could not remove images that are not needed any more; the next run tries again');
    }
  }

  async #look(tried: ReadonlySet<string>): Promise<Look> {
    const { world, signal } = this.#options;
    const { images, containers } = world;
    const [seen, arrivals, ours, disk] = await Promise.all([
      images.list(signal),
      this.#arrivals(),
      containers.list(signal),
      this.#diskSpace(signal),
    ]);
    return { images: seen.filter(({ id }) => !tried.has(id)), arrivals, containers: ours, disk };
  }

  #arrivals(): Promise<Arrival[]> {
    const { world, signal } = this.#options;
    return world.images.listArrivals(LIMITS.image_grace_ms, signal);
  }

  /**
   * From the look into the journal to the marking nothing is awaited, so no operation can come in between that needs one of these releases.
   * Where the journal cannot be written, what was marked before still goes: that may be what gives it room again.
   */
  #prune(look: Look): RetentionPlan {
    const { journal, world, settings, publish, log } = this.#options;
    const plan = this.#plan(look);
    if (plan.prune.length === 0) return plan;
    const ts = world.clock.now().toISOString();
    try {
      for (const event of journal.pruneReleases(plan.prune, prunedEvents(plan.prune, ts))) publish(event);
      return plan;
    } catch (err) {
      if (!(err instanceof DomainError && err.code === 'unavailable')) throw err;
      log.warn({ err }, 'releases cannot be marked as pruned now');
      const marked = this.#plan(look, { ...settings, releases_kept: EVERYTHING, disk_free_percent_min: 0 });
      return { prune: [], images: marked.images };
    }
  }

  /** What else held an image of an app that was removed may let it go later: it is known until it has gone. */
  async #forgetRemoved(): Promise<void> {
    const { journal, world, signal } = this.#options;
    const gone: string[] = [];
    for (const id of new Set(journal.listRemovedImages().map(({ image_id }) => image_id))) {
      if ((await world.images.find(id, signal)) === null) gone.push(id);
    }
    if (gone.length > 0) journal.forgetRemovedImages(gone);
  }

  #plan(look: Look, settings = this.#options.settings): RetentionPlan {
    const { journal } = this.#options;
    const operations = journal.listOperations({ state: 'running', limit: EVERYTHING });
    const kept = { releases: journal.listAllReleases(), removed: journal.listRemovedImages(), apps: journal.listApps() };
    return planRetention({ ...look, ...kept, operations }, settings);
  }

  /** False: something else needs it, or an operation has come to need it meanwhile, or somebody has brought it again for one. */
  async #remove({ id, references }: RetentionPlan['images'][number], look: Look): Promise<boolean> {
    const { world, log, signal } = this.#options;
    const arrivals = await this.#arrivals();
    const isStillFree = this.#plan({ ...look, arrivals }).images.some((image) => image.id === id);
    if (!isStillFree) return false;
    try {
      const isGone = await world.images.remove(id, references, signal);
      if (isGone) log.info({ image: id, references }, 'removed an image that no release needs any more');
      return isGone;
    } catch (err) {
      if (signal.aborted || (err instanceof DomainError && err.code === 'unavailable')) throw err;
      log.warn({ err, image: id, references }, 'could not remove an image');
      return false;
    }
  }

  /** Null: not known. */
  async #diskSpace(signal: AbortSignal): Promise<DiskSpace | null> {
    try {
      return await this.#options.world.resources.dockerDisk(signal);
    } catch (err) {
      signal.throwIfAborted();
      this.#options.log.warn({ err }, "cannot tell how full Docker's disk is");
      return null;
    }
  }

  #isLow(disk: DiskSpace | null): disk is DiskSpace {
    return disk !== null && freePercent(disk) < this.#options.settings.disk_free_percent_min;
  }

  #tellOfDisk(before: DiskSpace | null, after: DiskSpace | null, removed: number): void {
    const { journal, world, settings, publish } = this.#options;
    const { disk_free_percent_min } = settings;
    if (this.#isLow(before) && !this.#isLowTold) {
      const ts = world.clock.now().toISOString();
      const message = lowMessage(before, after, removed, disk_free_percent_min);
      publish(journal.appendEvent({ ts, kind: 'disk.low', level: 'warning', message, app_name: null, operation: null }));
      this.#isLowTold = true;
    }
    if (after && freePercent(after) >= disk_free_percent_min + RELIEF_PERCENT) this.#isLowTold = false;
  }
}

/** One for each app, however many releases. */
function prunedEvents(prune: RetentionPlan['prune'], ts: string): NewEvent[] {
  const byCause = Map.groupBy(prune, ({ app_name, reason }) => `${app_name} ${reason}`);
  return [...byCause.values()].map((releases) => {
    const { app_name, reason } = releases[0]!; // a group is never empty
    const names = releases.map(({ release }) => release);
    const more = names.length > NAMED_IN_EVENT_MAX ? ` and ${names.length - NAMED_IN_EVENT_MAX} more` : '';
    const message = `The image of ${names.slice(0, NAMED_IN_EVENT_MAX).join(', ')}${more} of ${app_name} is not kept any more: ${reason}`;
    return { ts, kind: 'release.pruned', level: 'info', message, app_name, operation: null };
  });
}

function lowMessage(before: DiskSpace, after: DiskSpace | null, removed: number, percentMin: number): string {
  const free = (disk: DiskSpace) => `${freePercent(disk).toFixed(1)} % (${(disk.available_bytes / 1024 ** 3).toFixed(1)} GiB)`;
  const count = removed === 1 ? 'one image of an older release was' : `${removed} images of older releases were`;
  const freed = removed === 0 ? '' : `; ${count} removed`;
  const now = after === null || removed === 0 ? '' : `, now ${free(after)} is`;
  const isLowStill = after === null || freePercent(after) < percentMin;
  const remedy = isLowStill
    ? '. Enlarge the disk, or remove what `docker system df` shows; nothing can be pulled until then'
    : '';
  return `Docker's disk had ${free(before)} free, less than ${percentMin} %${freed}${now}${remedy}.`;
}

/** Rejects with the signal's reason once it is aborted; what it waits for goes on for the others. */
async function orAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
