/** A model server on which random commands are carried out, with trouble at moments of their choice. */
import { expect } from 'vitest';
import { DomainError } from '../contract/errors.ts';
import type { Engine } from './engine.ts';
import { namesOf, routeOf } from './routing.ts';
import { appOfPrefix } from './site-settings.ts';
import type { AppRecord, OperationRecord, RouteModel } from './state.ts';
import { APPS, type Command, FAILING_COMMAND, GOOD, HANGING_COMMAND, SICK, type Trouble } from './test-commands.ts';
import { foreignContainer, type ModelContainer } from './test-container.ts';
import { engineOver, SETTINGS, signal } from './test-engine.ts';
import { ModelJournal } from './test-journal.ts';
import { Life } from './test-life.ts';
import { watchVisitors } from './test-visitors.ts';
import { ModelWorld } from './test-world.ts';

type Operate = Extract<Command, { kind: 'operate' }>;
type Asked = Operate['asked'][number];

const SICK_ID = `sha256:${GOOD.length}`;
const EVERYTHING = Number.MAX_SAFE_INTEGER;
/** Which an operation gets through. */
const HARMLESS: ReadonlySet<string> = new Set(['keep', 'close', 'jump', 'kill', 'full']);
const BAD_COMMANDS: readonly (string | undefined)[] = [FAILING_COMMAND, HANGING_COMMAND];
const BRING_UP: ReadonlySet<string> = new Set(['deploy', 'swap', 'rollback', 'start', 'restart']);

export class ModelHost {
  readonly world = new ModelWorld();
  readonly journal = new ModelJournal();
  /** Apps whose containers somebody has stopped, removed or let crash: less can be said of them until they are brought up anew. */
  readonly damaged = new Set<string>();
  /** Apps with an operation that got stuck, likewise. */
  readonly stuck = new Set<string>();
  /** Proxies and pages are told again then. */
  isEverStuck: boolean = false;
  /** Apps with something left behind that the next start of the daemon puts right. */
  readonly untidy = new Set<string>();
  readonly lostMarkers = new Set<string>();
  readonly foreign = new Map<string, ModelContainer>();
  #life: Life;
  #engine: Engine;

  constructor() {
    for (const [index, reference] of [...GOOD, SICK].entries()) this.world.state.images.set(reference, `sha256:${index}`);
    this.world.broken.add(SICK_ID);
    this.world.failing.add(FAILING_COMMAND);
    this.world.hanging.add(HANGING_COMMAND);
    this.#life = new Life(this.world, this.journal);
    this.#engine = engineOver(this.#life.world, this.#life.journal);
  }

  async perform(command: Command): Promise<void> {
    switch (command.kind) {
      case 'operate':
        return this.#operate(command);
      case 'die':
        this.#die(command);
        return;
      case 'lose marker':
        // With its directory.
        this.world.state.pages.delete(command.app);
        if (this.world.state.markers.delete(command.app)) this.lostMarkers.add(command.app);
        return;
      case 'reboot':
        this.world.reboot();
        return this.restartDaemon();
      case 'restart':
        return this.restartDaemon();
      case 'foreign':
        this.#addForeign(command.name);
        return;
    }
  }

  /** Until nothing runs any more: a new daemon may be killed as well. */
  async restartDaemon(): Promise<void> {
    do {
      this.#life.end();
      this.#life = new Life(this.world, this.journal);
      this.#engine = engineOver(this.#life.world, this.#life.journal);
      await Promise.race([this.#engine.recover().catch(() => undefined), this.#life.death]);
    } while (this.#isCut());
    this.lostMarkers.clear();
    this.untidy.clear();
  }

  #isCut(): boolean {
    return this.#life.isOver || this.journal.listOperations({ state: 'running', limit: 1 }).length > 0;
  }

  /** What is there and kept of one app, as one comparable value. */
  snapshotOf(app: string, withoutRelease: string | null = null): unknown {
    const { containers, markers, routes, pages } = this.world.state;
    const ours = [...containers].filter(([, { spec }]) => spec.app_name === app);
    const seen = ours.map(
      ([
        name,
        {
          spec: { operation_id: _, ...spec },
          is_running,
          is_kept,
        },
      ]) => [name, spec, is_running, is_kept],
    );
    const releases = this.journal.listReleases(app, EVERYTHING).filter(({ id }) => id !== withoutRelease);
    return structuredClone({
      containers: seen.sort(([a], [b]) => String(a).localeCompare(String(b))),
      marker: markers.get(app) ?? null,
      routes: ['caddy', 'nginx'].map((proxy) => asKept(routes.get(`${proxy} ${app}`) ?? null)),
      page: pages.get(app) ?? null,
      kept: lasting(this.journal.getApp(app)),
      releases: releases.filter(({ state }) => state !== 'failed').map(({ id, state, image_id }) => [id, state, image_id]),
    });
  }

  #die({ how, pick }: Extract<Trouble | Command, { kind: 'die' }>): void {
    const ours = [...this.world.state.containers].filter(([name]) => !this.foreign.has(name));
    const chosen = ours[pick % Math.max(1, ours.length)];
    if (chosen === undefined) return;
    const [name, { spec, is_kept, is_running }] = chosen;
    if (how === 'crash' && !is_running) return;
    this.world[how](name);
    if (how !== 'crash' || !is_kept) this.damaged.add(spec.app_name);
  }

  #addForeign(name: string): void {
    if (this.world.state.containers.has(name)) return;
    const container = foreignContainer(name);
    this.foreign.set(name, structuredClone(container));
    this.world.state.containers.set(name, container);
  }

