/** An operation's steps and its evidence as text. Pure. */
import type { Evidence, Layer, Operation, OperationStep, StepName, StepState } from '../contract/domain.ts';
import { can, isTerminal, isWatching } from '../contract/rules.ts';
import { bytes, seconds } from './format.ts';
import { printable } from './terminal.ts';

const MARKS: Record<StepState, string> = { pending: '·', running: '●', done: '✓', failed: '✗', undone: '↩', skipped: '–' };
const NAME_WIDTH = 11;
const STATE_WIDTH = 7;
const PROBES_SHOWN_MAX = 5;
const OUTPUT_SHOWN_MAX = 5;

export interface Look {
  /** Width of the terminal, which no line may pass. */
  columns: number;
  now_ms: number;
  /** How long the watch window is; null where that is not known. */
  watch_ms: number | null;
  /** Of what a one-off command printed: everything, or the last lines of one that runs or failed. */
  output: 'all' | 'last';
}

/** One line a step, beneath it what its command printed. */
export function timeline(operation: Operation, look: Look): string[] {
  return operation.steps.flatMap((step) => {
    const took = duration(step, look.now_ms);
    const head = `${MARKS[step.state]} ${step.name.padEnd(NAME_WIDTH)} ${step.state.padEnd(STATE_WIDTH)} ${took.padStart(7)}`;
    const lines = [
      `${head}  ${detailOf(operation, step, look)}`,
      ...shownOutput(step, look).map((line) => `    ${printable(line)}`),
    ];
    return lines.map((line) => line.slice(0, look.columns - 1).trimEnd());
  });
}

/**
 * One line for each step that has begun, each layer that moved on and each line a command printed, and what tells it from
 * others: the same news has the same key.
 */
export function moves(operation: Operation, watch_ms: number | null): { key: string; line: string }[] {
  return operation.steps.flatMap((step, index) => {
    if (step.state === 'pending' || step.state === 'skipped') return [];
    const took = step.ended_at === null || step.started_at === null ? '' : ` (${duration(step, 0)})`;
    const isWatched = step.name === 'watch' && step.state === 'running';
    const detail = isWatched ? watchWords(operation, watch_ms) : step.state === 'running' ? '' : detailOf(operation, step, null);
    const move = { key: `${index} ${step.name} ${step.state}`, line: `${step.name}: ${step.state}${took} ${detail}`.trimEnd() };
    const layers = (step.layers ?? [])
      .filter(({ state }) => state !== 'waiting')
      .map((layer) => layerMove(index, step.name, layer));
    const output = step.state === 'running' ? [] : (step.output ?? []);
    const printed = output.map((line, at) => ({
      key: `${index} ${step.name} output ${at}`,
      line: `${step.name}| ${printable(line)}`,
    }));
    return step.state === 'running' ? [move, ...layers] : [...printed, move];
  });
}

function layerMove(index: number, name: StepName, { id, state, total_bytes }: Layer): { key: string; line: string } {
  const size = total_bytes === null ? '' : ` (${bytes(total_bytes)})`;
  return { key: `${index} layer ${id} ${state}`, line: `${name}: layer ${printable(id)} ${state}${size}` };
}

function watchWords({ id }: Operation, watch_ms: number | null): string {
  const length = watch_ms === null ? '' : `for ${seconds(watch_ms)} `;
  return `${length}(goes back: nextdeploy cancel ${id}; ends the window: nextdeploy keep ${id})`;
}

/** What can be done with an operation under way; empty where nothing can. */
export function hints(operation: Operation): string[] {
  if (isTerminal(operation) || !can.cancel(operation).allowed) return [];
  if (!isWatching(operation)) return [`Cancel it with: nextdeploy cancel ${operation.id}`];
  return [`Go back with: nextdeploy cancel ${operation.id}`, `End the watch window with: nextdeploy keep ${operation.id}`];
}

function shownOutput({ output, state }: OperationStep, look: Look): string[] {
  if (output === null) return [];
  if (look.output === 'all') return output;
  return state === 'running' || state === 'failed' ? output.slice(-OUTPUT_SHOWN_MAX) : [];
}

/** Empty where it would only say the operation's error, which stands beside the steps, once more. */
function detailOf({ error }: Operation, step: OperationStep, look: Look | null): string {
  const detail = step.detail === null || step.detail === error?.message ? '' : printable(step.detail);
  if (look === null || step.state !== 'running') return detail;
  const progress = step.name === 'watch' ? countdown(step, look) : step.layers === null ? null : layersWords(step.layers);
  return progress === null ? detail : detail === '' ? progress : `${progress}; ${detail}`;
}

function countdown({ started_at }: OperationStep, { now_ms, watch_ms }: Look): string | null {
  if (started_at === null || watch_ms === null) return null;
  return `${Math.max(0, Math.ceil((Date.parse(started_at) + watch_ms - now_ms) / 1000))} s left`;
}

/** Such as `3 of 7 layers, 12 MB of 40 MB`. */
function layersWords(layers: readonly Layer[]): string {
  const done = layers.filter(({ state }) => state === 'done').length;
  const isHere = ({ state }: Layer) => state === 'done' || state === 'extracting';
  const total = layers.reduce((sum, { total_bytes }) => sum + (total_bytes ?? 0), 0);
  const here = layers.reduce((sum, layer) => sum + (isHere(layer) ? (layer.total_bytes ?? 0) : layer.current_bytes), 0);
  const size = total === 0 ? '' : `, ${bytes(Math.min(here, total))} of ${bytes(total)}`;
  return `${done} of ${layers.length} layers${size}`;
}

function duration({ started_at, ended_at }: OperationStep, now_ms: number): string {
  if (started_at === null) return '';
  return seconds(Math.max(0, (ended_at === null ? now_ms : Date.parse(ended_at)) - Date.parse(started_at)));
}

/** Why an operation failed, with what was observed. A reason that was `said` before is not repeated. */
export function evidenceLines(evidence: Evidence, said?: string): string[] {
  const { step, reason, probes, log_tail, exit_code, oom_killed } = evidence;
  const shown = probes.slice(-PROBES_SHOWN_MAX);
  const exit =
    exit_code === null ? 'killed: out of memory' : `exit code: ${exit_code}${oom_killed ? ' (killed: out of memory)' : ''}`;
  return [
    `failed step: ${step}`,
    ...(reason === said ? [] : [`reason: ${printable(reason)}`]),
    ...(exit_code === null && !oom_killed ? [] : [exit]),
    ...(shown.length === 0 ? [] : [`last ${shown.length} of ${probes.length} probes:`]),
    ...shown.map(
      (probe) =>
        `  ${probe.at} ${probe.target} ${probe.status ?? '-'} ${Math.round(probe.duration_ms)} ms ${printable(probe.detail)}`,
    ),
    ...(log_tail.length === 0 ? [] : [`last ${log_tail.length} log lines:`]),
    ...log_tail.map((line) => `  ${printable(line)}`),
  ];
}
