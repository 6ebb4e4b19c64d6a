/** Which releases can be gone back to no more, and which images go with them. Pure. */
import type { Image, Release } from '../contract/domain.ts';
import { isNamedBy, parseReference } from '../contract/image-names.ts';
import { previousRelease } from '../contract/rules.ts';
import type { Arrival, ObservedContainer, ReleaseImage, RemovedImage } from './ports.ts';
import type { AppRecord, OperationRecord } from './state.ts';

export interface RetentionSettings {
  /** Standby releases of each app that are kept, beside the live one and the one a rollback goes to. */
  releases_kept: number;
  /** Of Docker's disk; below it more goes. */
  disk_free_percent_min: number;
}

export interface RetentionSight {
  /** Of all apps, in any state and order. */
  releases: readonly Release[];
  /** Of apps that were removed since. */
  removed: readonly RemovedImage[];
  apps: readonly Pick<AppRecord, 'name' | 'release'>[];
  /** In flight. */
  operations: readonly Pick<OperationRecord, 'app_name' | 'release' | 'from_release' | 'steps'>[];
  /** All on this host. */
  images: readonly Image[];
  /** Within the last {@link LIMITS.image_grace_ms}. */
  arrivals: readonly Arrival[];
  /** Ours. */
  containers: readonly Pick<ObservedContainer, 'app_name' | 'release'>[];
  /** Null: not known. */
  disk: DiskSpace | null;
}

export interface DiskSpace {
  total_bytes: number;
  available_bytes: number;
}

export interface RetentionPlan {
  prune: { app_name: string; release: string; reason: string }[];
  /** Needed by nothing once that is done; with the names that our releases gave them. */
  images: { id: string; references: string[] }[];
}

/**
 * How a release's image is kept. `held`: always. `spare`: one of the newest that served, until the disk is low. `attempt`: the last one made,
 * which failed; whoever sets its configuration right deploys the same image again, and one that was loaded is in no registry. `surplus`: it
 * served, and can go. `over`: nobody can go back to it.
 */
type Standing = 'held' | 'spare' | 'attempt' | 'surplus' | 'over';

/**
 * By count always; when the disk is low, and nothing else can go, also the oldest spare image of all apps: one at a time, because what that
 * frees is known only afterwards. Carrying it out twice does nothing more.
 */
export function planRetention(sight: RetentionSight, settings: RetentionSettings): RetentionPlan {
  const standings = new Map(sight.releases.map((release) => [release, 'over' as Standing]));
  for (const releases of Map.groupBy(sight.releases, ({ app_name }) => app_name).values()) {
    for (const [release, standing] of standingsOf(releases, sight, settings)) standings.set(release, standing);
  }
  const among = (...wanted: Standing[]) => sight.releases.filter((release) => wanted.includes(standings.get(release) ?? 'held'));
  const isLow = sight.disk !== null && freePercent(sight.disk) < settings.disk_free_percent_min;

  const kept = among('held', 'spare', ...(isLow ? [] : (['attempt'] as const)));
  const reason = `it is not among the ${settings.releases_kept} newest that are kept`;
  const prune = among('surplus').map((release) => pruning(release, reason));
  const images = removableImages(sight, kept);
  if (!isLow || images.length > 0) return { prune, images };

  const oldest = oldestSpareImage(sight, among('held'), among('spare'));
  if (oldest === null) return { prune, images };
  const going = among('spare').filter(({ image_id }) => image_id === oldest.id);
  return { prune: [...prune, ...going.map((release) => pruning(release, 'the disk is nearly full'))], images: [oldest] };
}

export function freePercent({ total_bytes, available_bytes }: DiskSpace): number {
  return total_bytes > 0 ? (100 * available_bytes) / total_bytes : 100;
}

function pruning({ app_name, id }: Release, reason: string): RetentionPlan['prune'][number] {
  return { app_name, release: id, reason };
}

