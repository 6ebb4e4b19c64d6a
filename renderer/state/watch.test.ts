import { expect, it } from 'vitest';
import type { Operation, StepState } from '../../daemon/contract/domain.ts';
import { operation, release } from '../testing/world.ts';
import { secondsLeft, watchedPart, watchOf } from './watch.ts';

const SINCE = Date.parse('2025-11-22T09:00:00.000Z');

function inState(watch: StepState, part: Partial<Operation> = {}): Operation {
  const whole = operation({
    app_name: 'shop',
    kind: 'swap',
    release: 'r5',
    from_release: 'r4',
    state: 'running',
    ended_at: null,
  });
  const steps = whole.steps.map((step) =>
    step.name === 'watch' ? { ...step, state: watch, started_at: new Date(SINCE).toISOString(), ended_at: null } : step,
  );
  return { ...whole, steps, ...part };
}
const releases = [
  release('shop', 5, 'shop:v5', { configuration: { watch_ms: 90_000 } }),
  release('shop', 4, 'shop:v4', { configuration: { watch_ms: 60_000 } }),
];

it('is a window while its step runs, as long as the new release says', () => {
  const watch = watchOf(inState('running'), releases);
  expect(watch).toMatchObject({ since_ms: SINCE, window_ms: 90_000 });
  expect(watchOf(inState('pending'), releases)).toBeNull();
  expect(watchOf(inState('done'), releases)).toBeNull();
  expect(watchOf(inState('failed'), releases)).toBeNull();
  expect(watchOf(inState('running', { state: 'cancelled' }), releases)).toBeNull();
  expect(watchOf(undefined, releases)).toBeNull();
});

it('has the length of the release before where a swap’s own is not known yet, and none where nothing is', () => {
  expect(watchOf(inState('running'), releases.slice(1))?.window_ms).toBe(60_000);
  expect(watchOf(inState('running', { kind: 'deploy' }), releases.slice(1))?.window_ms).toBeNull();
  expect(watchOf(inState('running'), [])?.window_ms).toBeNull();
});

it('counts down from its length to nothing and no further', () => {
  const watch = watchOf(inState('running'), releases)!; // it runs
  expect(secondsLeft(watch, SINCE + 43_100)).toBe(47);
  expect(secondsLeft(watch, SINCE + 200_000)).toBe(0);
  expect(secondsLeft(watch, SINCE - 800)).toBe(90); // the last tick was before it began
  expect(secondsLeft({ ...watch, window_ms: null }, SINCE)).toBeNull();
  expect(watchedPart(watch, SINCE + 45_000)).toBe(0.5);
  expect(watchedPart(watch, SINCE - 1)).toBe(0);
  expect(watchedPart({ ...watch, window_ms: 0 }, SINCE)).toBe(1);
});
