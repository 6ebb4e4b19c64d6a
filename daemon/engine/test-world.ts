/** In-memory models of everything the engine touches, for its tests: they obey the same promises as the real ones. */
import { type AppConfiguration, appConfigurationSchema } from '../contract/configuration.ts';
import type { DaemonEvent, Release } from '../contract/domain.ts';
import { DomainError } from '../contract/errors.ts';
import { previousRelease } from '../contract/rules.ts';
import { Engine, type Intent } from './engine.ts';
import { createExecutors } from './executors.ts';
import type { BeginEntry, ContainerSpec, Journal, NewEvent, OperationFilter, World } from './ports.ts';
import type { Executors } from './saga.ts';
import { parseSubnet } from './slots.ts';
import type { AppRecord, Change, MarkerState, OperationRecord, RouteModel } from './state.ts';

export interface ModelContainer {
  spec: ContainerSpec;
  is_running: boolean;
  is_kept: boolean;
  has_run: boolean;
  /** How often Docker has started it again. */
  restarts: number;
}

export interface ModelState {
  containers: Map<string, ModelContainer>;
  markers: Map<string, MarkerState>;
  routes: Map<string, RouteModel>;
  images: Map<string, string>;
  pages: Map<string, string>;
}

/** Called before (`begun`) and after each effect on the world; may throw. */
export type EffectHook = (effect: string, phase: 'begun' | 'ended') => void;

export class ModelWorld {
  readonly state: ModelState = {
    containers: new Map(),
    markers: new Map(),
    routes: new Map(),
    images: new Map(),
    pages: new Map(),
  };
  /** Releases whose containers do not answer. */
  readonly broken = new Set<string>();
  /** One-off commands that ran, by their containers' names, in order. */
  readonly commands: string[] = [];
  /** Commands that end with code 1. */
  readonly failing = new Set<string>();
  /** Called at each look of a watch window. */
  onWatch: () => void = () => undefined;
  hook: EffectHook = () => undefined;
  #now = Date.UTC(2026, 0, 1);

  /** What would be seen from outside, as one comparable value; who made what and when is left out. */
  snapshot(): unknown {
    const { containers, markers, routes, pages } = this.state;
    const entries = [...containers].map(([name, { spec, is_running, is_kept }]) => {
      const { operation_id: _, ...rest } = spec;
      return [name, { ...rest, is_running, is_kept }] as const;
    });
    const sorted = <T>(pairs: Iterable<readonly [string, T]>) => [...pairs].sort(([a], [b]) => a.localeCompare(b));
    return structuredClone({
      containers: sorted(entries),
      markers: sorted(markers),
      routes: sorted(routes),
      pages: sorted(pages),
    });
  }

  /** What the proxy would do with a request now. */
  serving(app: string): { release: string; version: string } | 503 | 502 | null {
    const route = this.state.routes.get(`caddy ${app}`) ?? this.state.routes.get(`nginx ${app}`);
    if (!route) return null;
    const marker = this.state.markers.get(app) ?? 'blue';
    if (marker === 'stopped') return 503;
    const { containers } = this.state;
    const upstreams = [...containers.values()].filter(
      ({ spec }) => spec.app_name === app && spec.slot === marker && spec.role.kind === 'replica',
    );
    // Every replica that the route names is asked sooner or later.
    const asked = route.upstreams[marker].map((address) => upstreams.find(({ spec }) => address.startsWith(`${spec.address}:`)));
    const [live] = asked;
    if (!live || asked.some((container) => container?.is_running !== true)) return 502;
    return { release: live.spec.release, version: live.spec.image_id };
  }

