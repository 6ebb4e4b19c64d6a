/** Whether a core that died is started again, and when. Pure. */

const DELAY_MS_MIN = 250;
const DELAY_MS_MAX = 8_000;
const DEATHS_MAX = 5;
const WINDOW_MS = 60_000;

/** Milliseconds to wait before the next start, or null to give up: the core does not survive. `deaths` are times in ms. */
export function restartDelayMs(deaths: readonly number[], now_ms: number): number | null {
  const recent = deaths.filter((death) => now_ms - death < WINDOW_MS).length;
  if (recent > DEATHS_MAX) return null;
  return Math.min(DELAY_MS_MIN * 2 ** Math.max(recent - 1, 0), DELAY_MS_MAX);
}
