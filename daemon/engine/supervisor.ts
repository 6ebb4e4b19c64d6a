/** Looks at every app that is to serve, again and again, each at its own pace, and heals it (DESIGN §4, auto-heal). */
import { DomainError } from '../contract/errors.ts';
import type { AppRecord } from './state.ts';
import { LOOK_PAUSE_MS_MIN, type ServingApp, SupervisedApp, type SupervisorOptions } from './supervisor-app.ts';

const TICK_MS = 250;
/** Enough for hundreds of apps that answer in milliseconds; with hung ones it bounds sockets, and what Docker is asked at once. */
const LOOKS_AT_ONCE_MAX = 16;
/** Its multiples' fractions lie evenly in [0, 1), however many there are (the golden ratio's). */
const SPREAD = 0.618_033_988_75;
const BUSY = Number.POSITIVE_INFINITY;
const EVERYTHING = Number.MAX_SAFE_INTEGER;

interface Watched {
  app: SupervisedApp;
  /** Monotonic; {@link BUSY} until the look under way has ended. */
  next_ms: number;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #closing = new AbortController();
  readonly #watched = new Map<string, Watched>();
  #loop: Promise<void> = Promise.resolve();
  readonly #healing = new Set<Promise<void>>();
  #looking = 0;
  #everWatched = 0;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** Runs until the signal is aborted, or {@link close}. Once, and after what earlier operations left has been recovered. */
  start(signal: AbortSignal): void {
    this.#loop = this.#run(AbortSignal.any([signal, this.#closing.signal]));
  }

  /** Resolves when nothing is looked at or restarted any more; operations that were begun go on. */
  async close(): Promise<void> {
    this.#closing.abort(new DomainError('unavailable', 'The daemon is stopping.'));
    await this.#loop;
    await Promise.all(this.#healing);
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { world, log } = this.#options;
    let isFailing = false;
    while (!signal.aborted) {
      try {
        this.#beginLooks(signal);
        isFailing = false;
      } catch (err) {
        if (!isFailing) log.error({ err }, 'cannot tell which apps to look at');
        isFailing = true;
      }
      await world.clock.sleep(TICK_MS, signal).catch(() => undefined);
    }
  }

  #beginLooks(signal: AbortSignal): void {
    const { journal, world } = this.#options;
    const now_ms = world.clock.monotonicMs();
    const records = journal.listApps();
    this.#forgetOthers(records);
    const due = records
      .map((record) => ({ record, watched: this.#watch(record.name, now_ms) }))
      .filter(({ watched }) => watched.next_ms <= now_ms)
      .toSorted((a, b) => a.watched.next_ms - b.watched.next_ms);
    if (due.length === 0) return;
    const running = new Set(journal.listOperations({ state: 'running', limit: EVERYTHING }).map(({ app_name }) => app_name));
    for (const { record, watched } of due) {
      if (running.has(record.name)) {
        watched.app.pause();
        watched.next_ms = now_ms + LOOK_PAUSE_MS_MIN;
      } else if (!isServing(record)) {
        watched.app.forget();
        watched.next_ms = now_ms + LOOK_PAUSE_MS_MIN;
      } else if (this.#looking < LOOKS_AT_ONCE_MAX) {
        watched.next_ms = BUSY;
        const healing = this.#heal(record, watched, signal).finally(() => this.#healing.delete(healing));
        this.#healing.add(healing);
      }
    }
  }

  /** One look, and what it leads to. Never rejects. */
  async #heal(record: ServingApp, watched: Watched, signal: AbortSignal): Promise<void> {
    const { world, log } = this.#options;
    try {
      this.#looking += 1;
      // A restart takes as long as the app takes to stop: that keeps nobody from being looked at.
      const action = await watched.app.look(record, signal).finally(() => {
        this.#looking -= 1;
      });
      await watched.app.act(record, action, signal);
    } catch (err) {
      if (!signal.aborted) log.error({ err, app: record.name }, 'could not look after an app');
    }
    watched.next_ms = world.clock.monotonicMs() + watched.app.pauseMs;
  }

  #watch(name: string, now_ms: number): Watched {
    const known = this.#watched.get(name);
    if (known) return known;
    this.#everWatched += 1;
    // Those that are found together, at the start, are not looked at together.
    const next_ms = now_ms + ((this.#everWatched * SPREAD) % 1) * LOOK_PAUSE_MS_MIN;
    const watched = { app: new SupervisedApp(this.#options), next_ms };
    this.#watched.set(name, watched);
    return watched;
  }

  #forgetOthers(records: readonly AppRecord[]): void {
    const names = new Set(records.map(({ name }) => name));
    for (const [name, { next_ms }] of this.#watched) if (!names.has(name) && next_ms !== BUSY) this.#watched.delete(name);
  }
}

function isServing(record: AppRecord): record is ServingApp {
  return record.wanted === 'running' && record.release !== null && record.slot !== null;
}
