/** Asks again where that may help: a few times, ever more slowly, and never beyond the time that a pull has. */
import { LIMITS } from '../../contract/limits.ts';
import type { Clock } from '../../engine/ports.ts';
import { ProviderFailure } from './failure.ts';

const FIRST_WAIT_MS = 250;

export interface Patience {
  clock: Clock;
  /** From 0 to 1: daemons that failed together do not come back together. */
  random(): number;
  /** On the clock's monotonic time. */
  ends_ms: number;
  signal: AbortSignal;
}

/** Begins the time of one pull. */
export function startPatience(clock: Clock, random: () => number, signal: AbortSignal): Patience {
  return { clock, random, ends_ms: clock.monotonicMs() + LIMITS.provider_pull_ms_max, signal };
}

/**
 * `ask` gets the time that it may take. What it throws is thrown when it is no {@link ProviderFailure} that may pass, when it was asked
 * often enough, and when there is no time for the wait that the provider asks for.
 */
export async function withRetries<T>(
  { clock, random, ends_ms, signal }: Patience,
  ask: (time_ms: number) => Promise<T>,
): Promise<T> {
  for (let count = 1; ; count += 1) {
    const left_ms = ends_ms - clock.monotonicMs();
    try {
      return await ask(Math.max(Math.min(LIMITS.provider_request_ms_max, left_ms), 1));
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ProviderFailure) || error.retry === null || count >= LIMITS.provider_requests_max) throw error;
      const backOff_ms = FIRST_WAIT_MS * 2 ** (count - 1) * (1 + random());
      const wait_ms = Math.max(error.retry.wait_ms ?? 0, backOff_ms);
      if (clock.monotonicMs() + wait_ms >= ends_ms) throw error;
      await clock.sleep(wait_ms, signal);
    }
  }
}
