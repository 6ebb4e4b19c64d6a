/** At most so many at once; who comes later waits in turn, within bounds. */
export interface SemaphoreBounds {
  waiting_max: number;
  waiting_ms_max: number;
}

export class Semaphore {
  readonly #bounds: SemaphoreBounds;
  readonly #refuse: () => Error;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  /** `refuse` makes the error for whom there is no room to wait, or no longer. */
  constructor(bounds: SemaphoreBounds, refuse: () => Error) {
    this.#bounds = bounds;
    this.#refuse = refuse;
  }

  /** Resolves with how to give the place back (once) when fewer than `max` are taken. Rejects with the refusal, or the signal's reason. */
  async acquire(max: number, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#taken < max && this.#waiting.length === 0) this.#taken++;
    else await this.#wait(signal);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const next = this.#waiting.shift();
      // The place goes from hand to hand: nobody can slip in between.
      if (next === undefined) this.#taken--;
      else next();
    };
  }

  #wait(signal: AbortSignal): Promise<void> {
    if (this.#waiting.length >= this.#bounds.waiting_max) return Promise.reject(this.#refuse());
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(this.#bounds.waiting_ms_max)]);
    return new Promise((resolve, reject) => {
      const admit = () => {
        deadline.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = () => {
        this.#waiting.splice(this.#waiting.indexOf(admit), 1);
        reject(signal.aborted ? signal.reason : this.#refuse());
      };
      deadline.addEventListener('abort', giveUp, { once: true });
      this.#waiting.push(admit);
    });
  }
}
