/** Releases as text. Pure. */
import { compareConfigurations, compareReleases, type Difference } from '../contract/compare.ts';
import { appConfigurationSchema } from '../contract/configuration.ts';
import type { Release } from '../contract/domain.ts';
import type { NextCoreMetadata } from '../contract/nextcore.ts';
import { differenceLines, summaryOf } from './differences.ts';
import { age, elidedTable, pairs } from './format.ts';
import { printable } from './terminal.ts';

/** A release and how it departs from another, by id; null: there is none before it. */
export interface Compared {
  release: Release;
  before: string | null;
  differences: Difference[];
}

export function compare(before: Release | null, release: Release): Compared {
  return { release, before: before?.id ?? null, differences: compareReleases(before, release) };
}

/** The newest older release that has served. Any order of `releases`. */
export function releaseBefore(releases: readonly Release[], { id }: Release): Release | null {
  const numberOf = (release: Pick<Release, 'id'>) => Number(release.id.slice(1));
  const served = releases.filter(({ state }) => state !== 'pending' && state !== 'failed');
  const older = served.filter((release) => numberOf(release) < numberOf({ id }));
  return older.toSorted((a, b) => numberOf(b) - numberOf(a))[0] ?? null;
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
  return elided === undefined ? text : `${text}\nIn full: nextdeploy operation ID, such as ${elided.operation_id}`;
}

export function comparedLines({ release, before, differences }: Compared): string[] {
  if (before === null) return [`${release.id} is the first of those that are known.`];
  if (differences.length === 0) return [`${release.id} is the same as ${before}.`];
  return [`${release.id} differs from ${before} in:`, ...differenceLines(differences).map((line) => printable(line))];
}

export function releaseDetails(compared: Compared): string {
  const { release } = compared;
  const plain = appConfigurationSchema.parse({});
  const head: [string, string][] = [
    ['release', `${release.id} of ${release.app_name}`],
    ['state', release.state],
    ['image', release.image],
    ['image id', release.image_id],
    ['by', release.created_by],
    ['created', release.created_at],
    ['operation', release.operation_id],
  ];
  if (release.ended_at !== null) head.push(['ended', release.ended_at]);
  if (release.end_reason !== null) head.push(['because', release.end_reason]);
  head.push(['runs with', summaryOf(compareConfigurations(plain, release.configuration)) || 'the defaults']);
  if (release.nextcore !== null) head.push(...nextCoreEntries(release.nextcore));
  return [pairs(head), '', ...comparedLines(compared)].join('\n');
}

/** Such as `Next.js 16.0.1 (standalone), build x, commit 0123456 on main`. */
export function nextCoreWords({ next_version, output, build_id, git }: NextCoreMetadata): string {
  const branch = git?.branch === undefined ? '' : ` on ${git.branch}`;
  const dirty = git?.is_dirty === true ? ', with uncommitted changes' : '';
  const commit = git === undefined ? '' : `, commit ${git.commit.slice(0, 12)}${branch}${dirty}`;
  return `Next.js ${next_version} (${output}), build ${build_id}${commit}`;
}

function nextCoreEntries(nextcore: NextCoreMetadata): [string, string][] {
  const { routes, public_env, deployment_id, node_version, package_manager, static_directory, health_path, port } = nextcore;
  const counts = [`${routes.static.length} static`, `${routes.dynamic.length} dynamic`, `${routes.isr.length} ISR`];
  const tools = [
    ...(node_version === undefined ? [] : [`Node.js ${node_version}`]),
    ...(package_manager === undefined ? [] : [package_manager]),
  ];
  const suggested = [
    ...(health_path === undefined ? [] : [`health path ${health_path}`]),
    ...(port === undefined ? [] : [`port ${port}`]),
  ];
  const entries: [string, string][] = [
    ['build', nextCoreWords(nextcore)],
    ['deployment', deployment_id ?? ''],
    ['routes', `${counts.join(', ')}${routes.middleware ? ', middleware' : ''}`],
    ['static', static_directory ?? ''],
    ['suggests', suggested.join(', ')],
    ['public env', public_env.join(' ')],
    ['built with', tools.join(', ')],
  ];
  return entries.filter(([, value]) => value !== '');
}
