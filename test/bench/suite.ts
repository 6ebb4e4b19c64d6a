import type { Figure } from './figures.ts';

export interface BenchContext {
  /** Fewer repetitions: shows that it works, the figures mean little. */
  isQuick: boolean;
  signal: AbortSignal;
  /** A line of progress, for a person. */
  say(line: string): void;
  /** A figure, as soon as it is measured. */
  emit(figure: Figure): void;
}

/** Measures and emits its figures; throws when it could not measure. Leaves nothing behind either way. */
export type Suite = (context: BenchContext) => Promise<void>;
