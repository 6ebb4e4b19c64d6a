import type { Clock } from './ports.ts';

/** A clock whose time passes when somebody waits for it, and whose wall time can be set. */
export class ModelClock implements Clock {
  #passedMs = 0;
  #wallMs = Date.UTC(2026, 0, 1);
  #timers: { at: number; ring(): void }[] = [];

  now(): Date {
    return new Date(this.#wallMs + this.#passedMs);
  }

  monotonicMs(): number {
    return this.#passedMs;
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.pass(ms);
    signal.throwIfAborted();
  }

  timeout(ms: number): AbortSignal {
    const controller = new AbortController();
    const reason = new DOMException('the time is up', 'TimeoutError');
    this.#timers.push({ at: this.#passedMs + ms, ring: () => controller.abort(reason) });
    return controller.signal;
  }

  pass(ms: number): void {
    this.#passedMs += ms;
    const due = this.#timers.filter(({ at }) => at <= this.#passedMs);
    if (due.length === 0) return;
    this.#timers = this.#timers.filter(({ at }) => at > this.#passedMs);
    for (const { ring } of due) ring();
  }

  /** Lets time pass until the next timer. */
  passToNextTimer(): void {
    const next = Math.min(...this.#timers.map(({ at }) => at));
    if (next === Number.POSITIVE_INFINITY) throw new Error('nothing is waited for');
    this.pass(next - this.#passedMs);
  }

  /** The wall clock is set; nothing else notices. */
  jump(ms: number): void {
    this.#wallMs += ms;
  }
}