  async #operate({ asked: wanted, troubles, isStubborn }: Operate): Promise<void> {
    const asked = isStubborn ? wanted : wanted.map((one) => this.#adapt(one));
    const { operations } = this.journal;
    const earlier = new Set(operations.map(({ id }) => id));
    const isOdd = (app: string) => this.lostMarkers.has(app) || this.untidy.has(app);
    const before = new Map(APPS.map((app) => [app as string, isOdd(app) ? null : this.snapshotOf(app)]));
    const isSound = new Set(asked.length === 1 ? asked.filter((one) => this.#isSound(one)).map(({ app }) => app as string) : []);
    const visitors = watchVisitors(this);
    this.#arm(troubles, earlier, visitors.look);
    const runs = asked.map(async ({ app, intent }) => {
      const { id } = await this.#engine.begin(app, intent, { actor: 'test', idempotency: null, signal });
      await this.#engine.waitFor(id, signal);
    });
    const results = await Promise.race([Promise.allSettled(runs), this.#life.death.then(() => [])]);
    for (const result of results) if (result.status === 'rejected') expectRefusal(result.reason, troubles);
    const isCut = this.#isCut();
    const isReboot = isCut && troubles.some((trouble) => trouble.kind === 'kill' && trouble.reboot);
    if (isReboot) this.world.reboot();
    // Apps serve before the daemon is up.
    visitors.look('reboot');
    if (isCut) await this.restartDaemon();
    this.#disarm();
    const kinds = new Set(troubles.map(({ kind }) => kind));
    if (kinds.has('outage') && isCut) await this.restartDaemon();
    else if (kinds.has('outage')) for (const { app } of asked) this.untidy.add(app);
    const stopped = asked.filter(({ intent }) => ['stop', 'remove'].includes(intent.kind)).map(({ app }) => app);
    if (!kinds.has('die')) visitors.expectServed(stopped);
    const begun = operations.filter(({ id }) => !earlier.has(id));
    for (const app of APPS) {
      const operation = begun.find(({ app_name }) => app_name === app);
      if (operation) {
        const isHarmless = !isReboot && [...kinds].every((kind) => HARMLESS.has(kind));
        if (isHarmless && isSound.has(app)) expect(operation).toMatchObject({ state: 'succeeded', error: null });
        this.#settle(operation, kinds, before.get(app));
      } else if (!isCut && !kinds.has('die') && before.get(app) !== null) expect(this.snapshotOf(app)).toEqual(before.get(app));
    }
  }

  /** How it ended has a reason, and if it was undone nothing is left of it. `before` null: nothing to compare with. */
  #settle(operation: OperationRecord, troubles: ReadonlySet<string>, before: unknown): void {
    const { app_name: app, state, kind, error } = operation;
    // It may have been the marker that could not be set.
    if (this.world.state.markers.has(app) || state === 'succeeded') this.lostMarkers.delete(app);
    if (state === 'cancelled') expect(troubles).toContain('cancel');
    if (state === 'stuck') {
      const hasReason = this.damaged.has(app) || troubles.has('outage');
      expect({ stuck: error?.message, hasReason }).toMatchObject({ hasReason: true });
      this.stuck.add(app);
      this.isEverStuck = true;
      this.untidy.add(app);
      return;
    }
    if (state === 'succeeded') {
      const isWhole = BRING_UP.has(kind) || kind === 'remove';
      if (isWhole) this.stuck.delete(app);
      if ((isWhole || kind === 'stop') && !troubles.has('die')) this.damaged.delete(app);
      if (kind === 'remove') this.#forgetCommands(app);
      return;
    }
    if (this.damaged.has(app) || this.stuck.has(app) || before === null) return;
    const made = operation.is_new_release ? operation.release : null;
    expect({ state, error, left: this.snapshotOf(app, made) }).toEqual({ state, error, left: before });
  }

  /** To something that the app is in a state for. */
  #adapt({ app, intent }: Asked): Asked {
    const record = this.journal.getApp(app);
    if (intent.kind === 'deploy' || intent.kind === 'remove' || !record?.release) return { app, intent };
    const isStopped = record.wanted === 'stopped';
    if (isStopped && intent.kind !== 'maintenance' && intent.kind !== 'rollback') return { app, intent: { kind: 'start' } };
    if (!isStopped && intent.kind === 'start') return { app, intent: { kind: 'stop' } };
    const others = this.journal.listReleases(app, EVERYTHING).filter(({ state }) => state === 'standby');
    const isRollback = intent.kind === 'rollback' && intent.release !== undefined;
    return isRollback && others[0] ? { app, intent: { ...intent, release: others[0].id } } : { app, intent };
  }

  /** The next app of that name counts its releases from one again. */
  #forgetCommands(app: string): void {
    const { commands } = this.world;
    commands.splice(0, commands.length, ...commands.filter((entry) => !entry.startsWith(`nextdeploy-${app}-`)));
  }

  /** Whether nothing but trouble can keep it from succeeding, once it was begun. */
  #isSound({ app, intent }: Asked): boolean {
    if (this.foreign.size > 0 || this.damaged.has(app) || this.stuck.has(app)) return false;
    const record = this.journal.getApp(app);
    const live = record?.release ? this.journal.getRelease(app, record.release) : null;
    if (intent.kind === 'rollback') return false;
    if (intent.kind !== 'deploy' && intent.kind !== 'swap') return true;
    const configuration = intent.kind === 'deploy' ? intent.configuration : live?.configuration;
    if (configuration === undefined || !GOOD.includes(intent.image)) return false;
    const { pre_switch, post_switch } = configuration;
    if ([pre_switch, post_switch].some((hook) => BAD_COMMANDS.includes(hook?.command[0]))) return false;
    const { routing = null } = record ?? {};
    const wanted = namesOf(routeOf({ name: app, index: 1, verify_key: '', routing }, configuration, 1, SETTINGS));
    const others = this.journal.listApps().filter(({ name }) => name !== app);
    return !others.some(({ route }) => namesOf(route).some((name) => wanted.includes(name)));
  }

