/** The contract's streams that come from the engine. */
import type { DaemonEvent } from '../contract/domain.ts';
import type { Dropped, Hub } from '../stream/hub.ts';

export interface EventFilter {
  after?: number | undefined;
  app_name?: string | undefined;
  /** Of these apps only; null or absent: all, and what is of no app. */
  apps?: ReadonlySet<string> | null | undefined;
  limit: number;
}

export interface EventSource {
  /** Kept events after `after`, or without it the newest; oldest first. */
  listEvents(options: EventFilter): DaemonEvent[];
  /** The number of the oldest event that is kept; 0 before the first. */
  firstEventSeq(): number;
  /** The number of the newest event; 0 before the first. */
  lastEventSeq(): number;
}

const PAGE = 500;

/**
 * Events after a number, then those that come, each once and in order. Where a slow reader overran its buffer they are read from the
 * store again, so only what is no longer kept is said to be dropped.
 */
export async function* followEvents(
  source: EventSource,
  hub: Hub<DaemonEvent>,
  after: number | undefined,
  signal: AbortSignal,
): AsyncGenerator<DaemonEvent | Dropped> {
  const incoming = hub.subscribe({ signal });
  let last = Math.min(after ?? Number.MAX_SAFE_INTEGER, source.lastEventSeq());
  for (;;) {
    for (
      let page = source.listEvents({ after: last, limit: PAGE });
      page.length > 0;
      page = source.listEvents({ after: last, limit: PAGE })
    ) {
      const first = page[0]!.seq; // the page is not empty
      const missing = first - last - 1;
      // Other gaps are of progress that was overtaken by later progress.
      if (missing > 0 && first === source.firstEventSeq()) yield { dropped: missing };
      for (const event of page) {
        if (signal.aborted) return;
        yield event;
        last = event.seq;
      }
    }
    const { value, done } = await incoming.next();
    if (done) return;
    if ('dropped' in value || value.seq !== last + 1) continue;
    yield value;
    last = value.seq;
  }
}

/** Tells listeners that something about their app may have changed. */
export class AppChanges {
  readonly #listeners = new Map<string, Set<() => void>>();

  /** Returns how to stop listening. */
  listen(app: string, listener: () => void): () => void {
    const listeners = this.#listeners.get(app) ?? new Set();
    this.#listeners.set(app, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(app);
    };
  }

  tell(app: string): void {
    for (const listener of this.#listeners.get(app) ?? []) listener();
  }
}
