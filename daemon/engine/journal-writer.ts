/** Writes what happens to operations into the journal and tells the world, in that order: nothing is told that is not on disk. */
import { DomainError } from '../contract/errors.ts';
import type { EngineLog } from './engine.ts';
import { finalChanges, progressOf } from './outcome.ts';
import type { BeginEntry, Clock, Journal, NewEvent } from './ports.ts';
import { Progress, type ProgressParts } from './progress.ts';
import type { Change, OperationRecord, StepProgress } from './state.ts';
import { toOperation } from './view.ts';

interface Dependencies {
  journal: Pick<Journal, 'begin' | 'commit' | 'appendEvent' | 'getOperation'>;
  clock: Clock;
  log: EngineLog;
  publish(event: ReturnType<Journal['appendEvent']>): void;
  /** Takes out what is secret, before anything is kept or told. */
  mask: {
    record(record: OperationRecord): OperationRecord;
    progress(progress: StepProgress, record: OperationRecord): StepProgress;
  };
  /** Aborted when the daemon stops. */
  stopping: AbortSignal;
}

/** Between attempts to write: doubled from the first to the second. */
const RETRY_MS = 500;
const RETRY_MS_MAX = 10_000;

export class JournalWriter {
  readonly #dependencies: Dependencies;
  readonly #progress: Progress;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
    const { clock, stopping } = dependencies;
    const tell: ProgressParts['tell'] = (id, progress, overtaken) => this.#tellProgress(id, progress, overtaken);
    this.#progress = new Progress({ clock, stopping, tell });
  }

  /** Throws as `Journal.begin` does: an operation that cannot be written is not begun. */
  begin(entry: Omit<BeginEntry, 'event'>): void {
    const { journal, publish } = this.#dependencies;
    const { kind, app_name, actor } = entry.operation;
    const event = this.#event('operation.started', 'info', `${kind} of ${app_name} started by ${actor}`, entry.operation);
    publish(journal.begin({ ...entry, event }));
  }

  /**
   * Writes the record with the changes, and those that the end of an operation brings. Tries until the disk takes it: what has happened is
   * not forgotten, and the operation goes on from there. Resolves with the record as it is kept. Rejects when the daemon stops first.
   */
  async commit(unmasked: OperationRecord, changes: readonly Change[]): Promise<OperationRecord> {
    const record = this.#dependencies.mask.record(unmasked);
    const isEnd = record.state !== 'running';
    this.#progress.settle(record.id);
    if (isEnd) this.#progress.forget(record.id);
    const events: NewEvent[] = [progressOf(record, (kind, level, message) => this.#event(kind, level, message, record))];
    if (isEnd) {
      const isRemoved = record.kind === 'remove' && record.state === 'succeeded';
      const message = isRemoved ? `${record.app_name} was removed` : `${record.app_name} changed`;
      events.push({ ...this.#event(isRemoved ? 'app.removed' : 'app.changed', 'info', message, record), operation: null });
      if (record.kind === 'configure' && record.state === 'succeeded') {
        const told = `The route of ${record.app_name} was configured by ${record.actor}`;
        events.push({ ...this.#event('route.changed', 'info', told, record), operation: null });
      }
    }
    const all = isEnd ? [...changes, ...finalChanges(record)] : changes;
    for (const event of await this.#write(record, all, events)) this.#dependencies.publish(event);
    return record;
  }

  /** Told now or soon, and only the last state of each step is kept. */
  tellProgress(id: string, progress: StepProgress): void {
    this.#progress.add(id, progress);
  }

  /** What no operation has done. It is so whether or not that can be written. */
  tell(event: Omit<NewEvent, 'ts'>): void {
    const { journal, clock, publish, log } = this.#dependencies;
    try {
      publish(journal.appendEvent({ ts: clock.now().toISOString(), ...event }, null));
    } catch (err) {
      log.warn({ err, event }, 'an event could not be kept');
    }
  }

  /** It is worth no waiting: the next one comes soon. */
  #tellProgress(id: string, progress: StepProgress, overtaken: number | null): number | null {
    const { journal, publish, log, mask } = this.#dependencies;
    try {
      const record = journal.getOperation(id);
      if (!record) return null;
      const event = journal.appendEvent(this.#progressEvent(record, mask.progress(progress, record)), overtaken);
      publish(event);
      return event.seq;
    } catch (err) {
      log.warn({ err, operation: id }, 'progress could not be told');
      return null;
    }
  }

  #progressEvent(record: OperationRecord, progress: StepProgress): NewEvent {
    const { step, layers } = progress;
    const done = layers?.filter(({ state }) => state === 'done').length;
    const news = layers === null ? `${step} has printed more` : `pulled ${done} of ${layers.length} layers`;
    const event = this.#event('operation.progress', 'info', `${record.kind} of ${record.app_name}: ${news}`, record);
    return { ...event, operation: toOperation(record, progress) };
  }

  async #write(record: OperationRecord, changes: readonly Change[], events: readonly NewEvent[]) {
    const { journal, log, clock, stopping } = this.#dependencies;
    for (let pauseMs = RETRY_MS; ; pauseMs = Math.min(2 * pauseMs, RETRY_MS_MAX)) {
      try {
        const written = journal.commit(record, changes, events);
        if (pauseMs > RETRY_MS) log.info({ operation: record.id }, 'the journal can be written again');
        return written;
      } catch (error) {
        if (!(error instanceof DomainError && error.code === 'unavailable')) throw error;
        if (pauseMs === RETRY_MS) log.error({ err: error, operation: record.id }, error.message);
        await clock.sleep(pauseMs, stopping);
      }
    }
  }

  #event(kind: NewEvent['kind'], level: NewEvent['level'], message: string, record: OperationRecord): NewEvent {
    const ts = this.#dependencies.clock.now().toISOString();
    return { ts, kind, level, message, app_name: record.app_name, operation: toOperation(record) };
  }
}
