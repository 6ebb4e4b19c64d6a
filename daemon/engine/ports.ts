/** The small interfaces the engine needs of the world. `host/` and `proxy/` implement them; tests have in-memory models of them. */
import type { HealthCheck } from '../contract/configuration.ts';
import type { DaemonEvent, Image, Layer, Operation, ProbeResult, Release } from '../contract/domain.ts';
import type { ProxyType, Slot, TlsMode } from '../contract/names.ts';
import type { SecretPin } from '../contract/secrets.ts';
import type { Sealed } from '../secrets/sealed.ts';
import type { AppRecord, Change, MarkerState, NewRelease, OperationRecord, PortRouteRecord, RouteModel } from './state.ts';
import type { ContainerPlan, ContainerTemplate, ImageWish } from './steps.ts';

export interface ContainerSpec extends ContainerTemplate {
  name: string;
  /** On the daemon's network; null: any that is free. */
  address: string | null;
  image_id: string;
  role: ContainerRole;
  /** In place of the image's own. */
  command: string[] | null;
  secrets: GivenSecrets;
}

/** What a container is given, by name: as variables, which win over those of the same name, or as files. */
export interface GivenSecrets {
  inject: 'env' | 'file';
  values: ReadonlyMap<string, Sealed>;
}

/** What a container of ours is for: to serve, or to run one command and end. */
export type ContainerRole = { kind: 'replica'; replica: number } | { kind: 'hook'; hook: 'pre_switch' | 'post_switch' };

export interface ObservedContainer {
  id: string;
  name: string;
  app_name: string;
  release: string;
  slot: Slot;
  operation_id: string;
  role: ContainerRole['kind'];
  is_running: boolean;
}

/** What only a closer look tells. */
export interface Inspection extends ObservedContainer, ExitState {
  /** How often Docker has started it again by itself. */
  restart_count: number;
  /** RFC 3339; null: it has never run. */
  started_at: string | null;
}

export interface ExitState {
  exit_code: number | null;
  oom_killed: boolean;
}

/** Names a container and says whose it must be. A name alone proves nothing: anybody may have given it to a container of his own. */
export interface OwnContainer {
  /** Or its id. */
  name: string;
  app_name: string;
  /** Given: only the one that this operation made. */
  operation_id?: string;
}

/** Containers by name. Every effect may be repeated: creating what is there as wanted, starting what runs, removing what is gone. */
export interface Containers {
  /** All containers with our labels, running or not. */
  list(signal: AbortSignal): Promise<ObservedContainer[]>;
  inspect(name: string, signal: AbortSignal): Promise<Inspection | null>;
  /**
   * Makes the container without starting it; one of that name from another operation on the app is removed first. Throws `conflict` when
   * one that is not the app's has the name. Restart policy `no`.
   */
  create(spec: ContainerSpec, signal: AbortSignal): Promise<void>;
  start(name: string, signal: AbortSignal): Promise<void>;
  /** SIGTERM, SIGKILL after the timeout, then removal; fine if it is gone. One that is not as `target` says stays untouched. */
  remove(target: OwnContainer, stopTimeoutMs: number, signal: AbortSignal): Promise<void>;
  /** Stops and starts it, with its own stop timeout. Throws when it is gone. */
  restart(name: string, signal: AbortSignal): Promise<void>;
  /** `true`: Docker brings it back after a crash or reboot, so that apps never depend on the daemon. */
  setRestart(name: string, isKept: boolean, signal: AbortSignal): Promise<void>;
  /** Resolves when the container is not running. */
  waitForExit(name: string, signal: AbortSignal): Promise<ExitState>;
  logTail(name: string, lines: number, signal: AbortSignal): Promise<string[]>;
  /** TCP sockets that listen inside the container, such as `0.0.0.0:3000`. Empty where that cannot be seen. */
  listening(name: string, signal: AbortSignal): Promise<{ address: string; port: number }[]>;
}

/** Of apps, as the vault keeps them. */
export interface PinnedSecrets {
  /** The versions that the app would run with now, by name: global < project < app. */
  pin(app_name: string, project: string | null): SecretPin[];
  /** Values by name. Throws `unprocessable` when one is not kept any more. */
  open(pins: readonly SecretPin[]): Map<string, Sealed>;
  /** Whatever the app may know and print: what it would run with now, and of the pins those that are still kept. */
  valuesOf(app_name: string, project: string | null, pins: readonly SecretPin[]): Sealed[];
}

