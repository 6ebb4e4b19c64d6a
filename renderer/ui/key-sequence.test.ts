import { expect, it } from 'vitest';
import { NO_KEYS, nextKey, SHORTCUTS } from './key-sequence.ts';

it('runs a command of one key at once', () => {
  expect(nextKey(NO_KEYS, '/', 0).command).toBe('filter');
  expect(nextKey(NO_KEYS, 'mod+k', 0).command).toBe('palette');
});

it('runs a command of two keys after both, where the second alone means something else', () => {
  const first = nextKey(NO_KEYS, 'g', 1_000);
  expect(first.command).toBeNull();
  expect(nextKey(first.state, 's', 1_500).command).toBe('settings');
  expect(nextKey(NO_KEYS, 's', 1_500).command).toBe('swap');
});

it('forgets a first key after a second, and after a key that does not follow', () => {
  const first = nextKey(NO_KEYS, 'g', 0);
  expect(nextKey(first.state, 'f', 1_001).command).toBeNull();
  const wrong = nextKey(first.state, 'x', 100);
  expect(nextKey(wrong.state, 'f', 200).command).toBeNull();
});

it('has no two shortcuts with the same keys', () => {
  const keys = SHORTCUTS.map((shortcut) => shortcut.keys.join(' '));
  expect(new Set(keys).size).toBe(keys.length);
});
