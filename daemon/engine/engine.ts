/** The swap engine's door: begins operations, runs them to their end, and picks up what an earlier run of the daemon left. */
import type { AppConfiguration } from '../contract/configuration.ts';
import type { Layer, Operation } from '../contract/domain.ts';
import { DomainError } from '../contract/errors.ts';
import type { NextCoreMetadata } from '../contract/nextcore.ts';
import { can, type Verdict } from '../contract/rules.ts';
import { OperationControls } from './controls.ts';
import { demandFreeDomains } from './domains.ts';
import { examineContainers } from './executors.ts';
import { resolveWish } from './intent.ts';
import { hasWayBack, transition } from './journal.ts';
import { finalChanges, progressOf } from './outcome.ts';
import { planOperation, wantedMarker } from './plan.ts';
import type { Ids, Journal, NewEvent, ObservedContainer, RegistryCredentials, World } from './ports.ts';
import { decideRecovery, findOrphans } from './recovery.ts';
import { type Executors, runSaga, type SagaDependencies, StepFailure } from './saga.ts';
import { containerName } from './slots.ts';
import type { AppRecord, Change, Maintenance, OperationRecord } from './state.ts';
import type { ContainerPlan, ImageWish, Step } from './steps.ts';
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
  | { kind: 'start' | 'stop' | 'restart' | 'remove' };

export interface BeginOptions {
  actor: string;
  /** The same key and request of the same actor give the first operation again. */
  idempotency: { key: string; request_hash: string } | null;
  signal: AbortSignal;
}

/** At most one per app runs. */
const EVERYTHING = Number.MAX_SAFE_INTEGER;
const DOCKER_RETRY_MS = 1_000;
/** Between attempts to write the journal: doubled from the first to the second. */
const COMMIT_RETRY_MS = 500;
const COMMIT_RETRY_MS_MAX = 10_000;
const OBSERVATIONS_MAX = 3;
const ORPHAN_STOP_TIMEOUT_MS = 5_000;
const HOOK_REMOVAL_DEADLINE_MS = 10_000;

export class Engine {
  readonly #options: EngineOptions;
  readonly #stopping = new AbortController();
  readonly #controls = new OperationControls();
  readonly #running = new Map<string, Promise<OperationRecord>>();
  /** What an earlier run of the daemon left: still running for whoever asks, though {@link recover} has not come to it yet. */
  readonly #unfinished: { record: OperationRecord; end: PromiseWithResolvers<OperationRecord> }[];
  readonly #saga: SagaDependencies;

  constructor(options: EngineOptions) {
    this.#options = options;
    const left = options.journal.listOperations({ state: 'running', limit: EVERYTHING });
    this.#unfinished = left.map((record) => ({ record, end: Promise.withResolvers() }));
    for (const { record, end } of this.#unfinished) this.#keep(record.id, end.promise);
    this.#saga = {
      executors: options.executors,
      clock: options.world.clock,
      commit: (record, changes) => this.#commit(record, changes),
      examine: async (operation, step, failure, signal) => {
        const seen = await examineContainers(newContainersOf(operation), options.world, signal);
        return { step: step.name, reason: failure.message, probes: [], ...seen, ...failure.evidence };
      },
      explain: (error, step) => this.#explain(error, step),
    };
  }

