import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { type AppConfiguration, appConfigurationSchema } from '../contract/configuration.ts';
import type { Operation, Release } from '../contract/domain.ts';
import { DomainError } from '../contract/errors.ts';
import { previousRelease } from '../contract/rules.ts';
import type { Inspection, NewEvent } from './ports.ts';
import { containerName, parseSubnet } from './slots.ts';
import type { AppRecord, OperationRecord } from './state.ts';
import { Supervisor } from './supervisor.ts';
import type { HealingIntent } from './supervisor-app.ts';

/** Time that passes only when it is told to. */
class ManualClock {
  now_ms = 0;
  readonly #sleepers = new Set<{ at_ms: number; wake: () => void }>();

  monotonicMs = () => this.now_ms;
  timeout = () => new AbortController().signal;

  sleep = (ms: number, signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      signal.throwIfAborted();
      const sleeper = { at_ms: this.now_ms + ms, wake: resolve };
      this.#sleepers.add(sleeper);
      signal.addEventListener('abort', () => reject(signal.reason));
    });

  async pass(ms: number): Promise<void> {
    const end = this.now_ms + ms;
    for (;;) {
      await setImmediate();
      const next = [...this.#sleepers].toSorted((a, b) => a.at_ms - b.at_ms)[0];
      if (!next || next.at_ms > end) break;
      this.#sleepers.delete(next);
      this.now_ms = next.at_ms;
      next.wake();
    }
    this.now_ms = end;
  }
}

const AT = '2026-01-01T00:00:00.000Z';
const HTTP = { kind: 'http' };
const UNAVAILABLE = new DomainError('unavailable', 'Docker does not answer; start it.');
const configuration = (health: object): AppConfiguration => appConfigurationSchema.parse({ domain: 'shop.test', health });

function release(app_name: string, id: string, state: Release['state'], health: object): Release {
  const image = { image: 'shop:v1', image_id: 'sha256:1', nextcore: null };
  const rest = { created_at: AT, created_by: 'admin', operation_id: 'op-00000001', ended_at: null, end_reason: null };
  return { id, app_name, state, configuration: configuration(health), secrets: [], ...image, ...rest };
}

interface Seen {
  at_ms: number;
  name: string;
}

/** A host with apps on it, as far as the supervisor sees it. */
class Host {
  readonly clock = new ManualClock();
  readonly apps = new Map<string, AppRecord>();
  readonly releases = new Map<string, Release[]>();
  readonly operations: OperationRecord[] = [];
  readonly containers = new Map<string, Inspection>();
  readonly sick = new Set<string>();
  readonly looks: Seen[] = [];
  readonly probes: Seen[] = [];
  readonly restarts: Seen[] = [];
  readonly begun: { app: string; intent: HealingIntent }[] = [];
  readonly events: Omit<NewEvent, 'ts'>[] = [];
  readonly logged: string[] = [];
  docker: Error | null = null;
  refusal: Error | null = null;
  /** Awaited in every look. */
  obstacle: () => Promise<void> = async () => undefined;
  readonly supervisor: Supervisor;

  constructor() {
    const listReleases = (app: string) => this.releases.get(app) ?? [];
    const note = (_: object, message: string) => void this.logged.push(message);
    this.supervisor = new Supervisor({
      journal: {
        listApps: () => [...this.apps.values()],
        getApp: (name) => this.apps.get(name) ?? null,
        listCurrentReleases: (app, live) =>
          listReleases(app).filter((one) => one.id === live || one === previousRelease(listReleases(app), live)),
        getOperation: (id) => this.operations.find((one) => one.id === id) ?? null,
        listOperations: ({ app_name, state }) =>
          this.operations.filter((one) => (app_name ?? one.app_name) === one.app_name && one.state === state),
      },
      world: {
        clock: this.clock,
        containers: {
          inspect: async (name) => {
            this.looks.push({ at_ms: this.clock.now_ms, name });
            await this.obstacle();
            if (this.docker) throw this.docker;
            return this.containers.get(name) ?? null;
          },
          list: async () => {
            if (this.docker) throw this.docker;
            return [...this.containers.values()];
          },
          restart: async (id) => {
            if (this.docker) throw this.docker;
            this.restarts.push({ at_ms: this.clock.now_ms, name: id });
          },
        },
        prober: {
          probe: async ({ name, address, port }, check) => {
            this.probes.push({ at_ms: this.clock.now_ms, name });
            const healthy = !this.sick.has(name);
            const target = `${check.kind}://${address}:${port}`;
            return {
              at: AT,
              target,
              healthy,
              status: healthy ? 200 : 500,
              duration_ms: 1,
              detail: '',
              is_refused: false,
              is_endless: false,
            };
          },
        },
      },
      subnet: parseSubnet('10.213.0.0/16'),
      begin: async (app, intent) => {
        if (this.refusal) throw this.refusal;
        this.begun.push({ app, intent });
        return this.operate(app);
      },
      publish: (event) => void this.events.push(event),
      log: { info: note, warn: note, error: note },
    });
    this.supervisor.start(new AbortController().signal);
  }

