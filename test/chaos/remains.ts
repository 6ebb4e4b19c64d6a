/** What is on the server beside what its apps need: containers, networks, markers, routes, half-written files. Empty is what it must be. */
import type { AppStatus, Release } from '../../daemon/contract/domain.ts';
import { CLOSING_MARKERS } from '../../daemon/engine/marker-names.ts';
import { otherSlot } from '../../daemon/engine/state.ts';
import { expectSuccess } from '../bench/server-tools.ts';
import type { Stage } from './stage.ts';

/** All apps of these programs are named so; others on the server are none of their business. */
export const APP_PREFIX = 'chaos-';

/** One line each, so that what is expected can be compared with what is there. Arguments: none. */
const LOOK = `
docker ps --all --filter name=${APP_PREFIX} --format 'container {{.Names}} {{.State}} {{.Label "nextdeploy.release"}}'
docker network ls --filter name=nextdeploy --format 'network {{.Name}}'
find /var/lib/nextdeploy/slots -path '*/${APP_PREFIX}*/*' -printf 'marker %P\\n'
sed -n 's/^# app \\(${APP_PREFIX}[^ ]*\\) .*/route caddy \\1/p' /etc/caddy/nextdeploy/*.caddy
find /etc/nginx/nextdeploy -name '${APP_PREFIX}*.conf' -printf 'route nginx %f\\n' | sed 's/\\.conf$//'
find /etc/caddy/nextdeploy /etc/nginx/nextdeploy \\( -name '*.new' -o -path '*${APP_PREFIX}*' -not -name '*.conf' \\) -printf 'half-written %p\\n'
find /var/lib/nextdeploy /etc/nextdeploy -name '*.new' -printf 'half-written %p\\n'`;

const NETWORK = 'network nextdeploy';

type Server = Pick<Stage, 'bed' | 'client'>;

/** A sentence for each thing that is there and should not be, is missing, or contradicts another; empty: all is well. */
export async function findProblems(server: Server): Promise<string[]> {
  const apps = (await server.client.call('listApps')).filter(({ name }) => name.startsWith(APP_PREFIX));
  const [lines, operations, releases] = await Promise.all([
    look(server),
    server.client.call('listOperations', { query: { state: 'running', limit: 10 } }),
    Promise.all(apps.map(({ name }) => server.client.call('listReleases', { params: { name } }))),
  ]);
  return [
    ...operations.map(({ id, kind, app_name }) => `${kind} of ${app_name} (${id}) has not ended`),
    ...apps.flatMap((app, index) => contradictions(app, releases[index] ?? [])),
    ...differences([NETWORK, ...apps.flatMap((app) => wanted(app))], lines),
  ];
}

async function look({ bed }: Server): Promise<string[]> {
  const text = await expectSuccess(bed, ['sh', '-c', LOOK], { timeoutMs: 20_000 });
  return text.split('\n').filter((line) => line !== '');
}

function wanted({ name, slot, release, replicas_wanted, status, proxy }: AppStatus): string[] {
  if (slot === null || release === null) return [];
  const route = `route ${proxy} ${name}`;
  const containers = Array.from({ length: replicas_wanted }, (_, replica) => {
    return `container nextdeploy-${name}-${slot}-${replica} running ${release}`;
  });
  const markers = (...names: string[]) => names.map((marker) => `marker ${name}/${marker}`);
  if (status === 'stopped') return [route, ...markers('not-blue', 'not-green', 'stopped')];
  return [route, ...markers(CLOSING_MARKERS[otherSlot(slot)]), ...containers];
}

function differences(expected: readonly string[], found: readonly string[]): string[] {
  return [
    ...found.filter((line) => !expected.includes(line)).map((line) => `left over: ${line}`),
    ...expected.filter((line) => !found.includes(line)).map((line) => `missing: ${line}`),
  ];
}

function contradictions(app: AppStatus, releases: readonly Release[]): string[] {
  const { name, status, release, operation_id, health } = app;
  const live = releases.filter(({ state }) => state === 'live').map(({ id }) => id);
  const problems: string[] = [];
  if (operation_id !== null) problems.push(`${name} is busy with ${operation_id}`);
  if (status !== 'stopped' && status !== 'running') problems.push(`${name} is ${status}`);
  if (status === 'running' && health.healthy !== true) problems.push(`${name} is not healthy: ${health.detail}`);
  if (live.length !== 1 || live[0] !== release)
    problems.push(`${name} has ${release} live, its releases say ${live.join(', ') || 'none'}`);
  const pending = releases.filter(({ state }) => state === 'pending').map(({ id }) => id);
  if (pending.length > 0) problems.push(`${name} has ${pending.join(', ')} pending`);
  return problems;
}
