/** An in-memory model of everything the engine touches, for tests: it keeps the promises of the real parts. */
import { DomainError } from '../contract/errors.ts';
import type { Containers, ReverseProxy, World } from './ports.ts';
import type { MarkerState, RouteModel } from './state.ts';
import { ModelClock } from './test-clock.ts';
import { type ModelContainer, observe } from './test-container.ts';
import { modelImages } from './test-images.ts';
import { ModelSecrets } from './test-secrets.ts';

export interface ModelState {
  containers: Map<string, ModelContainer>;
  markers: Map<string, MarkerState>;
  /** By proxy and app, as in `caddy shop`. */
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
  readonly clock = new ModelClock();
  readonly secrets = new ModelSecrets();
  /** Images whose containers do not answer. */
  readonly broken = new Set<string>();
  /** The last lines of every container; null: one that names it. */
  printed: string[] | null = null;
  /** One-off commands that ran, by their containers' names and releases, in order. */
  readonly commands: string[] = [];
  /** Commands that end with code 1. */
  readonly failing = new Set<string>();
  /** Commands that do not end. */
  readonly hanging = new Set<string>();
  /** Containers that Docker cannot start. */
  readonly unstartable = new Set<string>();
  /** Private images, with the password that their registry wants. */
  readonly registry = new Map<string, string>();
  isDockerDown: boolean = false;
  hook: EffectHook = () => undefined;
  /** Called before each look at the world; may throw. */
  onLook: (what: string) => void = () => undefined;
  readonly #exits = new Map<string, Set<() => void>>();

  /** With the same state and none of the trouble. */
  copy(): ModelWorld {
    const world = new ModelWorld();
    Object.assign(world.state, structuredClone(this.state));
    return world;
  }

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

  /** What each proxy that has a route for the app would do with a request now: the first answer that is not the app's, or the app's. */
  serving(app: string): { release: string; version: string } | 503 | 502 | null {
    const routes = ['caddy', 'nginx'].flatMap((proxy) => this.state.routes.get(`${proxy} ${app}`) ?? []);
    const answers = routes.map((route) => this.#answer(app, route));
    return answers.find((answer) => typeof answer === 'number') ?? answers[0] ?? null;
  }

  #answer(app: string, route: RouteModel): { release: string; version: string } | 503 | 502 {
    const marker = this.state.markers.get(app) ?? 'blue';
    if (marker === 'stopped') return 503;
    const replicas = [...this.state.containers.values()].filter(({ spec }) => spec.role.kind === 'replica');
    // Every replica that the route names is asked sooner or later.
    const asked = route.upstreams[marker].map((upstream) =>
      replicas.find(({ spec }) => `${spec.address}:${spec.env.PORT}` === upstream),
    );
    const [live] = asked;
    if (!live || asked.some((container) => container?.is_running !== true)) return 502;
    return { release: live.spec.release, version: live.spec.image_id };
  }

  /** The process ends by itself; Docker starts it again if it is to be kept. */
  crash(name: string, { exit_code = 1, oom_killed = false } = {}): void {
    const container = this.#there(name);
    this.#end(name, exit_code, oom_killed);
    if (container.is_kept) this.#begin(container, container.restarts + 1);
  }

  /** The command comes to its end. */
  finish(name: string): void {
    this.#end(name, 0, false);
  }

  /** Somebody stops it by hand, which Docker heeds. */
  halt(name: string): void {
    this.#end(name, 137, false);
  }

  /** Somebody removes it by hand. */
  destroy(name: string): void {
    this.#end(name, 137, false);
    this.state.containers.delete(name);
  }

  /** The machine is switched off and on: Docker brings back what is kept. */
  reboot(): void {
    for (const [name, container] of this.state.containers) {
      if (!container.is_running) continue;
      this.#end(name, 255, false);
      if (container.is_kept) this.#begin(container, container.restarts);
    }
  }

