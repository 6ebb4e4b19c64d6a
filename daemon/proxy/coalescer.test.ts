import { describe, expect, it } from 'vitest';
import { Coalescer } from './coalescer.ts';

function start() {
  const runs: PromiseWithResolvers<void>[] = [];
  const coalescer = new Coalescer(() => {
    const run = Promise.withResolvers<void>();
    runs.push(run);
    return run.promise;
  });
  return { runs, coalescer };
}

describe('Coalescer', () => {
  it('gives all who ask during a run one further run, which begins after they asked', async () => {
    const { runs, coalescer } = start();
    const first = coalescer.run();
    const later = [coalescer.run(), coalescer.run(), coalescer.run()];
    expect(runs).toHaveLength(1);
    runs[0]?.resolve();
    await first;
    await new Promise(setImmediate);
    expect(runs).toHaveLength(2);
    runs[1]?.resolve();
    await Promise.all(later);
    expect(runs).toHaveLength(2);
  });

  it('tells a failure only to those whose run it was', async () => {
    const { runs, coalescer } = start();
    const first = coalescer.run();
    const second = coalescer.run();
    runs[0]?.reject(new Error('broken'));
    await expect(first).rejects.toThrow('broken');
    await new Promise(setImmediate);
    runs[1]?.resolve();
    await expect(second).resolves.toBeUndefined();
  });

  it('has what failed undone before the next run begins, and nothing of those who wait for that', async () => {
    const { runs, coalescer } = start();
    const undone = Promise.withResolvers<void>();
    const calls: string[] = [];
    const first = coalescer.run(() => {
      calls.push('first');
      return undone.promise;
    });
    const second = coalescer.run(async () => void calls.push('second'));
    runs[0]?.reject(new Error('broken'));
    await new Promise(setImmediate);
    expect([calls, runs.length]).toEqual([['first'], 1]);
    undone.resolve();
    await expect(first).rejects.toThrow('broken');
    await new Promise(setImmediate);
    expect(runs).toHaveLength(2);
    runs[1]?.resolve();
    await second;
    expect(calls).toEqual(['first']);
  });
});
