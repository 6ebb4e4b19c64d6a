/** From what is asked and what is observed to an operation with every step decided. Pure. */
import type { AppConfiguration } from '../contract/configuration.ts';
import type { OperationKind, Release } from '../contract/domain.ts';
import { DEFAULTS } from '../contract/limits.ts';
import type { Slot } from '../contract/names.ts';
import { defaultTls, healthPath } from '../contract/rules.ts';
import { allocateIndex, containerName, type Subnet, slotAddress } from './slots.ts';
import { type AppRecord, type MarkerState, type NewRelease, type OperationRecord, otherSlot, type RouteModel } from './state.ts';
import type { ContainerPlan, Serving, Step } from './steps.ts';

export type Wish =
  | { kind: 'deploy' | 'swap'; image: string; configuration: AppConfiguration }
  | { kind: 'rollback' | 'start' | 'restart'; release: Release }
  | { kind: 'stop' }
  | { kind: 'remove' };

export interface Observed {
  app: AppRecord | null;
  marker: MarkerState | null;
  /** The configuration of the release that serves or served last. */
  live: Release | null;
  /** All other apps, for what must not be shared. */
  others: readonly AppRecord[];
}

export interface PlanSettings {
  subnet: Subnet;
  /** Holds a directory per app with its marker. */
  slots_directory: string;
}

export interface Stamp {
  operation_id: string;
  verify_key: string;
  actor: string;
  at: string;
}

export interface Plan {
  operation: OperationRecord;
  app: AppRecord;
  /** Set when the operation makes one. */
  release: NewRelease | null;
}

/** One replica for now; every list of containers is already as long as the replicas. */
const REPLICAS = 1;

export function planOperation(name: string, wish: Wish, seen: Observed, settings: PlanSettings, stamp: Stamp): Plan {
  const app = seen.app ?? newApp(name, seen, settings, stamp);
  const observed = { ...seen, marker: seen.marker ?? wantedMarker(app) };
  if (wish.kind === 'stop' || wish.kind === 'remove') {
    const steps = wish.kind === 'stop' ? stopSteps(app, observed, settings) : removeSteps(app, observed, settings);
    return {
      operation: operationRecord(app, wish.kind, stamp, { image: observed.live?.image ?? null, steps }),
      app,
      release: null,
    };
  }
  const slot = targetSlot(app, observed.marker);
  const bringUp = (release: Release | NewRelease, isNew: boolean) => {
    const steps = bringUpSteps(app, release, slot, observed, settings, stamp);
    return operationRecord(app, wish.kind, stamp, { image: release.image, steps, slot, release: release.id, isNew });
  };
  if ('release' in wish) return { operation: bringUp(wish.release, false), app, release: null };
  const release = newRelease(app, wish, stamp);
  const last_release_number = app.last_release_number + 1;
  return { operation: bringUp(release, true), app: { ...app, last_release_number }, release };
}

/** What the marker has to say by what is kept of the app; null before a first success. */
export function wantedMarker(app: AppRecord): MarkerState | null {
  if (app.release === null) return null;
  return app.wanted === 'running' ? app.slot : 'stopped';
}

/** The idle slot; or, of a stopped app, the one it had, whose upstream the route already names. */
function targetSlot(app: AppRecord, marker: MarkerState | null): Slot {
  if (marker === 'blue' || marker === 'green') return otherSlot(marker);
  return app.slot ?? 'blue';
}

