/** From what is asked and what is observed to an operation with every step decided. Pure. */
import type { AppConfiguration } from '../contract/configuration.ts';
import type { OperationKind, Release } from '../contract/domain.ts';
import { DEFAULTS } from '../contract/limits.ts';
import { proxyTypeSchema, type Slot } from '../contract/names.ts';
import type { NextCoreMetadata } from '../contract/nextcore.ts';
import type { SecretPin } from '../contract/secrets.ts';
import { bringUpSteps, targetSlot } from './bring-up.ts';
import { configureSteps } from './configure.ts';
import { change, namesOf, upstreamsOf } from './routing.ts';
import { allocateIndex } from './slots.ts';
import type { AppRecord, Maintenance, MarkerState, NewRelease, OperationRecord, SiteSettings } from './state.ts';
import type { ImageWish, Serving, Step } from './steps.ts';
import { containersOf, type PlanSettings, templateOf } from './templates.ts';

const PROXIES = proxyTypeSchema.options;

export type Wish =
  | {
      /** `restart`: of the same image, with the secrets as they are now. */
      kind: 'deploy' | 'swap' | 'rollback' | 'restart';
      image: string;
      /** Of a release whose image is taken once more. */
      pinned_image_id: string | null;
      pull: ImageWish['pull'];
      has_credentials: boolean;
      configuration: AppConfiguration;
      secrets: SecretPin[];
      nextcore: NextCoreMetadata | null;
      replicas: number;
    }
  | { kind: 'rollback' | 'start' | 'restart'; release: Release }
  | { kind: 'scale'; replicas: number }
  | { kind: 'maintenance'; to: Maintenance | null }
  | { kind: 'configure'; to: SiteSettings }
  | { kind: 'stop' }
  | { kind: 'remove' };

