/**
 * The one transition table of operations. Pure: a record and an event give the next record; an event that does not fit throws.
 * Everything that happens to an operation is written as one of these events before (intent) and after (outcome) it happens.
 */
import type { Evidence } from '../contract/domain.ts';
import { isPastReturn } from '../contract/rules.ts';
import { isSlot, type OperationRecord, type StepOutput, type StepRecord } from './state.ts';
import { describeLeft, isUndoable } from './steps.ts';

export type JournalEvent =
  | { kind: 'step_started'; index: number; at: string }
  | { kind: 'step_done'; index: number; at: string; detail: string | null; output: StepOutput }
  | { kind: 'step_failed'; index: number; at: string; message: string; field?: string | null; evidence: Evidence | null }
  | { kind: 'undo_started'; index: number; at: string }
  | { kind: 'undo_done'; index: number; at: string }
  | { kind: 'undo_failed'; index: number; at: string; message: string }
  /** Recovery found that going on makes no sense, or somebody has cancelled. */
  | { kind: 'unwind_ordered'; at: string; message: string; is_cancelled: boolean }
  /** Something fails again and again that is none of its steps. */
  | { kind: 'given_up'; at: string; message: string };

export type Action = { kind: 'do'; index: number } | { kind: 'undo'; index: number } | { kind: 'end' };

export class IllegalTransition extends Error {}

/** What an operation does next. A step that was running when the daemon died is done (or undone) again. */
export function nextAction(record: OperationRecord): Action {
  if (record.state !== 'running') return { kind: 'end' };
  if (record.direction === 'forward') {
    const index = record.steps.findIndex((step) => step.state === 'pending' || step.state === 'running');
    return index < 0 ? { kind: 'end' } : { kind: 'do', index };
  }
  // While traffic may still be sent to the new containers, what they need stays: a way back that costs visitors is none.
  if (record.steps.some(({ step, undo }) => undo === 'failed' && step.name === directing(record))) return { kind: 'end' };
  const index = record.steps.findLastIndex((step) => isLeft(step) && step.undo !== 'failed');
  return index < 0 ? { kind: 'end' } : { kind: 'undo', index };
}

/** The step that sends visitors to the operation's containers: without a switch, as in scaling, it is the route. */
export function directing({ steps }: OperationRecord): 'switch' | 'route' {
  return steps.some(({ step }) => step.name === 'switch') ? 'switch' : 'route';
}

/** Whether all that was done can still be undone, and has not been begun to be. */
export function hasWayBack({ state, direction, kind, steps }: OperationRecord): boolean {
  const progressed = { kind, steps: steps.map(({ step, state: reached }) => ({ name: step.name, state: reached })) };
  return state === 'running' && direction === 'forward' && !isPastReturn(progressed);
}

/** It has left something behind that was not taken back. */
function isLeft(step: StepRecord): boolean {
  const hasBegun = step.state === 'running' || step.state === 'done' || step.state === 'failed';
  return isUndoable(step.step.name) && hasBegun && step.undo !== 'done';
}

/** Throws {@link IllegalTransition} for an event that the record does not allow. Never changes `record`. */
export function transition(record: OperationRecord, event: JournalEvent): OperationRecord {
  if (record.state !== 'running') throw illegal(record, event, `the operation is ${record.state}`);
  if (event.kind === 'unwind_ordered') {
    if (record.direction === 'unwind') throw illegal(record, event, 'it unwinds already');
    if (!hasWayBack(record)) throw illegal(record, event, 'it is past the point of no return');
    const { is_cancelled } = event;
    return settle({ ...record, direction: 'unwind', is_cancelled, ...interrupted(record, event.message, event.at) }, event.at);
  }
  if (event.kind === 'given_up')
    return settle({ ...record, state: 'stuck', ...abandoned(record, event.message, event.at) }, event.at);
  const expected = nextAction(record);
  const isUndo = event.kind.startsWith('undo_');
  if (expected.kind === 'end' || expected.kind !== (isUndo ? 'undo' : 'do') || expected.index !== event.index) {
    throw illegal(record, event, `next is ${JSON.stringify(expected)}`);
  }
  const before = record.steps[event.index]!; // nextAction gave this index
  const steps = record.steps.with(event.index, stepAfter(record, before, event));
  return settle({ ...record, steps, ...consequence(before, event) }, event.at);
}

/** What was under way will not be finished any more. */
function interrupted(record: OperationRecord, message: string, at: string): Pick<OperationRecord, 'steps' | 'error'> {
  const current = record.steps.find((step) => step.state === 'running');
  const failed: Partial<StepRecord> = { state: 'failed', ended_at: at, detail: message };
  const steps = record.steps.map((step) => (step === current ? { ...step, ...failed } : step));
  return { steps, error: { message, step: current?.step.name ?? null, field: null } };
}

