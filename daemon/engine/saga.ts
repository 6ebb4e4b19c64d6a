/** Runs an operation: does its steps, or undoes them after a failure, each journalled before it happens and after. Resuming is running. */
import type { Evidence, StepName } from '../contract/domain.ts';
import { hasWayBack, type JournalEvent, nextAction, transition } from './journal.ts';
import { orLeave } from './leave.ts';
import type { Clock, RegistryCredentials } from './ports.ts';
import type { Change, OperationRecord, StepOutput, StepProgress } from './state.ts';
import { type Step, type StepOf, stepDeadlineMs, type UndoableStep } from './steps.ts';

export interface StepContext {
  operation: OperationRecord;
  /** Of all steps done so far. */
  output: StepOutput;
  /** When the step was begun first, which may have been in an earlier run of the daemon. */
  started_at: string;
  /** Aborts at the step's deadline, when the operation is cancelled and when the daemon stops. */
  signal: AbortSignal;
  /** Aborted: whoever operates the app keeps the new release, and the watch may end. */
  kept: AbortSignal;
  /** Lost when the daemon stops. */
  credentials: RegistryCredentials | null;
  /** Tells the world how far the step is; not journalled. */
  report(progress: Partial<Omit<StepProgress, 'step'>>): void;
}

/** What others may tell a running operation. */
export interface OperationControl {
  /** Aborted with the sentence that says who cancelled. */
  cancelled: AbortSignal;
  kept: AbortSignal;
  credentials: RegistryCredentials | null;
  report(progress: StepProgress): void;
}

export interface StepResult {
  detail?: string;
  output?: StepOutput;
  changes?: readonly Change[];
}

/**
 * What carries out each kind of step; the map does not compile if one is missing. Every `do` and `undo` may run twice.
 *
 * One that hangs is left a while after its deadline, or a cancellation: its result counts no more, and it may still be at its last
 * effect while it is tried again or undone. So none of them begins an effect after its signal was aborted, and of two effects on one
 * thing the one begun later has the last word: markers and route files are changed in turn. What Docker makes too late has the
 * operation's label and was never started; the next operation replaces it, or the next start of the daemon removes it.
 */
export type Executors = {
  [N in StepName]: { do(step: StepOf<N>, context: StepContext): Promise<StepResult> } & (N extends UndoableStep
    ? { undo(step: StepOf<N>, context: StepContext): Promise<StepResult> }
    : object);
};

/** A failure that carries what was seen. Any other error thrown by a step gets evidence from `SagaDependencies.examine`. */
export class StepFailure extends Error {
  readonly evidence: Partial<Evidence>;
  readonly container: string | null;
  readonly field: string | null;

  /** `container`: the one it is about, whose output tells more. `field`: of the request, which has to change. */
  constructor(message: string, evidence: Partial<Evidence> = {}, { cause, container = null, field = null }: FailureOrigin = {}) {
    super(message, { cause });
    this.evidence = evidence;
    this.container = container;
    this.field = field;
  }
}

interface FailureOrigin {
  cause?: unknown;
  container?: string | null;
  field?: string | null;
}

/** What an unwinding would go back to is not there: trying again does not help. */
export class NoWayBack extends StepFailure {}

export interface Failure {
  message: string;
  evidence: Partial<Evidence>;
  container: string | null;
}

export interface SagaDependencies {
  executors: Executors;
  clock: Clock;
  /**
   * Writes the record and the changes in one transaction, and tells the world. Takes as long as the disk needs to be writable; rejects
   * when the daemon stops first: then nothing has happened. Resolves with the record as it is kept, which is what goes on.
   */
  commit(record: OperationRecord, changes: readonly Change[]): Promise<OperationRecord>;
  /** Gathers evidence about a failed step, its reason being the sentence for the operator; must not throw. */
  examine(operation: OperationRecord, step: Step, failure: Failure, signal: AbortSignal): Promise<Evidence>;
  /** The sentence for the operator; the cause is logged by whoever implements it. */
  explain(error: unknown, step: Step): string;
}

/** Pauses of 0.5, 1, 2, 4 and 8 s: a restart of Docker fits in. */
const ATTEMPTS_MAX = 6;
const RETRY_PAUSE_MS = 500;
const EVIDENCE_DEADLINE_MS = 5_000;

/**
 * Runs until the operation has ended; returns its last record. When `signal` is aborted (the daemon stops) it rejects with the signal's
 * reason and the journal stays as it is, to be resumed by the next start. A cancellation takes effect wherever there is a way back.
 */
