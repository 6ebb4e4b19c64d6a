import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasWayBack, IllegalTransition, type JournalEvent, nextAction, transition } from './journal.ts';
import type { OperationRecord } from './state.ts';
import { isUndoable, type Step } from './steps.ts';

const AT = '2026-01-01T00:00:00.000Z';
const NAMES = 'validate pull pre_switch create start route probe switch verify post_switch watch drain retire'.split(
  ' ',
) as Step['name'][]; // literals
const ONE_WAY: Step['name'][] = ['drain', 'retire'];

function record() {
  // Only these matter to the journal.
  const steps = NAMES.map((name) => ({
    step: {
      name,
      on_failure: ONE_WAY.includes(name) ? 'stuck' : 'unwind',
      app_name: 'shop',
      containers: [{ name: 'shop-0' }],
      from: { marker: 'blue' },
      to: { marker: 'green' },
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

/**
 * Follows the journal's own advice to the end; `fails` says which outcomes are failures, and before turn `cancelAt` somebody cancels, if there
 * is a way back.
 */
function play(fails: readonly boolean[], cancelAt: number | null = null): OperationRecord[] {
  const history = [record()];
  for (let turn = 0; ; turn += 1) {
    if (turn === cancelAt && hasWayBack(history.at(-1)!)) history.push(transition(history.at(-1)!, CANCEL)); // never empty
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

const CANCEL: JournalEvent = { kind: 'unwind_ordered', at: AT, message: 'cancelled', is_cancelled: true };
const anyFailures = fc.array(fc.boolean(), { maxLength: 3 * NAMES.length });
const anyCancel = fc.option(fc.nat({ max: NAMES.length }));
/** Of steps that are done in turn up to this one, whose outcome is a failure, as are so many outcomes after it. */
const failsAt = (name: Step['name'], after = 0) => [
  ...NAMES.slice(0, NAMES.indexOf(name)).map(() => false),
  ...Array.from({ length: after + 1 }, () => true),
];

describe('the journal', () => {
  it('brings every operation to an end, with every begun step done, undone or told as failed', () => {
    fc.assert(
      fc.property(anyFailures, anyCancel, (fails, cancelAt) => {
        const last = play(fails, cancelAt).at(-1)!; // never empty
        expect(last.state).not.toBe('running');
        expect(last.ended_at).toBe(AT);
        expect(last.steps.map(({ state }) => state)).not.toContain('running');
        expect(last.steps.map(({ state }) => state)).not.toContain('pending');
        if (last.state === 'succeeded') expect(last.steps.every(({ state }) => state === 'done')).toBe(true);
        else expect(last.error?.message).toMatch(/broken|cannot|cancelled/);
        if (last.state !== 'succeeded' && last.state !== 'stuck') {
          const hasServed = last.steps.some(({ step, state }) => step.name === 'switch' && state === 'done');
          expect(last.state).toBe(last.is_cancelled ? 'cancelled' : hasServed ? 'rolled_back' : 'failed');

          const begun = last.steps.filter(({ step, state }) => isUndoable(step.name) && state !== 'skipped');
          expect(begun.map(({ undo }) => undo)).toEqual(begun.map(() => 'done'));
        }
      }),
    );
  });

  it('can be given up at any moment, and tells what went wrong first', () => {
    fc.assert(
      fc.property(anyFailures, fc.nat({ max: 4 * NAMES.length }), (fails, at) => {
        const history = play(fails).filter(({ state }) => state === 'running');
        const current = history[Math.min(at, history.length - 1)]!; // never empty: it begins so
        const last = transition(current, { kind: 'given_up', at: AT, message: 'a bug' });
        expect(last).toMatchObject({ state: 'stuck', ended_at: AT, error: { message: expect.stringContaining('a bug') } });
        if (current.error) expect(last.error?.message.startsWith(current.error.message)).toBe(true);
        expect(last.steps.flatMap(({ state, undo }) => [state, undo])).not.toContain('running');
        expect(last.steps.map(({ state }) => state)).not.toContain('pending');
      }),
    );
  });

  it('undoes in the opposite order, and never after the point of no return', () => {
    fc.assert(
      fc.property(anyFailures, anyCancel, (fails, cancelAt) => {
        const history = play(fails, cancelAt);
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
      fc.property(
        anyFailures,
        anyCancel,
        fc.nat(),
        anyEvent,
        (fails, cancelAt, pick, { index, fails: isFailure, isStart, isUndo }) => {
          const history = play(fails, cancelAt);
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
        },
      ),
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
    expect(play(failsAt('drain')).at(-1)).toMatchObject({
      state: 'stuck',
      error: { step: 'drain', message: expect.stringMatching(/^broken The new release serves\. .*restart nextdeployd/) },
    });
  });

  it('goes on with the earlier undos after one that fails, and names what is left', () => {
    const last = play(failsAt('probe', 1)).at(-1)!; // never empty
    expect(last).toMatchObject({
      state: 'stuck',
      error: {
        step: 'probe',
        message: expect.stringMatching(
          /^broken Still there: the proxy's route of shop \(could not be undone: cannot\)\. .*restart nextdeployd/,
        ),
      },
    });
    expect(last.steps.find(({ step }) => step.name === 'create')?.undo).toBe('done');
  });

  it('leaves the new containers where they are while the switch to them cannot be taken back', () => {
    const last = play(failsAt('verify', 1)).at(-1)!; // never empty
    expect(last).toMatchObject({ state: 'stuck', error: { message: expect.stringContaining('the container shop-0') } });
    expect(last.steps.find(({ step }) => step.name === 'create')?.undo).toBe('none');
  });

  it('is rolled back when the new release has served, failed when it has not, and cancelled when somebody wanted it', () => {
    const stateAfter = (name: Step['name']) => play(failsAt(name)).at(-1)?.state;
    expect(NAMES.map(stateAfter)).toEqual(
      NAMES.map((name) => {
        if (ONE_WAY.includes(name)) return 'stuck';
        return NAMES.indexOf(name) > NAMES.indexOf('switch') ? 'rolled_back' : 'failed';
      }),
    );
    const cancelled = NAMES.map((name) => play([], NAMES.indexOf(name)).at(-1)?.state);
    expect(cancelled).toEqual(NAMES.map((name) => (name === 'retire' ? 'succeeded' : 'cancelled')));
  });

  it('has no way back in what is one way from its first step on, and when it is being undone already', () => {
    for (const kind of ['stop', 'remove'] as const) {
      expect(hasWayBack({ ...record(), kind })).toBe(false);
      expect(() => transition({ ...record(), kind }, CANCEL)).toThrow(IllegalTransition);
    }
    const ordered = transition(transition(record(), { kind: 'step_started', index: 0, at: AT }), CANCEL);
    expect(ordered).toMatchObject({ state: 'cancelled', error: { step: 'validate', message: 'cancelled' } });
    const created = play([], NAMES.indexOf('start')).find(({ direction }) => direction === 'unwind')!; // it was cancelled there
    expect(hasWayBack(created)).toBe(false);
    expect(() => transition(created, CANCEL)).toThrow('unwinds already');
  });
});
