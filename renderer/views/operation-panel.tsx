import { Button } from '@mantine/core';
import { Undo2 } from 'lucide-react';
import type { Evidence, Operation, OperationKind, OperationStep } from '../../daemon/contract/domain.ts';
import { formatClock, formatDuration, repeats, sentence, shortReference } from '../format.ts';
import { Mark, OPERATION_STATE, SlotMark, STEP_STATE } from '../ui/mark.tsx';
import { Notice } from '../ui/notice.tsx';
import { Ago, ImageName } from '../ui/text.tsx';
import { useNow } from '../ui/use-now.ts';

const KIND_WORD: Record<OperationKind, string> = {
  deploy: 'Deploy',
  swap: 'Swap',
  rollback: 'Roll back',
  start: 'Start',
  stop: 'Stop',
  restart: 'Restart',
  remove: 'Remove',
};

/** `Swap to shop:v2`: what an operation is, in one line. */
export function operationTitle(operation: Operation): string {
  const word = KIND_WORD[operation.kind];
  const image = imageBrought(operation);
  return image === null ? word : `${word} to ${shortReference(image)}`;
}

/** The same where there is little room: the image's name gives way before its tag. */
export function OperationName({ operation }: { operation: Operation }) {
  const image = imageBrought(operation);
  return (
    <>
      <span className="nd-nowrap">{image === null ? KIND_WORD[operation.kind] : `${KIND_WORD[operation.kind]} to`}</span>
      {image === null ? null : <ImageName reference={shortReference(image)} />}
    </>
  );
}

function imageBrought({ kind, image }: Operation): string | null {
  return kind === 'deploy' || kind === 'swap' || kind === 'rollback' ? image : null;
}

interface OperationPanelProps {
  operation: Operation;
  /** Brings back the release before; null where there is nothing to undo. */
  onUndo: (() => void) | null;
}

/** One operation, live: its steps with their times, and the evidence where one has failed. */
export function OperationPanel({ operation, onUndo }: OperationPanelProps) {
  return (
    <div className="nd-operation" data-testid="operation" data-state={operation.state} data-operation={operation.id}>
      <div className="nd-operation-head">
        <h3 title={operation.image ?? undefined}>{operationTitle(operation)}</h3>
        <Mark meaning={OPERATION_STATE[operation.state]} testId="operation-state" />
        <Elapsed from={operation.created_at} to={operation.ended_at} isRunning={operation.state === 'running'} />
      </div>
      <div className="nd-operation-head">
        <div className="nd-dim nd-row nd-grow">
          <ReleaseChange operation={operation} />
          {operation.slot === null ? null : <SlotMark slot={operation.slot} />}
          <span>by {operation.actor}</span>
          <Ago ts={operation.created_at} />
        </div>
        {onUndo === null ? null : (
          <Button size="compact-sm" leftSection={<Undo2 size={14} />} onClick={onUndo}>
            Undo
          </Button>
        )}
      </div>
      {operation.error === null ? null : (
        <Notice
          tone="bad"
          title={operation.state === 'stuck' ? 'It needs your help' : 'It did not succeed'}
          text={operation.error.message}
        />
      )}
      <ol className="nd-steps" aria-label="Operation steps">
        {operation.steps.map((step) => (
          <Step key={step.name} step={step} said={operation.error?.message ?? ''} />
        ))}
      </ol>
      {operation.evidence === null ? null : <EvidenceView evidence={operation.evidence} said={operation.error?.message ?? ''} />}
    </div>
  );
}

function ReleaseChange({ operation }: { operation: Operation }) {
  const { from_release, release } = operation;
  if (release === null && from_release === null) return null;
  return (
    <span className="nd-number">
      {from_release === null || from_release === release ? (release ?? from_release) : `${from_release} → ${release ?? '–'}`}
    </span>
  );
}

/** `said` has been said above the steps already. */
function Step({ step, said }: { step: OperationStep; said: string }) {
  const detail = step.detail === null || repeats(said, step.detail) ? '' : step.detail;
  const meaning = STEP_STATE[step.state];
  return (
    <li
      data-step={step.name}
      data-state={step.state}
      data-tone={meaning.tone}
      aria-current={step.state === 'running' ? 'step' : undefined}
    >
      <Mark meaning={meaning} isCompact />
      <span className="nd-step-name">{step.name}</span>
      <span className="nd-step-detail" title={detail === '' ? undefined : detail}>
        {detail}
      </span>
      {step.started_at === null || step.state === 'undone' ? (
        <span />
      ) : (
        <Elapsed from={step.started_at} to={step.ended_at} isRunning={step.state === 'running'} />
      )}
    </li>
  );
}

function Elapsed({ from, to, isRunning }: { from: string; to: string | null; isRunning: boolean }) {
  return (
    <span className="nd-number nd-dim nd-nowrap">
      {to !== null ? formatDuration(Date.parse(to) - Date.parse(from)) : isRunning ? <Running from={from} /> : ''}
    </span>
  );
}

function Running({ from }: { from: string }) {
  const now = useNow();
  return <>{Math.max(0, Math.round((now - Date.parse(from)) / 1000))} s</>;
}

/** Why a step failed: what the probes met, and the container's last words. */
function EvidenceView({ evidence, said }: { evidence: Evidence; said: string }) {
  const outcome = outcomeText(evidence, said);
  return (
    <section className="nd-evidence" aria-label="Evidence">
      <h3>Evidence of step “{evidence.step}”</h3>
      {outcome === '' ? null : <p>{outcome}</p>}
      {evidence.probes.length === 0 ? null : (
        <table className="nd-table nd-probes" aria-label="Probes">
          <thead>
            <tr>
              <th scope="col">Time</th>
              <th scope="col">Answer</th>
              <th scope="col">Took</th>
              <th scope="col">Target and what it said</th>
            </tr>
          </thead>
          <tbody>
            {evidence.probes.map((probe) => (
              <tr key={`${probe.at} ${probe.target}`}>
                <td className="nd-number">{formatClock(probe.at).slice(0, 8)}</td>
                <td className="nd-number">{probe.status ?? 'none'}</td>
                <td className="nd-number">{Math.round(probe.duration_ms)} ms</td>
                <td className="nd-mono nd-wrap">
                  <div className="nd-dim">{probe.target}</div>
                  {probe.detail}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {evidence.log_tail.length === 0 ? null : (
        <>
          <h3>Last lines of its log</h3>
          <pre className="nd-log-tail">{evidence.log_tail.join('\n')}</pre>
        </>
      )}
    </section>
  );
}

function outcomeText({ reason, exit_code, oom_killed }: Evidence, said: string): string {
  const parts = [
    repeats(said, reason) ? '' : reason,
    exit_code === null ? '' : `exit code ${exit_code}`,
    oom_killed ? 'killed for want of memory' : '',
  ];
  return sentence(parts.filter((part) => part !== '').join(' · '));
}
