import type { AppConfiguration, HealthCheck, Hook, Redirect, Volume } from '../../daemon/contract/configuration.ts';
import type { AppStatus, Release } from '../../daemon/contract/domain.ts';
import { DEFAULTS } from '../../daemon/contract/limits.ts';
import type { ProxyType, TlsMode } from '../../daemon/contract/names.ts';
import type { NextCoreMetadata } from '../../daemon/contract/nextcore.ts';
import { formatCommand } from './command-line.ts';
import { formatSize, formatTime } from './quantity.ts';

/** A row of a list that grows and shrinks; `key` stays with it while others come and go. */
interface Row {
  key: number;
}
export interface EnvRow extends Row {
  name: string;
  value: string;
}
export interface RedirectRow extends Row {
  from: string;
  to: string;
  status: Redirect['status'];
}
export interface VolumeRow extends Row {
  kind: Volume['kind'];
  /** The name of a volume, or a directory of the host. */
  source: string;
  target: string;
  read_only: boolean;
}

/**
 * What the fields of the deploy dialog hold: text as typed. An empty text leaves its setting to its default; times and
 * sizes carry their unit (see `quantity.ts`).
 */
export interface DeployForm {
  app_name: string;
  image: string;
  domain: string;
  port: number | string;
  health_kind: HealthCheck['kind'];
  health_path: string;
  env: EnvRow[];

  project: string;
  secrets: AppConfiguration['secrets']['inject'];

  aliases: string[];
  redirects: RedirectRow[];
  tls: 'default' | TlsMode;
  proxy: 'default' | ProxyType;
  more_ports: string[];

  health_status_min: number | string;
  health_status_max: number | string;
  health_interval: string;
  health_timeout: string;
  health_deadline: string;
  health_retries: number | string;
  health_start_period: string;

  replicas: number | string;
  cpus: string;
  memory: string;

  volumes: VolumeRow[];
  networks: string[];

  user: string;
  read_only_root: boolean;
  capabilities: string[];

  stop_signal: string;
  stop_timeout: string;
  drain: string;
  watch: string;
  pre_command: string;
  pre_timeout: string;
  post_command: string;
  post_timeout: string;

  registry_username: string;
  registry_password: string;
  pull: 'missing' | 'always';

  log_size: string;
  log_files: number | string;

  /** What the template's build said of itself; it holds for that very image only. */
  build: { image: string; nextcore: NextCoreMetadata } | null;
}

export interface DeployTemplate {
  app: Pick<AppStatus, 'name' | 'replicas_wanted'>;
  release: Release;
}

export function emptyDeployForm(): DeployForm {
  return {
    app_name: '',
    image: '',
    domain: '',
    port: DEFAULTS.port,
    health_kind: 'http',
    health_path: DEFAULTS.health_path,
    env: [],
    project: '',
    secrets: 'env',
    aliases: [],
    redirects: [],
    tls: 'default',
    proxy: 'default',
    more_ports: [],
    ...emptyHealth(),
    replicas: '',
    cpus: '',
    memory: '',
    volumes: [],
    networks: [],
    user: '',
    read_only_root: false,
    capabilities: [],
    stop_signal: '',
    stop_timeout: '',
    drain: '',
    watch: '',
    pre_command: '',
    pre_timeout: '',
    post_command: '',
    post_timeout: '',
    registry_username: '',
    registry_password: '',
    pull: 'missing',
    log_size: '',
    log_files: '',
    build: null,
  };
}

type HealthFields = Pick<
  DeployForm,
  | 'health_status_min'
  | 'health_status_max'
  | 'health_interval'
  | 'health_timeout'
  | 'health_deadline'
  | 'health_retries'
  | 'health_start_period'
>;

function emptyHealth(): HealthFields {
  return {
    health_status_min: '',
    health_status_max: '',
    health_interval: '',
    health_timeout: '',
    health_deadline: '',
    health_retries: '',
    health_start_period: '',
  };
}

/** How many replicas a deploy made from the template keeps: as many as the app has been scaled to, or as were asked for in vain. */
export function replicasOf({ app, release }: DeployTemplate): number {
  return release.state === 'failed' ? release.configuration.replicas : app.replicas_wanted;
}