export interface RegistryCredentials {
  username: string;
  password: Sealed;
}

export interface Images {
  /** The content id of an image on this host, by reference or id; null if it is not here. */
  find(reference: string, signal: AbortSignal): Promise<string | null>;
  /**
   * Changes nothing. Gives the content id, or null for one that is to be pulled. Throws a DomainError that says why the image cannot be had, as far as that can be known before: not on this host and
   * not in its registry, bad credentials, a digest that does not exist or does not match, another architecture.
   */
  check(wish: ImageWish, credentials: RegistryCredentials | null, signal: AbortSignal): Promise<string | null>;
  /** Returns the content id. Throws a DomainError that says why the image cannot be had. */
  pull(
    reference: string,
    options: { credentials: RegistryCredentials | null; onProgress: (layers: Layer[]) => void },
    signal: AbortSignal,
  ): Promise<string>;
  /** All images on this host. */
  list(signal: AbortSignal): Promise<Image[]>;
  /**
   * Images that were loaded or imported within that time; those that were there before as well. What others than we have loaded, as far back
   * as Docker remembers, which may be a minute.
   */
  listArrivals(withinMs: number, signal: AbortSignal): Promise<Arrival[]>;
  /** Removes the image with these names; `false` when something else still needs it. Fine if it is gone. */
  remove(imageId: string, references: readonly string[], signal: AbortSignal): Promise<boolean>;
}

export interface Arrival {
  image_id: string;
  /** RFC 3339. */
  at: string;
}

/** What of this host a container may be given, and how much room there is. */
export interface HostResources {
  /** Throws a DomainError when a bind mount's source, all links followed, is not an existing path beneath an allowed root. */
  checkBind(source: string, signal: AbortSignal): Promise<void>;
  /** Throws a DomainError when there is no such Docker network, or containers cannot join it. */
  checkNetwork(name: string, signal: AbortSignal): Promise<void>;
  /** Where Docker keeps images and containers. */
  dockerDisk(signal: AbortSignal): Promise<{ total_bytes: number; available_bytes: number }>;
}

/** What is asked of one app is done in turn: a write that hangs never has the last word over one that was begun later. */
export interface Markers {
  read(app: string): Promise<MarkerState | null>;
  /** Durable when it resolves; atomic for whoever looks. */
  write(app: string, state: MarkerState): Promise<void>;
  /** The page that visitors get in maintenance, written and removed as a marker is; null: none. */
  writePage(app: string, html: string | null): Promise<void>;
  /** Removes the app's directory; fine if it is gone. */
  remove(app: string): Promise<void>;
}

/** The details of the DomainError about a route that a proxy refuses for one of its names. */
export interface RefusedRoute {
  domain: string;
}

export interface ReverseProxy {
  /**
   * Throws a DomainError with the remedy when the proxy does not run, cannot take routes, or could not serve this one, which it is asked
   * about only if it does not serve it already ({@link RefusedRoute}). Changes nothing.
   */
  check(signal: AbortSignal, route?: RouteModel | null): Promise<void>;
  /** Throws a DomainError with the remedy when the proxy runs and could not be made to forget a route. Changes nothing. */
  checkRemoval(signal: AbortSignal): Promise<void>;
  /**
   * Makes the proxy serve exactly this route for the app (null: none). Either it does so when this resolves, or all is as before. To serve
   * none is possible without a running proxy, too: it will not serve the route when it is back.
   */
  apply(app: string, route: RouteModel | null, signal: AbortSignal): Promise<void>;
  /** The names of the apps that it has a route of, and the keys of routes to ports. Rejects where there cannot be any. */
  listApps(): Promise<string[]>;
  /**
   * What it runs with, read back from it: for each route, in order, how that differs, in a few words; null: not at all. Throws a DomainError
   * with the remedy when it does not answer.
   */
  differences(routes: readonly RouteModel[], signal: AbortSignal): Promise<(string | null)[]>;
}

export interface VerifyTarget {
  proxy: ProxyType;
  domain: string;
  tls: TlsMode;
  path: string;
  verify_key: string;
}

export interface VerifyAnswer {
  status: number | null;
  /** The slot that answered, as the proxy says. */
  slot: string | null;
  failure: 'none' | 'connect' | 'tls' | 'timeout';
  detail: string;
}

