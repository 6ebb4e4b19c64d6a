import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IllegalTransition, type JournalEvent, nextAction, transition } from './journal.ts';
import type { OperationRecord } from './state.ts';
import { isUndoable, type Step } from './steps.ts';

const AT = '2026-01-01T00:00:00.000Z';
const NAMES = ['validate', 'pull', 'create', 'start', 'route', 'probe', 'switch', 'verify', 'drain', 'retire'] as const;

function record(
  on_failure: (name: string) => Step['on_failure'] = (name) => (['drain', 'retire'].includes(name) ? 'stuck' : 'unwind'),
) {
  // Only these matter to the journal.
  const steps = NAMES.map((name) => ({
    step: {
      name,
      on_failure: on_failure(name),
      app_name: 'shop',
      containers: [{ name: 'shop-0' }],
      from: { marker: 'blue' },
    } as unknown as Step,
    state: 'pending' as const,
    undo: 'none' as const,
    started_at: null,
    ended_at: null,
    detail: null,
    output: {},
  }));
  const operation: OperationRecord = {
    id: 'op-00000001',
    app_name: 'shop',
    kind: 'swap',
    state: 'running',
    direction: 'forward',
    is_cancelled: false,
    actor: 'test',
    release: 'r2',
    is_new_release: true,
    from_release: 'r1',
    image: 'shop:v2',
    slot: 'green',
    created_at: AT,
    ended_at: null,
    steps,
    error: null,
    evidence: null,
  };
  return operation;
}

const outcome = (kind: 'do' | 'undo', index: number, fails: boolean): JournalEvent => {
  if (kind === 'do' && fails) return { kind: 'step_failed', index, at: AT, message: 'broken', evidence: null };
  if (kind === 'do') return { kind: 'step_done', index, at: AT, detail: null, output: {} };
  return fails ? { kind: 'undo_failed', index, at: AT, message: 'cannot' } : { kind: 'undo_done', index, at: AT };
};

/** Follows the journal's own advice to the end; `fails` says which outcomes are failures. */
function play(fails: readonly boolean[]): OperationRecord[] {
  const history = [record()];
  for (let turn = 0; ; turn += 1) {
    const current = history.at(-1)!; // never empty
    const action = nextAction(current);
    if (action.kind === 'end') return history;
    if (turn > 4 * NAMES.length) throw new Error('it does not end');
    const started = transition(current, {
      kind: action.kind === 'do' ? 'step_started' : 'undo_started',
      index: action.index,
      at: AT,
    });
    history.push(started, transition(started, outcome(action.kind, action.index, fails[turn] ?? false)));
  }
}

const anyFailures = fc.array(fc.boolean(), { maxLength: 3 * NAMES.length });

