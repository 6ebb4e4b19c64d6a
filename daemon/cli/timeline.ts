/** An operation's steps and its evidence as text. Pure. */
import type { Evidence, Operation, OperationStep, StepState } from '../contract/domain.ts';
import { seconds } from './format.ts';
import { printable } from './terminal.ts';

const MARKS: Record<StepState, string> = { pending: '·', running: '●', done: '✓', failed: '✗', undone: '↩', skipped: '–' };
const NAME_WIDTH = 9;
const STATE_WIDTH = 7;
const PROBES_SHOWN_MAX = 5;

/** One line a step; `columns` is the width of the terminal, which no line may pass. */
export function timeline(operation: Operation, columns: number, now_ms: number): string[] {
  return operation.steps.map((step) => {
    const took = duration(step, now_ms);
    const line = `${MARKS[step.state]} ${step.name.padEnd(NAME_WIDTH)} ${step.state.padEnd(STATE_WIDTH)} ${took.padStart(7)}  ${detailOf(operation, step)}`;
    return line.slice(0, columns - 1).trimEnd();
  });
}

/** One line for each step that has begun, and what tells it from others: the same step in the same state has the same key. */
export function moves(operation: Operation): { key: string; line: string }[] {
  return operation.steps.flatMap((step, index) => {
    if (step.state === 'pending' || step.state === 'skipped') return [];
    const took = step.ended_at === null || step.started_at === null ? '' : ` (${duration(step, 0)})`;
    const detail = step.state === 'running' ? '' : detailOf(operation, step);
    return [{ key: `${index} ${step.state}`, line: `${step.name}: ${step.state}${took} ${detail}`.trimEnd() }];
  });
}

/** Empty where it would only say the operation's error, which stands beside the steps, once more. */
function detailOf({ error }: Operation, { detail }: OperationStep): string {
  return detail === null || detail === error?.message ? '' : printable(detail);
}

function duration({ started_at, ended_at }: OperationStep, now_ms: number): string {
  if (started_at === null) return '';
  return seconds(Math.max(0, (ended_at === null ? now_ms : Date.parse(ended_at)) - Date.parse(started_at)));
}

/** Why an operation failed, with what was observed. A reason that was `said` before is not repeated. */
export function evidenceLines(evidence: Evidence, said?: string): string[] {
  const { step, reason, probes, log_tail, exit_code, oom_killed } = evidence;
  const shown = probes.slice(-PROBES_SHOWN_MAX);
  return [
    `failed step: ${step}`,
    ...(reason === said ? [] : [`reason: ${printable(reason)}`]),
    ...(exit_code === null ? [] : [`exit code: ${exit_code}${oom_killed ? ' (killed: out of memory)' : ''}`]),
    ...(shown.length === 0 ? [] : [`last ${shown.length} of ${probes.length} probes:`]),
    ...shown.map(
      (probe) =>
        `  ${probe.at} ${probe.target} ${probe.status ?? '-'} ${Math.round(probe.duration_ms)} ms ${printable(probe.detail)}`,
    ),
    ...(log_tail.length === 0 ? [] : [`last ${log_tail.length} log lines:`]),
    ...log_tail.map((line) => `  ${printable(line)}`),
  ];
}
