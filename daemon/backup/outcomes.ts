/** What becomes of each app once the state is restored. Pure. */
import type { MissingImage, RestoredApp } from '../contract/backup.ts';
import type { Release } from '../contract/domain.ts';
import type { ObservedContainer } from '../engine/ports.ts';
import type { AppRecord } from '../engine/state.ts';

export interface Sight {
  apps: readonly AppRecord[];
  releases: readonly Release[];
  /** Of this host; null: Docker does not answer. */
  containers: readonly ObservedContainer[] | null;
  /** Content ids of those of the releases' images that are here; null: not known. */
  images: ReadonlySet<string> | null;
  /** Whether the operation that made a container is known to the state that is restored. */
  isKnown(operation_id: string): boolean;
}

export function decideOutcomes(sight: Sight): RestoredApp[] {
  return sight.apps.map((app) => ({ name: app.name, ...outcomeOf(app, sight) }));
}

function outcomeOf(app: AppRecord, { releases, containers, images, isKnown }: Sight): Omit<RestoredApp, 'name'> {
  const { name, release, slot, replicas } = app;
  const start = `\`nextdeploy start ${name}\``;
  if (release === null || app.wanted === 'stopped') return { outcome: 'stays_stopped', detail: '' };
  const own = (containers ?? []).filter(
    (one) => one.app_name === name && one.role === 'replica' && one.release === release && one.slot === slot,
  );
  if (own.length === replicas && own.every(({ is_running, operation_id }) => is_running && isKnown(operation_id)))
    return { outcome: 'serves_on', detail: '' };
  const found = releases.find(({ app_name, id }) => app_name === name && id === release);
  const image = found?.image ?? 'its image';
  if (images === null)
    return { outcome: 'needs_image', detail: `Docker does not answer; see to it that ${image} is here, then ${start}` };
  if (found !== undefined && images.has(found.image_id)) return { outcome: 'starts', detail: '' };
  const id = found === undefined ? '' : ` (${found.image_id.slice(0, 19)})`;
  return { outcome: 'needs_image', detail: `load or pull ${image}${id}, then ${start}` };
}

/** Of what can serve, or may again. */
export function findMissingImages({ apps, releases, images }: Pick<Sight, 'apps' | 'releases' | 'images'>): MissingImage[] {
  const live = new Map(apps.map(({ name, release }) => [name, release]));
  return releases
    .filter(
      ({ state, image_id }) => (state === 'live' || state === 'standby') && image_id !== '' && images?.has(image_id) !== true,
    )
    .map(({ app_name, id, image, image_id }) => ({ app_name, release: id, image, image_id, is_live: live.get(app_name) === id }));
}