/** As {@link interrupted}, and what was being undone is not: what went wrong first is told first. */
function abandoned(record: OperationRecord, message: string, at: string): Pick<OperationRecord, 'steps' | 'error'> {
  const { steps, error } = interrupted(record, message, at);
  const before = record.error;
  return {
    steps: steps.map((step) => (step.undo === 'running' ? { ...step, undo: 'failed', ended_at: at, detail: message } : step)),
    error: before === null ? error : { ...before, message: `${before.message} ${message}` },
  };
}

type StepEvent = Exclude<JournalEvent, { kind: 'unwind_ordered' | 'given_up' }>;

function stepAfter(record: OperationRecord, step: StepRecord, event: StepEvent): StepRecord {
  switch (event.kind) {
    case 'step_started':
      return { ...step, state: 'running', started_at: step.started_at ?? event.at };
    case 'step_done':
      if (step.state !== 'running') throw illegal(record, event, `the step is ${step.state}`);
      return { ...step, state: 'done', ended_at: event.at, detail: event.detail, output: event.output };
    case 'step_failed':
      if (step.state !== 'running') throw illegal(record, event, `the step is ${step.state}`);
      return { ...step, state: 'failed', ended_at: event.at, detail: event.message };
    case 'undo_started':
      return { ...step, undo: 'running' };
    case 'undo_done':
      if (step.undo !== 'running') throw illegal(record, event, 'its undo was not started');
      return { ...step, undo: 'done', ended_at: event.at };
    case 'undo_failed':
      if (step.undo !== 'running') throw illegal(record, event, 'its undo was not started');
      return { ...step, undo: 'failed', ended_at: event.at, detail: `could not be undone: ${event.message}` };
  }
}

function consequence(step: StepRecord, event: StepEvent): Partial<OperationRecord> {
  if (event.kind === 'step_failed') {
    const error = { message: event.message, step: step.step.name, field: event.field ?? null };
    const hasNoWayBack = step.step.on_failure === 'stuck';
    return { error, evidence: event.evidence, ...(hasNoWayBack ? { state: 'stuck' } : { direction: 'unwind' }) };
  }
  return {};
}

/** Ends the operation when nothing is left to do. */
function settle(record: OperationRecord, at: string): OperationRecord {
  if (record.state === 'running' && nextAction(record).kind !== 'end') return record;
  const ended_at = at;
  const steps = record.steps.map((step) => (step.state === 'pending' ? { ...step, state: 'skipped' as const } : step));
  if (record.state === 'stuck') return { ...record, ended_at, steps, error: withRemedy(record) };
  const left = record.direction === 'unwind' ? record.steps.filter(isLeft) : [];
  if (left.length > 0) return { ...record, ended_at, steps, state: 'stuck', error: stuckError(record, left) };
  return { ...record, ended_at, steps, state: endState(record) };
}

function endState({ direction, is_cancelled, steps }: OperationRecord): OperationRecord['state'] {
  if (direction === 'forward') return 'succeeded';
  if (is_cancelled) return 'cancelled';
  const hasServed = steps.some(({ step, state }) => step.name === 'switch' && state === 'done' && isSlot(step.from.marker));
  return hasServed ? 'rolled_back' : 'failed';
}

/** What went wrong first, what is still there because of it, and why that could not be taken back. */
function stuckError({ error }: OperationRecord, left: readonly StepRecord[]): OperationRecord['error'] {
  const things = left.map(({ step }) => describeLeft(step)).join(', ');
  const reasons = left.flatMap(({ undo, detail }) => (undo === 'failed' ? [detail] : [])).join('; ');
  const told = `${error?.message ?? ''} Still there: ${things} (${reasons}).`.trim();
  const message = `${told} ${RESTART} removes what the app does not need.`;
  return { message, step: error?.step ?? null, field: error?.field ?? null };
}

const RESTART = 'When the cause is mended, `systemctl restart nextdeployd`';

/** Of one that cannot go back, what has been reached, and what to do about the rest. */
function withRemedy({ error, kind, steps }: OperationRecord): OperationRecord['error'] {
  if (error === null) return null;
  const isServing = steps.some(({ step, state }) => step.name === 'switch' && state === 'done' && isSlot(step.to.marker));
  const reached = isServing ? 'The new release serves. ' : '';
  const again = kind === 'remove' ? 'When the cause is mended, remove it again' : `${RESTART} removes what the app does not need`;
  return { ...error, message: `${error.message} ${reached}${again}.` };
}

function illegal(record: OperationRecord, event: JournalEvent, why: string): IllegalTransition {
  return new IllegalTransition(`${record.id}: ${event.kind} is not allowed: ${why}`);
}
