/**
 * Routes to programs on ports of this host that are no apps. What is wanted is kept before anything is done about it, and what was there until
 * that is seen to be served: so whatever comes in between, the next start of the daemon goes on, or back.
 */
import { DomainError, type FieldError } from '../contract/errors.ts';
import { LIMITS } from '../contract/limits.ts';
import { proxyTypeSchema } from '../contract/names.ts';
import { demandNotBeingSetUp, domainOwner } from './domains.ts';
import type { EngineLog } from './engine.ts';
import { maintenancePage } from './maintenance-page.ts';
import type { Journal, NewEvent, RefusedRoute, World } from './ports.ts';
import { demandPrefixApps } from './prefixes.ts';
import { refusedSetting } from './refusals.ts';
import { namesOf, portRouteOf } from './routing.ts';
import { wwwName } from './site-settings.ts';
import { isPortRouteKey, type PortRoute, type PortRouteRecord, portRouteKey, type RouteModel } from './state.ts';
import type { PlanSettings } from './templates.ts';

export interface PortRouteParts {
  /** Its proxies take routes as they are kept. */
  world: Pick<World, 'proxies' | 'markers' | 'clock'>;
  journal: Pick<
    Journal,
    'listApps' | 'getApp' | 'listOperations' | 'listPortRoutes' | 'getPortRoute' | 'putPortRoute' | 'settlePortRoute'
  >;
  settings: Pick<PlanSettings, 'slots_directory'>;
  log: EngineLog;
  publish(event: ReturnType<Journal['appendEvent']>): void;
  /** Aborted when the daemon stops: a change is no single caller's. */
  stopping: AbortSignal;
}

/** Validation, reload and a second reload that brings the old file back. */
const CHANGE_MS_MAX = 60_000;
/** At start the proxies may be up later than the daemon: pauses of 1, 2, 4 … s. */
const ATTEMPTS_MAX = 8;
const RETRY_MS = 1_000;
const EVERYTHING = Number.MAX_SAFE_INTEGER;

export class PortRoutes {
  readonly #parts: PortRouteParts;
  /** Domains of the routes that are being changed. */
  readonly #busy = new Set<string>();

  constructor(parts: PortRouteParts) {
    this.#parts = parts;
  }

