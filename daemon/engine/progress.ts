/** Tells how far running operations are: at most once a second each, and the last state always. */
import { LIMITS } from '../contract/limits.ts';
import type { Clock } from './ports.ts';
import type { StepProgress } from './state.ts';

export interface ProgressParts {
  clock: Pick<Clock, 'monotonicMs' | 'sleep'>;
  /** Tells it, and returns the event's number, or null when that was not possible. `overtaken`: the event that it stands in for. */
  tell(id: string, progress: StepProgress, overtaken: number | null): number | null;
  /** Aborted when the daemon stops. */
  stopping: AbortSignal;
}

interface Known {
  told_ms: number;
  seq: number | null;
  /** Not told yet. */
  pending: StepProgress | null;
  isWaiting: boolean;
}

export class Progress {
  readonly #parts: ProgressParts;
  readonly #known = new Map<string, Known>();

  constructor(parts: ProgressParts) {
    this.#parts = parts;
  }

  add(id: string, progress: StepProgress): void {
    const { clock, stopping } = this.#parts;
    const known = this.#known.get(id) ?? { told_ms: Number.NEGATIVE_INFINITY, seq: null, pending: null, isWaiting: false };
    this.#known.set(id, known);
    known.pending = progress;
    const rest_ms = known.told_ms + LIMITS.progress_interval_ms - clock.monotonicMs();
    if (rest_ms <= 0) this.#tell(id);
    else if (!known.isWaiting) {
      known.isWaiting = true;
      const tell = () => {
        known.isWaiting = false;
        this.#tell(id);
      };
      clock.sleep(rest_ms, stopping).then(tell, () => undefined); // the daemon stops
    }
  }

  /** Tells what is not told yet, and keeps it; before anything else is told of the operation. */
  settle(id: string): void {
    this.#tell(id);
    const known = this.#known.get(id);
    if (known) known.seq = null;
  }

  /** The operation has ended. */
  forget(id: string): void {
    this.#known.delete(id);
  }

  #tell(id: string): void {
    const known = this.#known.get(id);
    if (known === undefined || known.pending === null) return;
    const { clock, tell } = this.#parts;
    const progress = known.pending;
    Object.assign(known, { pending: null, told_ms: clock.monotonicMs() });
    known.seq = tell(id, progress, known.seq) ?? known.seq;
  }
}
