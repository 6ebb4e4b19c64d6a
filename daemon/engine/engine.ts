/** The swap engine's door: begins operations, runs them to their end, and picks up what an earlier run of the daemon left. */
import type { AppConfiguration } from '../contract/configuration.ts';
import type { Operation } from '../contract/domain.ts';
import { DomainError } from '../contract/errors.ts';
import type { NextCoreMetadata } from '../contract/nextcore.ts';
import { can, type Verdict } from '../contract/rules.ts';
import { OperationControls } from './controls.ts';
import { demandFreeDomains } from './domains.ts';
import { gatherEvidence } from './evidence.ts';
import { removeHooks } from './hook.ts';
import { resolveWish } from './intent.ts';
import { hasWayBack, transition } from './journal.ts';
import { JournalWriter } from './journal-writer.ts';
import { planOperation } from './plan.ts';
import type { Ids, Journal, ObservedContainer, RegistryCredentials, World } from './ports.ts';
import { demandPrefixApps, demandUnneeded } from './prefixes.ts';
import { type Reconciliation, reconcile, restoreMarker, type Unfinished } from './reconcile.ts';
import { isAsKept } from './recovery.ts';
import { runToEnd } from './run-to-end.ts';
import { type Executors, runSaga, type SagaDependencies, StepFailure } from './saga.ts';
import { maskedProgress, maskedRecord } from './secrets.ts';
import { containerName } from './slots.ts';
import type { AppRecord, Maintenance, OperationRecord, SiteSettings, StepProgress } from './state.ts';
import type { ImageWish } from './steps.ts';
import type { PlanSettings } from './templates.ts';
import { toOperation } from './view.ts';

export interface EngineLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface EngineOptions {
  world: World;
  executors: Executors;
  journal: Journal;
  settings: PlanSettings;
  ids: Ids;
  log: EngineLog;
  /** Called with each event after it is on disk. */
  publish(event: ReturnType<Journal['appendEvent']>): void;
  /** Called after each operation that has ended. */
  onEnd?(record: OperationRecord): void;
}

/** What a caller asks for. */
export type Intent =
  | {
      kind: 'deploy';
      image: string;
      pull: ImageWish['pull'];
      configuration: AppConfiguration;
      nextcore: NextCoreMetadata | null;
      credentials: RegistryCredentials | null;
    }
  | {
      kind: 'swap';
      image: string;
      pull: ImageWish['pull'];
      nextcore: NextCoreMetadata | null;
      credentials: RegistryCredentials | null;
    }
  | { kind: 'rollback'; release: string | undefined; code_only: boolean }
  | { kind: 'scale'; replicas: number }
  | { kind: 'maintenance'; to: Maintenance | null }
  | { kind: 'configure'; to: SiteSettings }
  /** `roll`: the live release once more, as a new one with the secrets as they are now. */
  | { kind: 'start' | 'stop' | 'restart' | 'roll' | 'remove' };

export interface BeginOptions {
  actor: string;
  /** The same key and request of the same actor give the first operation again. */
  idempotency: { key: string; request_hash: string } | null;
  signal: AbortSignal;
  /**
   * Awaited once it is known that the operation could begin, and before its release's secrets are pinned. Not for an operation that was begun
   * with this key before. What it throws keeps this one from beginning.
   */
  prepare?: (() => Promise<void>) | undefined;
}

/** At most one per app runs. */
const EVERYTHING = Number.MAX_SAFE_INTEGER;
const OBSERVATIONS_MAX = 3;

export class Engine {
  readonly #options: EngineOptions;
  readonly #stopping = new AbortController();
  readonly #controls = new OperationControls();
  readonly #running = new Map<string, Promise<OperationRecord>>();
  /** What an earlier run of the daemon left: still running for whoever asks, though {@link recover} has not come to it yet. */
  readonly #unfinished: Unfinished[];
  readonly #writer: JournalWriter;
  readonly #saga: SagaDependencies;

  constructor(options: EngineOptions) {
    this.#options = options;
    const { journal, log, publish, world } = options;
    const left = journal.listOperations({ state: 'running', limit: EVERYTHING });
    this.#unfinished = left.map((record) => ({ record, end: Promise.withResolvers() }));
    for (const { record, end } of this.#unfinished) this.#track(record.id, end.promise);
    const mask = {
      record: (record: OperationRecord) => maskedRecord(record, world, journal),
      progress: (progress: StepProgress, record: OperationRecord) => maskedProgress(progress, record, world, journal),
    };
    this.#writer = new JournalWriter({ journal, clock: world.clock, log, publish, mask, stopping: this.#stopping.signal });
    this.#saga = {
      executors: options.executors,
      clock: world.clock,
      commit: async (record, changes) => {
        const kept = await this.#writer.commit(record, changes);
        this.#controls.written(kept);
        return kept;
      },
      examine: (operation, step, failure, signal) => gatherEvidence(operation, step, failure, world, signal),
      explain: (error, step) => this.#explain(error, `the step ${step.name}`),
    };
  }

