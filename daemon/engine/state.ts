/** What the engine keeps: apps, operations with their steps, and the changes a step makes to them. Plain data, stored as it stands. */
import type { Evidence, Layer, OperationKind, OperationState, Release, ReleaseState, StepName } from '../contract/domain.ts';
import type { ProxyType, Slot, TlsMode } from '../contract/names.ts';
import type { Step } from './steps.ts';

/** What the marker of an app says: the slot that the proxy sends traffic to, or that it answers 503. */
export type MarkerState = Slot | 'stopped';

/** A route as the proxy serves it. Both slots are named, so a swap needs no change here. */
export interface RouteModel {
  /** Or {@link portRouteKey} of a route to a port, which is no app's. */
  app_name: string;
  proxy: ProxyType;
  /** The domain and its aliases; more while a deploy moves an app to other domains. */
  sites: { domain: string; tls: TlsMode }[];
  /** Answered with `status` and the same path at `to`. */
  redirects: RouteRedirect[];
  /** `address:port` of each replica. */
  upstreams: Record<Slot, string[]>;
  /** Kept answering by the app itself in maintenance; null: none. Without its query. */
  health_path: string | null;
  marker_directory: string;
  /** The proxy tells the slot only to requests that carry this in `X-NextDeploy-Verify`. */
  verify_key: string;
  /** Missing: none, as in what earlier versions kept. */
  options?: RouteOptions;
}

/** What a route does beyond passing requests on. */
export interface RouteOptions {
  /** In every answer of the site, in place of the app's own of that name. */
  headers: { name: string; value: string }[];
  /** Empty: open to all. Hashed with bcrypt, `$2b$` or `$2y$`. */
  basic_auth: { username: string; password_hash: string }[];
  /** Of a request's body; null: no limit. */
  body_bytes_max: number | null;
  /** Of answers that the app has not compressed itself; streams of server-sent events never. */
  is_compressed: boolean;
  prefixes: RoutePrefix[];
  /** Of one path each, whatever its query. */
  path_redirects: { from: string; to: string; status: RouteRedirect['status'] }[];
}

/** A path of the site that something else serves. The longest that fits counts. */
export interface RoutePrefix {
  /** Such as `/api`: that path itself, and whatever is beneath it. */
  path: string;
  /** Whether what serves it gets the path without the prefix. */
  is_stripped: boolean;
  /** As the engine keeps it none of an app: it is filled in whenever the proxy is told. */
  upstreams: Record<Slot, string[]>;
  /** Of the app that serves it, whose name is its last part; null: a port, which is both slots' upstream. */
  marker_directory: string | null;
}

export interface RouteRedirect {
  from: string;
  tls: TlsMode;
  to: string;
  /** Whether `to` is reached by https. */
  to_tls: TlsMode;
  status: 301 | 302 | 307 | 308;
}

/** What is configured of a site; of an app it belongs to the app and not to a release, so that a rollback keeps it. */
export interface SiteSettings {
  www: 'off' | 'add' | 'remove';
  redirects: RouteOptions['path_redirects'];
  prefixes: PrefixSetting[];
  headers: Record<string, string>;
  basic_auth: RouteOptions['basic_auth'];
  body_bytes_max: number | null;
  compression: boolean;
}

/** An app, or a port of this host, serves a path of the site. */
export type PrefixSetting = { path: string; strip: boolean } & ({ app_name: string } | { port: number });

/** A route to a program that is no app, on a port of this host. */
export interface PortRoute {
  /** Its name, too. */
  domain: string;
  port: number;
  proxy: ProxyType;
  /** Null: by each name's default. */
  tls: TlsMode | null;
  aliases: string[];
  maintenance: Maintenance | null;
  settings: SiteSettings;
  verify_key: string;
}

/** What is kept of a route to a port. */
export interface PortRouteRecord {
  domain: string;
  /** What the proxy is to serve; null: it is being removed. */
  wanted: PortRoute | null;
  /** What it served before, until it is certain that it serves what is wanted; null: nothing. */
  previous: PortRoute | null;
  /** Whether the proxy has been seen to serve what is wanted. */
  is_settled: boolean;
  created_at: string;
  updated_at: string;
}

