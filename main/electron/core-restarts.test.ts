import { expect, test } from 'vitest';
import { restartDelayMs } from './core-restarts.ts';

test('a core that dies once is back at once, and one that keeps dying waits longer each time', () => {
  expect(restartDelayMs([1_000], 1_000)).toBe(250);
  expect(restartDelayMs([0, 1_000], 1_000)).toBe(500);
  expect(restartDelayMs([0, 1, 2, 3, 1_000], 1_000)).toBe(4_000);
});

test('a core that dies six times in a minute stays down', () => {
  expect(restartDelayMs([0, 1, 2, 3, 4, 5], 1_000)).toBeNull();
});

test('deaths of more than a minute ago are forgiven', () => {
  expect(restartDelayMs([0, 1, 2, 3, 4, 70_000], 70_000)).toBe(250);
});
