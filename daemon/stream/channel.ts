/** A bounded queue of many writers and one reader: a full one makes its writers wait. Closed by its signal. */
export class Channel<T extends object> {
  readonly #max: number;
  readonly #signal: AbortSignal;
  readonly #items: T[] = [];
  readonly #writers: (() => void)[] = [];
  #failure: { error: unknown } | undefined;
  #wake: () => void = () => undefined;

  constructor(max: number, signal: AbortSignal) {
    this.#max = max;
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#onAbort(), { once: true });
  }

  /** Resolves when there is room; an item put into a closed channel is forgotten. */
  async put(item: T): Promise<void> {
    while (this.#items.length >= this.#max && !this.#signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#writers.push(resolve);
      });
    }
    if (this.#signal.aborted) return;
    this.#items.push(item);
    this.#wake();
  }

  /** The next item if one is there already. */
  poll(): T | undefined {
    if (this.#items.length > 0) this.#writers.shift()?.();
    return this.#items.shift();
  }

  /** The reader gets the error after the items that came before it. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake();
  }

  /** The next item; `timeout` after `timeout_ms` without one, `closed` once the signal is aborted. */
  async take(timeout_ms: number | undefined): Promise<T | 'timeout' | 'closed'> {
    if (this.#items.length === 0 && !this.#signal.aborted && this.#failure === undefined) await this.#wait(timeout_ms);
    if (this.#signal.aborted) return 'closed';
    const item = this.poll();
    if (item !== undefined) return item;
    if (this.#failure !== undefined) throw this.#failure.error;
    return 'timeout';
  }

  async #wait(timeout_ms: number | undefined): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (timeout_ms !== undefined) timer = setTimeout(resolve, timeout_ms);
    });
    clearTimeout(timer);
  }

  #onAbort(): void {
    for (const resolve of this.#writers.splice(0)) resolve();
    this.#wake();
  }
}