/** What visitors get in place of the app. */
export interface Maintenance {
  message: string;
}

export interface AppRecord {
  name: string;
  /** Names the app's block of 16 addresses; from 1, unique, free again when the app is purged. */
  index: number;
  /** The release that serves, or that would if the app were not stopped; null until a first deploy has succeeded. */
  release: string | null;
  /** Where that release stands, or stood last. */
  slot: Slot | null;
  wanted: 'running' | 'stopped';
  /** How many containers stand in the live slot, or would if it were not stopped. */
  replicas: number;
  maintenance: Maintenance | null;
  /** Missing or null: nothing. It outlives the domain. */
  routing?: SiteSettings | null;
  /** As applied to the proxy last; null for an app without a domain. Where apps are that its prefixes lead to is not kept with it. */
  route: RouteModel | null;
  verify_key: string;
  last_release_number: number;
  last_error: string | null;
  created_at: string;
  updated_at: string;
}

export interface StepRecord {
  step: Step;
  state: 'pending' | 'running' | 'done' | 'failed' | 'skipped';
  undo: 'none' | 'running' | 'done' | 'failed';
  started_at: string | null;
  ended_at: string | null;
  detail: string | null;
  /** What later steps and a resumed run need from this one. */
  output: StepOutput;
}

export interface StepOutput {
  image_id?: string;
  /** Last lines of a one-off command. */
  lines?: string[];
}

/** How far a running step is: not kept with it, but told. */
export interface StepProgress {
  step: StepName;
  /** Of a pull. */
  layers: Layer[] | null;
  /** Last lines of a one-off command. */
  lines: string[] | null;
}

export interface OperationRecord {
  id: string;
  app_name: string;
  kind: OperationKind;
  state: OperationState;
  /** `unwind` from the first failure or a cancellation on. */
  direction: 'forward' | 'unwind';
  /** Set once somebody has cancelled it: then it unwinds. */
  is_cancelled: boolean;
  actor: string;
  release: string | null;
  /** True if this operation made its release: then its failure is the release's failure. */
  is_new_release: boolean;
  from_release: string | null;
  image: string | null;
  slot: Slot | null;
  created_at: string;
  ended_at: string | null;
  steps: StepRecord[];
  /** `field`: of the request. Records of earlier versions have none. */
  error: { message: string; step: StepName | null; field?: string | null } | null;
  evidence: Evidence | null;
}

/** A change to what is kept about apps and releases; written in the same transaction as the step outcome that caused it. */
export type Change =
  | { kind: 'image_pinned'; app_name: string; release: string; image_id: string }
  | {
      kind: 'app_serves';
      app_name: string;
      release: string | null;
      slot: Slot | null;
      replicas: number;
      wanted: AppRecord['wanted'];
    }
  | { kind: 'app_route'; app_name: string; route: RouteModel | null }
  | { kind: 'app_replicas'; app_name: string; replicas: number }
  | { kind: 'app_maintenance'; app_name: string; maintenance: Maintenance | null }
  | { kind: 'app_routing'; app_name: string; routing: SiteSettings | null }
  | { kind: 'app_error'; app_name: string; message: string | null }
  | { kind: 'release_state'; app_name: string; release: string; state: ReleaseState; end_reason: string | null }
  | { kind: 'app_removed'; app_name: string };

export type NewRelease = Omit<Release, 'state' | 'image_id' | 'ended_at' | 'end_reason'>;

/** Stands for the name of an app in a route to a port. No app's name has a dot. */
export function portRouteKey(domain: string): string {
  return `route.${domain}`;
}

/** Whether it stands for a route to a port. */
export function isPortRouteKey(name: string): boolean {
  return name.startsWith(portRouteKey(''));
}

export function isSlot(marker: MarkerState | null): marker is Slot {
  return marker === 'blue' || marker === 'green';
}

export function otherSlot(slot: Slot): Slot {
  return slot === 'blue' ? 'green' : 'blue';
}