describe('the journal', () => {
  it('brings every operation to an end, with every begun step done, undone or told as failed', () => {
    fc.assert(
      fc.property(anyFailures, (fails) => {
        const last = play(fails).at(-1)!; // never empty
        expect(last.state).not.toBe('running');
        expect(last.ended_at).toBe(AT);
        expect(last.steps.map(({ state }) => state)).not.toContain('running');
        expect(last.steps.map(({ state }) => state)).not.toContain('pending');
        if (last.state === 'succeeded') expect(last.steps.every(({ state }) => state === 'done')).toBe(true);
        else expect(last.error?.message).toMatch(/broken|cannot/);
        if (last.state !== 'succeeded' && last.state !== 'stuck') {
          const hasServed = last.steps.some(({ step, state }) => step.name === 'switch' && state === 'done');
          expect(last.state).toBe(hasServed ? 'rolled_back' : 'failed');

          const begun = last.steps.filter(({ step, state }) => isUndoable(step.name) && state !== 'skipped');
          expect(begun.map(({ undo }) => undo)).toEqual(begun.map(() => 'done'));
        }
      }),
    );
  });

  it('undoes in the opposite order, and never after the point of no return', () => {
    fc.assert(
      fc.property(anyFailures, (fails) => {
        const history = play(fails);
        const undone = history.flatMap(({ steps }) => steps.flatMap(({ undo }, index) => (undo === 'running' ? [index] : [])));
        expect(undone).toEqual(undone.toSorted((a, b) => b - a));
        expect(new Set(undone).size).toBe(undone.length);
        const last = history.at(-1)!; // never empty
        const isPast = last.steps.some(({ step, state }) => step.on_failure === 'stuck' && state !== 'skipped');
        if (isPast) expect(undone).toEqual([]);
      }),
    );
  });

  it('refuses every event that is not the next one, and never changes the record it is given', () => {
    const anyEvent = fc.record({
      index: fc.integer({ min: -1, max: NAMES.length }),
      fails: fc.boolean(),
      isStart: fc.boolean(),
      isUndo: fc.boolean(),
    });
    fc.assert(
      fc.property(anyFailures, fc.nat(), anyEvent, (fails, pick, { index, fails: isFailure, isStart, isUndo }) => {
        const history = play(fails);
        const current = history[pick % history.length]!; // in range
        const kind = isUndo ? 'undo' : 'do';
        const event = isStart
          ? ({ kind: isUndo ? 'undo_started' : 'step_started', index, at: AT } as const)
          : outcome(kind, index, isFailure);
        const action = nextAction(current);
        const step = current.steps[index];
        const isNext =
          action.kind === kind &&
          action.index === index &&
          (isStart || (isUndo ? step?.undo === 'running' : step?.state === 'running'));
        const before = structuredClone(current);
        if (isNext) transition(current, event);
        else expect(() => transition(current, event)).toThrow(IllegalTransition);
        expect(current).toEqual(before);
      }),
    );
  });

  it('unwinds on order before the point of no return, and refuses the order after it', () => {
    const order: JournalEvent = { kind: 'unwind_ordered', at: AT, message: 'lost', is_cancelled: false };
    for (const current of play([])) {
      const isOver = current.state !== 'running';
      const isPast = current.steps.some(({ step, state }) => step.on_failure === 'stuck' && state !== 'pending');
      if (isOver || isPast) expect(() => transition(current, order)).toThrow(IllegalTransition);
      else {
        const ordered = transition(current, order);
        expect(ordered).toMatchObject({ direction: 'unwind', error: { message: 'lost' } });
        expect(ordered.steps.map(({ state }) => state)).not.toContain('running');
        expect(ordered.error?.step ?? null).toBe(current.steps.find(({ state }) => state === 'running')?.step.name ?? null);
      }
    }
  });

  it('ends as stuck, with what to do, when a step can be neither finished nor undone', () => {
    const failsAtDrain = [...Array.from({ length: 8 }, () => false), true];
    expect(play(failsAtDrain).at(-1)).toMatchObject({ state: 'stuck', error: { step: 'drain', message: 'broken' } });
  });

  it('goes on with the earlier undos after one that fails, and names what is left', () => {
    const failsAtProbeAndItsUnwinding = [...Array.from({ length: 5 }, () => false), true, true];
    const last = play(failsAtProbeAndItsUnwinding).at(-1)!; // never empty
    expect(last).toMatchObject({
      state: 'stuck',
      error: { step: 'probe', message: "broken Still there: the proxy's route of shop (could not be undone: cannot)." },
    });
    expect(last.steps.find(({ step }) => step.name === 'create')?.undo).toBe('done');
  });

  it('leaves the new containers where they are while the switch to them cannot be taken back', () => {
    const failsAtVerifyAndUnswitching = [...Array.from({ length: 7 }, () => false), true, true];
    const last = play(failsAtVerifyAndUnswitching).at(-1)!; // never empty
    expect(last).toMatchObject({ state: 'stuck', error: { message: expect.stringContaining('the container shop-0') } });
    expect(last.steps.find(({ step }) => step.name === 'create')?.undo).toBe('none');
  });
});
