/** What the proxies are to serve for an app, before, during and after an operation. Pure. */
import type { AppConfiguration } from '../contract/configuration.ts';
import type { Slot } from '../contract/names.ts';
import { defaultTls, healthPath } from '../contract/rules.ts';
import type { AppRecord, RouteModel } from './state.ts';
import type { Routing } from './steps.ts';
import { containersOf, type PlanSettings } from './templates.ts';

/** The route for a configuration, in whichever slot it comes to stand: a later swap of the same finds it as it needs it. */
export function routeOf(
  app: AppRecord,
  configuration: AppConfiguration,
  replicas: number,
  settings: PlanSettings,
): RouteModel | null {
  const { domain, aliases, redirects, tls, proxy, health } = configuration;
  if (domain === undefined) return null;
  const upstreams = (side: Slot) =>
    containersOf(app, side, configuration, replicas, settings).map(({ address, port }) => `${address}:${port}`);
  const tlsOf = (name: string) => tls ?? defaultTls(name);
  return {
    app_name: app.name,
    proxy,
    sites: [domain, ...aliases].map((name) => ({ domain: name, tls: tlsOf(name) })),
    redirects: redirects.map(({ from, to = domain, status }) => ({ from, tls: tlsOf(from), to, to_tls: tlsOf(to), status })),
    upstreams: { blue: upstreams('blue'), green: upstreams('green') },
    health_path: healthPath(health)?.replace(/\?.*$/, '') ?? null,
    marker_directory: `${settings.slots_directory}/${app.name}`,
    verify_key: app.verify_key,
  };
}

/** Every name that the route answers for. */
export function namesOf(route: RouteModel | null): string[] {
  return route === null ? [] : [...route.sites.map(({ domain }) => domain), ...route.redirects.map(({ from }) => from)];
}

export interface RoutePlan {
  /** Before the switch; null: nothing to do. What serves both the old release and the new one. */
  during: Routing | null;
  /** When the old release has gone. */
  after: Routing | null;
}

/** The way from one route to another with the old release serving in `replaced` meanwhile (null: nothing serves). */
export function planRoute(current: RouteModel | null, target: RouteModel | null, replaced: Slot | null): RoutePlan {
  if (current !== null && target !== null && current.proxy !== target.proxy) {
    // Side by side in two proxies until the old release has gone.
    const during = { changes: [{ proxy: target.proxy, from: null, to: target }], from: current, to: target };
    return { during, after: { changes: [{ proxy: current.proxy, from: current, to: null }], from: target, to: target } };
  }
  const bridged = bridge(current, replaced === null ? target : keepUpstreams(target, replaced, current));
  return { during: change(current, bridged), after: change(bridged, target) };
}

/** The way to a route that both slots can take at once; null when there is nothing to change. */
export function change(from: RouteModel | null, to: RouteModel | null): Routing | null {
  const proxy = (to ?? from)?.proxy;
  if (proxy === undefined || isSameRoute(from, to)) return null;
  return { changes: [{ proxy, from, to }], from, to };
}

/** While the old release serves in its slot, that slot is reached as before. */
function keepUpstreams(target: RouteModel | null, slot: Slot, current: RouteModel | null): RouteModel | null {
  if (target === null || current === null) return target;
  return { ...target, upstreams: { ...target.upstreams, [slot]: current.upstreams[slot] } };
}

/** The new sites and redirects, and those names of the old release that the new one gives up. */
function bridge(current: RouteModel | null, target: RouteModel | null): RouteModel | null {
  if (current === null) return target;
  if (target === null) return current;
  const taken = new Set(namesOf(target));
  return {
    ...target,
    sites: [...target.sites, ...current.sites.filter(({ domain }) => !taken.has(domain))],
    redirects: [...target.redirects, ...current.redirects.filter(({ from }) => !taken.has(from))],
  };
}

export function isSameRoute(a: RouteModel | null, b: RouteModel | null): boolean {
  return JSON.stringify(canonical(a)) === JSON.stringify(canonical(b));
}

function canonical(route: RouteModel | null): unknown {
  if (route === null) return null;
  const { app_name, proxy, sites, redirects, upstreams, health_path, marker_directory, verify_key } = route;
  const sortedSites = sites.toSorted((a, b) => a.domain.localeCompare(b.domain)).map(({ domain, tls }) => [domain, tls]);
  const sortedRedirects = redirects
    .toSorted((a, b) => a.from.localeCompare(b.from))
    .map(({ from, tls, to, to_tls, status }) => [from, tls, to, to_tls, status]);
  const { blue, green } = upstreams;
  return [app_name, proxy, sortedSites, sortedRedirects, blue, green, health_path, marker_directory, verify_key];
}
