import { useSyncExternalStore } from 'react';

const TICK_MS = 1_000;

/** One timer for all who show the time; it runs while there are any. */
function createClock() {
  const listeners = new Set<() => void>();
  let timer: ReturnType<typeof setInterval> | undefined;
  let now = Date.now();
  return {
    read: () => now,
    subscribe(listener: () => void) {
      if (listeners.size === 0) {
        now = Date.now();
        timer = setInterval(() => {
          now = Date.now();
          for (const each of listeners) each();
        }, TICK_MS);
      }
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) clearInterval(timer);
      };
    },
  };
}

const clock = createClock();

/** Milliseconds since the epoch, renewed every second. */
export const useNow = (): number => useSyncExternalStore(clock.subscribe, clock.read);
