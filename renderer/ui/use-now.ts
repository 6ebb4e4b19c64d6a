import { createContext, useContext, useSyncExternalStore } from 'react';

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

/** How far the clock of what is shown is ahead of this machine's, in milliseconds: times of a host are told by its own clock. */
export const ClockOffset = createContext(0);

/** Milliseconds since the epoch by the clock of the host shown, renewed every second. */
export function useNow(): number {
  const offset_ms = useContext(ClockOffset);
  return useSyncExternalStore(clock.subscribe, clock.read) + offset_ms;
}