  /** An app that serves r2 in blue, and could go back to r1. */
  serve(name = 'shop', health: object = HTTP, changes: Partial<AppRecord> = {}): AppRecord {
    const app: AppRecord = {
      ...{ name, index: this.apps.size + 1, release: 'r2', slot: 'blue', wanted: 'running', replicas: 1 },
      ...{ maintenance: null, route: null, verify_key: '', last_release_number: 2, last_error: null },
      ...{ created_at: AT, updated_at: AT },
      ...changes,
    };
    this.apps.set(name, app);
    this.releases.set(name, [release(name, 'r2', 'live', health), release(name, 'r1', 'standby', health)]);
    for (let index = 0; index < app.replicas; index += 1) this.run(app, index);
    return app;
  }

  run(app: AppRecord, index = 0, changes: Partial<Inspection> = {}): void {
    const name = containerName(app.name, app.slot ?? 'blue', index);
    this.containers.set(name, {
      ...{ id: `id of ${name}`, name, app_name: app.name, release: app.release ?? '', slot: app.slot ?? 'blue' },
      ...{ operation_id: 'op-00000001', role: 'replica', is_running: true, exit_code: null, oom_killed: false },
      ...{ restart_count: 0, started_at: AT },
      ...changes,
    });
  }

  /** An operation that runs until {@link end}. */
  operate(app_name: string): Operation {
    const operation = { id: `op-0000000${this.operations.length + 1}`, app_name, state: 'running', error: null };
    this.operations.push(operation as OperationRecord); // as far as it is looked at
    return operation as unknown as Operation;
  }

  end(state: Operation['state'], changes: Partial<AppRecord> = {}): void {
    const operation = this.operations.at(-1);
    Object.assign(operation ?? {}, { state });
    const app = this.apps.get(operation?.app_name ?? '');
    if (app) this.apps.set(app.name, { ...app, ...changes });
  }

  kinds = () => this.events.map(({ kind }) => kind);
}

let host = new Host();
afterEach(async () => {
  await host.supervisor.close();
  host = new Host();
});

const BLUE = 'nextdeploy-shop-blue-0';
const GREEN = 'nextdeploy-shop-green-0';

