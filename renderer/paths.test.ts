import { expect, it } from 'vitest';
import { appPath, hostPath, placeOf } from './paths.ts';

it('finds the place of every path it makes', () => {
  expect(placeOf(hostPath('web-1'))).toEqual({ view: 'host', host: 'web-1', tab: 'overview' });
  expect(placeOf(hostPath('web-1', 'terminal'))).toEqual({ view: 'host', host: 'web-1', tab: 'terminal' });
  expect(placeOf(appPath('web-1', 'shop', 'logs'))).toEqual({ view: 'app', host: 'web-1', app: 'shop', tab: 'logs' });
});

it('shows the fleet, or the first tab, for what it does not know', () => {
  expect(placeOf('/nowhere')).toEqual({ view: 'fleet' });
  expect(placeOf('/hosts/web-1/nothing')).toEqual({ view: 'host', host: 'web-1', tab: 'overview' });
});
