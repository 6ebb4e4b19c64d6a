import { describe, expect, it } from 'vitest';
import type { DaemonEvent } from '../../daemon/contract/domain.ts';
import { applyEvent, applyHistory, EMPTY_DAEMON_DATA } from '../state/daemon-data.ts';
import { createToastGate, toastsBetween, toastTitle } from './event-toasts.ts';

const NOW = Date.parse('2025-11-22T09:00:30.000Z');
const event = (seq: number, part: Partial<DaemonEvent> = {}): DaemonEvent => ({
  seq,
  ts: '2025-11-22T09:00:00.000Z',
  kind: 'heal.unhealthy',
  level: 'warning',
  message: 'it failed 3 probes',
  app_name: 'shop',
  operation: null,
  ...part,
});
const known = applyEvent(EMPTY_DAEMON_DATA, event(1, { kind: 'app.changed' }));
const toasts = (...events: DaemonEvent[]) =>
  toastsBetween({ 'web-1': known }, { 'web-1': events.reduce(applyEvent, known) }, () => NOW).map((toast) =>
    toastTitle(toast.event),
  );

describe('toasts', () => {
  it('say what an operator must know, and nothing else', () => {
    expect(
      toasts(
        event(2),
        event(3, { kind: 'heal.restarted' }),
        event(4, { kind: 'heal.replacing' }),
        event(5, { kind: 'heal.rolling_back' }),
        event(6, { kind: 'heal.stopping' }),
        event(7, { kind: 'heal.recovered' }),
        event(8, { kind: 'release.pruned' }),
        event(9, { kind: 'disk.low', app_name: null }),
      ),
    ).toEqual(['shop is unhealthy', 'shop is rolled back', 'shop is stopped', 'Docker’s disk is almost full']);
  });

  it('are one for many of a kind', () => {
    expect(toasts(event(2), event(3), event(4))).toHaveLength(1);
    expect(toasts(event(2), event(3, { app_name: 'blog' }))).toHaveLength(2);
  });

  it('are not made of what is old, nor of the history that is read at the start', () => {
    expect(toasts(event(2, { ts: '2025-11-22T03:00:00.000Z' }))).toEqual([]);
    const read = applyHistory(EMPTY_DAEMON_DATA, [event(1), event(2)]);
    expect(toastsBetween({ h: EMPTY_DAEMON_DATA }, { h: read }, () => NOW)).toEqual([]);
    expect(toastsBetween({}, { h: read }, () => NOW)).toEqual([]);
  });
});

it('lets the same through once a minute, and never a flood', () => {
  const gate = createToastGate();
  expect(gate.passes('a', 0)).toBe(true);
  expect(gate.passes('a', 59_000)).toBe(false);
  expect(gate.passes('a', 60_000)).toBe(true);
  expect(['b', 'c', 'd', 'e', 'f', 'g'].map((id) => gate.passes(id, 61_000))).toEqual([true, true, true, true, false, false]);
});
