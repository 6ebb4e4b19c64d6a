import { useEffect, useRef } from 'react';
import type { Operation, OperationStep } from '../../daemon/contract/domain.ts';
import { repeats } from '../format.ts';
import type { Watch } from '../state/watch.ts';
import { Elapsed } from '../ui/elapsed.tsx';
import { Mark, type Meaning, OPERATION_STATE, STEP_STATE } from '../ui/mark.tsx';
import { Prose } from '../ui/prose.tsx';
import { STEP } from '../ui/step-meaning.ts';
import { PullProgressView } from './pull-progress-view.tsx';
import { WatchButtons, WatchCountdown } from './watch-window.tsx';

interface OperationStepsProps {
  operation: Operation;
  watch: Watch | null;
  onCancel(): void;
  onKeep(): void;
  isBusy: boolean;
}

/** The steps of an operation, a line each; what one prints, pulls or waits for stands beneath it. */
export function OperationSteps({ operation, watch, onCancel, onKeep, isBusy }: OperationStepsProps) {
  const said = operation.error?.message ?? '';
  const { begun, left } = apart(operation.steps);
  return (
    <ol className="nd-steps" aria-label="Operation steps">
      {begun.map((step) => (
        <Step
          key={step.name}
          step={step}
          meaning={
            operation.state === 'cancelled' && step.state === 'failed' ? OPERATION_STATE.cancelled : STEP_STATE[step.state]
          }
          said={said}
          watch={step.name === 'watch' ? watch : null}
        >
          {step.layers === null || step.layers.length === 0 ? null : <PullProgressView layers={step.layers} />}
          {step.output === null || step.output.length === 0 ? null : <Output step={step} lines={step.output} />}
          {step.name !== 'watch' || watch === null ? null : <WatchButtons onUndo={onCancel} onKeep={onKeep} isBusy={isBusy} />}
        </Step>
      ))}
      {left.length === 0 ? null : (
        <li data-state="skipped" data-tone={STEP_STATE.skipped.tone}>
          <Mark meaning={STEP_STATE.skipped} isCompact />
          <span className="nd-steps-left">Not begun: {left.map(({ name }) => STEP[name].word).join(', ')}</span>
        </li>
      )}
    </ol>
  );
}

/** So many steps at the end that were not begun are one line: what is to be read is the step that failed. */
const LEFT_MIN = 3;

function apart(steps: readonly OperationStep[]): { begun: readonly OperationStep[]; left: readonly OperationStep[] } {
  const end = steps.findLastIndex(({ state }) => state !== 'skipped') + 1;
  return steps.length - end < LEFT_MIN ? { begun: steps, left: [] } : { begun: steps.slice(0, end), left: steps.slice(end) };
}

interface StepProps {
  step: OperationStep;
  meaning: Meaning;
  /** What has been said above the steps already. */
  said: string;
  watch: Watch | null;
  children: React.ReactNode;
}

function Step({ step, meaning, said, watch, children }: StepProps) {
  const detail = step.detail === null || repeats(said, step.detail) ? '' : step.detail;
  const { icon: Icon, word, does } = STEP[step.name];
  return (
    <li
      data-step={step.name}
      data-state={step.state}
      data-tone={meaning.tone}
      aria-current={step.state === 'running' ? 'step' : undefined}
    >
      <Mark meaning={meaning} isCompact />
      <span className="nd-step-name" title={does}>
        <Icon size={13} aria-hidden />
        {word}
      </span>
      <span className="nd-step-detail" title={detail === '' ? undefined : detail}>
        {watch === null ? <Prose text={detail} /> : <WatchCountdown watch={watch} />}
      </span>
      {step.started_at === null || step.state === 'undone' ? (
        <span />
      ) : (
        <Elapsed from={step.started_at} to={step.ended_at} isRunning={step.state === 'running'} />
      )}
      <div className="nd-step-more">{children}</div>
    </li>
  );
}

/** What a one-off command prints: open while it runs and where it has failed, folded once it is well. */
function Output({ step, lines }: { step: OperationStep; lines: readonly string[] }) {
  const isTelling = step.state === 'running' || step.state === 'failed';
  const end = useRef<HTMLPreElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each further line is to be seen
  useEffect(() => {
    if (end.current !== null) end.current.scrollTop = end.current.scrollHeight;
  }, [lines.length]);
  return (
    <details className="nd-output" open={isTelling}>
      <summary>
        Output <span className="nd-dim">({lines.length === 1 ? '1 line' : `${lines.length} lines`})</span>
      </summary>
      <pre ref={end} className="nd-log-tail" role="log" aria-label={`Output of ${STEP[step.name].word}`}>
        {lines.join('\n')}
      </pre>
    </details>
  );
}
