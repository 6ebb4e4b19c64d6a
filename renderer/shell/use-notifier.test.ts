import { expect, it } from 'vitest';
import { EMPTY_DAEMON_DATA } from '../state/daemon-data.ts';
import { operation } from '../testing/world.ts';
import { endedBetween, isShownAt } from './use-notifier.ts';

const running = operation({ app_name: 'shop', kind: 'swap', state: 'running' });
const failed = { ...running, state: 'failed' as const };
const dataOf = (each: typeof running) => ({ 'web-1': { ...EMPTY_DAEMON_DATA, operations: { [each.id]: each } } });

it('finds the operations that were seen running and have ended, with their host', () => {
  expect(endedBetween(dataOf(running), dataOf(failed))).toEqual([{ host: 'web-1', operation: failed }]);
  expect(endedBetween(dataOf(failed), dataOf(failed))).toEqual([]);
  expect(endedBetween({}, dataOf(failed))).toEqual([]);
});

it('does not repeat an end beside the panel that shows it', () => {
  const here = { view: 'app', host: 'web-1', app: 'shop', tab: 'overview' } as const;
  expect(isShownAt(here, 'web-1', failed)).toBe(true);
  expect(isShownAt(here, 'web-1', { ...failed, state: 'succeeded' })).toBe(true);
  expect(isShownAt(here, 'web-2', failed)).toBe(false);
  expect(isShownAt({ ...here, tab: 'logs' }, 'web-1', failed)).toBe(false);
  expect(isShownAt({ view: 'fleet' }, 'web-1', failed)).toBe(false);
});