function bringUpSteps(
  app: AppRecord,
  release: Release | NewRelease,
  slot: Slot,
  observed: Observed,
  settings: PlanSettings,
  stamp: Stamp,
): Step[] {
  const { configuration } = release;
  const { marker, live } = observed;
  const on_failure = 'unwind';
  const domain = configuration.domain ?? null;
  const containers = containersOf(app, slot, configuration, settings);
  const replaced = marker === 'blue' || marker === 'green' ? marker : null;
  const oldContainers = replaced && live ? containersOf(app, replaced, live.configuration, settings) : [];
  const target = routeOf(app, configuration, settings);
  const bridged = bridgeRoutes(app.route, replaced ? keepUpstreams(target, replaced, app.route) : target);
  const from: Serving = { marker, release: app.release, slot: app.slot };
  const to: Serving = { marker: slot, release: release.id, slot };
  const pinned_image_id = 'image_id' in release ? release.image_id : null;

  const steps: Step[] = [
    { name: 'validate', on_failure, app_name: app.name, domain, needs_proxy: domain !== null || app.route !== null },
    { name: 'pull', on_failure, app_name: app.name, release: release.id, image: release.image, pinned_image_id },
    { name: 'create', on_failure, template: templateOf(app, release, slot, stamp), containers },
    { name: 'start', on_failure, containers },
  ];
  const probe: Step = { name: 'probe', on_failure, containers, health: configuration.health };
  const route: Step = { name: 'route', on_failure, app_name: app.name, route: bridged, previous: app.route };
  if (isSameRoute(app.route, bridged)) steps.push(probe);
  // A reload can cost visitors of a serving app a connection, so only a healthy release is worth it. A new app has none yet: its route is
  // set up while it starts.
  else steps.push(...(app.route === null ? [route, probe] : [probe, route]));
  steps.push({ name: 'switch', on_failure, app_name: app.name, from, to, containers, replaces: oldContainers });
  if (domain !== null) {
    const is_new_domain = !app.route?.sites.some((site) => site.domain === domain);
    const tls = configuration.tls ?? defaultTls(domain);
    const path = healthPath(configuration.health) ?? DEFAULTS.health_path;
    steps.push({ name: 'verify', on_failure, domain, tls, path, slot, verify_key: app.verify_key, is_new_domain });
  }
  const final_route = isSameRoute(bridged, target) ? 'unchanged' : target;
  if (oldContainers.length > 0 && live) {
    const { drain_ms, stop_timeout_ms } = live.configuration;
    steps.push({ name: 'drain', on_failure: 'stuck', addresses: oldContainers.map((container) => container.address), drain_ms });
    steps.push({
      name: 'retire',
      on_failure: 'stuck',
      app_name: app.name,
      containers: oldContainers,
      stop_timeout_ms,
      final_route,
    });
  } else if (final_route !== 'unchanged') {
    steps.push({ name: 'retire', on_failure: 'stuck', app_name: app.name, containers: [], stop_timeout_ms: 0, final_route });
  }
  return steps;
}

function stopSteps(app: AppRecord, observed: Observed, settings: PlanSettings): Step[] {
  const on_failure = 'stuck';
  const { live, marker } = observed;
  const containers = app.slot && live ? containersOf(app, app.slot, live.configuration, settings) : [];
  const { drain_ms, stop_timeout_ms } = live?.configuration ?? DEFAULTS;
  const from: Serving = { marker, release: app.release, slot: app.slot };
  const steps: Step[] = [];
  if (marker !== null) {
    const to: Serving = { ...from, marker: 'stopped' };
    steps.push({ name: 'switch', on_failure, app_name: app.name, from, to, containers: [], replaces: [] });
    steps.push({ name: 'drain', on_failure, addresses: containers.map((container) => container.address), drain_ms });
  }
  steps.push({ name: 'stop', on_failure, app_name: app.name, containers, stop_timeout_ms });
  return steps;
}

function removeSteps(app: AppRecord, observed: Observed, settings: PlanSettings): Step[] {
  const steps = stopSteps(app, observed, settings);
  if (app.route !== null) {
    steps.push({ name: 'route', on_failure: 'stuck', app_name: app.name, route: null, previous: app.route });
  }
  steps.push({ name: 'remove', on_failure: 'stuck', app_name: app.name });
  return steps;
}

function newApp(name: string, observed: Observed, settings: PlanSettings, stamp: Stamp): AppRecord {
  const used = observed.others.map((other) => other.index);
  return {
    name,
    index: allocateIndex(used, settings.subnet),
    release: null,
    slot: null,
    wanted: 'running',
    route: null,
    verify_key: stamp.verify_key,
    last_release_number: 0,
    last_error: null,
    created_at: stamp.at,
    updated_at: stamp.at,
  };
}

function newRelease(app: AppRecord, wish: { image: string; configuration: AppConfiguration }, stamp: Stamp): NewRelease {
  return {
    id: `r${app.last_release_number + 1}`,
    app_name: app.name,
    image: wish.image,
    configuration: wish.configuration,
    created_at: stamp.at,
    created_by: stamp.actor,
    operation_id: stamp.operation_id,
  };
}