export async function runSaga(
  start: OperationRecord,
  dependencies: SagaDependencies,
  control: OperationControl,
  signal: AbortSignal,
): Promise<OperationRecord> {
  let record = start;
  let changes: readonly Change[] = [];
  const run = { dependencies, control, signal };
  const at = () => dependencies.clock.now().toISOString();
  for (;;) {
    if (control.cancelled.aborted && hasWayBack(record)) {
      const message = String(control.cancelled.reason);
      record = transition(record, { kind: 'unwind_ordered', at: at(), message, is_cancelled: true });
    }
    const action = nextAction(record);
    if (action.kind === 'end') {
      return await dependencies.commit(record, changes);
    }
    // The outcome of one step and the intent of the next are one write: half the waiting for the disk.
    const { index } = action;
    const begun = transition(record, { kind: action.kind === 'do' ? 'step_started' : 'undo_started', index, at: at() });
    record = await dependencies.commit(begun, changes);
    const outcome = await (action.kind === 'do' ? attemptDo : attemptUndo)(record, index, run);
    changes = outcome.changes;
    if (outcome.event !== null) record = transition(record, { ...outcome.event, at: at() });
  }
}

interface Run {
  dependencies: SagaDependencies;
  control: OperationControl;
  signal: AbortSignal;
}

interface Outcome {
  /** Null: given up because the operation was cancelled. */
  event: JournalEvent | null;
  changes: readonly Change[];
}

async function attemptDo(record: OperationRecord, index: number, run: Run): Promise<Outcome> {
  const { dependencies, control, signal } = run;
  const { step } = record.steps[index]!; // nextAction gave this index
  const at = '';
  const scope = hasWayBack(record) ? AbortSignal.any([signal, control.cancelled]) : signal;
  try {
    const attempts = step.on_failure === 'stuck' ? ATTEMPTS_MAX : 1;
    const result = await attempt('do', attempts, record, index, { ...run, signal: scope });
    const event = { kind: 'step_done', index, at, detail: result.detail ?? null, output: result.output ?? {} } as const;
    return { event, changes: result.changes ?? [] };
  } catch (error) {
    signal.throwIfAborted();
    if (scope.aborted) return { event: null, changes: [] };
    const message = dependencies.explain(error, step);
    const { evidence: seen, container, field } = error instanceof StepFailure ? error : NOTHING_KNOWN;
    const deadline = AbortSignal.any([signal, dependencies.clock.timeout(EVIDENCE_DEADLINE_MS)]);
    const evidence = await dependencies.examine(record, step, { message, evidence: seen, container }, deadline);
    signal.throwIfAborted();
    return { event: { kind: 'step_failed', index, at, message: evidence.reason, field, evidence }, changes: [] };
  }
}

const NOTHING_KNOWN = { evidence: {}, container: null, field: null };

async function attemptUndo(record: OperationRecord, index: number, run: Run): Promise<Outcome> {
  const { dependencies, signal } = run;
  const { step } = record.steps[index]!; // nextAction gave this index
  try {
    const result = await attempt('undo', ATTEMPTS_MAX, record, index, run);
    return { event: { kind: 'undo_done', index, at: '' }, changes: result.changes ?? [] };
  } catch (error) {
    signal.throwIfAborted();
    const message = dependencies.explain(error, step);
    return { event: { kind: 'undo_failed', index, at: '', message }, changes: [] };
  }
}

async function attempt(
  direction: 'do' | 'undo',
  attemptsMax: number,
  operation: OperationRecord,
  index: number,
  { dependencies, control, signal }: Run,
): Promise<StepResult> {
  const { step, started_at } = operation.steps[index]!; // nextAction gave this index
  const output = Object.assign({}, ...operation.steps.map((other) => other.output)) as StepOutput;
  const { kept, credentials } = control;
  for (let count = 1; ; count += 1) {
    signal.throwIfAborted();
    const deadlineMs = stepDeadlineMs(step);
    const deadline = dependencies.clock.timeout(deadlineMs);
    const scope = AbortSignal.any([signal, deadline]);
    const report: StepContext['report'] = (progress) => {
      if (!scope.aborted) control.report({ layers: null, lines: null, ...progress, step: step.name });
    };
    const context = { operation, output, started_at: started_at ?? '', signal: scope, kept, credentials, report };
    try {
      return await orLeave(execute(dependencies.executors, step, direction, context), scope, dependencies.clock);
    } catch (error) {
      signal.throwIfAborted();
      const failure = deadline.aborted
        ? new StepFailure(`${step.name} took longer than ${deadlineMs / 1000} s.`, {}, { cause: error })
        : error;
      if (count >= attemptsMax || failure instanceof NoWayBack) throw failure;
      await dependencies.clock.sleep(RETRY_PAUSE_MS * 2 ** (count - 1), signal);
    }
  }
}

function execute(executors: Executors, step: Step, direction: 'do' | 'undo', context: StepContext): Promise<StepResult> {
  // The map's type pairs each name with its own step; the compiler cannot follow that through a lookup.
  const executor = executors[step.name] as { do: Runner; undo?: Runner };
  const run = direction === 'do' ? executor.do : executor.undo;
  if (!run) throw new Error(`${step.name} cannot be undone`);
  return run(step, context);
}

type Runner = (step: Step, context: StepContext) => Promise<StepResult>;
