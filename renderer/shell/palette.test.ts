import { expect, it } from 'vitest';
import { app, host } from '../testing/world.ts';
import { appActions } from './palette.tsx';

const labels = (part: Parameters<typeof app>[1]) => appActions(host('web-1'), app('shop', part)).map((each) => each.label);

it('offers what may be done now, each with an icon of its own', () => {
  const offered = appActions(host('web-1'), app('shop'));
  expect(offered.map((each) => each.label)).toEqual([
    'Swap shop…',
    'Deploy shop with changes…',
    'Roll back shop to r2…',
    'Restart shop',
    'Stop shop…',
    'Logs of shop',
    'Releases of shop',
    'Terminal on web-1',
  ]);
  expect(new Set(offered.map((each) => each.icon)).size).toBe(offered.length);
});

it('offers a start to a stopped app and another try to one that was never live', () => {
  expect(labels({ status: 'stopped' })).toContain('Start shop');
  expect(labels({ status: 'stopped' })).not.toContain('Swap shop…');
  expect(labels({ status: 'error', release: null, previous_release: null })).toEqual([
    'Try shop again…',
    'Logs of shop',
    'Releases of shop',
    'Terminal on web-1',
  ]);
});

it('opens the dialog of what has a question', () => {
  const swap = appActions(host('web-1'), app('shop'))[0];
  expect(swap?.act).toEqual({ wish: { host: 'web-1', app: 'shop', what: 'swap' } });
});