  /**
   * Journals the operation and starts it; resolves as soon as it is on disk. Throws `not_found` for an unknown app, `conflict` when an
   * operation is in flight (with its id) or the app's state does not allow this one.
   */
  async begin(name: string, intent: Intent, { actor, idempotency, signal, prepare }: BeginOptions): Promise<Operation> {
    const { journal, world, settings, ids } = this.#options;
    let isPrepared = prepare === undefined;
    for (let count = 1; ; count += 1) {
      const earlier = this.#earlier(actor, idempotency);
      if (earlier) return toOperation(earlier);
      const last = journal.listOperations({ app_name: name, limit: 1 })[0];
      // Nothing else depends on what runs; and what does not need Docker has to be possible without it.
      const containers = intent.kind === 'start' ? await this.#liveContainer(journal.getApp(name), signal) : [];
      signal.throwIfAborted();
      // From here to the journal nothing is awaited, so nothing can come in between; but something may have during the looking.
      const now = journal.listOperations({ app_name: name, limit: 1 })[0];
      if ((now?.id !== last?.id || now?.state !== last?.state) && count < OBSERVATIONS_MAX) continue;

      const app = journal.getApp(name);
      const pinSecrets = (project: string | null) => world.secrets.pin(name, project);
      const operation = now?.state === 'running' ? now : null;
      const wish = resolveWish(name, intent, { app, containers, operation, journal, pinSecrets });
      const live = app?.release ? journal.getRelease(name, app.release) : null;
      const others = journal.listApps().filter((other) => other.name !== name);
      const at = world.clock.now().toISOString();
      const stamp = { operation_id: ids.operationId(), verify_key: ids.verifyKey(), actor, at };
      const has_certain_route = isAsKept(name, journal);
      const plan = planOperation(name, wish, { app, live, others, has_certain_route }, settings, stamp);
      const running = journal.listOperations({ state: 'running', limit: EVERYTHING });
      demandFreeDomains(plan.operation, running);
      if (wish.kind === 'configure') demandPrefixApps(name, wish.to, journal);
      if (wish.kind === 'remove') demandUnneeded(name, running, journal);
      if (!isPrepared) {
        await prepare?.();
        isPrepared = true;
        // Meanwhile anything may have happened.
        count = 0;
        continue;
      }
      this.#writer.begin({ ...plan, idempotency });
      const credentials = 'credentials' in intent ? intent.credentials : null;
      this.#track(plan.operation.id, this.#run(plan.operation, credentials));
      return toOperation(plan.operation);
    }
  }

