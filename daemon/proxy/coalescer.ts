/** Runs an action that serves all who asked before it began: who asks while it runs shares one further run. */
export class Coalescer {
  readonly #action: () => Promise<void>;
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  constructor(action: () => Promise<void>) {
    this.#action = action;
  }

  /** Resolves when a run that began after this call has ended; rejects with that run's error. */
  run(): Promise<void> {
    if (!this.#running) {
      this.#running = this.#action().finally(() => {
        this.#running = null;
      });
      return this.#running;
    }
    this.#next ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#next = null;
        return this.run();
      });
    return this.#next;
  }
}
