/** Images as Docker describes them: names, digests, platforms. Pure. */
import { z } from 'zod';
import type { Image } from '../../contract/domain.ts';
import { isNamedBy, parseReference } from '../../contract/image-names.ts';
import type { Platform } from './pull-failures.ts';

export const inspectSchema = z.object({
  Id: z.string(),
  RepoTags: z.array(z.string()).nullish(),
  RepoDigests: z.array(z.string()).nullish(),
  Size: z.number(),
  Created: z.string(),
  Architecture: z.string().default(''),
  Os: z.string().default(''),
});
export type Inspected = z.infer<typeof inspectSchema>;
export const listSchema = z.array(
  z.object({
    Id: z.string(),
    RepoTags: z.array(z.string()).nullish(),
    RepoDigests: z.array(z.string()).nullish(),
    Size: z.number(),
    Created: z.number(),
  }),
);

/** The names of an image that go when these references go, and those that keep it. Pure. */
export function namesOf(
  image: Pick<Inspected, 'RepoTags' | 'RepoDigests'>,
  references: readonly string[],
): { ours: string[]; others: string[] } {
  const isOurs = (name: string) => references.some((reference) => isNamedBy(name, reference));
  const names = [...tagsOf(image), ...(image.RepoDigests ?? []).filter((name) => !name.startsWith('<none>'))];
  return { ours: names.filter(isOurs), others: names.filter((name) => !isOurs(name)) };
}

/** The digest is the image's own id, or one that its registry gave it under this name. */
export function hasDigest({ Id, RepoDigests }: Inspected, reference: string): boolean {
  const { repository, digest } = parseReference(reference);
  return Id === digest || (RepoDigests ?? []).includes(`${repository}@${digest}`);
}

export function describe(
  image: Pick<Inspected, 'Id' | 'RepoTags' | 'RepoDigests' | 'Size'> & { Created: string | number },
): Image {
  const tags = tagsOf(image);
  // An image that was pulled by its digest has no other name.
  const references = tags.length > 0 ? tags : (image.RepoDigests ?? []).filter((name) => !name.startsWith('<none>'));
  return { id: image.Id, references, size_bytes: image.Size, created_at: new Date(image.Created || 0).toISOString() };
}

function tagsOf({ RepoTags }: Pick<Inspected, 'RepoTags'>): string[] {
  return (RepoTags ?? []).filter((tag) => tag !== '<none>:<none>');
}

export function platformOf({ Os, Architecture }: Inspected): Platform {
  return { os: Os, architecture: Architecture };
}

/** As Docker, which runs on the same host, names it. */
export function hostPlatform(): Platform {
  const names: Partial<Record<NodeJS.Architecture, string>> = { x64: 'amd64', ia32: '386' };
  return { os: 'linux', architecture: names[process.arch] ?? process.arch };
}

/** Slashes stand as they are in Docker's paths. */
export function encodeReference(reference: string): string {
  return reference.split('/').map(encodeURIComponent).join('/');
}
