import type { DeployRequest } from '../../daemon/contract/configuration.ts';
import type { FieldError } from '../../daemon/contract/errors.ts';
import { sentence } from '../format.ts';
import type { DeployForm } from './deploy-form.ts';
import { filledRedirects, filledVolumes } from './deploy-request.ts';
import { formatSize, formatTime } from './quantity.ts';

/** The parts of the deploy dialog; `basics` is always open. */
export const SECTIONS = [
  'routing',
  'health',
  'secrets',
  'resources',
  'storage',
  'security',
  'lifecycle',
  'registry',
  'logs',
] as const;
export type Section = (typeof SECTIONS)[number];

type Place = Section | 'basics';

/** The fields of the dialog in which each part of a request is typed, and where they stand. */
const FIELDS: Record<keyof DeployRequest, Readonly<Record<string, Place>>> = {
  app_name: { app_name: 'basics' },
  image: { image: 'basics' },
  domain: { domain: 'basics' },
  env: { env: 'basics' },
  ports: { ports: 'basics', 'ports.more': 'routing' },
  health: {
    'health.kind': 'basics',
    'health.path': 'basics',
    'health.status.min': 'health',
    'health.status.max': 'health',
    'health.interval_ms': 'health',
    'health.timeout_ms': 'health',
    'health.deadline_ms': 'health',
    'health.retries': 'health',
    'health.start_period_ms': 'health',
  },
  aliases: { aliases: 'routing' },
  redirects: { redirects: 'routing' },
  tls: { tls: 'routing' },
  proxy: { proxy: 'routing' },
  replicas: { replicas: 'resources' },
  limits: { 'limits.cpus': 'resources', 'limits.memory_bytes': 'resources' },
  volumes: { volumes: 'storage' },
  networks: { networks: 'storage' },
  user: { user: 'security' },
  read_only_root: {},
  capabilities: { capabilities: 'security' },
  stop_signal: { stop_signal: 'lifecycle' },
  stop_timeout_ms: { stop_timeout_ms: 'lifecycle' },
  drain_ms: { drain_ms: 'lifecycle' },
  watch_ms: { watch_ms: 'lifecycle' },
  pre_switch: { 'pre_switch.command': 'lifecycle', 'pre_switch.timeout_ms': 'lifecycle' },
  post_switch: { 'post_switch.command': 'lifecycle', 'post_switch.timeout_ms': 'lifecycle' },
  registry: { 'registry.username': 'registry', 'registry.password': 'registry' },
  pull: {},
  log: { 'log.file_bytes_max': 'logs', 'log.files': 'logs' },
  nextcore: {},
  project: { project: 'secrets' },
  secrets: { secrets: 'secrets' },
};
const PLACES = new Map(Object.values(FIELDS).flatMap((fields) => Object.entries(fields)));

/** Messages by the field at which the dialog shows them. */
export type FormErrors = Readonly<Record<string, string>>;

/**
 * The field of the dialog at which a complaint about a field of the request is shown: entries of a list of words at the
 * list, those of rows at the row (by its key), ports after the first at `ports.more`.
 */
function fieldOf(path: string, form: DeployForm): string {
  const [first = '', second, ...rest] = path.split('.');
  switch (first) {
    case 'ports':
      return second === undefined || second === '0' ? 'ports' : 'ports.more';
    case 'aliases':
    case 'networks':
    case 'capabilities':
      return first;
    case 'redirects':
      return rowField(first, filledRedirects(form)[Number(second)], rest, 'from');
    case 'volumes': {
      const [field] = rest;
      return rowField(first, filledVolumes(form)[Number(second)], field === 'name' ? ['source'] : rest, 'source');
    }
    case 'health':
      return second === undefined ? 'health.kind' : path;
    case 'pre_switch':
    case 'post_switch':
      return second === 'timeout_ms' ? path : `${first}.command`;
    default:
      return path;
  }
}

function rowField(list: string, row: { key: number } | undefined, [field]: string[], byDefault: string): string {
  return row === undefined ? list : `${list}.${row.key}.${field ?? byDefault}`;
}

/** The complaints of the contract or the daemon at the fields of the dialog, in its words and units. */
export function formErrors(errors: readonly FieldError[], form: DeployForm): FormErrors {
  return Object.fromEntries(
    errors.filter(({ field }) => field !== '').map(({ field, message }) => [fieldOf(field, form), sentence(inUnits(message))]),
  );
}

/** Where the dialog shows a field; null: nowhere. */
function placeOf(field: string): Place | null {
  const row = /^(redirects|volumes)\.\d+\.(?:from|to|source|target)$/.exec(field);
  if (field.startsWith('env.')) return 'basics';
  return PLACES.get(row?.[1] ?? field) ?? null;
}

/** How many complaints each folded part has. */
export function errorsBySection(errors: FormErrors): Partial<Record<Section, number>> {
  const counts: Partial<Record<Section, number>> = {};
  for (const field of Object.keys(errors)) {
    const place = placeOf(field);
    if (place !== null && place !== 'basics') counts[place] = (counts[place] ?? 0) + 1;
  }
  return counts;
}

/** Whether every complaint is shown at a field of the form, so that nothing is left to say below it. */
export function areAllShown(errors: readonly FieldError[], form: DeployForm): boolean {
  const names = new Set(form.env.map((row) => `env.${row.name.trim()}`));
  const isShown = ({ field: path }: FieldError) => {
    const field = fieldOf(path, form);
    return path.startsWith('env.') ? names.has(path) : placeOf(field) !== null;
  };
  return errors.length > 0 && errors.every(isShown);
}

/** `from 0 to 600000` of milliseconds or bytes, as the operator has typed them: `from 0 s to 10 min`. */
function inUnits(message: string): string {
  return message
    .replace(
      /whole number of milliseconds from (\d+) to (\d+)/,
      (_, min, max) => `time from ${formatTime(Number(min))} to ${formatTime(Number(max))}`,
    )
    .replace(
      /whole number of bytes from (\d+) to (\d+)/,
      (_, min, max) => `size from ${formatSize(Number(min))} to ${formatSize(Number(max))}`,
    );
}
