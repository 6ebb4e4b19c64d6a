/** Whether a resource stays flat over a long run. Pure. */
import { countFigure, type Figure, spreadOf } from '../bench/figures.ts';

/** How much more the last quarter may need than the second: the larger of the two. */
export interface Tolerance {
  units: number;
  percent?: number;
}

/**
 * `soak.NAME.PROXY`: the growth of the median from the second quarter of the samples to the last, beside the second quarter's median. Half of the run
 * lies between the two, so whatever is lost at each swap has grown by half the number of swaps. The first quarter does not count: caches and heaps fill.
 * Throws for fewer than four samples.
 */
export function flatness(name: string, unit: string, samples: readonly number[], { units, percent = 0 }: Tolerance): Figure {
  const quarter = Math.floor(samples.length / 4);
  if (quarter < 1) throw new Error(`${samples.length} samples of ${name} are too few: four are the least`);
  const second = spreadOf(samples.slice(quarter, 2 * quarter)).median;
  const last = spreadOf(samples.slice(-quarter)).median;
  const allowed = Math.max(units, (second * percent) / 100);
  return countFigure(name, unit, { value: last - second, reference: second }, { at_most: allowed });
}
