/** One app under the supervisor's eyes: sees its containers, and carries out what {@link decideHealing} says. */
import type { HealthCheck } from '../contract/configuration.ts';
import type { Operation } from '../contract/domain.ts';
import { DomainError } from '../contract/errors.ts';
import { previousRelease } from '../contract/rules.ts';
import type { EngineLog } from './engine.ts';
import { decideHealing, type HealingAction } from './healing.ts';
import type { ContainerSight } from './healing-container.ts';
import type { HealingEvent } from './healing-events.ts';
import { type AppHistory, afterOutage, afterPause, type Escalation, noteBegun, type Serving } from './healing-history.ts';
import type { Clock, Containers, Journal, NewEvent, Prober } from './ports.ts';
import { describeOlderRecord, findForgotten } from './recovery.ts';
import { containerName, type Subnet, slotAddress } from './slots.ts';
import type { AppRecord } from './state.ts';

/** What the supervisor asks of the engine. */
export type HealingIntent = { kind: 'restart' | 'stop' } | { kind: 'rollback'; release: string; code_only: false };

export interface SupervisorOptions {
  journal: Pick<Journal, 'listApps' | 'getApp' | 'listCurrentReleases' | 'getOperation' | 'listOperations'>;
  world: {
    containers: Pick<Containers, 'inspect' | 'list' | 'restart'>;
    prober: Pick<Prober, 'probe'>;
    clock: Pick<Clock, 'monotonicMs' | 'sleep' | 'timeout'>;
  };
  subnet: Subnet;
  /** As the engine's. */
  begin(app: string, intent: HealingIntent, signal: AbortSignal): Promise<Operation>;
  /** Keeps and tells an event; must not throw. */
  publish(event: Omit<NewEvent, 'ts'>): void;
  log: EngineLog;
}

/** An app that is to serve something. */
export type ServingApp = AppRecord & Serving;

/** Sick apps are found soon enough, and healthy ones left in peace; it is also what makes two looks tell more than one. */
export const LOOK_PAUSE_MS_MIN = 2_000;
/** Without a health check there is less to see, and Docker itself starts again what has ended. */
const LOOK_PAUSE_WITHOUT_CHECK_MS = 5_000;
/** A probe takes a minute at most, and Docker's answer half of one. */
const LOOK_DEADLINE_MS = 120_000;
const NOTHING: HealingAction = { kind: 'none' };
const WITHOUT_CHECK = { retries: 1, start_period_ms: 0 };

export class SupervisedApp {
  readonly #options: SupervisorOptions;
  #history: AppHistory | null = null;
  #sees: 'containers' | 'nothing' = 'containers';
  #health: HealthCheck = { kind: 'none' };

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** How long to leave it in peace until the next look. */
  get pauseMs(): number {
    return this.#health.kind === 'none' ? LOOK_PAUSE_WITHOUT_CHECK_MS : Math.max(this.#health.interval_ms, LOOK_PAUSE_MS_MIN);
  }

  /** An operation works on the app: its containers are the operation's. */
  pause(): void {
    this.#history &&= afterPause(this.#history);
  }

  /** It is not to serve: what comes later is another story. */
  forget(): void {
    this.#history = null;
  }