  /**
   * Journals the operation and starts it; resolves as soon as it is on disk. Throws `not_found` for an unknown app, `conflict` when an
   * operation is in flight (with its id) or the app's state does not allow this one.
   */
  async begin(name: string, intent: Intent, { actor, idempotency, signal }: BeginOptions): Promise<Operation> {
    const { journal, world, settings, ids } = this.#options;
    for (let count = 1; ; count += 1) {
      const earlier = this.#earlier(actor, idempotency);
      if (earlier) return toOperation(earlier);
      const last = journal.listOperations({ app_name: name, limit: 1 })[0];
      const known = journal.getApp(name);
      const [marker, containers] = await Promise.all([world.markers.read(name), this.#liveContainer(known, signal)]);
      signal.throwIfAborted();
      // From here to the journal nothing is awaited, so nothing can come in between; but something may have during the looking.
      const now = journal.listOperations({ app_name: name, limit: 1 })[0];
      if ((now?.id !== last?.id || now?.state !== last?.state) && count < OBSERVATIONS_MAX) continue;

      const app = journal.getApp(name);
      const wish = resolveWish(name, intent, { app, containers, operation: now?.state === 'running' ? now : null, journal });
      const live = app?.release ? journal.getRelease(name, app.release) : null;
      const others = journal.listApps().filter((other) => other.name !== name);
      const at = world.clock.now().toISOString();
      const stamp = { operation_id: ids.operationId(), verify_key: ids.verifyKey(), actor, at };
      const plan = planOperation(name, wish, { app, marker, live, others }, settings, stamp);
      demandFreeDomains(plan.operation, journal.listOperations({ state: 'running', limit: EVERYTHING }));
      const event = this.#event(
        'operation.started',
        'info',
        `${plan.operation.kind} of ${name} started by ${actor}`,
        plan.operation,
      );
      this.#options.publish(journal.begin({ ...plan, idempotency, event }));
      const credentials = 'credentials' in intent ? intent.credentials : null;
      this.#keep(plan.operation.id, this.#run(plan.operation, credentials));
      return toOperation(plan.operation);
    }
  }

  /** Resolves with the operation once it has ended. Throws `not_found`, or `unavailable` when the daemon stops first. */
  async waitFor(id: string, signal: AbortSignal): Promise<Operation> {
    const run = this.#running.get(id);
    if (run) {
      const aborted = new Promise<never>((_, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
      );
      aborted.catch(() => undefined);
      signal.throwIfAborted();
      return toOperation(await Promise.race([run, aborted]));
    }
    return toOperation(this.#demandOperation(id));
  }

  /** How it stands now, or null. */
  describe(id: string): Operation | null {
    const record = this.#options.journal.getOperation(id);
    return record && toOperation(record, this.#controls.layersOf(id));
  }

  /**
   * Orders it to be undone; resolves when that is on disk. Throws `not_found`, or `conflict` when there is no way back any more, with the
   * reason.
   */
  async cancel(id: string, actor: string, signal: AbortSignal): Promise<Operation> {
    const record = this.#demandOperation(id);
    this.#demand(record, can.cancel(toOperation(record)));
    if (!hasWayBack(record)) this.#demand(record, { allowed: false, reason: 'it has no way back' });
    const next = await this.#controls.cancel(id, actor, signal);
    if (!next.is_cancelled) this.#demand(next, { allowed: false, reason: 'it was faster than the order' });
    return toOperation(next);
  }

  /** Ends its watch window; resolves when that is on disk. Throws `not_found`, or `conflict` when it is not in its watch window. */
  async keep(id: string, actor: string, signal: AbortSignal): Promise<Operation> {
    const record = this.#demandOperation(id);
    this.#demand(record, can.keep(toOperation(record)));
    return toOperation(await this.#controls.keep(id, actor, signal));
  }

  #demandOperation(id: string): OperationRecord {
    const record = this.#options.journal.getOperation(id);
    if (!record) throw new DomainError('not_found', `There is no operation ${id}.`);
    return record;
  }

  #demand({ id }: OperationRecord, verdict: Verdict): void {
    if (!verdict.allowed) throw new DomainError('conflict', `Not possible for ${id}: ${verdict.reason}.`, { operation_id: id });
  }

  /**
   * Resumes or unwinds what was running, then removes containers of ours that no app needs. Waits for Docker as long as it takes.
   * Resolves when all of it has ended, or the daemon stops.
   */
  async recover(): Promise<void> {
    const { journal, log } = this.#options;
    const containers = await this.#containersWhenDockerIsUp();
    if (!containers) return;
    const recoveries = this.#unfinished.map(async ({ record, end }) => {
      const recovery = this.#recoverOne(record, containers);
      recovery.then(end.resolve, end.reject);
      await recovery.catch(() => undefined); // logged by #keep
    });
    await Promise.all(recoveries);
    await this.#restoreMarkers();
    // The list is older than the look at what runs: a container of an operation that begins now is not in it.
    const listed = await this.#listContainers();
    const orphans = findOrphans(listed, journal.listApps(), journal.listOperations({ state: 'running', limit: EVERYTHING }));
    for (const orphan of orphans) {
      log.warn(
        { container: orphan.name, app: orphan.app_name, release: orphan.release },
        'removing a container that no app needs',
      );
      // By id: a new operation may have made another container of that name.
      const { id: name, app_name, operation_id } = orphan;
      const target = { name, app_name, operation_id };
      await this.#options.world.containers.remove(target, ORPHAN_STOP_TIMEOUT_MS, this.#stopping.signal);
    }
  }

  /** Stops running operations where they are; the next start resumes them. Apps are not touched. */
  async close(): Promise<void> {
    this.#stopping.abort(new DomainError('unavailable', 'The daemon is stopping; the operation goes on when it is back.'));
    // Those that recovery has not come to; each other one's end is its own.
    for (const { end } of this.#unfinished) end.reject(this.#stopping.signal.reason);
    await Promise.allSettled(this.#running.values());
  }

  #keep(id: string, run: Promise<OperationRecord>): void {
    this.#running.set(id, run);
    run
      .catch((error: unknown) => {
        if (!this.#stopping.signal.aborted) this.#options.log.error({ err: error, operation: id }, 'the operation cannot go on');
      })
      .finally(() => this.#running.delete(id));
  }

  async #run(record: OperationRecord, credentials: RegistryCredentials | null = null): Promise<OperationRecord> {
    const { id } = record;
    const control = this.#controls.open(id, credentials, (layers) => this.#tellProgress(id, layers));
    try {
      const ended = await runSaga(record, this.#saga, control, this.#stopping.signal);
      await this.#removeHooks(ended);
      this.#options.onEnd?.(ended);
      return ended;
    } finally {
      this.#controls.close(id);
    }
  }

  /** They stay that long so that a command is never run twice. One that cannot be removed now is an orphan of the next start. */
  async #removeHooks({ id, app_name, steps }: OperationRecord): Promise<void> {
    const { world, log } = this.#options;
    for (const { step, state, undo } of steps) {
      const isHook = step.name === 'pre_switch' || step.name === 'post_switch';
      if (!isHook || state === 'skipped' || undo === 'done') continue;
      const target = { name: step.container, app_name, operation_id: id };
      const remove = () =>
        world.containers.remove(
          target,
          0,
          AbortSignal.any([this.#stopping.signal, world.clock.timeout(HOOK_REMOVAL_DEADLINE_MS)]),
        );
      await remove()
        .catch(remove)
        .catch((error: unknown) => {
          if (!this.#stopping.signal.aborted) log.warn({ err: error, container: step.container }, 'could not remove it');
        });
    }
  }

  #tellProgress(id: string, layers: Layer[]): void {
    const { journal, publish, log, world } = this.#options;
    const record = journal.getOperation(id);
    if (!record) return;
    const done = layers.filter(({ state }) => state === 'done').length;
    const message = `${record.kind} of ${record.app_name}: pulled ${done} of ${layers.length} layers`;
    const operation = toOperation(record, layers);
    const ts = world.clock.now().toISOString();
    try {
      publish(
        journal.appendEvent({ ts, kind: 'operation.progress', level: 'info', message, app_name: record.app_name, operation }),
      );
    } catch (err) {
      log.warn({ err, operation: id }, 'progress could not be told');
    }
  }

  async #recoverOne(record: OperationRecord, containers: readonly ObservedContainer[]): Promise<OperationRecord> {
    const { log, world } = this.#options;
    const decision = decideRecovery(record, containers);
    log.info({ operation: record.id, app: record.app_name, decision: decision.kind }, 'recovering an operation');
    let next = record;
    if (decision.kind === 'unwind') {
      next = transition(record, {
        kind: 'unwind_ordered',
        at: world.clock.now().toISOString(),
        message: decision.message,
        is_cancelled: false,
      });
      if (next.state !== 'running') {
        await this.#commit(next, []);
        return next;
      }
    } else {
      for (const name of decision.restart) {
        await world.containers.start(name, this.#stopping.signal).catch((error: unknown) => {
          log.warn({ err: error, container: name }, 'could not start it again');
        });
      }
    }
    return this.#run(next);
  }

  /** Markers that are gone (a state directory that was lost): without one the proxy would send everything to blue. */
  async #restoreMarkers(): Promise<void> {
    const { journal, world, log } = this.#options;
    for (const { name } of journal.listApps()) {
      if ((await world.markers.read(name)) !== null) continue;
      const app = journal.getApp(name);
      const marker = app && wantedMarker(app);
      if (!marker || journal.listOperations({ app_name: name, state: 'running', limit: 1 }).length > 0) continue;
      log.warn({ app: name, marker }, 'restoring the marker of an app');
      await world.markers.write(name, marker);
    }
  }

  async #commit(record: OperationRecord, changes: readonly Change[]): Promise<void> {
    const isEnd = record.state !== 'running';
    const events: NewEvent[] = [progressOf(record, (kind, level, message) => this.#event(kind, level, message, record))];
    if (isEnd) {
      const isRemoved = record.kind === 'remove' && record.state === 'succeeded';
      const message = isRemoved ? `${record.app_name} was removed` : `${record.app_name} changed`;
      events.push({ ...this.#event(isRemoved ? 'app.removed' : 'app.changed', 'info', message, record), operation: null });
    }
    const all = isEnd ? [...changes, ...finalChanges(record)] : changes;
    for (const event of await this.#write(record, all, events)) this.#options.publish(event);
    this.#controls.written(record);
  }

  /** Until the disk takes it, or the daemon stops: what has happened is not forgotten, and the operation goes on from there. */
  async #write(record: OperationRecord, changes: readonly Change[], events: readonly NewEvent[]) {
    const { journal, log, world } = this.#options;
    for (let pauseMs = COMMIT_RETRY_MS; ; pauseMs = Math.min(2 * pauseMs, COMMIT_RETRY_MS_MAX)) {
      try {
        const written = journal.commit(record, changes, events);
        if (pauseMs > COMMIT_RETRY_MS) log.info({ operation: record.id }, 'the journal can be written again');
        return written;
      } catch (error) {
        if (!(error instanceof DomainError && error.code === 'unavailable')) throw error;
        if (pauseMs === COMMIT_RETRY_MS) log.error({ err: error, operation: record.id }, error.message);
        await world.clock.sleep(pauseMs, this.#stopping.signal);
      }
    }
  }

  #event(kind: NewEvent['kind'], level: NewEvent['level'], message: string, record: OperationRecord): NewEvent {
    const ts = this.#options.world.clock.now().toISOString();
    return { ts, kind, level, message, app_name: record.app_name, operation: toOperation(record) };
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

  #explain(error: unknown, step: Step): string {
    if (error instanceof DomainError || error instanceof StepFailure) {
      if (error.cause) this.#options.log.warn({ err: error.cause, step: step.name }, error.message);
      return error.message;
    }
    this.#options.log.error({ err: error, step: step.name }, 'a step failed unexpectedly');
    return `The step ${step.name} failed unexpectedly; \`journalctl -u nextdeployd\` has the details.`;
  }

  /** The first one stands for all: what can be done depends on whether the app runs at all. */
  async #liveContainer(app: AppRecord | null, signal: AbortSignal): Promise<ObservedContainer[]> {
    if (!app?.slot) return [];
    const first = await this.#options.world.containers.inspect(containerName(app.name, app.slot, 0), signal);
    return first === null ? [] : [first];
  }

  #listContainers(): Promise<ObservedContainer[]> {
    return this.#options.world.containers.list(this.#stopping.signal);
  }

  async #containersWhenDockerIsUp(): Promise<ObservedContainer[] | null> {
    const { clock } = this.#options.world;
    const { signal } = this.#stopping;
    for (let count = 1; !signal.aborted; count += 1) {
      try {
        return await this.#listContainers();
      } catch (error) {
        if (count === 1) this.#options.log.warn({ err: error }, 'waiting for Docker before recovering');
        await clock.sleep(DOCKER_RETRY_MS, signal).catch(() => undefined);
      }
    }
    return null;
  }
}

/** Those that the operation has made; before that the slot may hold another's. */
function newContainersOf(operation: OperationRecord): readonly ContainerPlan[] {
  const made = operation.steps.find(({ step, state }) => step.name === 'create' && state === 'done');
  return made?.step.name === 'create' ? made.step.containers : [];
}
