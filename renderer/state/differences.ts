import type { Difference } from '../../daemon/contract/compare.ts';
import type { AppConfiguration, HealthCheck, Hook, Redirect, Volume } from '../../daemon/contract/configuration.ts';
import type { Release } from '../../daemon/contract/domain.ts';
import type { NextCoreMetadata } from '../../daemon/contract/nextcore.ts';
import { proxyName, shortId, shortReference } from '../format.ts';
import { formatCommand } from './command-line.ts';
import { repositoryOf } from './images.ts';
import { formatSize, formatTime } from './quantity.ts';

/** One line of a comparison, as people read it. */
export interface DifferenceRow {
  key: string;
  label: string;
  /** Null: not there. */
  from: string | null;
  to: string | null;
  /** A value of the environment: shown only when asked for. */
  isSecret: boolean;
}

/** Of which the versions are compared, not the values. */
const SECRET = 'secret.';

/** The contract's differences, taken apart to the single things that differ, in words and units. */
export function differenceRows(differences: readonly Difference[]): DifferenceRow[] {
  return differences.flatMap((difference) => {
    if (difference.field.startsWith('env.')) {
      const name = difference.field.slice('env.'.length);
      return [{ ...difference, key: difference.field, label: name, isSecret: true }];
    }
    if (difference.field.startsWith(SECRET)) {
      return [
        { ...difference, key: difference.field, label: `Secret ${difference.field.slice(SECRET.length)}`, isSecret: false },
      ];
    }
    if (difference.field === 'image') return [imageRow(difference)];
    return partRows(difference, partsOf(difference.field, difference.from), partsOf(difference.field, difference.to));
  });
}

/** What two builds say of themselves, where it differs. */
export function buildRows(before: NextCoreMetadata | null, after: NextCoreMetadata | null): DifferenceRow[] {
  const rows: [label: string, read: (build: NextCoreMetadata) => string | undefined][] = [
    ['Next.js', (build) => build.next_version],
    ['Output', (build) => build.output],
    ['Commit', (build) => build.git?.commit.slice(0, 10)],
    ['Branch', (build) => build.git?.branch],
    ['Build id', (build) => build.build_id],
    ['Deployment id', (build) => build.deployment_id],
    ['Node.js', (build) => build.node_version],
    ['Static files', (build) => build.static_directory],
    ['Suggested health path', (build) => build.health_path],
    ['Suggested port', (build) => build.port?.toString()],
  ];
  if (before === null || after === null) return [];
  return rows
    .map(([label, read]) => ({
      key: `build ${label}`,
      label,
      from: read(before) ?? null,
      to: read(after) ?? null,
      isSecret: false,
    }))
    .filter(({ from, to }) => from !== to);
}

/** An app keeps its number of replicas through a rollback, so that a release had another is no difference to it. */
export const withoutReplicas = (differences: readonly Difference[]): Difference[] =>
  differences.filter(({ field }) => field !== 'replicas');

/** What of `release` a rollback that takes its code only would leave behind: everything but its image. */
export const imageOnly = (differences: readonly Difference[]): Difference[] =>
  differences.filter(({ field }) => field === 'image' || field === 'image_id');

/** A change to make `after` of `before` when their images or builds are compared, whole. */
export function releaseRows(differences: readonly Difference[], before: Release, after: Release): DifferenceRow[] {
  return [
    ...differenceRows(imageOnly(differences)),
    ...buildRows(before.nextcore, after.nextcore),
    ...differenceRows(rest(differences)),
  ];
}
const rest = (differences: readonly Difference[]) => differences.filter(({ field }) => field !== 'image' && field !== 'image_id');

interface Part {
  /** Tells parts of one field apart. */
  key: string;
  label: string;
  text: string;
}

function partRows({ field }: Difference, from: readonly Part[], to: readonly Part[]): DifferenceRow[] {
  const keys = [...new Set([...from, ...to].map(({ key }) => key))];
  const find = (parts: readonly Part[], key: string) => parts.find((part) => part.key === key);
  return keys
    .map((key) => {
      const [before, after] = [find(from, key), find(to, key)];
      const label = before?.label ?? after?.label ?? field;
      return { key: `${field} ${key}`, label, from: before?.text ?? null, to: after?.text ?? null, isSecret: false };
    })
    .filter((row) => row.from !== row.to);
}

/** Two images of one repository by what differs: `shop:1.4.1`, without the registry that they have in common. */
function imageRow({ field, from, to }: Difference): DifferenceRow {
  const isOneRepository = from !== null && to !== null && repositoryOf(from) === repositoryOf(to);
  const short = (text: string | null) => (text !== null && isOneRepository ? shortReference(text) : text);
  return { key: field, label: 'Image', from: short(from), to: short(to), isSecret: false };
}

const time = (text: string) => formatTime(Number(text));
const single =
  (label: string, show: (text: string) => string = (text) => text) =>
  (text: string) => [{ key: '', label, text: show(text) }];
