/**
 * The proxies as the engine tells them of routes: with the addresses of the apps that prefixes lead to, which change with every deploy to
 * another port and are kept nowhere. When an app moves the routes that lead to it are told anew.
 */
import { DomainError } from '../contract/errors.ts';
import { type ProxyType, proxyTypeSchema } from '../contract/names.ts';
import type { Journal, ReverseProxy, World } from './ports.ts';
import { reachOf } from './reach.ts';
import { portRouteOf } from './routing.ts';
import { appOfPrefix, localUpstreams, prefixApps } from './site-settings.ts';
import type { RouteModel, RoutePrefix } from './state.ts';
import type { PlanSettings } from './templates.ts';

type Kept = Pick<Journal, 'getApp' | 'listApps' | 'getRelease' | 'listOperations' | 'listPortRoutes'>;

export class ServedRoutes {
  /** These take routes as they are kept. */
  readonly proxies: World['proxies'];
  readonly #plain: World['proxies'];
  readonly #journal: Kept;
  readonly #settings: PlanSettings;
  /** What a proxy was told last of a route; what is kept says so only when its operation has come further. One entry for each name ever used. */
  readonly #told = new Map<string, { proxy: ProxyType; route: RouteModel | null }>();

  constructor(proxies: World['proxies'], journal: Kept, settings: PlanSettings) {
    this.#plain = proxies;
    this.#journal = journal;
    this.#settings = settings;
    const wrapped = proxyTypeSchema.options.map((proxy) => [proxy, this.#wrap(proxy)]);
    this.proxies = Object.fromEntries(wrapped) as World['proxies']; // one of each type
  }

  /**
   * Tells the proxies where the app is now, in every route with a prefix that leads to it. Does nothing that was done before.
   * @throws DomainError naming the route that could not be told
   */
  async follow(app_name: string, signal: AbortSignal): Promise<void> {
    for (const key of this.#current().keys()) {
      // Each as it is when its turn comes: operations go on meanwhile.
      const { proxy, route } = this.#current().get(key) ?? NO_ROUTE;
      if (route === null || route.app_name === app_name || !prefixApps(route).includes(app_name)) continue;
      signal.throwIfAborted();
      try {
        await this.proxies[proxy].apply(route.app_name, route, signal);
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
        const message = `The route of ${route.sites[0]?.domain} has a prefix that leads to ${app_name}, and could not follow it: ${error.message}`;
        throw new DomainError(error.code, message, { cause: error.cause });
      }
    }
  }

  /** By proxy and key. */
  #current(): Map<string, { proxy: ProxyType; route: RouteModel | null }> {
    const kept = keptRoutes(this.#journal, this.#settings).map(
      (route) => [`${route.proxy} ${route.app_name}`, { proxy: route.proxy, route }] as const,
    );
    return new Map([...kept, ...this.#told]);
  }

  #wrap(proxy: ProxyType): ReverseProxy {
    const plain = this.#plain[proxy];
    return {
      check: (signal, route) => plain.check(signal, route && this.#filled(route)),
      checkRemoval: (signal) => plain.checkRemoval(signal),
      listApps: () => plain.listApps(),
      differences: (routes, signal) =>
        plain.differences(
          routes.map((route) => this.#filled(route)),
          signal,
        ),
      apply: async (app, route, signal) => {
        const key = `${proxy} ${app}`;
        const before = this.#told.get(key);
        const now = { proxy, route };
        // At once: whoever follows an app meanwhile has the last word, with this one.
        this.#told.set(key, now);
        try {
          await plain.apply(app, route && this.#filled(route), signal);
        } catch (error) {
          if (this.#told.get(key) === now) {
            if (before === undefined) this.#told.delete(key);
            else this.#told.set(key, before);
          }
          throw error;
        }
      },
    };
  }

  #filled(route: RouteModel): RouteModel {
    return filledRoute(route, this.#journal, this.#settings);
  }
}

/** Of apps and ports, as they are kept. */
export function keptRoutes(
  journal: Pick<Journal, 'listApps' | 'listPortRoutes'>,
  settings: Pick<PlanSettings, 'slots_directory'>,
): RouteModel[] {
  const ofApps = journal.listApps().flatMap(({ route }) => route ?? []);
  const ofPorts = journal.listPortRoutes().flatMap(({ wanted }) => (wanted === null ? [] : portRouteOf(wanted, settings)));
  return [...ofApps, ...ofPorts];
}

/** As a proxy is told: with the addresses of the apps that its prefixes lead to, as they are now. */
export function filledRoute(
  route: RouteModel,
  journal: Omit<Kept, 'listApps' | 'listPortRoutes'>,
  settings: PlanSettings,
): RouteModel {
  const { options } = route;
  if (options === undefined || prefixApps(route).length === 0) return route;
  const located = (prefix: RoutePrefix): RoutePrefix => {
    const app = appOfPrefix(prefix);
    if (app === null) return prefix;
    // Of an app that is gone behind our back: the rest of the site serves, and this answers that nothing does.
    return { ...prefix, upstreams: reachOf(app, journal, settings) ?? localUpstreams(NOBODYS_PORT) };
  };
  return { ...route, options: { ...options, prefixes: options.prefixes.map(located) } };
}

const NO_ROUTE = { proxy: 'caddy', route: null } as const;
/** tcpmux (RFC 1078), which no program serves any more. */
const NOBODYS_PORT = 1;