  /**
   * Resolves when the proxy serves it; what `change` makes of the route that there is (null: none) is as it says. Throws `conflict` for a name or
   * a route that is taken or busy, `not_found` for an app that a prefix leads to, `unprocessable` where the proxy refuses it, each with the field;
   * then all is as before.
   */
  async set(domain: string, change: (previous: PortRoute | null) => PortRoute, actor: string): Promise<PortRouteRecord> {
    return this.#alone(domain, async () => {
      const { journal } = this.#parts;
      const known = journal.getPortRoute(domain);
      this.#demandSettled(domain, known);
      const wanted = change(known?.wanted ?? null);
      this.#demandFree(wanted);
      await this.#demandTaken(wanted, known?.wanted ?? null);
      // While the proxy was asked others may have taken a name. From here to the journal nothing is awaited.
      this.#demandFree(wanted);
      const at = this.#now();
      const record: PortRouteRecord = {
        domain,
        wanted,
        previous: known?.wanted ?? null,
        is_settled: false,
        created_at: known?.created_at ?? at,
        updated_at: at,
      };
      journal.putPortRoute(record);
      await this.#goThrough(record, actor);
      return this.#demandThere(domain);
    });
  }

  /** Resolves with what it was when the proxy does not serve it any more. Throws `not_found`, or `conflict` while it is being changed. */
  async remove(domain: string, actor: string): Promise<PortRouteRecord> {
    return this.#alone(domain, async () => {
      const known = this.#demandThere(domain);
      this.#demandSettled(domain, known);
      const record = { ...known, wanted: null, previous: known.wanted, is_settled: false, updated_at: this.#now() };
      this.#parts.journal.putPortRoute(record);
      await this.#goThrough(record, actor);
      return known;
    });
  }

  /**
   * Brings what an earlier run of the daemon left in mid-change to its end, or back where the proxy refuses it; and has the proxies serve what
   * they do not serve as it is kept, and nothing of which nothing is kept. Never rejects.
   */
  async recover(): Promise<void> {
    const { journal, world } = this.#parts;
    const records = await this.#untilDone('the routes to ports', async () => journal.listPortRoutes());
    await Promise.all((records ?? []).map(({ domain }) => this.#untilDone(domain, () => this.#setRight(domain))));
    for (const proxy of proxyTypeSchema.options) {
      // Where there is no directory of ours there cannot be any.
      const listed = (await world.proxies[proxy].listApps().catch(() => [])).filter(isPortRouteKey);
      for (const key of listed) await this.#untilDone(key, () => this.#clear(proxy, key));
    }
  }

  async #setRight(domain: string): Promise<void> {
    const { journal, log, world } = this.#parts;
    if (this.#busy.has(domain)) return; // its caller sees to it
    await this.#alone(domain, async () => {
      const record = journal.getPortRoute(domain);
      if (record === null) return;
      if (!record.is_settled) {
        log.warn({ route: domain }, 'going on with what was begun with a route to a port');
        return this.#goThrough(record, 'nextdeployd');
      }
      if (record.wanted === null) return;
      await this.#mark(record.wanted);
      const route = this.#model(record.wanted);
      const proxy = world.proxies[route.proxy];
      const [difference] = await proxy.differences([route], this.#deadline());
      if (difference === null) return;
      log.warn({ route: domain, difference }, 'telling the proxy of a route to a port again');
      await proxy.apply(route.app_name, route, this.#deadline());
    });
  }

  async #clear(proxy: RouteModel['proxy'], key: string): Promise<void> {
    const { journal, log, world } = this.#parts;
    const domain = key.slice(portRouteKey('').length);
    const record = journal.getPortRoute(domain);
    const isMeant = [record?.wanted, record?.previous].some((route) => route?.proxy === proxy);
    if (isMeant || this.#busy.has(domain)) return;
    log.warn({ route: key, proxy }, 'removing a route to a port that nothing is known of');
    await world.proxies[proxy].apply(key, null, this.#deadline());
  }

  /** Makes what is wanted be served and kept, or, where that fails, what was there before. */
  async #goThrough(record: PortRouteRecord, actor: string): Promise<void> {
    const { domain, wanted, previous } = record;
    try {
      await this.#serve(wanted, previous, domain);
    } catch (error) {
      this.#parts.stopping.throwIfAborted();
      await this.#goBack(record, error);
      throw error;
    }
    const verb = wanted === null ? 'removed' : previous === null ? 'set' : 'changed';
    const target = wanted === null ? '' : ` to port ${wanted.port}`;
    const event = this.#event(
      verb === 'removed' ? 'route.removed' : 'route.changed',
      `The route of ${domain}${target} was ${verb} by ${actor}`,
    );
    await this.#settle(domain, wanted && { ...record, previous: null, is_settled: true }, [event]);
  }

  async #goBack(record: PortRouteRecord, cause: unknown): Promise<void> {
    const { domain, wanted, previous } = record;
    try {
      await this.#serve(previous, wanted, domain);
    } catch (err) {
      this.#parts.stopping.throwIfAborted();
      // The other way round: the next start goes on with the way back.
      this.#parts.journal.putPortRoute({ ...record, wanted: previous, previous: wanted });
      this.#parts.log.error({ err, route: domain }, 'a change of a route could not be taken back');
      const why = cause instanceof DomainError ? `${cause.message} ` : '';
      const message = `${why}The route of ${domain} could not be set back either; mend the proxy, then \`systemctl restart nextdeployd\`.`;
      throw new DomainError('unavailable', message, { cause });
    }
    await this.#settle(domain, previous && { ...record, wanted: previous, previous: null, is_settled: true }, []);
  }

  /** What there is to change of markers and proxies; all of it may be done twice. */
  async #serve(to: PortRoute | null, from: PortRoute | null, domain: string): Promise<void> {
    const { markers, proxies } = this.#parts.world;
    const key = portRouteKey(domain);
    // The proxies look for them from the first request on.
    if (to !== null) await this.#mark(to);
    if (to !== null) await proxies[to.proxy].apply(key, this.#model(to), this.#deadline());
    if (from !== null && from.proxy !== to?.proxy) await proxies[from.proxy].apply(key, null, this.#deadline());
    if (to === null) await markers.remove(key);
  }

  async #mark({ domain, maintenance }: PortRoute): Promise<void> {
    const { markers } = this.#parts.world;
    const key = portRouteKey(domain);
    if ((await markers.read(key)) !== 'blue') await markers.write(key, 'blue');
    await markers.writePage(key, maintenance && maintenancePage(maintenance));
  }

  /** As long as the disk needs: what has come about is not forgotten. */
  async #settle(domain: string, record: PortRouteRecord | null, events: readonly NewEvent[]): Promise<void> {
    const { journal, world, stopping, publish } = this.#parts;
    for (;;) {
      try {
        for (const event of journal.settlePortRoute(domain, record, events)) publish(event);
        return;
      } catch (error) {
        if (!(error instanceof DomainError && error.code === 'unavailable')) throw error;
        await world.clock.sleep(RETRY_MS, stopping);
      }
    }
  }

  #demandFree(wanted: PortRoute): void {
    const { journal } = this.#parts;
    const { domain, settings } = wanted;
    const key = portRouteKey(domain);
    const route = this.#model(wanted);
    const field = fieldsOf(wanted);
    for (const name of namesOf(route)) {
      const owner = domainOwner(journal, name, key);
      if (owner) throw conflict(field(name), `The domain ${name} belongs to ${owner.named}; ${owner.remedy}.`);
    }
    demandNotBeingSetUp(key, namesOf(route), journal.listOperations({ state: 'running', limit: EVERYTHING }), field);
    demandPrefixApps(null, settings, journal);
    const others = journal.listPortRoutes().filter((one) => one.domain !== domain);
    if (others.length >= LIMITS.routes_max)
      throw conflict('domain', `There are ${LIMITS.routes_max} routes to ports, and that is the limit; remove one first.`);
  }

  /** Asks the proxies before anything is written: a refusal leaves nothing to take back. */
  async #demandTaken(wanted: PortRoute, known: PortRoute | null): Promise<void> {
    const { proxies } = this.#parts.world;
    const signal = this.#deadline();
    const route = this.#model(wanted);
    const proxy = proxies[wanted.proxy];
    try {
      await proxy.check(signal, route);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      const named = (error.details as Partial<RefusedRoute> | undefined)?.domain;
      const setting = await refusedSetting(proxy, route, signal);
      const field = setting ?? (named === undefined ? 'domain' : fieldsOf(wanted)(named));
      const details: FieldError[] = [{ field, message: error.message }];
      throw new DomainError(error.code, error.message, { details, cause: error.cause });
    }
    if (known !== null && known.proxy !== wanted.proxy) await proxies[known.proxy].checkRemoval(signal);
  }

  #demandThere(domain: string): PortRouteRecord {
    const record = this.#parts.journal.getPortRoute(domain);
    if (record === null) throw new DomainError('not_found', `There is no route of ${domain} to a port.`);
    return record;
  }

  #demandSettled(domain: string, record: PortRouteRecord | null): void {
    if (record === null || record.is_settled) return;
    const message = `An earlier change of the route of ${domain} has not come to its end; mend the proxy, then \`systemctl restart nextdeployd\`.`;
    throw new DomainError('conflict', message, { details: [{ field: 'domain', message: 'it is being changed' }] });
  }

  async #alone<T>(domain: string, body: () => Promise<T>): Promise<T> {
    if (this.#busy.has(domain)) throw conflict('domain', `The route of ${domain} is just being changed; try again in a moment.`);
    this.#busy.add(domain);
    try {
      return await body();
    } finally {
      this.#busy.delete(domain);
    }
  }

  /** Null: given up, or the daemon stops. */
  async #untilDone<T>(what: string, act: () => Promise<T>): Promise<T | null> {
    const { log, stopping, world } = this.#parts;
    for (let count = 0; !stopping.aborted; count += 1) {
      try {
        return await act();
      } catch (err) {
        if (stopping.aborted) return null;
        log.warn({ err, what }, 'could not be set right');
        const mayPass = err instanceof DomainError && err.code === 'unavailable';
        if (!mayPass || count >= ATTEMPTS_MAX) return null;
        await world.clock.sleep(RETRY_MS * 2 ** count, stopping).catch(() => undefined);
      }
    }
    return null;
  }

  #model(route: PortRoute): RouteModel {
    return portRouteOf(route, this.#parts.settings);
  }

  #deadline(): AbortSignal {
    const { stopping, world } = this.#parts;
    return AbortSignal.any([stopping, world.clock.timeout(CHANGE_MS_MAX)]);
  }

  #event(kind: NewEvent['kind'], message: string): NewEvent {
    return { ts: this.#now(), kind, level: 'info', message, app_name: null, operation: null };
  }

  #now(): string {
    return this.#parts.world.clock.now().toISOString();
  }
}

/** What of the request names a domain. */
function fieldsOf({ domain, aliases, settings }: PortRoute): (name: string) => string {
  return (name) => {
    const alias = aliases.indexOf(name);
    if (alias >= 0) return `aliases.${alias}`;
    return name === wwwName(domain, settings.www) ? 'www' : 'domain';
  };
}

function conflict(field: string, message: string): DomainError {
  const details: FieldError[] = [{ field, message }];
  return new DomainError('conflict', message, { details });
}
