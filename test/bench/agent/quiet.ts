/** Waits for an idle machine, so that a measurement does not pay for what came before it. */
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

const SAMPLE_MS = 250;
const BUSY_PART_MAX = 0.1;

/** Resolves with true as soon as the processors were 90 % idle for a quarter of a second, with false when that does not come. */
export async function waitForQuiet(signal: AbortSignal, wait_ms_max: number): Promise<boolean> {
  const deadline = performance.now() + wait_ms_max;
  let before = await processorTimes();
  while (performance.now() < deadline) {
    await delay(SAMPLE_MS, undefined, { signal });
    const after = await processorTimes();
    const total = after.total - before.total;
    if (total > 0 && (total - (after.idle - before.idle)) / total < BUSY_PART_MAX) return true;
    before = after;
  }
  return false;
}

/** proc_stat(5): user nice system idle iowait irq softirq steal, in ticks over all processors. */
async function processorTimes(): Promise<{ total: number; idle: number }> {
  const [line = ''] = (await readFile('/proc/stat', 'utf8')).split('\n', 1);
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
  return { total: ticks.reduce((sum, tick) => sum + tick, 0), idle: (ticks[3] ?? 0) + (ticks[4] ?? 0) };
}