export interface Observed {
  app: AppRecord | null;
  /** The release that serves or served last. */
  live: Release | null;
  /** All other apps, for what must not be shared. */
  others: readonly AppRecord[];
  /** False after an operation that got stuck: the proxy may have another route than what is kept. */
  has_certain_route: boolean;
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

/** Goes by what is kept of the app: its marker has to say the same when the operation begins. */
export function planOperation(name: string, wish: Wish, observed: Observed, settings: PlanSettings, stamp: Stamp): Plan {
  const app = observed.app ?? newApp(name, observed, settings, stamp);
  const image = observed.live?.image ?? null;
  const inPlace = (kind: OperationKind, steps: Step[], release: string | null = null): Plan => ({
    operation: operationRecord(app, kind, stamp, { image, steps, release }),
    app,
    release: null,
  });
  if ('image' in wish || 'release' in wish) return planBringUp(app, wish, observed, settings, stamp);
  switch (wish.kind) {
    case 'stop':
      return inPlace('stop', stopSteps(app, observed, settings));
    case 'remove':
      return inPlace('remove', removeSteps(app, observed, settings));
    case 'scale':
      return inPlace('scale', scaleSteps(app, wish.replicas, observed, settings, stamp), app.release);
    case 'maintenance':
      return inPlace('maintenance', [
        { name: 'maintain', on_failure: 'unwind', app_name: name, to: wish.to, from: app.maintenance },
      ]);
    case 'configure': {
      const { live, has_certain_route } = observed;
      if (live === null) throw new Error(`${name} has nothing to configure`);
      const asked = { app, live, marker: wantedMarker(app), to: wish.to, has_certain_route };
      return inPlace('configure', configureSteps(asked, settings), app.release);
    }
  }
}

/** What the marker has to say by what is kept of the app; null before a first success. */
export function wantedMarker(app: AppRecord): MarkerState | null {
  if (app.release === null) return null;
  return app.wanted === 'running' ? app.slot : 'stopped';
}

type BringUpWish = Extract<Wish, { image: string } | { release: Release }>;

function planBringUp(app: AppRecord, wish: BringUpWish, observed: Observed, settings: PlanSettings, stamp: Stamp): Plan {
  const { live, has_certain_route } = observed;
  const marker = wantedMarker(app);
  const isNew = 'image' in wish;
  const release = isNew ? newRelease(app, wish, stamp) : wish.release;
  const image: ImageWish = isNew
    ? { reference: wish.image, pinned_image_id: wish.pinned_image_id, pull: wish.pull }
    : { reference: wish.release.image, pinned_image_id: wish.release.image_id, pull: 'missing' };
  const replicas = isNew ? wish.replicas : app.replicas;
  const has_credentials = isNew && wish.has_credentials;
  const common = {
    app,
    release,
    image,
    has_credentials,
    replicas,
    marker,
    live,
    operation_id: stamp.operation_id,
    has_certain_route,
    runs_hooks: isNew,
  };
  const steps = bringUpSteps(common, settings);
  const slot = targetSlot(app, marker);
  const operation = operationRecord(app, wish.kind, stamp, { image: release.image, steps, slot, release: release.id, isNew });
  if (!isNew) return { operation, app, release: null };
  return { operation, app: { ...app, last_release_number: app.last_release_number + 1 }, release };
}

function stopSteps(app: AppRecord, observed: Observed, settings: PlanSettings): Step[] {
  const on_failure = 'stuck';
  const { live } = observed;
  const marker = wantedMarker(app);
  const containers = app.slot && live ? containersOf(app, app.slot, live.configuration, app.replicas, settings) : [];
  const { drain_ms, stop_timeout_ms } = live?.configuration ?? DEFAULTS;
  const from: Serving = { marker, release: app.release, slot: app.slot, replicas: app.replicas };
  const steps: Step[] = [];
  if (marker !== null) {
    const to: Serving = { ...from, marker: 'stopped' };
    steps.push({ name: 'switch', on_failure, app_name: app.name, from, to, containers: [], replaces: null });
    steps.push({ name: 'drain', on_failure, addresses: containers.map((container) => container.address), drain_ms });
  }
  steps.push({ name: 'stop', on_failure, app_name: app.name, containers, stop_timeout_ms });
  return steps;
}

function removeSteps(app: AppRecord, observed: Observed, settings: PlanSettings): Step[] {
  const steps = stopSteps(app, observed, settings);
  // Not even a first deploy that failed keeps a route; one that got stuck may have left it.
  if (app.route !== null || app.release === null || !observed.has_certain_route) {
    // Of both proxies: an operation that got stuck while it moved the app may have left it in the one that is not kept.
    const { route } = app;
    const changes = PROXIES.map((proxy) => ({ proxy, from: route?.proxy === proxy ? route : null, to: null }));
    const routing = { changes, from: route, to: null };
    steps.push({ name: 'route', on_failure: 'stuck', app_name: app.name, routing, is_first: false });
  }
  steps.push({ name: 'remove', on_failure: 'stuck', app_name: app.name });
  return steps;
}

/** In the live slot: more containers beside those that serve, or fewer of them, from the end. */
function scaleSteps(app: AppRecord, to: number, { live }: Observed, settings: PlanSettings, stamp: Stamp): Step[] {
  if (live === null || app.slot === null) throw new Error(`${app.name} has nothing to scale`);
  const on_failure = 'unwind';
  const { configuration } = live;
  const from = app.replicas;
  const all = containersOf(app, app.slot, configuration, Math.max(from, to), settings);
  const added = all.slice(from, to);
  const removed = all.slice(to, from);
  // Its names stay as they are, whatever an operation that got stuck has left of them: they are nothing that scaling is about.
  const target = app.route && { ...app.route, upstreams: upstreamsOf(app, configuration, to, settings) };
  const routing = change(app.route, target);
  const route: Step[] = routing ? [{ name: 'route', on_failure, app_name: app.name, routing, is_first: false }] : [];
  const scale: Step = { name: 'scale', on_failure, app_name: app.name, from, to, containers: added };
  const image: ImageWish = { reference: live.image, pinned_image_id: live.image_id, pull: 'missing' };
  const validate: Step = {
    name: 'validate',
    on_failure,
    app_name: app.name,
    domains: namesOf(target),
    route: target,
    proxies: target === null ? [] : [target.proxy],
    image: added.length > 0 ? image : null,
    volumes: added.length > 0 ? configuration.volumes : [],
    networks: added.length > 0 ? configuration.networks : [],
    has_credentials: false,
  };
  if (added.length > 0) {
    const template = templateOf(app.name, live, app.slot, stamp.operation_id);
    return [
      validate,
      { name: 'pull', on_failure, app_name: app.name, release: live.id, image, has_credentials: false },
      { name: 'create', on_failure, template, containers: added },
      { name: 'start', on_failure, containers: added },
      { name: 'probe', on_failure, containers: added, health: configuration.health },
      // They count as the app's, and Docker brings them back, before the first visitor comes.
      scale,
      ...route,
    ];
  }
  const { drain_ms, stop_timeout_ms } = configuration;
  return [
    validate,
    ...route,
    scale,
    { name: 'drain', on_failure: 'stuck', addresses: removed.map(({ address }) => address), drain_ms },
    { name: 'retire', on_failure: 'stuck', app_name: app.name, containers: removed, stop_timeout_ms, routing: null },
  ];
}

function newApp(name: string, observed: Observed, settings: PlanSettings, stamp: Stamp): AppRecord {
  const used = observed.others.map((other) => other.index);
  return {
    name,
    index: allocateIndex(used, settings.subnet),
    release: null,
    slot: null,
    wanted: 'running',
    replicas: 1,
    maintenance: null,
    routing: null,
    route: null,
    verify_key: stamp.verify_key,
    last_release_number: 0,
    last_error: null,
    created_at: stamp.at,
    updated_at: stamp.at,
  };
}

function newRelease(app: AppRecord, wish: Extract<Wish, { image: string }>, stamp: Stamp): NewRelease {
  return {
    id: `r${app.last_release_number + 1}`,
    app_name: app.name,
    image: wish.image,
    configuration: { ...wish.configuration, replicas: wish.replicas },
    secrets: wish.secrets,
    nextcore: wish.nextcore,
    created_at: stamp.at,
    created_by: stamp.actor,
    operation_id: stamp.operation_id,
  };
}

function operationRecord(
  app: AppRecord,
  kind: OperationKind,
  stamp: Stamp,
  parts: { image: string | null; steps: Step[]; slot?: Slot; release: string | null; isNew?: boolean },
): OperationRecord {
  return {
    id: stamp.operation_id,
    app_name: app.name,
    kind,
    state: 'running',
    direction: 'forward',
    is_cancelled: false,
    actor: stamp.actor,
    release: parts.release,
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
