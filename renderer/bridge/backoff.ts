const DELAYS_MS = [250, 500, 1_000, 2_000, 5_000, 10_000] as const;

/** How long to wait before the `attempt`-th try, from 1; at most ten seconds. */
export function backoffMs(attempt: number): number {
  const index = Math.min(Math.max(attempt, 1), DELAYS_MS.length) - 1;
  return DELAYS_MS[index] ?? 10_000;
}
