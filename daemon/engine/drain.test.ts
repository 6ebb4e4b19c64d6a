import { describe, expect, it } from 'vitest';
import { waitUntilDrained } from './drain.ts';
import { ModelClock } from './test-clock.ts';
import { signal as never } from './test-engine.ts';

const STEP = { addresses: ['10.213.0.16', '10.213.0.17'], drain_ms: 1_000 };

/** `counts`: one look after the other, the last one again and again; null: it cannot be counted. */
async function drain(
  counts: readonly (number | null)[],
  { step = STEP, signal = never, onLook = (_: number): void => undefined } = {},
) {
  const clock = new ModelClock();
  let looks = 0;
  const countTo = async (addresses: readonly string[]) => {
    expect(addresses).toEqual(step.addresses);
    const count = counts[Math.min(looks, counts.length - 1)] ?? null;
    looks += 1;
    onLook(looks);
    if (count === null) throw new Error('no table of the kernel');
    return count;
  };
  const says = await waitUntilDrained(step, { clock, connections: { countTo } }, signal);
  return { says, looks, passed_ms: clock.monotonicMs() };
}

describe('waitUntilDrained', () => {
  it.each([
    ['ends early when nothing is open any more', [3, 0, 0, 9], 3, 200],
    ['needs to see nothing twice in a row', [0, 2, 0, 0, 9], 4, 300],
    ['does not take what cannot be counted for nothing', [0, null, 0, 0, 9], 4, 300],
  ])('%s', async (_, counts, looks, passed_ms) => {
    const seconds = (passed_ms / 1_000).toFixed(1);
    expect(await drain(counts)).toEqual({ says: `all connections ended after ${seconds} s`, looks, passed_ms });
  });

  it('gives the whole time when nothing can be counted, and says so', async () => {
    const says = 'given 1.0 s: open connections cannot be counted';
    expect(await drain([null])).toEqual({ says, looks: 11, passed_ms: 1_000 });
  });

  it('says how many connections were still open at its limit', async () => {
    const says = '2 connections still open after 1.0 s were cut';
    expect(await drain([5, 3, 2])).toEqual({ says, looks: 11, passed_ms: 1_000 });
  });

  it('does not say that it cut what was not open', async () => {
    const step = { ...STEP, drain_ms: 0 };
    expect(await drain([0], { step })).toEqual({ says: 'no connection was open after 0.0 s', looks: 1, passed_ms: 0 });
  });

  it('has nothing to wait for without addresses', async () => {
    const step = { ...STEP, addresses: [] };
    expect(await drain([7], { step })).toEqual({ says: 'nothing to drain', looks: 0, passed_ms: 0 });
  });

  it.each([2, null])('ends with the reason when it is aborted while %s are open', async (count) => {
    const stopping = new AbortController();
    const onLook = (looks: number) => {
      if (looks === 3) stopping.abort(new Error('the daemon stops'));
    };
    await expect(drain([count], { signal: stopping.signal, onLook })).rejects.toThrow('the daemon stops');
  });
});