export interface Prober {
  /** One check of one container. Never rejects but for an abort. */
  probe(target: ContainerPlan, health: Exclude<HealthCheck, { kind: 'none' }>, signal: AbortSignal): Promise<ProbeOutcome>;
  /** One request through the proxy's public listener. Never rejects but for an abort. */
  verify(target: VerifyTarget, signal: AbortSignal): Promise<VerifyAnswer>;
}

export interface ProbeOutcome extends ProbeResult {
  /** Nothing accepted the connection: worth trying again soon. */
  is_refused: boolean;
  /** The app's redirects lead nowhere, as `detail` says: it will hardly answer better the next time. */
  is_endless: boolean;
}

export interface Connections {
  /** How many TCP connections of this host to these addresses are open. */
  countTo(addresses: readonly string[], signal: AbortSignal): Promise<number>;
}

export interface Clock {
  /** Wall time, for people; it may jump. */
  now(): Date;
  /** For measuring: never jumps, and means nothing by itself. */
  monotonicMs(): number;
  /** Rejects with the signal's reason when aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** A signal that aborts after the time. */
  timeout(ms: number): AbortSignal;
}

export interface Ids {
  operationId(): string;
  verifyKey(): string;
}

/** An event before it has its number. */
export type NewEvent = Omit<DaemonEvent, 'seq'>;

export interface OperationFilter {
  app_name?: string | undefined;
  /** Of these apps only; null or absent: all. */
  apps?: ReadonlySet<string> | null | undefined;
  state?: Operation['state'] | undefined;
  limit: number;
}

/**
 * Everything durable. Each writing method is one transaction and on disk when it returns; it throws `unavailable`, having changed nothing,
 * while nothing can be written (a full disk).
 */
export interface Journal {
  /** Throws a `conflict` that names the operation in flight, if the app has one. */
  begin(entry: BeginEntry): DaemonEvent;
  commit(record: OperationRecord, changes: readonly Change[], events: readonly NewEvent[]): DaemonEvent[];
  /** `overtaken`: the number of an event that this one makes pointless; it is not kept. */
  appendEvent(event: NewEvent, overtaken?: number | null): DaemonEvent;
  getApp(name: string): AppRecord | null;
  listApps(): AppRecord[];
  getRelease(app: string, id: string): Release | null;
  /** Every release of every app, newest first; for retention. */
  listAllReleases(): Release[];
  /** Marks releases whose images are not kept any more, and tells of it, in one transaction. */
  pruneReleases(
    releases: readonly { app_name: string; release: string; reason: string }[],
    events: readonly NewEvent[],
  ): DaemonEvent[];
  /** Of apps that were removed: what their releases brought to this host. */
  listRemovedImages(): RemovedImage[];
  /** These are not on this host any more. */
  forgetRemovedImages(image_ids: readonly string[]): void;
  /** Newest first. */
  listReleases(app: string, limit: number): Release[];
  /** The live release and the one that a rollback goes to, newest first; with none live, the newest release. However many there are. */
  listCurrentReleases(app: string, live: string | null): Release[];
  getOperation(id: string): OperationRecord | null;
  /** Newest first. */
  listOperations(filter: OperationFilter): OperationRecord[];
  listPortRoutes(): PortRouteRecord[];
  getPortRoute(domain: string): PortRouteRecord | null;
  /** What is to become of a route to a port, before anything is done about it. */
  putPortRoute(record: PortRouteRecord): void;
  /** The record as it is once that has come about, without one where it is gone, and what there is to tell of it. */
  settlePortRoute(domain: string, record: PortRouteRecord | null, events: readonly NewEvent[]): DaemonEvent[];
  /** The operation that was begun with this key; null as well once it is not kept any more. */
  findIdempotent(key: string, actor: string): { operation_id: string; request_hash: string } | null;
}

/** The content id, and the name that the release was deployed by. */
export type ReleaseImage = Pick<Release, 'image_id' | 'image'>;

export interface RemovedImage extends ReleaseImage {
  /** RFC 3339. */
  removed_at: string;
}

export interface BeginEntry {
  operation: OperationRecord;
  app: AppRecord;
  release: NewRelease | null;
  idempotency: { key: string; request_hash: string } | null;
  event: NewEvent;
}

export interface World {
  containers: Containers;
  images: Images;
  markers: Markers;
  proxies: Record<ProxyType, ReverseProxy>;
  prober: Prober;
  connections: Connections;
  resources: HostResources;
  secrets: PinnedSecrets;
  clock: Clock;
}
