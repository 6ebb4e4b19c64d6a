/** The steps an operation is made of, as data: everything is decided when the plan is made, so running them leaves no choices. */
import type { AppConfiguration, HealthCheck, Hook, Volume } from '../contract/configuration.ts';
import type { StepName } from '../contract/domain.ts';
import type { ProxyType, Slot, TlsMode } from '../contract/names.ts';
import type { Maintenance, MarkerState, RouteModel, SiteSettings } from './state.ts';

/** One container of a slot. The image comes from the `pull` step, pinned by its content id. */
export interface ContainerPlan {
  name: string;
  address: string;
  port: number;
}

/** What all containers of a slot have in common. */
export interface ContainerTemplate {
  app_name: string;
  release: string;
  slot: Slot;
  operation_id: string;
  env: Record<string, string>;
  ports: number[];
  limits: AppConfiguration['limits'];
  volumes: Volume[];
  /** Beside the daemon's own. */
  networks: string[];
  user: string | null;
  read_only_root: boolean;
  capabilities: string[];
  stop_signal: string | null;
  stop_timeout_ms: number;
  /** What it may take, once it has served, to finish what visitors began with it. */
  drain_ms: number;
  log: AppConfiguration['log'];
}

/** A change of what one proxy serves for an app. */
export interface RouteChange {
  proxy: ProxyType;
  to: RouteModel | null;
  from: RouteModel | null;
}

/** What is kept as the app's route, before and after {@link RouteChange}s. */
export interface Routing {
  changes: RouteChange[];
  to: RouteModel | null;
  from: RouteModel | null;
}

export interface VerifiedSite {
  domain: string;
  tls: TlsMode;
  /** Its certificate may have to be ordered first. */
  is_new: boolean;
}

interface VerifyStep {
  name: 'verify';
  proxy: ProxyType;
  sites: VerifiedSite[];
  path: string;
  /** What is healthy there; null or, in records of earlier versions, not given: nothing is known of the path. */
  status?: StatusRange | null;
  slot: Slot;
  verify_key: string;
}

export type StatusRange = Extract<HealthCheck, { kind: 'http' }>['status'];

interface Common {
  /** `unwind`: undo what was done so far. `stuck`: there is no way back from here, so retry, then tell the operator. */
  on_failure: 'unwind' | 'stuck';
}

export type Step = Common &
  (
    | {
        name: 'validate';
        app_name: string;
        /** Every name the app is to answer for, redirects included. */
        domains: string[];
        /** What is to be served in the end. */
        route: RouteModel | null;
        proxies: ProxyType[];
        image: ImageWish | null;
        volumes: Volume[];
        networks: string[];
        has_credentials: boolean;
        /** What of the request is wrong where a proxy is, or one of these names; missing: `proxy`, and by the place of a name. */
        fields?: { proxy: string; names: Record<string, string> };
      }
    /** `has_credentials`: for the registry; they are in memory alone, so a restart of the daemon loses them. */
    | { name: 'pull'; app_name: string; release: string; image: ImageWish; has_credentials: boolean }
    | { name: 'pre_switch' | 'post_switch'; template: ContainerTemplate; container: string; hook: Hook }
    | { name: 'create'; template: ContainerTemplate; containers: ContainerPlan[] }
    | { name: 'start'; containers: ContainerPlan[] }
    /** `is_first`: there is no marker yet, so that the proxy has to be told to answer 503 until the switch. */
    | { name: 'route'; app_name: string; routing: Routing; is_first: boolean; settings?: ConfiguredSettings }
    | { name: 'probe'; containers: ContainerPlan[]; health: HealthCheck }
    | { name: 'switch'; app_name: string; to: Serving; from: Serving; containers: ContainerPlan[]; replaces: Replaced | null }
    | VerifyStep
    | { name: 'watch'; containers: ContainerPlan[]; health: HealthCheck; watch_ms: number }
    | { name: 'drain'; addresses: string[]; drain_ms: number }
    | { name: 'retire'; app_name: string; containers: ContainerPlan[]; stop_timeout_ms: number; routing: Routing | null }
    | { name: 'scale'; app_name: string; to: number; from: number; containers: ContainerPlan[] }
    | { name: 'maintain'; app_name: string; to: Maintenance | null; from: Maintenance | null }
    | { name: 'stop'; app_name: string; containers: ContainerPlan[]; stop_timeout_ms: number }
    | { name: 'remove'; app_name: string }
  );

