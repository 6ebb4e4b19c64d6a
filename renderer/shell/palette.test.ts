import { expect, it } from 'vitest';
import { app, host, operation } from '../testing/world.ts';
import { appActions } from './palette.tsx';

const labels = (part: Parameters<typeof app>[1]) => appActions(host('web-1'), app('shop', part)).map((each) => each.label);

it('offers what may be done now, each with an icon of its own', () => {
  const offered = appActions(host('web-1'), app('shop'));
  expect(offered.map((each) => each.label)).toEqual([
    'Swap shop…',
    'Deploy shop with changes…',
    'Roll back shop to r2…',
    'Scale shop…',
    'Show a maintenance page for shop…',
    'Restart shop',
    'Stop shop…',
    'Remove shop…',
    'Logs of shop',
    'Releases of shop',
    'Secrets of shop',
    'Terminal on web-1',
  ]);
  expect(new Set(offered.map((each) => each.icon)).size).toBe(offered.length);
});

it('offers a start to a stopped app and another try to one that was never live', () => {
  expect(labels({ status: 'stopped' })).toContain('Start shop');
  expect(labels({ status: 'stopped' })).not.toContain('Swap shop…');
  expect(labels({ status: 'error', release: null, previous_release: null })).toEqual([
    'Try shop again…',
    'Remove shop…',
    'Logs of shop',
    'Releases of shop',
    'Secrets of shop',
    'Terminal on web-1',
  ]);
});

it('opens the dialog of what has a question', () => {
  const swap = appActions(host('web-1'), app('shop'))[0];
  expect(swap?.act).toEqual({ wish: { host: 'web-1', app: 'shop', what: 'swap' } });
});

it('offers the ways to end what is being done', () => {
  const swap = operation({ app_name: 'shop', kind: 'swap', image: 'shop:v2', release: 'r4', from_release: 'r3' });
  const at = swap.steps.findIndex(({ name }) => name === 'watch');
  const states = ['done', 'running', 'pending'] as const;
  const inWatch = swap.steps.map((step, index) => ({ ...step, state: states[Math.sign(index - at) + 1]! })); // -1, 0 or 1
  const watched = { ...swap, state: 'running' as const, ended_at: null, steps: inWatch };
  const offered = appActions(host('web-1'), app('shop', { operation_id: swap.id }), watched).map((each) => each.label);
  expect(offered.slice(0, 2)).toEqual(['Undo “Swap to shop:v2” of shop', 'Keep r4 of shop']);
});
