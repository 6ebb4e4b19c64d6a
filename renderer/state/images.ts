import type { AppStatus, Image, Release } from '../../daemon/contract/domain.ts';
import { PATTERNS } from '../../daemon/contract/rules.ts';

export interface ImageChoice {
  reference: string;
  image: Image;
}

/** `registry.example.com/shop:1.4` → `registry.example.com/shop`: neither tag nor digest. */
export function repositoryOf(reference: string): string {
  const withoutDigest = reference.split('@')[0] ?? reference;
  const colon = withoutDigest.lastIndexOf(':');
  return colon > withoutDigest.lastIndexOf('/') ? withoutDigest.slice(0, colon) : withoutDigest;
}

/** Each reference that can be deployed, newest image first; an app's own repository comes before the others. */
export function imageChoices(images: readonly Image[], liveReference?: string): ImageChoice[] {
  const own = liveReference === undefined ? null : repositoryOf(liveReference);
  const rank = (choice: ImageChoice) => (own !== null && repositoryOf(choice.reference) === own ? 0 : 1);
  return images
    .flatMap((image) => image.references.map((reference) => ({ reference, image })))
    .toSorted(
      (a, b) =>
        rank(a) - rank(b) ||
        b.image.created_at.localeCompare(a.image.created_at) ||
        b.reference.localeCompare(a.reference, 'en', { numeric: true }),
    );
}

/** The image that a text names and that is not among `choices`: one to be pulled. Null where it names none, or none in particular. */
export function namedImage(text: string, choices: readonly ImageChoice[]): string | null {
  const name = text.trim();
  const isParticular = repositoryOf(name) !== name && PATTERNS.image_reference.test(name);
  return isParticular && choices.every(({ reference }) => reference !== name) ? name : null;
}

/**
 * The image that a swap would most likely be to: of the live image's repository, built after it. Null where there is
 * none, or where the live image is unknown here and so nothing can be called newer.
 */
export function newerImage(images: readonly Image[], app: AppStatus, liveRelease: Release | undefined): ImageChoice | null {
  const live = images.find((image) => image.id === liveRelease?.image_id || image.references.includes(app.version));
  if (live === undefined) return null;
  const first = imageChoices(images, app.version)[0];
  if (first === undefined || repositoryOf(first.reference) !== repositoryOf(app.version)) return null;
  return first.image.id !== live.id && first.image.created_at > live.created_at ? first : null;
}
