/** What the proxies are to serve for an app, before, during and after an operation. Pure. */
import type { AppConfiguration } from '../contract/configuration.ts';
import { proxyTypeSchema, type Slot } from '../contract/names.ts';
import { defaultTls, healthPath } from '../contract/rules.ts';
import { localUpstreams, NO_SETTINGS, optionsOf, withWww } from './site-settings.ts';
import { type AppRecord, type PortRoute, portRouteKey, type RouteModel } from './state.ts';
import type { Routing } from './steps.ts';
import { containersOf, type PlanSettings } from './templates.ts';

/** Where a configuration's containers are reached, in whichever slot it comes to stand: a later swap of the same finds it as it needs it. */
export function upstreamsOf(
  app: Pick<AppRecord, 'name' | 'index'>,
  configuration: AppConfiguration,
  replicas: number,
  settings: PlanSettings,
): RouteModel['upstreams'] {
  const upstreams = (side: Slot) =>
    containersOf(app, side, configuration, replicas, settings).map(({ address, port }) => `${address}:${port}`);
  return { blue: upstreams('blue'), green: upstreams('green') };
}

/** Null for a configuration without a domain. */
export function routeOf(
  app: Pick<AppRecord, 'name' | 'index' | 'verify_key' | 'routing'>,
  configuration: AppConfiguration,
  replicas: number,
  settings: PlanSettings,
): RouteModel | null {
  const { domain, aliases, redirects, tls, proxy, health } = configuration;
  if (domain === undefined) return null;
  const tlsOf = (name: string) => tls ?? defaultTls(name);
  const routing = app.routing ?? NO_SETTINGS;
  const names = {
    domain,
    sites: [domain, ...aliases].map((name) => ({ domain: name, tls: tlsOf(name) })),
    redirects: redirects.map(({ from, to = domain, status }) => ({ from, tls: tlsOf(from), to, to_tls: tlsOf(to), status })),
  };
  const options = optionsOf(routing, settings.slots_directory);
  return {
    app_name: app.name,
    proxy,
    ...withWww(names, routing.www, tlsOf),
    upstreams: upstreamsOf(app, configuration, replicas, settings),
    health_path: healthPath(health)?.replace(/\?.*$/, '') ?? null,
    marker_directory: `${settings.slots_directory}/${app.name}`,
    verify_key: app.verify_key,
    ...(options && { options }),
  };
}

/** Of a route to a port. Its marker says blue, always. */
export function portRouteOf(route: PortRoute, { slots_directory }: Pick<PlanSettings, 'slots_directory'>): RouteModel {
  const { domain, port, proxy, tls, aliases, settings, verify_key } = route;
  const tlsOf = (name: string) => tls ?? defaultTls(name);
  const sites = [domain, ...aliases].map((name) => ({ domain: name, tls: tlsOf(name) }));
  const options = optionsOf(settings, slots_directory);
  const key = portRouteKey(domain);
  return {
    app_name: key,
    proxy,
    ...withWww({ domain, sites, redirects: [] }, settings.www, tlsOf),
    upstreams: localUpstreams(port),
    health_path: null,
    marker_directory: `${slots_directory}/${key}`,
    verify_key,
    ...(options && { options }),
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

/**
 * The way from one route to another, with the old release serving in `replaced` meanwhile (null: nothing serves). Until it has gone every
 * name it had reaches whichever release the marker says, at its own `upstreams`. `isCertain` false: the proxy may have another route than
 * `current`, so it is told in any case, and the other proxy may still have one.
 */
export function planRoute(
  current: RouteModel | null,
  target: RouteModel | null,
  upstreams: RouteModel['upstreams'],
  replaced: Slot | null,
  isCertain: boolean,
): RoutePlan {
  const plan = planChanges(current, target, upstreams, replaced, isCertain);
  return isCertain ? plan : { ...plan, during: withOthersCleared(plan.during, current) };
}

function withOthersCleared(during: Routing | null, current: RouteModel | null): Routing {
  const { changes, from, to } = during ?? { changes: [], from: current, to: current };
  const known = [current?.proxy, ...changes.map(({ proxy }) => proxy)];
  const others = proxyTypeSchema.options.filter((proxy) => !known.includes(proxy));
  return { changes: [...changes, ...others.map((proxy) => ({ proxy, from: null, to: null }))], from, to };
}

function planChanges(
  current: RouteModel | null,
  target: RouteModel | null,
  upstreams: RouteModel['upstreams'],
  replaced: Slot | null,
  isCertain: boolean,
): RoutePlan {
  const isServed = current !== null && replaced !== null;
  const both = isServed ? { ...upstreams, [replaced]: current.upstreams[replaced] } : upstreams;
  const next = target && { ...target, upstreams: both };
  if (current === null) return { during: change(null, next), after: change(next, target) };
  const leaving = { ...current, upstreams: both };
  if (next === null || next.proxy === current.proxy) {
    const bridged = next === null ? leaving : bridge(leaving, next);
    const again = isCertain
      ? null
      : { changes: [{ proxy: bridged.proxy, from: current, to: bridged }], from: current, to: bridged };
    return { during: change(current, bridged) ?? again, after: change(bridged, target) };
  }
  // Side by side in two proxies.
  const changes = [{ proxy: next.proxy, from: null, to: next }, ...(change(current, leaving)?.changes ?? [])];
  const lasting = change(next, target)?.changes ?? [];
  const after = { changes: [...lasting, { proxy: current.proxy, from: leaving, to: null }], from: next, to: target };
  return { during: { changes, from: current, to: next }, after };
}

/** The way to a route that both slots can take at once; null when there is nothing to change. */
export function change(from: RouteModel | null, to: RouteModel | null): Routing | null {
  const proxy = (to ?? from)?.proxy;
  if (proxy === undefined || isSameRoute(from, to)) return null;
  return { changes: [{ proxy, from, to }], from, to };
}

/** The new sites and redirects, and those names of the old release that the new one gives up. */
function bridge(current: RouteModel, target: RouteModel): RouteModel {
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
  const { app_name, proxy, sites, redirects, upstreams, health_path, marker_directory, verify_key, options } = route;
  const sortedSites = sites.toSorted((a, b) => a.domain.localeCompare(b.domain)).map(({ domain, tls }) => [domain, tls]);
  const sortedRedirects = redirects
    .toSorted((a, b) => a.from.localeCompare(b.from))
    .map(({ from, tls, to, to_tls, status }) => [from, tls, to, to_tls, status]);
  const { blue, green } = upstreams;
  return [app_name, proxy, sortedSites, sortedRedirects, blue, green, health_path, marker_directory, verify_key, options ?? null];
}