  ports(): World {
    const { containers, markers, routes, images, pages } = this.state;
    const effect = <T>(name: string, body: () => T): Promise<T> => {
      try {
        this.hook(name, 'begun');
        const result = body();
        this.hook(name, 'ended');
        return Promise.resolve(result);
      } catch (error) {
        return Promise.reject(error);
      }
    };
    const there = (name: string): ModelContainer => {
      const found = containers.get(name);
      if (!found) throw new DomainError('unprocessable', `no container ${name}`);
      return found;
    };
    const observe = (name: string, { spec, is_running, has_run, restarts }: ModelContainer) => {
      const { app_name, release, slot, operation_id, role } = spec;
      const started_at = has_run ? new Date(this.#now).toISOString() : null;
      const inspected = { exit_code: is_running ? null : 0, oom_killed: false, restart_count: restarts, started_at };
      return { id: name, name, app_name, release, slot, operation_id, role: role.kind, is_running, ...inspected };
    };
    const applyTo = (proxy: 'caddy' | 'nginx') => (app: string, route: RouteModel | null) =>
      effect('route', () => {
        const key = `${proxy} ${app}`;
        if (route === null) routes.delete(key);
        else routes.set(key, route);
      });
    const check = () => effect('check', () => undefined);
    return {
      containers: {
        list: async () => [...containers].map(([name, container]) => observe(name, container)),
        inspect: async (name) => (containers.has(name) ? observe(name, there(name)) : null),
        create: (spec) =>
          effect('create', () => {
            const existing = containers.get(spec.name)?.spec;
            if (existing?.operation_id === spec.operation_id) return;
            if (existing && existing.app_name !== spec.app_name) throw new DomainError('conflict', `${spec.name} is in the way`);
            containers.set(spec.name, { spec, is_running: false, is_kept: false, has_run: false, restarts: 0 });
          }),
        start: (name) =>
          effect('start', () => {
            const container = there(name);
            const isCommand = container.spec.command !== null;
            if (isCommand) this.commands.push(`${name} ${container.spec.release}`);
            Object.assign(container, { is_running: !isCommand, has_run: true });
          }),
        restart: (name) => effect('restart', () => void Object.assign(there(name), { is_running: true, has_run: true })),
        remove: ({ name, app_name, operation_id }) =>
          effect('remove', () => {
            const spec = containers.get(name)?.spec;
            const isOurs = spec?.app_name === app_name && (operation_id ?? spec.operation_id) === spec.operation_id;
            if (isOurs) containers.delete(name);
          }),
        setRestart: (name, isKept) => effect('setRestart', () => void Object.assign(there(name), { is_kept: isKept })),
        waitForExit: (name, signal) => {
          const command = there(name).spec.command;
          if (command !== null)
            return Promise.resolve({ exit_code: this.failing.has(command[0] ?? '') ? 1 : 0, oom_killed: false });
          return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
        },
        logTail: async (name) => [`log of ${name}`],
        listening: async () => [],
      },
      images: {
        find: (reference) =>
          effect('find', () => images.get(reference) ?? [...images.values()].find((id) => id === reference) ?? null),
        check: async ({ reference, pinned_image_id }) => {
          if (![pinned_image_id ?? reference, reference].some((name) => images.has(name) || [...images.values()].includes(name)))
            throw new DomainError('unprocessable', `The image ${reference} does not exist.`);
        },
        pull: async (reference) => {
          throw new DomainError('unprocessable', `The image ${reference} does not exist.`);
        },
        list: async () => [],
        remove: async () => true,
      },
      markers: {
        read: async (app) => markers.get(app) ?? null,
        write: (app, state) => effect('writeMarker', () => void markers.set(app, state)),
        writePage: (app, html) => effect('writePage', () => void (html === null ? pages.delete(app) : pages.set(app, html))),
        remove: (app) =>
          effect('removeMarker', () => {
            markers.delete(app);
            pages.delete(app);
          }),
      },
      proxies: { caddy: { check, apply: applyTo('caddy') }, nginx: { check, apply: applyTo('nginx') } },
      resources: {
        checkBind: async () => undefined,
        checkNetwork: async () => undefined,
        dockerDisk: async () => ({ total_bytes: 100, available_bytes: 50 }),
      },
      prober: {
        probe: async (target) => {
          this.hook('probe', 'begun');
          const container = there(target.name);
          const healthy = container.is_running && !this.broken.has(container.spec.image_id);
          const at = new Date(this.#now).toISOString();
          return {
            at,
            target: target.address,
            healthy,
            status: healthy ? 200 : 500,
            duration_ms: 1,
            detail: 'body',
            is_refused: false,
          };
        },
        verify: async ({ domain, proxy }) => {
          this.hook('verify', 'begun');
          const candidates = [...routes].filter(([key]) => key.startsWith(proxy)).map(([, candidate]) => candidate);
          const route = candidates.find((candidate) => candidate.sites.some((site) => site.domain === domain));
          const slot = (route && markers.get(route.app_name)) ?? null;
          const answer = route ? this.serving(route.app_name) : null;
          const status = typeof answer === 'number' ? answer : answer === null ? 404 : 200;
          return { status, slot, failure: 'none', detail: '' };
        },
      },
      connections: { countTo: () => effect('count', () => 0) },
      clock: {
        now: () => new Date(this.#now),
        monotonicMs: () => this.#now,
        sleep: async (ms, signal) => {
          signal.throwIfAborted();
          this.#now += ms;
        },
        timeout: () => new AbortController().signal,
      },
    };
  }
}

/** The durable part: survives the engine that used it. `beforeCommit` may throw, as a daemon that dies does. */
export class ModelJournal implements Journal {
  readonly apps = new Map<string, AppRecord>();
  readonly releases = new Map<string, Release>();
  readonly operations: OperationRecord[] = [];
  readonly events: DaemonEvent[] = [];
  readonly keys = new Map<string, { operation_id: string; request_hash: string }>();
  beforeCommit: () => void = () => undefined;

  begin({ operation, app, release, idempotency, event }: BeginEntry): DaemonEvent {
    const busy = this.operations.find((other) => other.app_name === app.name && other.state === 'running');
    if (busy) throw new DomainError('conflict', 'busy', { operation_id: busy.id });
    const known = this.apps.get(app.name);
    this.apps.set(app.name, known ? { ...known, last_release_number: app.last_release_number } : app);
    if (release) {
      const rest = { state: 'pending', image_id: '', ended_at: null, end_reason: null } as const;
      this.releases.set(`${app.name} ${release.id}`, { ...release, ...rest });
    }
    if (idempotency) this.keys.set(`${operation.actor} ${idempotency.key}`, { operation_id: operation.id, ...idempotency });
    this.operations.unshift(structuredClone(operation));
    return this.appendEvent(event);
  }

  commit(record: OperationRecord, changes: readonly Change[], events: readonly NewEvent[]): DaemonEvent[] {
    this.beforeCommit();
    this.operations[this.operations.findIndex(({ id }) => id === record.id)] = structuredClone(record);
    for (const change of changes) this.#apply(change);
    return events.map((event) => this.appendEvent(event));
  }

  appendEvent(event: NewEvent): DaemonEvent {
    const numbered = { seq: this.events.length + 1, ...event };
    this.events.push(numbered);
    return numbered;
  }

  getApp = (name: string) => this.apps.get(name) ?? null;
  listApps = () => [...this.apps.values()];
  getRelease = (app: string, id: string) => this.releases.get(`${app} ${id}`) ?? null;
  getOperation = (id: string) => this.operations.find((operation) => operation.id === id) ?? null;
  findIdempotent = (key: string, actor: string) => this.keys.get(`${actor} ${key}`) ?? null;

  listAllReleases(): Release[] {
    return [...this.releases.values()];
  }

  pruneReleases(
    pruned: readonly { app_name: string; release: string; reason: string }[],
    events: readonly NewEvent[],
  ): DaemonEvent[] {
    for (const { app_name, release, reason } of pruned) {
      Object.assign(this.releases.get(`${app_name} ${release}`)!, { state: 'pruned', end_reason: reason });
    }
    return events.map((event) => this.appendEvent(event));
  }

  listReleases(app: string, limit: number): Release[] {
    const all = [...this.releases.values()].filter((release) => release.app_name === app);
    return all.sort((a, b) => Number(b.id.slice(1)) - Number(a.id.slice(1))).slice(0, limit);
  }

  listCurrentReleases(app: string, live: string | null): Release[] {
    const all = this.listReleases(app, Number.MAX_SAFE_INTEGER);
    if (live === null) return all.slice(0, 1);
    const previous = previousRelease(all, live);
    return all.filter((release) => release.id === live || release === previous);
  }

  listOperations({ app_name, state, limit }: OperationFilter): OperationRecord[] {
    const fits = (record: OperationRecord) =>
      (app_name === undefined || record.app_name === app_name) && (state === undefined || record.state === state);
    return this.operations.filter(fits).slice(0, limit);
  }

  /** What is kept, as one comparable value without times and ids of operations. */
  snapshot(): unknown {
    const apps = this.listApps().map(
      ({ updated_at: _u, created_at: _c, last_error: _e, last_release_number: _n, ...app }) => app,
    );
    const releases = [...this.releases.values()].map(({ id, app_name, state, image_id }) => ({ id, app_name, state, image_id }));
    return structuredClone({ apps, releases });
  }

  #apply(change: Change): void {
    const app = this.apps.get(change.app_name);
    const release = 'release' in change && change.release ? this.releases.get(`${change.app_name} ${change.release}`) : undefined;
    if (change.kind === 'app_serves') {
      const { release: id, slot, wanted, replicas } = change;
      Object.assign(app!, { release: id, slot, wanted, replicas });
    }
    if (change.kind === 'app_replicas') app!.replicas = change.replicas;
    if (change.kind === 'app_maintenance') app!.maintenance = change.maintenance;
    if (change.kind === 'app_route') app!.route = change.route;
    if (change.kind === 'app_error' && app) app.last_error = change.message;
    if (change.kind === 'image_pinned') release!.image_id = change.image_id;
    if (change.kind === 'release_state') Object.assign(release!, { state: change.state, end_reason: change.end_reason });
    if (change.kind === 'app_removed') {
      this.apps.delete(change.app_name);
      for (const [key, { app_name }] of this.releases) if (app_name === change.app_name) this.releases.delete(key);
    }
  }
}

export function createEngine(world: ModelWorld, journal: ModelJournal, wrap = (executors: Executors) => executors): Engine {
  let ids = journal.operations.length;
  const ports = world.ports();
  return new Engine({
    world: ports,
    executors: wrap(createExecutors(ports, journal, async () => true)),
    journal,
    settings: { subnet: parseSubnet('10.213.0.0/16'), slots_directory: '/state/slots' },
    ids: { operationId: () => `op-0000000${++ids}`, verifyKey: () => 'a'.repeat(32) },
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    publish: () => undefined,
  });
}

export const signal = new AbortController().signal;

export function configuration(changes: Partial<AppConfiguration> = {}): AppConfiguration {
  return { ...appConfigurationSchema.parse({ domain: 'shop.test', watch_ms: 3_000 }), ...changes };
}

/** Intents as tests write them. */
export const deploying = (image: string, changes: Partial<AppConfiguration> = {}): Intent => ({
  kind: 'deploy',
  image,
  pull: 'missing',
  configuration: configuration(changes),
  nextcore: null,
  credentials: null,
});
export const swapping = (image: string): Intent => ({ kind: 'swap', image, pull: 'missing', nextcore: null, credentials: null });
export const rollingBack = (release?: string, code_only = false): Intent => ({ kind: 'rollback', release, code_only });

/** Begins an operation and waits for its end. */
export async function run(engine: Engine, intent: Intent, app = 'shop') {
  const { id } = await engine.begin(app, intent, { actor: 'test', idempotency: null, signal });
  return engine.waitFor(id, signal);
}