/** The form that, left alone, deploys the release once more as it is, with the app's number of replicas. */
export function formFromTemplate(template: DeployTemplate): DeployForm {
  const { app, release } = template;
  const { configuration, image, nextcore } = release;
  const [port = DEFAULTS.port, ...more_ports] = configuration.ports;
  return {
    ...emptyDeployForm(),
    app_name: app.name,
    image,
    domain: configuration.domain ?? '',
    port,
    env: keyed(Object.entries(configuration.env), ([name, value]) => ({ name, value })),
    ...fromHealth(configuration.health),
    project: configuration.project ?? '',
    secrets: configuration.secrets.inject,
    aliases: configuration.aliases,
    redirects: keyed(configuration.redirects, ({ from, to, status }) => ({ from, to: to ?? '', status })),
    tls: configuration.tls ?? 'default',
    proxy: configuration.proxy,
    more_ports: more_ports.map(String),
    replicas: replicasOf(template),
    ...fromContainer(configuration),
    drain: unlessDefault(configuration.drain_ms, DEFAULTS.drain_ms, formatTime),
    watch: unlessDefault(configuration.watch_ms, DEFAULTS.watch_ms, formatTime),
    ...fromHook('pre', configuration.pre_switch),
    ...fromHook('post', configuration.post_switch),
    build: nextcore === null ? null : { image, nextcore },
  };
}

function fromContainer(configuration: AppConfiguration) {
  const { limits, volumes, log } = configuration;
  return {
    cpus: limits.cpus === undefined ? '' : String(limits.cpus),
    memory: limits.memory_bytes === undefined ? '' : formatSize(limits.memory_bytes),
    volumes: keyed(volumes, (volume) => ({
      kind: volume.kind,
      source: volume.kind === 'volume' ? volume.name : volume.source,
      target: volume.target,
      read_only: volume.read_only,
    })),
    networks: configuration.networks,
    user: configuration.user ?? '',
    read_only_root: configuration.read_only_root,
    capabilities: configuration.capabilities,
    stop_signal: configuration.stop_signal ?? '',
    stop_timeout: unlessDefault(configuration.stop_timeout_ms, DEFAULTS.stop_timeout_ms, formatTime),
    log_size: unlessDefault(log.file_bytes_max, DEFAULTS.container_log_bytes, formatSize),
    log_files: unlessDefault(log.files, DEFAULTS.container_log_files, String),
  };
}

function fromHealth(health: HealthCheck): Pick<DeployForm, 'health_kind' | 'health_path'> & HealthFields {
  const path = { health_path: health.kind === 'http' ? health.path : DEFAULTS.health_path };
  if (health.kind === 'none') return { health_kind: 'none', ...path, ...emptyHealth() };
  const { min, max } = health.kind === 'http' ? health.status : DEFAULTS.health_status;
  return {
    health_kind: health.kind,
    ...path,
    health_status_min: unlessDefault(min, DEFAULTS.health_status.min, String),
    health_status_max: unlessDefault(max, DEFAULTS.health_status.max, String),
    health_interval: unlessDefault(health.interval_ms, DEFAULTS.health_interval_ms, formatTime),
    health_timeout: unlessDefault(health.timeout_ms, DEFAULTS.health_timeout_ms, formatTime),
    health_deadline: unlessDefault(health.deadline_ms, DEFAULTS.health_deadline_ms, formatTime),
    health_retries: unlessDefault(health.retries, DEFAULTS.health_retries, String),
    health_start_period: unlessDefault(health.start_period_ms, DEFAULTS.health_start_period_ms, formatTime),
  };
}

function fromHook<P extends 'pre' | 'post'>(which: P, hook: Hook | undefined) {
  const command = hook === undefined ? '' : formatCommand(hook.command);
  const timeout = hook === undefined ? '' : unlessDefault(hook.timeout_ms, DEFAULTS.hook_timeout_ms, formatTime);
  // TypeScript does not compute names from a template; these are exactly `<which>_command` and `<which>_timeout`.
  return { [`${which}_command`]: command, [`${which}_timeout`]: timeout } as Record<`${P}_command` | `${P}_timeout`, string>;
}

/** Empty where it is the default, so that a folded section can say what was set. */
function unlessDefault(value: number, byDefault: number, show: (value: number) => string): string {
  return value === byDefault ? '' : show(value);
}

function keyed<T, R extends object>(items: readonly T[], toRow: (item: T) => R): (R & Row)[] {
  return items.map((item, key) => ({ ...toRow(item), key }));
}

export const nextKey = (rows: readonly Row[]): number => Math.max(-1, ...rows.map((row) => row.key)) + 1;

/** What the next deploy of an app starts from: what is live, or before a first success what was tried last. Newest first. */
export function baseRelease(app: Pick<AppStatus, 'release'>, releases: readonly Release[]): Release | null {
  return (app.release === null ? releases[0] : releases.find((release) => release.id === app.release)) ?? null;
}
