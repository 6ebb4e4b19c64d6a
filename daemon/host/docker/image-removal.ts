/** Removes an image whole or not at all: of one that stays without its names nobody knows any more what it is. */
import { z } from 'zod';
import { parseReference } from '../../contract/image-names.ts';
import { type DockerClient, DockerError } from './client.ts';
import { encodeReference, type Inspected, namesOf } from './image-model.ts';

const containersSchema = z.array(z.object({ ImageID: z.string() }));
const parentsSchema = z.array(z.object({ ParentId: z.string().default('') }));
// Untagged parents stay: they are somebody's cache of builds.
const OPTIONS = { force: false, noprune: true };
const CONFLICT = 409;
const NOT_FOUND = 404;

/** Removes the image with these names; `false` when it has others, or a container or another image needs it: then it keeps all of them. */
export async function removeImage(
  client: DockerClient,
  image: Pick<Inspected, 'Id' | 'RepoTags' | 'RepoDigests'>,
  references: readonly string[],
  signal: AbortSignal,
): Promise<boolean> {
  const { ours, others } = namesOf(image, references);
  if (others.length > 0 || (await isNeeded(client, image.Id, signal))) return false;
  // Docker takes an image by its id with a last tag and that repository's digests, all or nothing; other names have to go before.
  const last = ours.find(isTag) ?? ours[0];
  const earlier = ours.filter((name) => name !== last && (isTag(name) || repositoryOf(name) !== repositoryOf(last ?? '')));
  try {
    for (const name of [...earlier, image.Id]) await removeName(client, name, signal);
  } catch (error) {
    if (!(error instanceof DockerError && error.status === CONFLICT)) throw error;
    // Somebody has begun to use it since.
    for (const name of earlier.filter(isTag)) await giveName(client, image.Id, name, signal);
    return false;
  }
  return true;
}

function isTag(name: string): boolean {
  return !name.includes('@');
}

function repositoryOf(name: string): string {
  return parseReference(name).repository;
}

/** By a container, running or not, or by an image that was built on it. */
async function isNeeded(client: DockerClient, imageId: string, signal: AbortSignal): Promise<boolean> {
  const [containers, images] = await Promise.all([
    client.call((docker) => docker.listContainers({ all: true }), { signal }),
    client.call((docker) => docker.listImages({ all: true }), { signal }),
  ]);
  const isUsed = containersSchema.parse(containers).some(({ ImageID }) => ImageID === imageId);
  return isUsed || parentsSchema.parse(images).some(({ ParentId }) => ParentId === imageId);
}

async function removeName(client: DockerClient, name: string, signal: AbortSignal): Promise<void> {
  try {
    await client.call((docker) => docker.getImage(encodeReference(name)).remove(OPTIONS), { signal });
  } catch (error) {
    if (!(error instanceof DockerError && error.status === NOT_FOUND)) throw error;
  }
}

async function giveName(client: DockerClient, imageId: string, name: string, signal: AbortSignal): Promise<void> {
  const { repository, tag } = parseReference(name);
  await client.call((docker) => docker.getImage(encodeReference(imageId)).tag({ repo: repository, tag: tag ?? '' }), { signal });
}
