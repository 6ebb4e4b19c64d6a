import { describe, expect, it } from 'vitest';
import type { DaemonEvent, Operation } from '../../daemon/contract/domain.ts';
import { app, operation } from '../testing/world.ts';
import {
  applyApps,
  applyEvent,
  applyHistory,
  applyOperations,
  EMPTY_DAEMON_DATA,
  operationsOf,
  undoTarget,
} from './daemon-data.ts';

const event = (seq: number, part: Partial<DaemonEvent> = {}): DaemonEvent => ({
  seq,
  ts: '2025-11-22T09:00:00.000Z',
  kind: 'app.changed',
  level: 'info',
  message: 'something happened',
  app_name: 'shop',
  operation: null,
  ...part,
});

function withRunningSteps(done: Operation, stepsDone: number): Operation {
  const steps = done.steps.map((step, index) => (index < stepsDone ? step : { ...step, state: 'pending' as const }));
  return { ...done, state: 'running', ended_at: null, steps };
}

const swap = operation({ app_name: 'shop', kind: 'swap', image: 'shop:v2', release: 'r2', from_release: 'r1' });

describe('events', () => {
  it('are taken in once each: a stream resumed too far back changes nothing', () => {
    const once = applyEvent(EMPTY_DAEMON_DATA, event(5));
    expect(applyEvent(once, event(5))).toBe(once);
    expect(applyEvent(once, event(4))).toBe(once);
    expect(applyEvent(once, event(6)).events.map((each) => each.seq)).toEqual([5, 6]);
  });

  it('are kept up to a bound, the newest ones', () => {
    let data = EMPTY_DAEMON_DATA;
    for (let seq = 0; seq < 600; seq += 1) data = applyEvent(data, event(seq));
    expect(data.events).toHaveLength(500);
    expect(data.events.at(-1)?.seq).toBe(599);
  });

  it('are not pushed out by the progress of operations, which is taken in all the same', () => {
    const progress = (seq: number) => event(seq, { kind: 'operation.progress', operation: withRunningSteps(swap, 2) });
    let data = applyEvent(EMPTY_DAEMON_DATA, event(0));
    for (let seq = 1; seq < 600; seq += 1) data = applyEvent(data, progress(seq));
    data = applyHistory(data, [progress(600)]);
    expect(data.events.map(({ seq }) => seq)).toEqual([0]);
    expect(data).toMatchObject({ lastSeq: 600, operations: { [swap.id]: { state: 'running' } } });
  });

  it('bring an operation up to date', () => {
    const started = applyEvent(EMPTY_DAEMON_DATA, event(1, { operation: withRunningSteps(swap, 1) }));
    const ended = applyEvent(started, event(2, { kind: 'operation.ended', operation: swap }));
    expect(started.operations[swap.id]?.state).toBe('running');
    expect(ended.operations[swap.id]?.state).toBe('succeeded');
  });

  it('take a removed app and its releases away', () => {
    const known = { ...applyApps(EMPTY_DAEMON_DATA, [app('shop'), app('blog')]), releases: { shop: [] } };
    const data = applyEvent(known, event(9, { kind: 'app.removed' }));
    expect(Object.keys(data.apps)).toEqual(['blog']);
    expect(data.releases).toEqual({});
  });
});

describe('operations', () => {
  it('never go back: an answer overtaken by an event is dropped', () => {
    const ahead = applyOperations(EMPTY_DAEMON_DATA, [withRunningSteps(swap, 4)]);
    const late = applyOperations(ahead, [withRunningSteps(swap, 0)]);
    expect(late.operations[swap.id]?.steps.filter((step) => step.state === 'done')).toHaveLength(4);
    const over = applyOperations(late, [swap]);
    expect(applyOperations(over, [withRunningSteps(swap, 9)]).operations[swap.id]?.state).toBe('succeeded');
  });

  it('are listed newest first, for one app or for all', () => {
    const old = operation({ app_name: 'blog', kind: 'restart', created_at: '2025-01-01T00:00:00.000Z' });
    const data = applyOperations(EMPTY_DAEMON_DATA, [old, swap]);
    expect(operationsOf(data).map((each) => each.id)).toEqual([swap.id, old.id]);
    expect(operationsOf(data, 'blog')).toEqual([old]);
  });
});

describe('undo', () => {
  const live = app('shop', { release: 'r2', operation_id: null });
  const soon = Date.parse(swap.ended_at!) + 1_000;

  it('goes back to the release before the swap that has just ended', () => {
    expect(undoTarget(live, swap, soon)).toBe('r1');
  });

  it('is not offered while another operation runs, after a failure, for another release, or later', () => {
    expect(undoTarget({ ...live, operation_id: swap.id }, swap, soon)).toBeNull();
    expect(undoTarget(live, { ...swap, state: 'failed' }, soon)).toBeNull();
    expect(undoTarget({ ...live, release: 'r7' }, swap, soon)).toBeNull();
    expect(undoTarget(live, swap, soon + 60 * 60_000)).toBeNull();
    expect(undoTarget(live, { ...swap, kind: 'restart', from_release: 'r2' }, soon)).toBeNull();
  });
});
