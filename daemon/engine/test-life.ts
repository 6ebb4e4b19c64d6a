import type { Intent } from './engine.ts';
import type { World } from './ports.ts';
import { engineOver, run } from './test-engine.ts';
import type { ModelJournal } from './test-journal.ts';
import type { ModelWorld } from './test-world.ts';

/**
 * The world and the journal as one run of the daemon has them. Once it is killed nothing it does reaches them any more, and nothing
 * they do reaches it, as after SIGKILL.
 */
export class Life {
  readonly world: World;
  readonly journal: ModelJournal;
  readonly #death = Promise.withResolvers<void>();
  #isOver: boolean = false;

  constructor(world: ModelWorld, journal: ModelJournal) {
    const ports = world.ports();
    const parts = Object.entries(ports).map(([name, part]) => [name, this.#mortal(part as object)]);
    this.world = { ...(Object.fromEntries(parts) as World), clock: this.#mortalClock(ports.clock) };
    this.journal = new Proxy(journal, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          if (this.#isOver) throw new Error('this daemon is dead');
          return value.apply(target, args) as unknown;
        };
      },
    });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Resolves when it is over. */
  get death(): Promise<void> {
    return this.#death.promise;
  }

  end(): void {
    this.#isOver = true;
    this.#death.resolve();
  }

  #mortal<T extends object>(part: T): T {
    return new Proxy(part, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value === 'object' && value !== null) return this.#mortal(value);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => this.#call(() => value.apply(target, args) as unknown);
      },
    });
  }

  #mortalClock(clock: World['clock']): World['clock'] {
    const { now, monotonicMs, sleep } = this.#mortal(clock);
    // Signals are there at once, so what never comes is not a promise of one.
    const timeout = (ms: number) => (this.#isOver ? new AbortController().signal : clock.timeout(ms));
    return { now, monotonicMs, sleep, timeout };
  }

  #call(body: () => unknown): unknown {
    const result = this.#isOver ? new Promise(() => undefined) : body();
    if (!(result instanceof Promise)) return result;
    const never = () => new Promise(() => undefined);
    return result.then(
      (value: unknown) => (this.#isOver ? never() : value),
      (error: unknown) => {
        if (this.#isOver) return never();
        throw error;
      },
    );
  }
}

/** The operation in a daemon that is killed when it writes to the journal for the `cut`th time. */
export async function runUntilWrite(
  { world, journal }: { world: ModelWorld; journal: ModelJournal },
  intent: Intent,
  cut: number,
): Promise<void> {
  const life = new Life(world, journal);
  let count = 0;
  journal.beforeCommit = () => {
    count += 1;
    if (count < cut) return;
    life.end();
    throw new Error('the daemon dies');
  };
  await Promise.race([run(engineOver(life.world, life.journal), intent), life.death]);
  if (!life.isOver) throw new Error(`it never wrote for the ${cut}th time`);
  journal.beforeCommit = () => undefined;
}
