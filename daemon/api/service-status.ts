/** The status of apps as observed now: their containers as Docker says, their health as a probe of the live container says. */
import type { AppStatus } from '../contract/domain.ts';
import { DomainError } from '../contract/errors.ts';
import { LIMITS } from '../contract/limits.ts';
import type { Containers, Journal, ObservedContainer, Prober } from '../engine/ports.ts';
import { containerName, type Subnet, slotAddress } from '../engine/slots.ts';
import type { AppRecord } from '../engine/state.ts';
import { toAppStatus } from '../engine/view.ts';

export interface StatusOptions {
  journal: Journal;
  containers: Pick<Containers, 'list'>;
  prober: Pick<Prober, 'probe'>;
  now: () => Date;
  subnet: Subnet;
}

type Health = AppStatus['health'];

/** Many clients ask every second; the app is asked this often at most. */
const HEALTH_KEPT_MS = 5_000;
const HEALTH_TIMEOUT_MS = 2_000;
const UNKNOWN: Health = { healthy: null, checked_at: null, detail: 'not checked' };

export class AppStatuses {
  readonly #options: StatusOptions;
  /** By container id; only of apps that are there. */
  readonly #checked = new Map<string, { at: number; health: Promise<Health> }>();

  constructor(options: StatusOptions) {
    this.#options = options;
  }

  async list(signal: AbortSignal): Promise<AppStatus[]> {
    const containers = await this.#options.containers.list(signal);
    this.#forget(containers);
    return Promise.all(this.#options.journal.listApps().map((app) => this.#describe(app, containers, signal)));
  }

  /** Throws `not_found`. */
  async get(name: string, signal: AbortSignal): Promise<AppStatus> {
    const containers = await this.#options.containers.list(signal);
    const app = this.#options.journal.getApp(name);
    if (!app) throw new DomainError('not_found', `There is no app ${name}.`);
    return this.#describe(app, containers, signal);
  }

  async #describe(app: AppRecord, containers: readonly ObservedContainer[], signal: AbortSignal): Promise<AppStatus> {
    const { journal } = this.#options;
    const releases = journal.listReleases(app.name, LIMITS.releases_page_max);
    const operation = journal.listOperations({ app_name: app.name, state: 'running', limit: 1 })[0] ?? null;
    const name = app.slot && app.wanted === 'running' ? containerName(app.name, app.slot, 0) : null;
    const container = containers.find((candidate) => candidate.name === name && candidate.release === app.release) ?? null;
    const live = releases.find((release) => release.id === app.release);
    const health = container && live ? await this.#health(app, container, live.configuration, signal) : UNKNOWN;
    return toAppStatus({ app, releases, container, health, operation });
  }

  #health(
    app: AppRecord,
    container: ObservedContainer,
    configuration: { health: Parameters<Prober['probe']>[1] | { kind: 'none' }; ports: number[] },
    signal: AbortSignal,
  ): Promise<Health> {
    const now = this.#options.now();
    const checked_at = now.toISOString();
    if (!container.is_running) return Promise.resolve({ healthy: false, checked_at, detail: 'the container is not running' });
    const { health: check, ports } = configuration;
    if (check.kind === 'none') return Promise.resolve({ healthy: null, checked_at, detail: 'running, without a health check' });
    const known = this.#checked.get(container.id);
    if (known && now.getTime() - known.at < HEALTH_KEPT_MS) return known.health;
    const address = slotAddress(this.#options.subnet, app.index, container.slot, 0);
    const target = { name: container.name, address, port: ports[0] ?? 0 };
    const timeout_ms = Math.min(check.timeout_ms, HEALTH_TIMEOUT_MS);
    const health = this.#options.prober.probe(target, { ...check, timeout_ms }, signal).then((probe) => ({
      healthy: probe.healthy,
      checked_at: probe.at,
      detail: probe.status === null ? probe.detail || 'open' : `HTTP ${probe.status} in ${probe.duration_ms} ms`,
    }));
    this.#checked.set(container.id, { at: now.getTime(), health });
    health.catch(() => this.#checked.delete(container.id)); // that caller went away; the next one asks again
    return health;
  }

  #forget(containers: readonly ObservedContainer[]): void {
    const there = new Set(containers.map((container) => container.id));
    for (const id of this.#checked.keys()) if (!there.has(id)) this.#checked.delete(id);
  }
}
