/** Where nothing that is secret may be found on a server, and how it is looked for there. A new place is a line of {@link PLACES}. */
import { request } from 'node:http';
import { queryFor } from '../../daemon/api/test-requests.ts';
import { type RouteName, routes } from '../../daemon/contract/routes.ts';
import type { Bed } from '../bed/bed.ts';
import { expectSuccess } from '../bench/server-tools.ts';

/** By what it is called in a finding. */
export type Needles = Record<string, string>;

interface Place {
  what: string;
  /** A shell script that prints every match. */
  script: string;
  /** What is kept there by right. */
  holds?: readonly string[];
}

/** In memory, and no place that is looked at. */
const NEEDLES_FILE = '/dev/shm/needles';
const WATCHED_FILE = '/dev/shm/watched-processes';
const WATCH_UNIT = 'watch-processes';
const GREP = `grep --text --only-matching --fixed-strings --file=${NEEDLES_FILE}`;

const files = (...directories: string[]) =>
  `find ${directories.join(' ')} -type f -print0 2>/dev/null | xargs --null --no-run-if-empty ${GREP} --with-filename || true`;
const printed = (script: string) => `{ ${script}; } | ${GREP} || true`;
/** Of the daemon and all that it started and that still runs. */
const PROCESSES = `group=$(systemctl show --property=ControlGroup --value nextdeployd)
  for pid in $(cat "/sys/fs/cgroup/systemd$group/cgroup.procs" 2>/dev/null || cat "/sys/fs/cgroup$group/cgroup.procs"); do
    cat /proc/$pid/cmdline /proc/$pid/environ 2>/dev/null || true; echo
  done`;

export const PLACES: readonly Place[] = [
  { what: 'the database, its log and all other state', script: files('/var/lib/nextdeploy') },
  { what: 'the configuration', script: files('/etc/nextdeploy'), holds: ['the master key', "the administrator's token"] },
  { what: 'the configuration of the proxies', script: files('/etc/caddy', '/etc/nginx', '/var/lib/caddy', '/var/log') },
  { what: 'the run directory', script: files('/run/nextdeploy') },
  { what: 'temporary files', script: files('/tmp', '/var/tmp') },
  { what: 'copies of the state', script: files('/var/backups') },
  {
    what: 'the journal, with the command line of who wrote each line',
    script: printed('journalctl --no-pager --output=verbose --all'),
  },
  { what: 'the systemd units', script: printed("systemctl show '*'") },
  {
    what: 'labels of containers',
    script: printed("docker ps --all --quiet | xargs --no-run-if-empty docker inspect --format '{{json .Config.Labels}}'"),
  },
  {
    what: 'docker inspect, where secrets are files',
    script: printed('docker ps --all --quiet --filter label=nextdeploy.app=sec-shop | xargs --no-run-if-empty docker inspect'),
  },
  {
    what: 'images, their history, networks and volumes',
    script: printed(
      'for id in $(docker images --quiet | sort -u); do docker inspect $id; docker history --no-trunc $id; done; docker network inspect $(docker network ls --quiet); docker volume ls --quiet | xargs --no-run-if-empty docker volume inspect',
    ),
  },
  { what: 'the processes of the daemon', script: printed(PROCESSES) },
  { what: 'the processes that the daemon started for a deploy', script: printed(`cat ${WATCHED_FILE}`) },
];

/** Forms in which a value may have been written down. Parts of lines, because `grep` takes lines. */
function formsOf(value: string): string[] {
  const bytes = Buffer.from(value);
  const forms = [
    value,
    JSON.stringify(value).slice(1, -1),
    encodeURIComponent(value),
    bytes.toString('hex'),
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('base64url'),
  ];
  return forms.flatMap((form) => form.split('\n')).filter((line) => line.length >= 8);
}

/** Puts the needles where the scripts find them. */
export async function placeNeedles(bed: Bed, needles: Needles): Promise<void> {
  await expectSuccess(bed, ['tee', NEEDLES_FILE], { input: `${Object.values(needles).flatMap(formsOf).join('\n')}\n` });
}

/** The needles that were found, by name, with where; nothing that the place holds by right. */
export async function hunt(bed: Bed, place: Pick<Place, 'script' | 'holds'>, needles: Needles): Promise<string[]> {
  const found = await expectSuccess(bed, ['sh', '-c', place.script], { timeoutMs: 120_000 });
  return found
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => `${namesIn(line, needles).join(', ')} ${line.replace(/:[^:]*$/, '')}`)
    .filter((line) => !(place.holds ?? []).some((name) => line.startsWith(`${name} `)));
}

/** Of the needles that a text holds in any form. */
export function namesIn(text: string, needles: Needles): string[] {
  return Object.keys(needles).filter((name) => formsOf(needles[name] ?? '').some((form) => text.includes(form)));
}

/** Writes down the command lines and environments of all that the daemon starts, as fast as it can, until {@link stopWatching}. */
export async function watchProcesses(bed: Bed): Promise<void> {
  const script = `while :; do ${PROCESSES}; done > ${WATCHED_FILE}`;
  await expectSuccess(bed, ['systemd-run', '--quiet', '--collect', `--unit=${WATCH_UNIT}`, '--', 'sh', '-c', script]);
}

/** Returns the programs that were seen. */
export async function stopWatching(bed: Bed): Promise<string> {
  await expectSuccess(bed, ['systemctl', 'stop', WATCH_UNIT]);
  return expectSuccess(bed, ['sh', '-c', `tr '\\0' '\\n' < ${WATCHED_FILE} | sort -u`]);
}

export async function clearHunt(bed: Bed): Promise<void> {
  await bed.exec(['rm', '--force', NEEDLES_FILE, WATCHED_FILE]);
}

/** All that can be read; a new one joins by itself. */
export const READ_ROUTES = (Object.keys(routes) as RouteName[]).filter((name) => routes[name].method === 'GET');

/** What the daemon answers, as text, whatever its kind. `params`: by name, in each route's own sense. */
export function readRoute(
  socketPath: string,
  token: string,
  name: RouteName,
  params: Record<string, string>,
): Promise<{ status: number; text: string }> {
  const path = routes[name].path.replace(/:([a-z]+)/g, (_, key: string) => {
    const value = params[`${name}.${key}`] ?? params[key];
    if (value === undefined) throw new Error(`say what :${key} of ${name} is`);
    return encodeURIComponent(value);
  });
  const headers = { Host: 'nextdeploy', Authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path: `${path}${queryFor(name)}`, headers, agent: false }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(pieces).toString('latin1') }));
    });
    outgoing.on('error', reject).end();
  });
}