  ports(): World {
    const { markers, routes, pages } = this.state;
    const proxyOf = (proxy: 'caddy' | 'nginx'): ReverseProxy => ({
      check: () => this.#effect('check', () => undefined),
      checkRemoval: () => this.#effect('check', () => undefined),
      apply: (app, route) =>
        this.#effect('route', () => {
          if (route === null) routes.delete(`${proxy} ${app}`);
          else routes.set(`${proxy} ${app}`, route);
        }),
      differences: async (wanted) =>
        wanted.map((route) => {
          const served = routes.get(`${proxy} ${route.app_name}`);
          return JSON.stringify(served) === JSON.stringify(route) ? null : 'it does not run with the new route';
        }),
      listApps: async () => [...routes].flatMap(([key, { app_name }]) => (key.startsWith(proxy) ? [app_name] : [])),
    });
    return {
      containers: this.#containers(),
      images: modelImages(this.state.images, this.registry, (name, body) => this.#dockerEffect(name, body)),
      markers: {
        read: (app) => this.#look('read marker', () => markers.get(app) ?? null),
        write: (app, state) => this.#effect('writeMarker', () => void markers.set(app, state)),
        writePage: (app, html) =>
          this.#effect('writePage', () => void (html === null ? pages.delete(app) : pages.set(app, html))),
        remove: (app) =>
          this.#effect('removeMarker', () => {
            markers.delete(app);
            pages.delete(app);
          }),
      },
      proxies: { caddy: proxyOf('caddy'), nginx: proxyOf('nginx') },
      resources: {
        checkBind: async () => undefined,
        checkNetwork: async () => undefined,
        dockerDisk: async () => ({ total_bytes: 100, available_bytes: 50 }),
      },
      prober: this.#prober(),
      secrets: this.secrets,
      connections: { countTo: () => this.#effect('count', () => 0) },
      clock: this.clock,
    };
  }

  #containers(): Containers {
    const { containers } = this.state;
    return {
      list: () => this.#docker('list', () => [...containers].map(([name, container]) => observe(name, container))),
      inspect: (name) => {
        return this.#docker('inspect', () => (containers.has(name) ? observe(name, this.#there(name)) : null));
      },
      create: (spec) =>
        this.#dockerEffect('create', () => {
          const existing = containers.get(spec.name)?.spec;
          if (existing?.operation_id === spec.operation_id) return;
          if (existing && existing.app_name !== spec.app_name) throw new DomainError('conflict', `${spec.name} is in the way`);
          const exit = { exit_code: null, oom_killed: false };
          containers.set(spec.name, { spec, is_running: false, is_kept: false, started_at: null, restarts: 0, ...exit });
        }),
      start: (name) =>
        this.#dockerEffect('start', () => {
          const container = this.#there(name);
          if (this.unstartable.has(name)) throw new DomainError('unprocessable', `${name} cannot be started`);
          if (container.is_running) return;
          const { address } = container.spec;
          const others = [...containers.values()].filter((other) => other.is_running && other.spec.address === address);
          if (address !== null && others.length > 0) throw new DomainError('conflict', `${address} is in use`);
          this.#begin(container, container.restarts);
          const [program] = container.spec.command ?? [];
          if (program === undefined) return;
          this.commands.push(`${name} ${container.spec.release}`);
          if (!this.hanging.has(program)) this.#end(name, this.failing.has(program) ? 1 : 0, false);
        }),
      restart: (name) => this.#dockerEffect('restart', () => this.#begin(this.#there(name), 0)),
      remove: ({ name, app_name, operation_id }) =>
        this.#dockerEffect('remove', () => {
          const spec = containers.get(name)?.spec;
          const isOurs = spec?.app_name === app_name && (operation_id ?? spec.operation_id) === spec.operation_id;
          if (isOurs) this.destroy(name);
        }),
      setRestart: (name, is_kept) => this.#dockerEffect('setRestart', () => void Object.assign(this.#there(name), { is_kept })),
      waitForExit: (name, signal) => this.#waitForExit(name, signal),
      logTail: (name) => this.#docker('logs', () => this.printed ?? [`log of ${name}`]),
      listening: async () => [],
    };
  }

  #prober(): World['prober'] {
    const { routes, markers } = this.state;
    return {
      probe: async (target) => {
        this.hook('probe', 'begun');
        const container = this.state.containers.get(target.name);
        const healthy = container?.is_running === true && !this.broken.has(container.spec.image_id);
        const status = healthy ? 200 : 500;
        const at = this.clock.now().toISOString();
        return {
          at,
          target: target.address,
          healthy,
          status,
          duration_ms: 1,
          detail: 'body',
          is_refused: false,
          is_endless: false,
        };
      },
      verify: async ({ domain, proxy }) => {
        this.hook('verify', 'begun');
        const candidates = [...routes].filter(([key]) => key.startsWith(proxy)).map(([, candidate]) => candidate);
        const route = candidates.find((candidate) => candidate.sites.some((site) => site.domain === domain));
        const slot = (route && markers.get(route.app_name)) ?? null;
        const answer = route ? this.#answer(route.app_name, route) : null;
        const status = typeof answer === 'number' ? answer : answer === null ? 404 : 200;
        return { status, slot, failure: 'none', detail: '' };
      },
    };
  }

  async #waitForExit(name: string, signal: AbortSignal) {
    this.onLook('wait');
    const exited = () => {
      const { exit_code = null, oom_killed = false } = this.state.containers.get(name) ?? {};
      return { exit_code, oom_killed };
    };
    const isRunning = () => this.state.containers.get(name)?.is_running === true;
    // Of what waits for a command that does not end, the clock is all that moves.
    while (isRunning() && this.#there(name).spec.command !== null) {
      await Promise.resolve();
      signal.throwIfAborted();
      if (isRunning()) this.clock.passToNextTimer();
    }
    if (!isRunning()) return exited();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const listeners = this.#exits.get(name) ?? new Set();
    this.#exits.set(name, listeners.add(resolve));
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    if (signal.aborted) reject(signal.reason);
    await promise.finally(() => listeners.delete(resolve));
    return exited();
  }

  #begin(container: ModelContainer, restarts: number): void {
    const started_at = this.clock.now().toISOString();
    Object.assign(container, { is_running: true, started_at, restarts, exit_code: null, oom_killed: false });
  }

  #end(name: string, exit_code: number, oom_killed: boolean): void {
    Object.assign(this.#there(name), { is_running: false, exit_code, oom_killed });
    for (const tell of [...(this.#exits.get(name) ?? [])]) tell();
  }

  #there(name: string): ModelContainer {
    const found = this.state.containers.get(name);
    if (!found) throw new DomainError('unprocessable', `no container ${name}`);
    return found;
  }

  async #effect<T>(name: string, body: () => T): Promise<T> {
    this.hook(name, 'begun');
    const result = body();
    this.hook(name, 'ended');
    return result;
  }

  async #look<T>(what: string, body: () => T): Promise<T> {
    this.onLook(what);
    return body();
  }

  #dockerEffect<T>(name: string, body: () => T): Promise<T> {
    return this.#effect(name, () => this.#up(body));
  }

  #docker<T>(what: string, body: () => T): Promise<T> {
    return this.#look(what, () => this.#up(body));
  }

  #up<T>(body: () => T): T {
    if (this.isDockerDown) throw new DomainError('unavailable', 'Docker does not answer.');
    return body();
  }
}
