import { expect, test } from 'vitest';
import { type RunResult, summarize } from './plain-reporter.ts';

const run = (changes: Partial<RunResult>): RunResult => ({ passed: 3, failed: 0, skipped: [], otherFailures: [], ...changes });

test('a clean run ends with passed and failed alone on its line', () => {
  expect(summarize(run({}))).toEqual(['3 passed, 0 failed']);
});

test('what was skipped is counted and named with its reason, or with the lack of one', () => {
  const skipped = [
    { file: 'test/e2e/electron.test.ts', name: 'the window opens', reason: 'Electron’s runtime is not here' },
    { file: 'a.test.ts', name: 'something', reason: undefined },
  ];
  expect(summarize(run({ failed: 1, skipped }))).toEqual([
    'SKIPPED: test/e2e/electron.test.ts > the window opens: Electron’s runtime is not here',
    'SKIPPED: a.test.ts > something: NO REASON GIVEN',
    '3 passed, 1 failed, 2 skipped',
  ]);
});

test('a file that does not load counts as failed', () => {
  expect(summarize(run({ failed: 1, otherFailures: ['a.test.ts: Cannot find module'] })).at(-1)).toBe('3 passed, 2 failed');
});
