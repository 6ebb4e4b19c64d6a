import type { Clock } from './ports.ts';

/** What heeds its signal has ended by then, with what it takes back itself: a proxy reloads for 20 s at most. */
const LEAVE_MS = 30_000;

/**
 * Settles as `run` does, or rejects with the signal's reason when `run` has not ended half a minute after the abort: a disk that hangs
 * knows of no signal. What is left so may come to an end later: see what the executors promise of that.
 */
export async function orLeave<T>(run: Promise<T>, signal: AbortSignal, clock: Pick<Clock, 'timeout'>): Promise<T> {
  const { promise: left, reject } = Promise.withResolvers<never>();
  const wait = () => clock.timeout(LEAVE_MS).addEventListener('abort', () => reject(signal.reason), { once: true });
  signal.addEventListener('abort', wait, { once: true });
  if (signal.aborted) wait();
  try {
    return await Promise.race([run, left]);
  } finally {
    signal.removeEventListener('abort', wait);
  }
}
