import { expect, it } from 'vitest';
import type { Host, HostInput } from '../../preload/contract.ts';
import { host } from '../testing/world.ts';
import { reconnectsAfter } from './host-edit.ts';

const inputOf = ({ name, address, port, user, auth, production }: Host): HostInput => ({
  name,
  address,
  port,
  user,
  auth,
  production,
});

it('tries a failed host again after any edit', () => {
  const failed = host('gone', { connection: { kind: 'failed', message: 'nothing answers' }, daemon: { kind: 'unknown' } });
  expect(reconnectsAfter(failed, inputOf(failed))).toBe(true);
});

it('leaves a connection alone when only its name was edited, and follows a new address', () => {
  const connected = host('web-1');
  expect(reconnectsAfter(connected, { ...inputOf(connected), name: 'web-9', production: true })).toBe(false);
  expect(reconnectsAfter(connected, { ...inputOf(connected), address: '203.0.113.99' })).toBe(true);
  expect(reconnectsAfter(connected, { ...inputOf(connected), auth: { kind: 'key', path: '/k' } })).toBe(true);
});

it('does not connect a host that was disconnected on purpose', () => {
  const left = host('left', { connection: { kind: 'disconnected' }, daemon: { kind: 'unknown' } });
  expect(reconnectsAfter(left, { ...inputOf(left), address: '203.0.113.99' })).toBe(false);
});