describe('the supervisor', () => {
  it('restarts a container that does not answer, by its id, and tells when the app is well again', async () => {
    host.serve();
    await host.clock.pass(5_000);
    host.sick.add(BLUE);
    await host.clock.pass(10_000);
    expect(host.restarts).toMatchObject([{ name: `id of ${BLUE}` }]);
    host.sick.delete(BLUE);
    await host.clock.pass(60_000);
    expect(host.kinds()).toEqual(['heal.unhealthy', 'heal.restarted', 'heal.recovered']);
    expect(host.events[0]).toMatchObject({ app_name: 'shop', operation: null, message: expect.stringContaining('answered 500') });
  });

  it('restarts one of several replicas alone', async () => {
    host.serve('shop', { kind: 'tcp' }, { replicas: 3 });
    await host.clock.pass(3_000);
    host.sick.add('nextdeploy-shop-blue-1');
    await host.clock.pass(10_000);
    expect(host.restarts).toMatchObject([{ name: 'id of nextdeploy-shop-blue-1' }]);
  });

  it('has the containers replaced by the engine, and waits for its end', async () => {
    const app = host.serve('shop', { kind: 'http', start_period_ms: 0 });
    host.sick.add(BLUE);
    await host.clock.pass(60_000);
    expect(host.begun).toEqual([{ app: 'shop', intent: { kind: 'restart' } }]);
    expect(host.events.at(-1)).toMatchObject({ kind: 'heal.replacing', operation: { id: 'op-00000001' } });
    const before = host.looks.length;
    await host.clock.pass(60_000);
    expect(host.looks).toHaveLength(before);
    host.end('succeeded', { slot: 'green' });
    host.run({ ...app, slot: 'green' });
    await host.clock.pass(60_000);
    expect(host.looks.at(-1)?.name).toBe(GREEN);
    expect(host.kinds().at(-1)).toBe('heal.recovered');
  });

  it('has a crash loop rolled back', async () => {
    const app = host.serve();
    for (let restart_count = 0; restart_count <= 5; restart_count += 1) {
      host.run(app, 0, { restart_count, oom_killed: true });
      await host.clock.pass(3_000);
    }
    expect(host.begun).toEqual([{ app: 'shop', intent: { kind: 'rollback', release: 'r1', code_only: false } }]);
    expect(host.kinds()).toEqual(['heal.unhealthy', 'heal.rolling_back']);
    expect(host.events[0]?.message).toContain('memory');
  });

  it('has an app stopped that crashes and has nothing to go back to', async () => {
    const app = host.serve();
    host.releases.get('shop')?.pop();
    for (let restart_count = 0; restart_count <= 5; restart_count += 1) {
      host.run(app, 0, { restart_count });
      await host.clock.pass(3_000);
    }
    expect(host.begun).toEqual([{ app: 'shop', intent: { kind: 'stop' } }]);
    host.end('succeeded', { wanted: 'stopped' });
    const before = host.looks.length;
    await host.clock.pass(60_000);
    expect(host.looks).toHaveLength(before);
  });

  it('has a container replaced when it is gone, or another one has its name', async () => {
    const app = host.serve();
    host.containers.delete(BLUE);
    await host.clock.pass(6_000);
    host.end('succeeded');
    host.serve('blog');
    host.run(app, 0, { app_name: 'blog' });
    await host.clock.pass(90_000);
    expect(host.begun.map(({ app: name, intent }) => `${name} ${intent.kind}`)).toEqual(['shop restart', 'shop restart']);
  });

  it('puts nothing in the place of a container of which nothing is known, as after a restore of an older database', async () => {
    const app = host.serve();
    host.containers.clear();
    const operation_id = 'op-forgotten';
    host.run({ ...app, release: 'r3', slot: 'green' }, 0, { operation_id });
    await host.clock.pass(120_000);
    expect([host.begun, host.events]).toEqual([[], []]);
    expect(host.logged).toHaveLength(1);
    host.operations.push({ id: operation_id } as OperationRecord); // as far as it is looked at
    await host.clock.pass(60_000);
    expect(host.begun).toHaveLength(1);
  });

  it('leaves alone what is stopped, has never been deployed, or is worked on', async () => {
    host.serve('stopped', HTTP, { wanted: 'stopped' });
    host.serve('new', HTTP, { release: null, slot: null });
    host.serve('busy');
    host.operate('busy');
    await host.clock.pass(30_000);
    expect(host.looks).toEqual([]);
    host.end('failed');
    await host.clock.pass(3_000);
    expect(new Set(host.looks.map(({ name }) => name))).toEqual(new Set(['nextdeploy-busy-blue-0']));
  });

  it('only looks whether an app without a health check runs', async () => {
    const app = host.serve('shop', { kind: 'none' });
    await host.clock.pass(30_000);
    expect(host.probes).toEqual([]);
    host.run(app, 0, { is_running: false, exit_code: 0 });
    await host.clock.pass(11_000);
    expect(host.restarts).toHaveLength(1);
  });

  it('does nothing that was decided on what an operation did meanwhile', async () => {
    host.serve();
    await host.clock.pass(4_000);
    host.sick.add(BLUE);
    host.obstacle = async () => {
      const { length } = host.probes.filter(({ at_ms }) => at_ms > 4_000);
      if (length === 2 && host.operations.length === 0) host.operate('shop');
    };
    await host.clock.pass(20_000);
    expect([host.operations.length, host.restarts, host.events]).toEqual([1, [], []]);
  });
});

describe('what happens while it does not look', () => {
  const crash = async (app: AppRecord, counts: readonly number[]) => {
    for (const restart_count of counts) {
      host.run(app, 0, { restart_count });
      await host.clock.pass(3_000);
    }
  };

  it('is not held against an app on which an operation worked', async () => {
    const app = host.serve();
    await crash(app, [0, 1]);
    host.operate('shop');
    await crash(app, [50]);
    host.end('failed');
    await crash(app, [50, 51]);
    expect([host.begun, host.kinds()]).toEqual([[], ['heal.unhealthy']]);
  });

  it('is not held against an app that was stopped', async () => {
    const app = host.serve();
    await crash(app, [0, 1, 2, 3, 4]);
    host.apps.set('shop', { ...app, wanted: 'stopped' });
    await crash(app, [4]);
    host.apps.set('shop', app);
    await crash(app, [4, 5]);
    expect(host.begun).toEqual([]);
  });
});

