import { LIMITS } from '../contract/limits.ts';

/** Said to a subscriber in place of messages that it was too slow to take. */
export interface Dropped {
  dropped: number;
}

export interface SubscribeOptions {
  /** Ends the iteration quietly. */
  signal: AbortSignal;
  /** Messages kept for a slow reader; beyond it the oldest are dropped and counted. */
  buffer_max?: number;
}

/**
 * Fans messages out to any number of subscribers without ever waiting for one of them: each has a bounded buffer, and
 * what it loses is counted and said to it as `{dropped: n}` at the place of the loss.
 */
export class Hub<T> {
  readonly #subscribers = new Set<Subscriber<T>>();

  get subscriberCount(): number {
    return this.#subscribers.size;
  }

  publish(message: T): void {
    for (const subscriber of this.#subscribers) subscriber.push(message);
  }

  /**
   * Messages published from this call on: the subscription exists before the first `next()`, so nothing is missed
   * between subscribing and reading. It ends when `signal` is aborted or the loop over it is left.
   */
  subscribe({ signal, buffer_max = LIMITS.subscriber_buffer_messages }: SubscribeOptions): AsyncIterableIterator<T | Dropped> {
    const subscriber = new Subscriber<T>(buffer_max);
    if (signal.aborted) {
      subscriber.end();
      return subscriber;
    }
    const leave = () => {
      this.#subscribers.delete(subscriber);
      subscriber.end();
    };
    this.#subscribers.add(subscriber);
    signal.addEventListener('abort', leave, { once: true });
    subscriber.onReturn = () => {
      signal.removeEventListener('abort', leave);
      leave();
    };
    return subscriber;
  }
}

class Subscriber<T> implements AsyncIterableIterator<T | Dropped> {
  onReturn: () => void = () => undefined;
  readonly #bufferMax: number;
  /** Oldest first from `#head`; the space before it is given back in one go, so that taking is O(1) on average. */
  #buffer: T[] = [];
  #head = 0;
  #dropped: number = 0;
  #ended: boolean = false;
  #waiting: ((result: IteratorResult<T | Dropped>) => void) | undefined;

  constructor(bufferMax: number) {
    this.#bufferMax = Math.max(1, bufferMax);
  }

  push(message: T): void {
    if (this.#ended) return;
    const waiting = this.#waiting;
    if (waiting !== undefined) {
      this.#waiting = undefined;
      waiting({ done: false, value: message });
      return;
    }
    this.#buffer.push(message);
    if (this.#buffer.length - this.#head > this.#bufferMax) {
      this.#take();
      this.#dropped += 1;
    }
  }

  end(): void {
    this.#ended = true;
    this.#buffer = [];
    this.#head = 0;
    this.#waiting?.({ done: true, value: undefined });
    this.#waiting = undefined;
  }

  next(): Promise<IteratorResult<T | Dropped>> {
    if (this.#waiting !== undefined) throw new Error('A subscription has one reader: next() was called while one was pending.');
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    if (this.#dropped > 0) {
      const value = { dropped: this.#dropped };
      this.#dropped = 0;
      return Promise.resolve({ done: false, value });
    }
    if (this.#buffer.length > this.#head) return Promise.resolve({ done: false, value: this.#take() });
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  return(): Promise<IteratorResult<T | Dropped>> {
    this.onReturn();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #take(): T {
    const message = this.#buffer[this.#head] as T; // callers have checked that there is one
    this.#head += 1;
    if (this.#head > this.#bufferMax) {
      this.#buffer = this.#buffer.slice(this.#head);
      this.#head = 0;
    }
    return message;
  }
}
