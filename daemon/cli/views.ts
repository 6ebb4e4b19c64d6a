/** Answers of the daemon as tables. Pure. */
import type {
  AppStatus,
  DaemonEvent,
  DaemonHealth,
  DaemonVersion,
  Operation,
  Release,
  SystemMetrics,
} from '../contract/domain.ts';
import { age, bytes, elidedTable, pairs, seconds, table } from './format.ts';
import { evidenceLines, timeline } from './timeline.ts';

const none = '-';

export function appTable(apps: AppStatus[], now_ms: number): string {
  if (apps.length === 0) return 'No apps yet. Deploy one: nextdeploy deploy APP --image IMAGE --domain DOMAIN';
  const rows = apps.map((app) => [
    app.name,
    app.operation_id === null ? app.status : `${app.status} (${app.operation_id})`,
    healthWord(app),
    app.release ?? none,
    app.version,
    app.url ?? none,
    age(app.updated_at, now_ms),
  ]);
  return table(['APP', 'STATUS', 'HEALTH', 'RELEASE', 'IMAGE', 'URL', 'CHANGED'], rows);
}

const healthWord = ({ health }: AppStatus) => (health.healthy === null ? 'unknown' : health.healthy ? 'healthy' : 'unhealthy');

export function appDetails(app: AppStatus, now_ms: number): string {
  const entries: [string, string][] = [
    ['app', app.name],
    ['status', app.status],
    ['health', `${healthWord(app)}${app.health.detail === '' ? '' : ` (${app.health.detail})`}`],
    ['release', app.release ?? none],
    ['previous', app.previous_release ?? none],
    ['image', app.version],
    ['url', app.url ?? none],
    ['port', String(app.port)],
    ['slot', app.slot ?? none],
    ['container', app.container_id?.slice(0, 12) ?? none],
    ['proxy', `${app.proxy}, tls ${app.tls}`],
    ['changed', age(app.updated_at, now_ms)],
  ];
  if (app.operation_id !== null) entries.push(['operation', app.operation_id]);
  if (app.last_error !== null) entries.push(['last error', app.last_error]);
  return pairs(entries);
}

export function daemonDetails(version: DaemonVersion, health: DaemonHealth, metrics: SystemMetrics): string {
  const used = ({ used_bytes, total_bytes }: { used_bytes: number; total_bytes: number }) =>
    `${bytes(used_bytes)} of ${bytes(total_bytes)}`;
  const failing = health.checks.filter((check) => !check.ok).map((check) => `${check.name}: ${check.detail}`);
  return pairs([
    ['host', version.hostname],
    ['daemon', `nextdeployd ${version.version}, ${health.status}${failing.length === 0 ? '' : ` (${failing.join('; ')})`}`],
    ['docker', version.docker ?? 'does not answer'],
    ['proxy', version.proxy ?? 'does not answer'],
    ['cpu', `${metrics.cpu.percent} % of ${metrics.cpu.cores} cores, load ${metrics.load.join(' ')}`],
    ['memory', used(metrics.memory)],
    ['disk', used(metrics.disk)],
  ]);
}

export function versionDetails({ version, api, hostname, docker, proxy }: DaemonVersion): string {
  return pairs([
    ['nextdeployd', `${version} on ${hostname} (API ${api.min} to ${api.max})`],
    ['docker', docker ?? 'does not answer'],
    ['proxy', proxy ?? 'does not answer'],
  ]);
}

export function releaseTable(releases: Release[], columns: number, now_ms: number): string {
  const rows = releases.map((release) => [
    release.id,
    release.state,
    release.image,
    release.created_by,
    age(release.created_at, now_ms),
    release.end_reason ?? '',
  ]);
  const { text, isElided } = elidedTable(['RELEASE', 'STATE', 'IMAGE', 'BY', 'CREATED', 'ENDED'], rows, columns);
  const elided = releases.find((release, index) => isElided(index) && release.end_reason !== null);
  return elided === undefined ? text : `${text}\nIn full: nextdeploy operations ID, such as ${elided.operation_id}`;
}

export function operationTable(operations: Operation[], columns: number, now_ms: number): string {
  const rows = operations.map((operation) => [
    operation.id,
    operation.app_name,
    operation.kind,
    operation.state,
    operation.release ?? none,
    age(operation.created_at, now_ms),
    operation.ended_at === null ? none : seconds(Date.parse(operation.ended_at) - Date.parse(operation.created_at)),
    operation.error?.message ?? '',
  ]);
  const head = ['OPERATION', 'APP', 'KIND', 'STATE', 'RELEASE', 'BEGAN', 'TOOK', 'ERROR'];
  const { text, isElided } = elidedTable(head, rows, columns);
  return operations.some((_, index) => isElided(index)) ? `${text}\nIn full: nextdeploy operations ID` : text;
}

export function operationDetails(operation: Operation, columns: number, now_ms: number): string {
  const head = pairs([
    ['operation', operation.id],
    ['app', operation.app_name],
    ['kind', operation.kind],
    ['state', operation.state],
    ['release', `${operation.from_release ?? none} → ${operation.release ?? none}`],
    ['image', operation.image ?? none],
    ['by', operation.actor],
    ['began', operation.created_at],
    ...(operation.error === null ? [] : [['error', operation.error.message] as [string, string]]),
  ]);
  const evidence = operation.evidence === null ? [] : ['', ...evidenceLines(operation.evidence, operation.error?.message)];
  return [head, '', ...timeline(operation, columns, now_ms), ...evidence].join('\n');
}

export function eventLine(event: DaemonEvent): string {
  return `${event.ts} ${String(event.seq).padStart(6)} ${event.level.padEnd(7)} ${event.kind.padEnd(18)} ${event.message}`;
}