describe('when something else fails', () => {
  it('does nothing while Docker does not answer, and gives the app its start period again', async () => {
    host.serve();
    await host.clock.pass(4_000);
    host.sick.add(BLUE);
    host.docker = UNAVAILABLE;
    await host.clock.pass(120_000);
    expect([host.restarts, host.events]).toEqual([[], []]);
    expect(host.logged).toHaveLength(1);
    host.docker = null;
    await host.clock.pass(29_000);
    expect(host.restarts).toEqual([]);
    await host.clock.pass(12_000);
    expect(host.restarts).toHaveLength(1);
  });

  it('lets an operator be faster', async () => {
    host.serve();
    host.containers.delete(BLUE);
    host.refusal = new DomainError('conflict', 'The app shop is busy.');
    await host.clock.pass(120_000);
    expect(host.kinds()).toEqual(['heal.unhealthy']);
    host.refusal = null;
    await host.clock.pass(240_000);
    expect(host.kinds()).toEqual(['heal.unhealthy', 'heal.replacing']);
  });

  it('goes on when the journal could not be read for a while', async () => {
    host.serve();
    const { apps } = host;
    const values = apps.values.bind(apps);
    apps.values = () => {
      throw new Error('the disk fails');
    };
    await host.clock.pass(10_000);
    apps.values = values;
    await host.clock.pass(3_000);
    expect(host.logged).toEqual(['cannot tell which apps to look at']);
    expect(host.looks.length).toBeGreaterThan(0);
  });
});

describe('the pace', () => {
  it('is the one of the health check, and never below two seconds', async () => {
    host.serve('fast', { kind: 'http', interval_ms: 100 });
    host.serve('slow', { kind: 'http', interval_ms: 20_000 });
    await host.clock.pass(60_000);
    const gaps = (app: string) => {
      const times = host.probes.filter(({ name }) => name.includes(app)).map(({ at_ms }) => at_ms);
      return times.slice(1).map((at, index) => at - (times[index] ?? 0));
    };
    expect(Math.min(...gaps('fast'))).toBeGreaterThanOrEqual(2_000);
    expect(Math.max(...gaps('fast'))).toBeLessThanOrEqual(2_250);
    expect(Math.min(...gaps('slow'))).toBeGreaterThanOrEqual(20_000);
  });

  it('spreads a hundred apps over the time', async () => {
    for (let count = 0; count < 100; count += 1) host.serve(`app-${count}`);
    await host.clock.pass(20_000);
    const perTick = Map.groupBy(host.looks, ({ at_ms }) => at_ms);
    expect(Math.max(...[...perTick.values()].map(({ length }) => length))).toBeLessThanOrEqual(16);
    const perApp = Map.groupBy(host.looks, ({ name }) => name);
    expect(perApp.size).toBe(100);
    for (const looks of perApp.values()) expect(looks.length).toBeGreaterThanOrEqual(8);
  });

  it('never has two looks at one app at once, nor many at all, however long they take', async () => {
    for (let count = 0; count < 40; count += 1) host.serve(`app-${count}`);
    let open = 0;
    let most = 0;
    const gate = Promise.withResolvers<void>();
    host.obstacle = async () => {
      open += 1;
      most = Math.max(most, open);
      await gate.promise;
      open -= 1;
    };
    await host.clock.pass(30_000);
    expect(most).toBe(16);
    const names = host.looks.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    gate.resolve();
    await host.clock.pass(3_000);
    expect(new Set(host.looks.map(({ name }) => name)).size).toBe(40);
  });
});

describe('an app that is purged and made again', () => {
  it('is looked at once at a time as well', async () => {
    const app = host.serve();
    let open = 0;
    let most = 0;
    const gate = Promise.withResolvers<void>();
    host.obstacle = async () => {
      open += 1;
      most = Math.max(most, open);
      await gate.promise;
      open -= 1;
    };
    await host.clock.pass(3_000);
    host.apps.delete('shop');
    await host.clock.pass(3_000);
    host.apps.set('shop', app);
    await host.clock.pass(3_000);
    gate.resolve();
    await host.clock.pass(3_000);
    expect(most).toBe(1);
    expect(host.looks.length).toBeGreaterThan(1);
  });
});

describe('closing', () => {
  it('ends the looks, and waits for the one under way', async () => {
    host.serve();
    const gate = Promise.withResolvers<void>();
    host.obstacle = () => gate.promise;
    await host.clock.pass(3_000);
    let isClosed = false;
    const closing = host.supervisor.close().then(() => {
      isClosed = true;
    });
    await setImmediate();
    expect(isClosed).toBe(false);
    gate.resolve();
    await closing;
    await host.clock.pass(60_000);
    expect(host.looks).toHaveLength(1);
  });
});