function operationRecord(
  app: AppRecord,
  kind: OperationKind,
  stamp: Stamp,
  parts: { image: string | null; steps: Step[]; slot?: Slot; release?: string; isNew?: boolean },
): OperationRecord {
  return {
    id: stamp.operation_id,
    app_name: app.name,
    kind,
    state: 'running',
    direction: 'forward',
    actor: stamp.actor,
    release: parts.release ?? null,
    is_new_release: parts.isNew ?? false,
    from_release: app.release,
    image: parts.image,
    slot: parts.slot ?? null,
    created_at: stamp.at,
    ended_at: null,
    steps: parts.steps.map((step) => ({
      step,
      state: 'pending',
      undo: 'none',
      started_at: null,
      ended_at: null,
      detail: null,
      output: {},
    })),
    error: null,
    evidence: null,
  };
}

function containersOf(app: AppRecord, slot: Slot, configuration: AppConfiguration, settings: PlanSettings): ContainerPlan[] {
  return Array.from({ length: REPLICAS }, (_, replica) => ({
    name: containerName(app.name, slot, replica),
    address: slotAddress(settings.subnet, app.index, slot, replica),
    port: servedPort(configuration),
  }));
}

/**
 * PORT is what the configuration serves, whatever the request's env says, because the probes and the proxy go there. HOSTNAME defaults to
 * 0.0.0.0 (Docker's own HOSTNAME, a name that only resolves inside, would make Next.js listen on one address); the request's env wins.
 */
function templateOf(app: AppRecord, release: Release | NewRelease, slot: Slot, stamp: Stamp) {
  const { env, ports, stop_timeout_ms } = release.configuration;
  const full = { HOSTNAME: '0.0.0.0', ...env, PORT: String(servedPort(release.configuration)) };
  return { app_name: app.name, release: release.id, slot, operation_id: stamp.operation_id, env: full, ports, stop_timeout_ms };
}

function servedPort(configuration: AppConfiguration): number {
  return configuration.ports[0] ?? DEFAULTS.port;
}

/** The route for a configuration, in whichever slot it comes to stand: a later swap of the same finds it as it needs it. */
function routeOf(app: AppRecord, configuration: AppConfiguration, settings: PlanSettings): RouteModel | null {
  const { domain } = configuration;
  if (domain === undefined) return null;
  const upstreams = (side: Slot) =>
    containersOf(app, side, configuration, settings).map(({ address, port }) => `${address}:${port}`);
  return {
    app_name: app.name,
    sites: [{ domain, tls: configuration.tls ?? defaultTls(domain) }],
    upstreams: { blue: upstreams('blue'), green: upstreams('green') },
    marker_directory: `${settings.slots_directory}/${app.name}`,
    verify_key: app.verify_key,
  };
}

/** While the old release serves in its slot, that slot is reached as before. */
function keepUpstreams(target: RouteModel | null, slot: Slot, current: RouteModel | null): RouteModel | null {
  if (target === null || current === null) return target;
  return { ...target, upstreams: { ...target.upstreams, [slot]: current.upstreams[slot] } };
}

/** What serves both the old release and the new one: the new sites, and the old domains that the new release gives up. */
function bridgeRoutes(current: RouteModel | null, target: RouteModel | null): RouteModel | null {
  if (current === null) return target;
  const sites = target?.sites ?? [];
  const leaving = current.sites.filter((old) => !sites.some((site) => site.domain === old.domain));
  return { ...current, ...target, sites: [...sites, ...leaving] };
}

function isSameRoute(a: RouteModel | null, b: RouteModel | null): boolean {
  return JSON.stringify(canonical(a)) === JSON.stringify(canonical(b));
}

function canonical(route: RouteModel | null): unknown {
  if (route === null) return null;
  const { app_name, sites, upstreams, marker_directory, verify_key } = route;
  const sorted = sites.toSorted((a, b) => a.domain.localeCompare(b.domain)).map(({ domain, tls }) => [domain, tls]);
  return [app_name, sorted, upstreams.blue, upstreams.green, marker_directory, verify_key];
}
