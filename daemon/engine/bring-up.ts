/** The steps that bring a release up in the idle slot and switch to it. Pure. */
import type { Hook } from '../contract/configuration.ts';
import type { Release } from '../contract/domain.ts';
import { DEFAULTS } from '../contract/limits.ts';
import type { Slot } from '../contract/names.ts';
import { healthPath } from '../contract/rules.ts';
import { namesOf, planRoute, routeOf, upstreamsOf } from './routing.ts';
import { wwwName } from './site-settings.ts';
import { hookContainerName } from './slots.ts';
import { type AppRecord, isSlot, type MarkerState, type NewRelease, otherSlot, type RouteModel } from './state.ts';
import type { ImageWish, Serving, Step, StepOf } from './steps.ts';
import { containersOf, type PlanSettings, templateOf } from './templates.ts';

export interface BringUp {
  app: AppRecord;
  release: Release | NewRelease;
  image: ImageWish;
  has_credentials: boolean;
  /** Of the new release. */
  replicas: number;
  /** What the marker says now. */
  marker: MarkerState | null;
  /** The release that serves or served last. */
  live: Release | null;
  operation_id: string;
  has_certain_route: boolean;
  /** One-off commands belong to a release's first time. */
  runs_hooks: boolean;
}

/** The idle slot; or, of a stopped app, the one it had, whose upstream the route already names. */
export function targetSlot(app: AppRecord, marker: MarkerState | null): Slot {
  if (isSlot(marker)) return otherSlot(marker);
  return app.slot ?? 'blue';
}

export function bringUpSteps(wish: BringUp, settings: PlanSettings): Step[] {
  const { app, release, image, has_credentials, replicas, marker, live, operation_id } = wish;
  const { configuration } = release;
  const on_failure = 'unwind';
  const slot = targetSlot(app, marker);
  const containers = containersOf(app, slot, configuration, replicas, settings);
  const replaced = isSlot(marker) ? marker : null;
  const old = replaced && live ? containersOf(app, replaced, live.configuration, app.replicas, settings) : [];
  const replaces = old.length > 0 && live ? { containers: old, health: live.configuration.health } : null;
  const target = routeOf(app, configuration, replicas, settings);
  const upstreams = upstreamsOf(app, configuration, replicas, settings);
  const { during, after } = planRoute(app.route, target, upstreams, replaced, wish.has_certain_route);
  const from: Serving = { marker, release: app.release, slot: app.slot, replicas: app.replicas };
  const to: Serving = { marker: slot, release: release.id, slot, replicas };
  const template = templateOf(app.name, release, slot, operation_id);
  const runHook = (name: 'pre_switch' | 'post_switch', hook: Hook | undefined): Step[] =>
    hook && wish.runs_hooks ? [{ name, on_failure, template, container: hookContainerName(app.name, name), hook }] : [];

  const steps: Step[] = [
    {
      name: 'validate',
      on_failure,
      app_name: app.name,
      domains: namesOf(target),
      route: target,
      proxies: [...new Set([target, app.route].flatMap((route) => route?.proxy ?? []))],
      image,
      volumes: configuration.volumes,
      networks: configuration.networks,
      has_credentials,
      ...wwwFields(configuration.domain, app),
    },
    { name: 'pull', on_failure, app_name: app.name, release: release.id, image, has_credentials },
    ...runHook('pre_switch', configuration.pre_switch),
    { name: 'create', on_failure, template, containers },
    { name: 'start', on_failure, containers },
  ];
  const probe: Step = { name: 'probe', on_failure, containers, health: configuration.health };
  if (during === null) steps.push(probe);
  else {
    const route: Step = { name: 'route', on_failure, app_name: app.name, routing: during, is_first: marker === null };
    // A reload can cost visitors of a serving app a connection, so only a healthy release is worth it. A new app has none yet: its route is
    // set up while it starts.
    steps.push(...(app.route === null ? [route, probe] : [probe, route]));
  }
  steps.push({ name: 'switch', on_failure, app_name: app.name, from, to, containers, replaces });
  if (target !== null) {
    const known = app.route?.proxy === target.proxy ? app.route.sites : [];
    const isKnown = (site: RouteModel['sites'][number]) =>
      known.some(({ domain, tls }) => domain === site.domain && tls === site.tls);
    const sites = target.sites.map((site) => ({ ...site, is_new: !isKnown(site) }));
    const { health } = configuration;
    const path = healthPath(health) ?? DEFAULTS.health_path;
    const status = health.kind === 'http' ? health.status : null;
    steps.push({ name: 'verify', on_failure, proxy: target.proxy, sites, path, status, slot, verify_key: app.verify_key });
  }
  steps.push(...runHook('post_switch', configuration.post_switch));
  // A restart brings up what has proved itself already.
  if (old.length > 0 && configuration.watch_ms > 0 && release.id !== app.release) {
    steps.push({ name: 'watch', on_failure, containers, health: configuration.health, watch_ms: configuration.watch_ms });
  }
  const isLast = { on_failure: 'stuck', app_name: app.name } as const;
  if (old.length > 0 && live) {
    const { drain_ms, stop_timeout_ms } = live.configuration;
    steps.push({ name: 'drain', on_failure: 'stuck', addresses: old.map(({ address }) => address), drain_ms });
    steps.push({ ...isLast, name: 'retire', containers: old, stop_timeout_ms, routing: after });
  } else if (after !== null) {
    steps.push({ ...isLast, name: 'retire', containers: [], stop_timeout_ms: 0, routing: after });
  }
  return steps;
}

/** The name that `www` adds is in no request to deploy. */
function wwwFields(domain: string | undefined, { routing }: AppRecord): Pick<StepOf<'validate'>, 'fields'> {
  const other = domain === undefined ? null : wwwName(domain, routing?.www ?? 'off');
  return other === null ? {} : { fields: { proxy: 'proxy', names: { [other]: 'domain' } } };
}
