import { type DeployRequest, deployRequestSchema, type HealthCheck } from '../../daemon/contract/configuration.ts';
import type { AppStatus, Release } from '../../daemon/contract/domain.ts';
import { type FieldError, toInvalidRequest } from '../../daemon/contract/errors.ts';
import { DEFAULTS } from '../../daemon/contract/limits.ts';
import { healthPath } from '../../daemon/contract/rules.ts';
import { sentence } from '../format.ts';

export interface EnvRow {
  /** Stays with the row while others come and go. */
  key: number;
  name: string;
  value: string;
}

/** What the fields of the deploy dialog hold: text as typed. */
export interface DeployForm {
  app_name: string;
  image: string;
  domain: string;
  tls: 'default' | 'auto' | 'off';
  port: number | string;
  health_kind: HealthCheck['kind'];
  health_path: string;
  env: EnvRow[];
  /** What the dialog has no field for and a template must not lose. */
  kept: Partial<Pick<DeployRequest, 'drain_ms' | 'stop_timeout_ms' | 'ports' | 'health'>>;
}

export interface DeployTemplate {
  app: Pick<AppStatus, 'name'>;
  release: Release;
}

export function emptyDeployForm(): DeployForm {
  return {
    app_name: '',
    image: '',
    domain: '',
    tls: 'default',
    port: DEFAULTS.port,
    health_kind: 'http',
    health_path: DEFAULTS.health_path,
    env: [],
    kept: {},
  };
}

/** The form that, left alone, deploys the release once more as it is. */
export function formFromTemplate({ app, release }: DeployTemplate): DeployForm {
  const { configuration } = release;
  return {
    app_name: app.name,
    image: release.image,
    domain: configuration.domain ?? '',
    tls: configuration.tls ?? 'default',
    port: configuration.ports[0] ?? DEFAULTS.port,
    health_kind: configuration.health.kind,
    health_path: healthPath(configuration.health) ?? DEFAULTS.health_path,
    env: Object.entries(configuration.env).map(([name, value], key) => ({ key, name, value })),
    kept: {
      drain_ms: configuration.drain_ms,
      stop_timeout_ms: configuration.stop_timeout_ms,
      ports: configuration.ports,
      health: configuration.health,
    },
  };
}

/** What the next deploy of an app starts from: what is live, or before a first success what was tried last. Newest first. */
export function baseRelease(app: Pick<AppStatus, 'release'>, releases: readonly Release[]): Release | null {
  return (app.release === null ? releases[0] : releases.find((release) => release.id === app.release)) ?? null;
}

/** What a deploy of `form` would change of `release`, a sentence's part each; empty where it would be the same again. */
export function deployChanges(release: Release, form: DeployForm): string[] {
  const before = formFromTemplate({ app: { name: release.app_name }, release });
  const fields: [name: string, from: string, to: string][] = [
    ['Image', before.image, form.image.trim()],
    ['Domain', before.domain || 'none', form.domain.trim() || 'none'],
    ['TLS', before.tls, form.tls],
    ['Port', String(before.port), String(form.port)],
    ['Health check', healthText(before), healthText(form)],
  ];
  const changed = fields.filter(([, from, to]) => from !== to).map(([name, from, to]) => `${name}: ${from} → ${to || 'nothing'}`);
  return [...changed, ...envChanges(release.configuration.env, form.env)];
}

const healthText = (form: DeployForm) => (form.health_kind === 'http' ? `GET ${form.health_path.trim()}` : form.health_kind);

/** By name only: values are secrets more often than not. */
function envChanges(before: Readonly<Record<string, string>>, rows: readonly EnvRow[]): string[] {
  const after = new Map(rows.map((row) => [row.name.trim(), row.value]));
  after.delete('');
  const added = [...after.keys()].filter((name) => !Object.hasOwn(before, name));
  const changed = Object.keys(before).filter((name) => after.has(name) && after.get(name) !== before[name]);
  const dropped = Object.keys(before).filter((name) => !after.has(name));
  const parts: [verb: string, names: string[]][] = [
    ['Adds', added],
    ['Changes', changed],
    ['Drops', dropped],
  ];
  return parts.filter(([, names]) => names.length > 0).map(([verb, names]) => `${verb} ${names.join(', ')}`);
}

export type ReadForm = { isValid: true; request: DeployRequest } | { isValid: false; errors: FieldError[] };

/** Checks the form with the contract's own schema, so that it refuses what the daemon would refuse. */
export function readDeployForm(form: DeployForm): ReadForm {
  const rows = form.env.filter((row) => row.name.trim() !== '' || row.value !== '');
  const twice = rows.find((row, index) => rows.findIndex((other) => other.name.trim() === row.name.trim()) < index);
  if (twice !== undefined) {
    return { isValid: false, errors: [{ field: `env.${twice.name.trim()}`, message: 'this name is there twice' }] };
  }
  const domain = form.domain.trim();
  const parsed = deployRequestSchema.safeParse({
    app_name: form.app_name.trim(),
    image: form.image.trim(),
    env: Object.fromEntries(rows.map((row) => [row.name.trim(), row.value])),
    ports: [form.port === '' ? Number.NaN : Number(form.port), ...(form.kept.ports?.slice(1) ?? [])],
    ...(domain === '' ? {} : { domain }),
    ...(form.tls === 'default' ? {} : { tls: form.tls }),
    health: healthOf(form),
    ...(form.kept.drain_ms === undefined ? {} : { drain_ms: form.kept.drain_ms }),
    ...(form.kept.stop_timeout_ms === undefined ? {} : { stop_timeout_ms: form.kept.stop_timeout_ms }),
  });
  if (parsed.success) return { isValid: true, request: parsed.data };
  const { details } = toInvalidRequest(parsed.error, 'body');
  return { isValid: false, errors: details as FieldError[] }; // toInvalidRequest puts exactly these there
}

function healthOf(form: DeployForm): unknown {
  const kept = form.kept.health?.kind === form.health_kind ? form.kept.health : { kind: form.health_kind };
  return form.health_kind === 'http' ? { ...kept, path: form.health_path.trim() } : kept;
}

/** The daemon's dotted paths as the form's field names: `ports.0` is shown at `port`, `health.path` at `health_path`. */
export function formErrors(errors: readonly FieldError[]): Record<string, string> {
  return Object.fromEntries(errors.map(({ field, message }) => [fieldName(field), sentence(message)]));
}

/** Whether every complaint is shown at a field of the form, so that nothing is left to say below it. */
export function areAllShown(errors: readonly FieldError[], form: DeployForm): boolean {
  const names = new Set(form.env.map((row) => `env.${row.name.trim()}`));
  const isShown = (name: string) => (name in form && name !== 'env' && name !== 'kept') || names.has(name);
  return errors.length > 0 && errors.every(({ field }) => isShown(fieldName(field)));
}

function fieldName(path: string): string {
  if (path.startsWith('ports')) return 'port';
  if (path === 'health.path') return 'health_path';
  return path.startsWith('health') ? 'health_kind' : path;
}