  #arm(troubles: readonly Trouble[], earlier: ReadonlySet<string>, watch: (what: string) => void): void {
    const counts = { moment: 0, write: 0 };
    const strike = (what: string, count: 'moment' | 'write') => {
      counts[count] += 1;
      for (const trouble of troubles) {
        const isWrite = trouble.kind === 'full' || (trouble.kind === 'kill' && trouble.during === 'write');
        if (isWrite !== (count === 'write') || this.#life.isOver) continue;
        const lasts = 'times' in trouble ? trouble.times : 1;
        if (counts[count] >= trouble.at && counts[count] < trouble.at + lasts) this.#strike(trouble, what, earlier);
      }
    };
    const atMoment = (what: string) => {
      watch(what);
      strike(what, 'moment');
    };
    Object.assign(this.world, { hook: atMoment, onLook: atMoment });
    this.journal.beforeCommit = () => strike('write', 'write');
  }

  #disarm(): void {
    Object.assign(this.world, { hook: () => undefined, onLook: () => undefined });
    this.journal.beforeCommit = () => undefined;
    this.world.broken.clear();
    this.world.broken.add(SICK_ID);
  }

  #strike(trouble: Trouble, what: string, earlier: ReadonlySet<string>): void {
    const running = this.journal.operations.filter(({ id, state }) => !earlier.has(id) && state === 'running');
    switch (trouble.kind) {
      case 'cancel':
      case 'keep':
        for (const { id } of running) {
          this.#engine[trouble.kind](id, 'somebody', signal).catch((error: unknown) => expectRefusal(error, [trouble]));
        }
        return;
      case 'sicken':
        for (const { steps } of running) for (const { output } of steps) this.world.broken.add(output.image_id ?? '');
        return;
      case 'close':
        void this.#engine.close();
        return;
      case 'jump':
        this.world.clock.jump(trouble.ms);
        return;
      case 'die':
        this.#die(trouble);
        return;
      case 'fail':
        throw new Error(`${what} fails`);
      case 'full':
      case 'outage':
      case 'unavailable':
        throw new DomainError('unavailable', `${what} is not available`);
      case 'kill':
        this.#life.end();
        throw new Error('killed');
    }
  }
}

/** Without what is filled in when a proxy is told, which another app's operation may change. */
export function asKept(route: RouteModel | null): RouteModel | null {
  if (route?.options === undefined) return route;
  const prefixes = route.options.prefixes.map((prefix) =>
    appOfPrefix(prefix) === null ? prefix : { ...prefix, upstreams: { blue: [], green: [] } },
  );
  return { ...route, options: { ...route.options, prefixes } };
}

/** Of an app that was never live nothing lasts but its name. */
function lasting(app: AppRecord | null): unknown {
  if (app?.release == null) return null;
  const { updated_at: _u, created_at: _c, last_error: _e, last_release_number: _n, ...rest } = app;
  return rest;
}

function expectRefusal(error: unknown, troubles: readonly Trouble[]): void {
  if (troubles.some(({ kind }) => kind === 'fail' || kind === 'kill')) return;
  if (!(error instanceof DomainError)) throw error;
  expect(['conflict', 'invalid_request', 'not_found', 'unprocessable', 'unavailable']).toContain(error.code);
}
