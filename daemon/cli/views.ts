/** Answers of the daemon as tables. Pure. */
import type { AppStatus, DaemonEvent, DaemonHealth, DaemonVersion, SystemMetrics } from '../contract/domain.ts';
import { age, bytes, pairs, table } from './format.ts';
import { nextCoreWords } from './release-views.ts';

const none = '-';

export function appTable(apps: AppStatus[], now_ms: number): string {
  if (apps.length === 0) return 'No apps yet. Deploy one: nextdeploy deploy APP --image IMAGE --domain DOMAIN';
  const rows = apps.map((app) => [
    app.name,
    statusWords(app),
    healthWord(app),
    app.release ?? none,
    `${app.replicas}/${app.replicas_wanted}`,
    app.version,
    app.url ?? none,
    age(app.updated_at, now_ms),
  ]);
  return table(['APP', 'STATUS', 'HEALTH', 'RELEASE', 'REPLICAS', 'IMAGE', 'URL', 'CHANGED'], rows);
}

function statusWords({ status, maintenance, operation_id }: AppStatus): string {
  return `${status}${maintenance === null ? '' : ', maintenance'}${operation_id === null ? '' : ` (${operation_id})`}`;
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
    ['replicas', `${app.replicas} running of ${app.replicas_wanted} wanted`],
    ['url', app.url ?? none],
    ...(app.aliases.length === 0 ? [] : [['aliases', app.aliases.join(' ')] as [string, string]]),
    ['port', String(app.port)],
    ['slot', app.slot ?? none],
    ['container', app.container_id?.slice(0, 12) ?? none],
    ['proxy', `${app.proxy}, tls ${app.tls}`],
    ['changed', age(app.updated_at, now_ms)],
  ];
  if (app.maintenance !== null) entries.push(['maintenance', `on: ${app.maintenance.message}`]);
  if (app.nextcore !== null) entries.push(['build', nextCoreWords(app.nextcore)]);
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

export function eventLine(event: DaemonEvent): string {
  return `${event.ts} ${String(event.seq).padStart(6)} ${event.level.padEnd(7)} ${event.kind.padEnd(18)} ${event.message}`;
}
