/** The status of apps as observed now: their containers as Docker says, their health as a probe of the live container says. */
import type { AppStatus } from '../contract/domain.ts';
import { DomainError } from '../contract/errors.ts';
import type { Containers, Journal, ObservedContainer, Prober } from '../engine/ports.ts';
import { replicaNames, replicaOf, type Subnet, slotAddress } from '../engine/slots.ts';
import type { AppRecord } from '../engine/state.ts';
import { toAppStatus } from '../engine/view.ts';

export interface StatusOptions {
  journal: Journal;
  containers: Pick<Containers, 'list'>;
  prober: Pick<Prober, 'probe'>;
  now: () => Date;
  /** As the clock's: it never jumps. */
  monotonicMs: () => number;
  subnet: Subnet;
}

type Health = AppStatus['health'];

/** Many clients ask every second; the app is asked this often at most. */
const HEALTH_KEPT_MS = 5_000;
const HEALTH_TIMEOUT_MS = 2_000;
/** Should a probe ever overrun its own time-out. */
const HEALTH_DEADLINE_MS = 2 * HEALTH_TIMEOUT_MS;
const UNKNOWN: Health = { healthy: null, checked_at: null, detail: 'not checked' };

export class AppStatuses {
  readonly #options: StatusOptions;
  /** By container id; only of apps that are there. */
  readonly #checked = new Map<string, { at: number; health: Promise<Health> }>();

  constructor(options: StatusOptions) {
    this.#options = options;
  }

  async list(signal: AbortSignal): Promise<AppStatus[]> {
    const observed = await this.#observe(signal);
    if (typeof observed !== 'string') this.#forget(observed);
    return Promise.all(this.#options.journal.listApps().map((app) => this.#describe(app, observed, signal)));
  }

  /** Throws `not_found`. */
  async get(name: string, signal: AbortSignal): Promise<AppStatus> {
    const observed = await this.#observe(signal);
    const app = this.#options.journal.getApp(name);
    if (!app) throw new DomainError('not_found', `There is no app ${name}.`);
    return this.#describe(app, observed, signal);
  }

  /** The containers, or why they cannot be seen: what is known without Docker is shown all the same. */
  async #observe(signal: AbortSignal): Promise<ObservedContainer[] | string> {
    try {
      return await this.#options.containers.list(signal);
    } catch (error) {
      if (signal.aborted || !(error instanceof DomainError)) throw error;
      return error.message;
    }
  }

  async #describe(app: AppRecord, observed: readonly ObservedContainer[] | string, signal: AbortSignal): Promise<AppStatus> {
    const { journal } = this.#options;
    const releases = journal.listCurrentReleases(app.name, app.release);
    const operation = journal.listOperations({ app_name: app.name, state: 'running', limit: 1 })[0] ?? null;
    if (typeof observed === 'string') {
      return toAppStatus({ app, releases, containers: [], health: { ...UNKNOWN, detail: observed }, operation });
    }
    const { slot } = app;
    const names = slot === null || app.wanted === 'stopped' ? [] : replicaNames(app.name, slot, app.replicas);
    const containers = names.flatMap((name) => observed.find((one) => one.name === name && one.release === app.release) ?? []);
    const live = releases.find((release) => release.id === app.release);
    const checks = live ? containers.map((container) => orAborted(this.#health(app, container, live.configuration), signal)) : [];
    const health = worstOf(await Promise.all(checks));
    return toAppStatus({ app, releases, containers, health, operation });
  }

  /** Shared by all who ask meanwhile, so it depends on none of them. */
  #health(
    app: AppRecord,
    container: ObservedContainer,
    configuration: { health: Parameters<Prober['probe']>[1] | { kind: 'none' }; ports: number[] },
  ): Promise<Health> {
    const now = this.#options.now();
    const checked_at = now.toISOString();
    if (!container.is_running) return Promise.resolve({ healthy: false, checked_at, detail: 'the container is not running' });
    const { health: check, ports } = configuration;
    if (check.kind === 'none') return Promise.resolve({ healthy: null, checked_at, detail: 'running, without a health check' });
    const known = this.#checked.get(container.id);
    const at = this.#options.monotonicMs();
    if (known && at - known.at < HEALTH_KEPT_MS) return known.health;
    const address = slotAddress(this.#options.subnet, app.index, container.slot, replicaOf(container.name));
    const target = { name: container.name, address, port: ports[0] ?? 0 };
    const timeout_ms = Math.min(check.timeout_ms, HEALTH_TIMEOUT_MS);
    const deadline = AbortSignal.timeout(HEALTH_DEADLINE_MS);
    const health = this.#options.prober.probe(target, { ...check, timeout_ms }, deadline).then(
      (probe) => ({
        healthy: probe.healthy,
        checked_at: probe.at,
        detail: probe.status === null ? probe.detail || 'open' : `HTTP ${probe.status} in ${probe.duration_ms} ms`,
      }),
      () => ({ ...UNKNOWN, detail: 'the check did not end in time' }),
    );
    this.#checked.set(container.id, { at, health });
    return health;
  }

  #forget(containers: readonly ObservedContainer[]): void {
    const there = new Set(containers.map((container) => container.id));
    for (const id of this.#checked.keys()) if (!there.has(id)) this.#checked.delete(id);
  }
}

/** One replica that fails makes the app unhealthy: part of its visitors meet it. */
function worstOf(all: readonly Health[]): Health {
  const worst = all.find(({ healthy }) => healthy === false) ?? all.find(({ healthy }) => healthy === null) ?? all[0];
  return worst ?? UNKNOWN;
}

/** Rejects with the signal's reason once it is aborted; the promise itself goes on. */
async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
