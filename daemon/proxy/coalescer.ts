type Undo = () => Promise<void>;

/** Runs an action that serves all who asked before it began: who asks while it runs shares one further run. */
export class Coalescer {
  readonly #action: () => Promise<void>;
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;
  /** Of those whose run has not begun. */
  #undos: Undo[] = [];

  constructor(action: () => Promise<void>) {
    this.#action = action;
  }

  /**
   * Resolves when a run that began after this call has ended; rejects with that run's error. Before that `undo` is called, and no other
   * run begins before it has ended: what made this one fail would fail the next as well.
   */
  run(undo?: Undo): Promise<void> {
    if (undo) this.#undos.push(undo);
    if (this.#next) return this.#next;
    if (!this.#running) {
      this.#running = this.#runOnce().finally(() => {
        this.#running = null;
      });
      return this.#running;
    }
    this.#next = this.#running
      .catch(() => undefined)
      .then(() => {
        this.#next = null;
        return this.run();
      });
    return this.#next;
  }

  async #runOnce(): Promise<void> {
    const undos = this.#undos;
    this.#undos = [];
    try {
      await this.#action();
    } catch (error) {
      await Promise.allSettled(undos.map((undo) => undo()));
      throw error;
    }
  }
}