const numberOf = ({ id }: Release) => Number(id.slice(1));
const repositoryOf = (reference: string) => parseReference(reference).repository;

/** Of the releases of one app. */
function standingsOf(
  releases: readonly Release[],
  { apps, operations }: RetentionSight,
  { releases_kept }: RetentionSettings,
): (readonly [Release, Standing])[] {
  const newestFirst = releases.toSorted((a, b) => numberOf(b) - numberOf(a));
  const app = apps.find(({ name }) => name === releases[0]?.app_name);
  // Releases of an app that is not known are left as they are.
  if (!app) return newestFirst.map((release) => [release, 'held']);
  const named = operations.filter(({ app_name }) => app_name === app.name).flatMap((one) => [one.release, one.from_release]);
  const held = new Set([app.release, previousRelease(releases, app.release)?.id, ...named]);
  const standby = newestFirst.filter(({ state }) => state === 'standby');
  const newest = new Set(standby.slice(0, releases_kept));
  return newestFirst.map((release, index) => {
    const { id, state } = release;
    if (held.has(id) || state === 'live' || state === 'pending') return [release, 'held'];
    if (state === 'standby') return [release, newest.has(release) ? 'spare' : 'surplus'];
    return [release, state === 'failed' && index === 0 ? 'attempt' : 'over'];
  });
}

/** Ours, and neither a kept release nor a container nor an operation nor somebody else's name holds them. */
function removableImages(sight: RetentionSight, kept: readonly Release[]): RetentionPlan['images'] {
  const { releases, removed, containers, operations } = sight;
  const inUse = releases.filter(({ app_name, id }) => containers.some((one) => one.app_name === app_name && one.release === id));
  const expected = sight.arrivals.filter((arrival) => isExpected(arrival, sight));
  const needed = new Set([...kept, ...inUse, ...expected].map(({ image_id }) => image_id));
  const byImage = Map.groupBy<string, ReleaseImage>([...releases, ...removed], ({ image_id }) => image_id);
  const awaited = operations.flatMap(awaitedImages);
  const isAwaited = ({ id, references }: Image) =>
    awaited.some((name) => name === id || references.some((one) => repositoryOf(one) === repositoryOf(name)));
  return sight.images.flatMap((image) => {
    const ours = byImage.get(image.id);
    if (!ours || needed.has(image.id) || isAwaited(image)) return [];
    const references = [...new Set(ours.map((release) => release.image))];
    const isOnlyOurs = image.references.every((one) => references.some((name) => isNamedBy(one, name)));
    return isOnlyOurs ? [{ id: image.id, references }] : [];
  });
}

/** The deploy that it was brought for has not begun yet; or else its release is still there, or its app was removed since. */
function isExpected({ image_id, at }: Arrival, { releases, removed }: RetentionSight): boolean {
  const uses = [
    ...releases.map((release) => ({ ...release, used_at: release.created_at })),
    ...removed.map((image) => ({ ...image, used_at: image.removed_at })),
  ];
  return !uses.some((use) => use.image_id === image_id && Date.parse(use.used_at) >= Date.parse(at));
}

/** What an operation may just have found on this host without its release saying so yet: names, and content ids. */
function awaitedImages({ steps }: Pick<OperationRecord, 'steps'>): string[] {
  return steps.flatMap(({ step }) =>
    step.name === 'pull' ? [step.image.reference, step.image.pinned_image_id ?? []].flat() : [],
  );
}

/** The one whose newest release is the oldest; null: whatever is left is held. */
function oldestSpareImage(
  sight: RetentionSight,
  held: readonly Release[],
  spare: readonly Release[],
): RetentionPlan['images'][number] | null {
  const candidates = removableImages(sight, held).map((image) => {
    const made = spare.filter(({ image_id }) => image_id === image.id).map(({ created_at }) => Date.parse(created_at));
    return { image, made: Math.max(...made) };
  });
  return candidates.toSorted((a, b) => a.made - b.made)[0]?.image ?? null;
}