  /** Resolves with the operation once it has ended. Throws `not_found`, or `unavailable` when the daemon stops first. */
  async waitFor(id: string, signal: AbortSignal): Promise<Operation> {
    const run = this.#running.get(id);
    if (run) {
      signal.throwIfAborted();
      const { promise: aborted, reject } = Promise.withResolvers<never>();
      const abort = () => reject(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      return await Promise.race([run, aborted])
        .then(toOperation)
        .finally(() => signal.removeEventListener('abort', abort));
    }
    return toOperation(this.#demandOperation(id));
  }

  /** How it stands now, or null. */
  describe(id: string): Operation | null {
    const { journal, world } = this.#options;
    const record = journal.getOperation(id);
    const progress = this.#controls.progressOf(id);
    return record && toOperation(record, progress && maskedProgress(progress, record, world, journal));
  }

  /**
   * Orders it to be undone; resolves when that is on disk. Throws `not_found`, `unavailable` when the daemon stops first, or `conflict` when
   * there is no way back any more, with the reason.
   */
  async cancel(id: string, actor: string, signal: AbortSignal): Promise<Operation> {
    const record = this.#demandOperation(id);
    this.#demand(record, can.cancel(toOperation(record)));
    if (!hasWayBack(record)) this.#demand(record, { allowed: false, reason: 'it is being undone already' });
    const next = await this.#controls.cancel(id, actor, signal);
    if (!next.is_cancelled) this.#demand(next, { allowed: false, reason: 'it was faster than the order' });
    return toOperation(next);
  }

  /**
   * Ends its watch window; resolves when that is on disk. Throws `not_found`, `unavailable` when the daemon stops first, or `conflict` when it
   * is not in its watch window.
   */
  async keep(id: string, actor: string, signal: AbortSignal): Promise<Operation> {
    const record = this.#demandOperation(id);
    this.#demand(record, can.keep(toOperation(record)));
    const next = await this.#controls.keep(id, actor, signal);
    if (next.direction === 'unwind') this.#demand(next, { allowed: false, reason: 'it is being undone already' });
    return toOperation(next);
  }

  /**
   * Restores markers, then resumes or unwinds what was running, then removes containers of ours that no app needs. Waits for Docker, and for
   * `prepared` where that is its app network, as long as it takes. Resolves when all of it has ended, or the daemon stops.
   */
  recover(prepared: Promise<void> = Promise.resolve()): Promise<void> {
    return reconcile(this.#unfinished, {
      ...this.#reconciliation,
      prepared,
      run: (record) => this.#run(record),
      giveUp: (record, error) => this.#giveUp(record, error),
      tell: (event) => this.#writer.tell(event),
    });
  }

  /** Stops running operations where they are; the next start resumes them. Apps are not touched. */
  async close(): Promise<void> {
    this.#stopping.abort(new DomainError('unavailable', 'The daemon is stopping; the operation goes on when it is back.'));
    // Those that recovery has not come to; each other one's end is its own.
    for (const { end } of this.#unfinished) end.reject(this.#stopping.signal.reason);
    await Promise.allSettled(this.#running.values());
  }

  get #reconciliation(): Pick<Reconciliation, 'world' | 'journal' | 'log' | 'stopping'> {
    const { world, journal, log } = this.#options;
    return { world, journal, log, stopping: this.#stopping.signal };
  }

  #track(id: string, run: Promise<OperationRecord>): void {
    this.#running.set(id, run);
    run
      .catch((error: unknown) => {
        if (!this.#stopping.signal.aborted) this.#options.log.error({ err: error, operation: id }, 'the operation cannot go on');
      })
      .finally(() => this.#running.delete(id));
  }

  async #run(record: OperationRecord, credentials: RegistryCredentials | null = null): Promise<OperationRecord> {
    const { id } = record;
    const { world, journal, log, onEnd } = this.#options;
    const { signal: stopping } = this.#stopping;
    const control = this.#controls.open(id, credentials, (progress) => this.#writer.tellProgress(id, progress));
    try {
      const ended = await runToEnd(record, {
        ...{ journal, log, stopping, clock: world.clock },
        resume: async (start) => runSaga(await this.#withMarker(start), this.#saga, control, stopping),
        giveUp: (left, error) => this.#giveUp(left, error),
      });
      await removeHooks(ended, world, stopping, (err, container) => log.warn({ err, container }, 'could not remove it'));
      onEnd?.(ended);
      return ended;
    } finally {
      this.#controls.close(id);
    }
  }

  async #giveUp(record: OperationRecord, error: unknown): Promise<OperationRecord> {
    const at = this.#options.world.clock.now().toISOString();
    const stuck = transition(record, { kind: 'given_up', at, message: this.#explain(error, 'the operation') });
    return await this.#saga.commit(stuck, []);
  }

  /** The plan was made from what is kept, so the marker has to say that too; what cannot be done then is better not begun. */
  async #withMarker(record: OperationRecord): Promise<OperationRecord> {
    const { journal, world } = this.#options;
    const hasBegun = record.steps.some(({ state }) => state !== 'pending');
    const app = journal.getApp(record.app_name);
    try {
      await restoreMarker(app, hasBegun ? 'lost' : 'different', this.#reconciliation);
    } catch (error) {
      this.#stopping.signal.throwIfAborted();
      // Without a way back the steps themselves try, and tell what is wrong.
      if (!hasWayBack(record)) return record;
      const message = `The marker of the app cannot be set: ${this.#explain(error, 'restoring the marker')}`;
      return transition(record, { kind: 'unwind_ordered', at: world.clock.now().toISOString(), message, is_cancelled: false });
    }
    return record;
  }

  #demandOperation(id: string): OperationRecord {
    const record = this.#options.journal.getOperation(id);
    if (!record) throw new DomainError('not_found', `There is no operation ${id}.`);
    return record;
  }

  #demand({ id }: OperationRecord, verdict: Verdict): void {
    if (!verdict.allowed) throw new DomainError('conflict', `Not possible for ${id}: ${verdict.reason}.`, { operation_id: id });
  }

  #earlier(actor: string, idempotency: BeginOptions['idempotency']): OperationRecord | null {
    if (!idempotency) return null;
    const found = this.#options.journal.findIdempotent(idempotency.key, actor);
    if (!found) return null;
    if (found.request_hash !== idempotency.request_hash) {
      throw new DomainError('conflict', 'This Idempotency-Key was used for another request; use a new one.', found);
    }
    return this.#options.journal.getOperation(found.operation_id);
  }

  #explain(error: unknown, what: string): string {
    if (error instanceof DomainError || error instanceof StepFailure) {
      if (error.cause) this.#options.log.warn({ err: error.cause, what }, error.message);
      return error.message;
    }
    this.#options.log.error({ err: error, what }, 'failed unexpectedly');
    return `${what[0]?.toUpperCase()}${what.slice(1)} failed unexpectedly; \`journalctl -u nextdeployd\` has the details.`;
  }

  /** The first one stands for all: what can be done depends on whether the app runs at all. */
  async #liveContainer(app: AppRecord | null, signal: AbortSignal): Promise<ObservedContainer[]> {
    if (!app?.slot) return [];
    const first = await this.#options.world.containers.inspect(containerName(app.name, app.slot, 0), signal);
    return first === null ? [] : [first];
  }
}
