/** Changing what is configured of an app's site, in one operation. Pure. */
import type { Release } from '../contract/domain.ts';
import { namesOf, planRoute, routeOf, upstreamsOf } from './routing.ts';
import { wwwName } from './site-settings.ts';
import { type AppRecord, isSlot, type MarkerState, type SiteSettings } from './state.ts';
import type { RouteChange, Step } from './steps.ts';
import type { PlanSettings } from './templates.ts';

interface Configuring {
  app: AppRecord;
  live: Release;
  /** What the marker says. */
  marker: MarkerState | null;
  to: SiteSettings;
  has_certain_route: boolean;
}

/** Also of an app that has given its domain up: then they are only kept. */
export function configureSteps({ app, live, marker, to, has_certain_route }: Configuring, settings: PlanSettings): Step[] {
  const on_failure = 'unwind';
  const { configuration } = live;
  const target = routeOf({ ...app, routing: to }, configuration, app.replicas, settings);
  const upstreams = upstreamsOf(app, configuration, app.replicas, settings);
  const replaced = isSlot(marker) ? marker : null;
  const { during, after } = planRoute(app.route, target, upstreams, replaced, has_certain_route);
  // Nothing is replaced, so there is no release that still needs the names which are given up.
  const changes = [...(during?.changes ?? []), ...(after?.changes ?? [])];
  return [
    {
      name: 'validate',
      on_failure,
      app_name: app.name,
      domains: namesOf(target),
      route: target,
      proxies: target === null ? [] : [target.proxy],
      image: null,
      volumes: [],
      networks: [],
      has_credentials: false,
      fields: fieldsOf(configuration.domain, namesOf(target), to.www),
    },
    {
      name: 'route',
      on_failure,
      app_name: app.name,
      routing: { changes: direct(changes), from: app.route, to: target },
      is_first: false,
      settings: { to, from: app.routing ?? null },
    },
  ];
}

/** Of several changes in one proxy the first and the last state. */
function direct(changes: readonly RouteChange[]): RouteChange[] {
  const proxies = [...new Set(changes.map(({ proxy }) => proxy))];
  return proxies.map((proxy) => {
    const its = changes.filter((change) => change.proxy === proxy);
    return { proxy, from: its[0]?.from ?? null, to: its.at(-1)?.to ?? null };
  });
}

/** The only name that a request to configure an app adds is that of `www`. */
function fieldsOf(domain: string | undefined, names: readonly string[], www: SiteSettings['www']) {
  const other = domain === undefined ? null : wwwName(domain, www);
  return { proxy: 'domain', names: Object.fromEntries(names.map((name) => [name, name === other ? 'www' : 'domain'])) };
}