  /** Looks once, and returns what is to be done. Rejects only if the journal fails. */
  async look(app: ServingApp, signal: AbortSignal): Promise<HealingAction> {
    const { journal, world, publish } = this.#options;
    const releases = journal.listCurrentReleases(app.name, app.release);
    const live = releases.find(({ id }) => id === app.release);
    if (!live) return NOTHING;
    const { health, ports } = live.configuration;
    this.#health = health;
    const replicas = await this.#see(app, { health, port: ports[0] ?? 0 }, signal);
    if (replicas === null) return NOTHING;
    const now_ms = world.clock.monotonicMs();
    if (this.#sees === 'nothing') this.#history &&= afterOutage(this.#history, now_ms);
    this.#sees = 'containers';
    const pending = this.#history?.pending ?? null;
    const sight = {
      serving: { release: app.release, slot: app.slot },
      replicas,
      ended: pending && journal.getOperation(pending.operation_id),
    };
    const limits = health.kind === 'none' ? WITHOUT_CHECK : health;
    const previous_release = previousRelease(releases, app.release)?.id ?? null;
    const settings = { app_name: app.name, previous_release, ...limits };
    const { history, action, events } = decideHealing(this.#history, sight, settings, now_ms);
    const isQuiet = action.kind === 'none' && events.length === 0;
    if (!isQuiet && this.#hasMoved(app)) return NOTHING;
    this.#history = history;
    for (const event of events) publish({ ...event, operation: null });
    return action;
  }

  /** Resolves when the containers are restarted, or the operation has begun; failures are logged, and the next look sees what came of it. */
  async act(app: ServingApp, action: HealingAction, signal: AbortSignal): Promise<void> {
    switch (action.kind) {
      case 'none':
        return;
      case 'restart':
        await Promise.all(action.containers.map(({ id, event }) => this.#restart(app, id, event, signal)));
        return;
      case 'replace':
        return this.#begin(app, 'replace', { kind: 'restart' }, action.event, signal);
      case 'roll_back':
        return this.#begin(
          app,
          'roll_back',
          { kind: 'rollback', release: action.release, code_only: false },
          action.event,
          signal,
        );
      case 'stop':
        return this.#begin(app, 'stop', { kind: 'stop' }, action.event, signal);
    }
  }

  /** Null: Docker does not answer, or what serves is not what is kept of the app, which is not the app's fault. */
  async #see(
    app: ServingApp,
    check: { health: HealthCheck; port: number },
    signal: AbortSignal,
  ): Promise<ContainerSight[] | null> {
    const deadline = AbortSignal.any([signal, this.#options.world.clock.timeout(LOOK_DEADLINE_MS)]);
    const indexes = Array.from({ length: app.replicas }, (_, index) => index);
    try {
      const replicas = await Promise.all(indexes.map((index) => this.#seeOne(app, index, check, deadline)));
      if (replicas.every(({ container }) => container === null)) await this.#demandNoNewer(app, deadline);
      return replicas;
    } catch (err) {
      if (!signal.aborted) this.#goBlind(app, err);
      return null;
    }
  }

  /** New containers of what is kept could take the place of those that serve. */
  async #demandNoNewer(app: ServingApp, signal: AbortSignal): Promise<void> {
    const { world, journal } = this.#options;
    const newer = findForgotten(app, await world.containers.list(signal), journal);
    if (newer !== null) throw new DomainError('conflict', describeOlderRecord(app, newer));
  }

  async #seeOne(
    app: ServingApp,
    index: number,
    { health, port }: { health: HealthCheck; port: number },
    signal: AbortSignal,
  ): Promise<ContainerSight> {
    const { world, subnet } = this.#options;
    const name = containerName(app.name, app.slot, index);
    const found = await world.containers.inspect(name, signal);
    // What else has the name is not ours to look after, and ours is gone.
    const container = found?.app_name === app.name && found.release === app.release ? found : null;
    if (!container?.is_running || health.kind === 'none') return { name, container, probe: null };
    const address = slotAddress(subnet, app.index, app.slot, index);
    const { healthy, status, detail } = await world.prober.probe({ name, address, port }, health, signal);
    return { name, container, probe: { healthy, detail: status === null ? detail : `it answered ${status}` } };
  }

  /** While we looked somebody has begun an operation, or ended one: what was seen may be its doing. */
  #hasMoved({ name, release, slot, wanted, replicas }: ServingApp): boolean {
    const { journal } = this.#options;
    const now = journal.getApp(name);
    const isSame = now?.release === release && now.slot === slot && now.wanted === wanted && now.replicas === replicas;
    return !isSame || journal.listOperations({ app_name: name, state: 'running', limit: 1 }).length > 0;
  }

  async #restart(app: ServingApp, id: string, event: HealingEvent, signal: AbortSignal): Promise<void> {
    const { world, publish, log } = this.#options;
    try {
      // By its id: an operation that begins now may make another one of its name.
      await world.containers.restart(id, signal);
    } catch (err) {
      if (signal.aborted) return;
      log.warn({ err, app: app.name, container: id }, 'could not restart a container that is not healthy');
      if (err instanceof DomainError && err.code === 'unavailable') this.#goBlind(app, err);
      return;
    }
    publish({ ...event, operation: null });
  }

  async #begin(
    app: ServingApp,
    kind: Escalation,
    intent: HealingIntent,
    event: HealingEvent,
    signal: AbortSignal,
  ): Promise<void> {
    const { begin, publish, world, log } = this.#options;
    try {
      const operation = await begin(app.name, intent, signal);
      this.#history &&= noteBegun(this.#history, kind, operation.id, world.clock.monotonicMs());
      publish({ ...event, operation });
    } catch (err) {
      if (signal.aborted) return;
      const isConflict = err instanceof DomainError && err.code === 'conflict';
      const message = `could not begin to heal ${app.name}: ${event.message}`;
      if (isConflict) log.info({ err, app: app.name }, message);
      else log.error({ err, app: app.name }, message);
    }
  }

  #goBlind({ name }: ServingApp, err: unknown): void {
    if (this.#sees === 'containers') this.#options.log.warn({ err, app: name }, 'cannot look at an app; it is left as it is');
    this.#sees = 'nothing';
  }
}
