import type { World } from './ports.ts';
import type { StepOf } from './steps.ts';

const PAUSE_MS = 100;

/**
 * Waits until this host has no connection to the old slot, at most the configured time; resolves with a line for the timeline. Zero must be
 * seen twice: a request that was routed just before the switch may not have connected at the first look.
 */
export async function waitUntilDrained(
  step: Pick<StepOf<'drain'>, 'addresses' | 'drain_ms'>,
  world: Pick<World, 'connections' | 'clock'>,
  signal: AbortSignal,
): Promise<string> {
  const { clock, connections } = world;
  if (step.addresses.length === 0) return 'nothing to drain';
  const started = clock.monotonicMs();
  for (let zeros = 0; ; ) {
    // What cannot be counted may be open: then the whole time is given.
    const open = await connections.countTo(step.addresses, signal).catch(() => null);
    signal.throwIfAborted();
    zeros = open === 0 ? zeros + 1 : 0;
    const elapsed = clock.monotonicMs() - started;
    if (zeros >= 2) return `all connections ended after ${(elapsed / 1000).toFixed(1)} s`;
    if (elapsed >= step.drain_ms && open === null)
      return `given ${(step.drain_ms / 1000).toFixed(1)} s: open connections cannot be counted`;
    // One look is not enough to wait no longer, and enough where there is no time for a second.
    if (elapsed >= step.drain_ms && open === 0) return `no connection was open after ${(elapsed / 1000).toFixed(1)} s`;
    if (elapsed >= step.drain_ms) return `${open} connections still open after ${(step.drain_ms / 1000).toFixed(1)} s were cut`;
    await clock.sleep(Math.min(PAUSE_MS, step.drain_ms - elapsed), signal);
  }
}
