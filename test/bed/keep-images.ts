import type { Bed } from './bed.ts';

/**
 * Gives images on a server a second name that is not ours (DESIGN §4, retention): what no app uses between two tests stays there, and no test
 * takes it from the next.
 */
export async function keepImages(bed: Pick<Bed, 'exec'>, images: readonly string[]): Promise<void> {
  for (const image of images) {
    const { code, stderr } = await bed.exec(['docker', 'tag', image, `keep/${image}`]);
    if (code !== 0) throw new Error(`${image} cannot be kept: ${stderr}`);
  }
}
