/** An in-memory model of the journal, for tests: it keeps the promises of the real one. */
import type { DaemonEvent, Release } from '../contract/domain.ts';
import { DomainError } from '../contract/errors.ts';
import { previousRelease } from '../contract/rules.ts';
import type { BeginEntry, Journal, NewEvent, OperationFilter, RemovedImage } from './ports.ts';
import type { AppRecord, Change, OperationRecord, PortRouteRecord } from './state.ts';

/** The durable part: survives the engine that used it. `beforeCommit` may throw, as a daemon that dies does. */
export class ModelJournal implements Journal {
  readonly apps = new Map<string, AppRecord>();
  readonly releases = new Map<string, Release>();
  readonly operations: OperationRecord[] = [];
  readonly portRoutes = new Map<string, PortRouteRecord>();
  readonly events: DaemonEvent[] = [];
  readonly keys = new Map<string, { operation_id: string; request_hash: string }>();
  removedImages: RemovedImage[] = [];
  beforeCommit: () => void = () => undefined;

  copy(): ModelJournal {
    const journal = new ModelJournal();
    for (const [name, app] of this.apps) journal.apps.set(name, { ...app });
    for (const [key, release] of this.releases) journal.releases.set(key, { ...release });
    for (const [key, entry] of this.keys) journal.keys.set(key, entry);
    for (const [domain, record] of this.portRoutes) journal.portRoutes.set(domain, record);
    journal.operations.push(...this.operations);
    journal.events.push(...this.events);
    return journal;
  }

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
    this.operations.unshift(operation);
    return this.appendEvent(event);
  }

  commit(record: OperationRecord, changes: readonly Change[], events: readonly NewEvent[]): DaemonEvent[] {
    this.beforeCommit();
    this.operations[this.operations.findIndex(({ id }) => id === record.id)] = record;
    for (const change of changes) this.#apply(change);
    return events.map((event) => this.appendEvent(event));
  }

  appendEvent(event: NewEvent, overtaken: number | null = null): DaemonEvent {
    const numbered = { seq: (this.events.at(-1)?.seq ?? 0) + 1, ...event };
    const index = this.events.findIndex(({ seq }) => seq === overtaken);
    if (index >= 0) this.events.splice(index, 1);
    this.events.push(numbered);
    return numbered;
  }

  getApp = (name: string) => this.apps.get(name) ?? null;
  listApps = () => [...this.apps.values()];
  getRelease = (app: string, id: string) => this.releases.get(`${app} ${id}`) ?? null;
  getOperation = (id: string) => this.operations.find((operation) => operation.id === id) ?? null;
  findIdempotent = (key: string, actor: string) => {
    const found = this.keys.get(`${actor} ${key}`);
    return found && this.getOperation(found.operation_id) ? found : null;
  };

  listPortRoutes = () => [...this.portRoutes.values()];
  getPortRoute = (domain: string) => this.portRoutes.get(domain) ?? null;
  putPortRoute(record: PortRouteRecord): void {
    this.beforeCommit();
    this.portRoutes.set(record.domain, record);
  }
  settlePortRoute(domain: string, record: PortRouteRecord | null, events: readonly NewEvent[]): DaemonEvent[] {
    this.beforeCommit();
    if (record === null) this.portRoutes.delete(domain);
    else this.portRoutes.set(domain, record);
    return events.map((event) => this.appendEvent(event));
  }

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

  listRemovedImages = () => [...this.removedImages];
  forgetRemovedImages(image_ids: readonly string[]): void {
    this.removedImages = this.removedImages.filter(({ image_id }) => !image_ids.includes(image_id));
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
    if (change.kind === 'app_routing') app!.routing = change.routing;
    if (change.kind === 'app_error' && app) app.last_error = change.message;
    if (change.kind === 'image_pinned') release!.image_id = change.image_id;
    if (change.kind === 'release_state') Object.assign(release!, { state: change.state, end_reason: change.end_reason });
    if (change.kind === 'app_removed') {
      this.apps.delete(change.app_name);
      const its = [...this.releases.values()].filter(({ app_name, image_id }) => app_name === change.app_name && image_id !== '');
      this.removedImages.push(...its.map(({ image_id, image }) => ({ image_id, image, removed_at: app?.updated_at ?? '' })));
      for (const [key, { app_name }] of this.releases) if (app_name === change.app_name) this.releases.delete(key);
    }
  }
}
