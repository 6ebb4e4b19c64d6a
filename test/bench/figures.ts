/** What a measurement says: a figure, what it is measured against, and whether its goal is met. Pure. */

/** One line of `npm run bench -- SUITE --json`. */
export interface Figure {
  name: string;
  value: number;
  unit: string;
  /** The same quantity for the reference of the same run; null where there is none. */
  reference: number | null;
  /** value / reference; null without a reference, and for counts of errors. */
  ratio: number | null;
  /** Bounds the ratio, or the value where there is no ratio; null: measured for comparison only. */
  goal: number | null;
  /** Whether the goal is met; true where there is none. */
  ok: boolean;
}

export type Goal = { at_most: number } | { at_least: number };

/** A figure that is judged by its ratio to a reference. Throws when the reference is not above 0: then nothing was measured. */
export function ratioFigure(
  name: string,
  unit: string,
  measured: { value: number; reference: number },
  goal: Goal | null,
): Figure {
  const { value, reference } = measured;
  if (!(reference > 0) || !Number.isFinite(value)) throw new Error(`${name} was not measured: ${value} against ${reference}`);
  const ratio = value / reference;
  return { name, value, unit, reference, ratio, ...judged(ratio, goal) };
}

/** A figure that is judged by its own value; `reference` stands beside it for comparison. */
export function countFigure(
  name: string,
  unit: string,
  measured: { value: number; reference: number | null },
  goal: Goal | null,
): Figure {
  return { name, value: measured.value, unit, reference: measured.reference, ratio: null, ...judged(measured.value, goal) };
}

function judged(judgedValue: number, goal: Goal | null): Pick<Figure, 'goal' | 'ok'> {
  if (goal === null) return { goal: null, ok: true };
  if ('at_most' in goal) return { goal: goal.at_most, ok: judgedValue <= goal.at_most };
  return { goal: goal.at_least, ok: judgedValue >= goal.at_least };
}

/** The figure as its line of JSON, numbers to four significant digits. */
export function jsonLine(figure: Figure): string {
  return JSON.stringify(figure, (_key, value: unknown) => (typeof value === 'number' ? significant(value) : value));
}

/** All figures as a table for a person. */
export function table(figures: readonly Figure[]): string {
  const head = ['figure', 'value', 'reference', 'ratio', 'goal', ''];
  const rows = figures.map((figure) => [
    figure.name,
    `${significant(figure.value)} ${figure.unit}`,
    figure.reference === null ? '' : `${significant(figure.reference)} ${figure.unit}`,
    figure.ratio === null ? '' : figure.ratio.toFixed(2),
    figure.goal === null ? '' : String(figure.goal),
    figure.goal === null ? '–' : figure.ok ? '✓ met' : '✗ missed',
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  return [head, ...rows]
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export interface Spread {
  median: number;
  min: number;
  max: number;
  /** First and third quartile. */
  quartiles: [number, number];
  count: number;
}

/** Median and spread of a sample. Throws when it is empty. */
export function spreadOf(sample: readonly number[]): Spread {
  const sorted = sample.toSorted((a, b) => a - b);
  const [min, max] = [sorted[0], sorted.at(-1)];
  if (min === undefined || max === undefined) throw new Error('nothing was measured');
  const at = (part: number) => quantile(sorted, part);
  return { median: at(0.5), min, max, quartiles: [at(0.25), at(0.75)], count: sorted.length };
}

/** `12.3 ms (quartiles 12.0 to 12.9, range 11.8 to 20.1, 10 samples)`. */
export function describeSpread(sample: readonly number[], unit: string): string {
  const { median, min, max, quartiles, count } = spreadOf(sample);
  const range = (from: number, to: number) => `${significant(from)} to ${significant(to)}`;
  return `${significant(median)} ${unit} (quartiles ${range(...quartiles)}, range ${range(min, max)}, ${count} samples)`;
}

/** Linear interpolation between the two nearest of a sorted, non-empty sample. */
function quantile(sorted: readonly number[], part: number): number {
  const position = (sorted.length - 1) * part;
  const below = sorted[Math.floor(position)] ?? Number.NaN;
  const above = sorted[Math.ceil(position)] ?? Number.NaN;
  return below + (above - below) * (position - Math.floor(position));
}

function significant(value: number): number {
  return Number(value.toPrecision(4));
}
