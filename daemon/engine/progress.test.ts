import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Progress } from './progress.ts';
import type { StepProgress } from './state.ts';

const layers = (current_bytes: number): StepProgress => ({
  ...{ step: 'pull', lines: null },
  layers: [{ id: 'a', state: 'downloading', current_bytes, total_bytes: 100 }],
});

function start() {
  let now = 0;
  const sleepers: { at: number; wake(): void }[] = [];
  const told: [at: number, bytes: number, overtaken: number | null][] = [];
  const clock = {
    monotonicMs: () => now,
    sleep: (ms: number) => new Promise<void>((wake) => void sleepers.push({ at: now + ms, wake })),
  };
  const tell = (_: string, progress: StepProgress, overtaken: number | null) =>
    told.push([now, progress.layers?.[0]?.current_bytes ?? 0, overtaken]);
  const progress = new Progress({ clock, tell, stopping: new AbortController().signal });
  const pass = async (ms: number) => {
    now += ms;
    for (const due of sleepers.filter(({ at }) => at <= now)) sleepers.splice(sleepers.indexOf(due), 1)[0]?.wake();
    await setImmediate();
  };
  return { progress, told, pass };
}

describe('the progress of an operation', () => {
  it('is told at once, then at most once a second, each time in place of what was told before', async () => {
    const { progress, told, pass } = start();
    for (let count = 1; count <= 25; count += 1) {
      progress.add('op', layers(count));
      await pass(100);
    }
    expect(told).toEqual([
      [0, 1, null],
      [1_000, 10, 1],
      [2_000, 20, 2],
    ]);
    await pass(1_000);
    expect(told.at(-1)).toEqual([3_500, 25, 3]);
    await pass(5_000);
    expect(told).toHaveLength(4);
  });

  it('is told to its last state before anything else is, and not after its end', async () => {
    const { progress, told, pass } = start();
    progress.add('op', layers(1));
    progress.add('op', layers(2));
    progress.settle('op');
    progress.settle('op');
    progress.add('op', layers(3));
    await pass(5_000);
    // Of what came before, the last is kept.
    expect(told.map(([, ...rest]) => rest)).toEqual([
      [1, null],
      [2, 1],
      [3, null],
    ]);
    progress.add('op', layers(4));
    progress.add('op', layers(5));
    progress.forget('op');
    await pass(5_000);
    expect(told).toHaveLength(3);
  });
});