/** From JSON that `compareConfigurations` has made of that very field. */
const read = <T>(text: string) => JSON.parse(text) as T;
const each = (label: string) => (text: string) =>
  read<(string | number)[]>(text).map((item) => ({ key: String(item), label, text: String(item) }));
const switched = (text: string) => (text === 'true' ? 'on' : 'off');

const INJECTED = { env: 'as variables', file: 'as files', none: 'none' } as const satisfies Record<
  AppConfiguration['secrets']['inject'],
  string
>;

/** Every field of a configuration, by how its value is taken apart. */
const PARTS: Record<Exclude<keyof AppConfiguration, 'env'>, (text: string) => Part[]> = {
  project: single('Project'),
  secrets: single('Secrets', (text) => INJECTED[read<AppConfiguration['secrets']>(text).inject]),
  domain: single('Domain'),
  aliases: each('Alias'),
  redirects: (text) =>
    read<Redirect[]>(text).map(({ from, to, status }) => ({
      key: from,
      label: 'Redirect',
      text: `${from} → ${to ?? 'the domain'} (${status})`,
    })),
  tls: single('TLS', (text) => (text === 'auto' ? 'managed certificate' : text === 'import' ? 'own certificate' : 'off')),
  ports: single('Ports', (text) => read<number[]>(text).join(', ')),
  proxy: single('Proxy', (text) => (text === 'nginx' ? proxyName('nginx') : proxyName('caddy'))),
  health: (text) => healthParts(read<HealthCheck>(text)),
  replicas: single('Replicas'),
  limits: (text) => {
    const { cpus, memory_bytes } = read<AppConfiguration['limits']>(text);
    return [
      ...(cpus === undefined ? [] : [{ key: 'cpus', label: 'CPU limit', text: `${cpus} ${cpus === 1 ? 'core' : 'cores'}` }]),
      ...(memory_bytes === undefined ? [] : [{ key: 'memory', label: 'Memory limit', text: formatSize(memory_bytes) }]),
    ];
  },
  volumes: (text) => read<Volume[]>(text).map((volume) => ({ key: volume.target, label: 'Volume', text: volumeText(volume) })),
  networks: each('Network'),
  user: single('User'),
  read_only_root: single('Read-only root', switched),
  capabilities: each('Capability'),
  stop_signal: single('Stop signal'),
  stop_timeout_ms: single('Stop time-out', time),
  log: (text) => {
    const { file_bytes_max, files } = read<AppConfiguration['log']>(text);
    return [{ key: '', label: 'Kept logs', text: `${files} × ${formatSize(file_bytes_max)}` }];
  },
  drain_ms: single('Drain', time),
  watch_ms: single('Watch window', time),
  pre_switch: (text) => hookParts('Pre-switch command', read<Hook>(text)),
  post_switch: (text) => hookParts('Post-switch command', read<Hook>(text)),
};

function partsOf(field: string, text: string | null): Part[] {
  if (text === null) return [];
  if (field === 'image_id') return [{ key: '', label: 'Image content', text: shortId(text) }];
  const take = Object.hasOwn(PARTS, field) ? PARTS[field as keyof typeof PARTS] : single(field); // asked just before
  return take(text);
}

/** Fields of a configuration as facts to read; those that are not set are left out, values of one kind stand together. */
export function factsOf(
  configuration: AppConfiguration,
  fields: readonly (keyof typeof PARTS)[],
): [label: string, texts: string[]][] {
  const facts = new Map<string, string[]>();
  for (const field of fields) {
    const value = configuration[field];
    if (value === undefined) continue;
    for (const { label, text } of PARTS[field](typeof value === 'string' ? value : JSON.stringify(value))) {
      facts.set(label, [...(facts.get(label) ?? []), text]);
    }
  }
  return [...facts];
}

function volumeText(volume: Volume): string {
  const source = volume.kind === 'volume' ? volume.name : volume.source;
  return `${source} at ${volume.target}${volume.read_only ? ', read-only' : ''}`;
}

function healthParts(health: HealthCheck): Part[] {
  const part = (key: string, label: string, text: string) => ({ key, label, text });
  if (health.kind === 'none') return [part('kind', 'Health check', 'none')];
  const http =
    health.kind === 'http'
      ? [part('path', 'Health path', health.path), part('status', 'Good answers', `${health.status.min}–${health.status.max}`)]
      : [];
  return [
    part('kind', 'Health check', health.kind === 'http' ? 'HTTP' : 'TCP'),
    ...http,
    part('interval', 'Health interval', formatTime(health.interval_ms)),
    part('timeout', 'Health time-out', formatTime(health.timeout_ms)),
    part('deadline', 'Healthy within', formatTime(health.deadline_ms)),
    part('retries', 'Failures until unhealthy', String(health.retries)),
    part('start', 'Start period', formatTime(health.start_period_ms)),
  ];
}

function hookParts(label: string, { command, timeout_ms }: Hook): Part[] {
  return [
    { key: 'command', label, text: formatCommand(command) },
    { key: 'timeout', label: `${label}: time-out`, text: formatTime(timeout_ms) },
  ];
}