/** Of an app's site, before and after they are changed; what is served by them is in the routing beside them. */
export interface ConfiguredSettings {
  to: SiteSettings | null;
  from: SiteSettings | null;
}

export interface ImageWish {
  reference: string;
  /** Set for a release that has had its image before: it must be this one. */
  pinned_image_id: string | null;
  pull: 'missing' | 'always';
}

/** What an app serves, before and after a switch. `marker` null: there is none yet. */
export interface Serving {
  marker: MarkerState | null;
  release: string | null;
  slot: Slot | null;
  replicas: number;
}

/** The containers that serve before a switch, kept for the way back. */
export interface Replaced {
  containers: ContainerPlan[];
  health: HealthCheck;
}

/** The steps of one name; of two that share a form, that form. */
export type StepOf<N extends StepName> = Step extends infer S
  ? S extends { name: infer M }
    ? N extends M
      ? S
      : never
    : never
  : never;

/** The steps that leave something behind which an unwinding takes back; the others only look, or stand after the point of no return. */
export const UNDOABLE = {
  pre_switch: true,
  create: true,
  route: true,
  switch: true,
  post_switch: true,
  scale: true,
  maintain: true,
} as const satisfies Partial<Record<StepName, true>>;
export type UndoableStep = keyof typeof UNDOABLE;

export function isUndoable(name: StepName): name is UndoableStep {
  return name in UNDOABLE;
}

/** What stays when an undoable step is not undone, for the operator. */
export function describeLeft(step: Step): string {
  switch (step.name) {
    case 'create':
      return `the container ${step.containers.map(({ name }) => name).join(', ')}`;
    case 'route':
      return `the proxy's route of ${step.app_name}`;
    case 'switch':
      return `the marker of ${step.app_name}`;
    case 'pre_switch':
    case 'post_switch':
      return `the container ${step.container}`;
    case 'scale':
      return `the number of replicas of ${step.app_name}`;
    case 'maintain':
      return `the maintenance page of ${step.app_name}`;
    default:
      return step.name;
  }
}

const SLACK_MS = 30_000;
/** For old containers that have to be started again before visitors are sent back to them. */
export const WAY_BACK_MS_MAX = 60_000;

/** How long one attempt at a step may take, in milliseconds. */
export function stepDeadlineMs(step: Step): number {
  switch (step.name) {
    case 'pull':
      return 15 * 60_000;
    case 'probe':
      return (step.health.kind === 'none' ? 0 : step.health.deadline_ms) + probeMsMax(step.health) + SLACK_MS;
    case 'pre_switch':
    case 'post_switch':
      return step.hook.timeout_ms + SLACK_MS;
    case 'watch':
      return step.watch_ms + probeMsMax(step.health) + SLACK_MS;
    case 'verify':
      return 120_000;
    case 'drain':
      return step.drain_ms + SLACK_MS;
    case 'retire':
    case 'stop':
      return step.stop_timeout_ms + 2 * SLACK_MS;
    case 'create':
      return 60_000 + step.template.drain_ms + step.template.stop_timeout_ms;
    case 'start':
    case 'route':
    case 'remove':
    case 'scale':
      return 60_000;
    case 'switch':
      return SLACK_MS + (step.replaces === null ? 0 : WAY_BACK_MS_MAX);
    case 'validate':
    case 'maintain':
      return SLACK_MS;
  }
}

/** The last probe may begin just before the end. */
function probeMsMax(health: HealthCheck): number {
  return health.kind === 'none' ? 0 : health.timeout_ms;
}
