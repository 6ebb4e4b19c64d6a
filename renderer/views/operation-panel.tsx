import { Button } from '@mantine/core';
import { Ban, RotateCw, Undo2 } from 'lucide-react';
import type { Operation } from '../../daemon/contract/domain.ts';
import { can, isTerminal, isWatching } from '../../daemon/contract/rules.ts';
import { shortReference } from '../format.ts';
import { cancelWord, endingOf, imageBrought, KIND_WORD, operationTitle, releaseChange } from '../state/operation-text.ts';
import type { Watch } from '../state/watch.ts';
import { Elapsed } from '../ui/elapsed.tsx';
import { GatedButton } from '../ui/gated-button.tsx';
import { Mark, OPERATION_STATE, SlotMark, type Tone } from '../ui/mark.tsx';
import { Notice } from '../ui/notice.tsx';
import { Ago, ImageName } from '../ui/text.tsx';
import { EvidenceView, hasMoreToSay } from './evidence-view.tsx';
import { OperationSteps } from './operation-steps.tsx';

/** The title where there is little room: the image's name gives way before its tag. */
export function OperationName({ operation }: { operation: Operation }) {
  const image = imageBrought(operation);
  return (
    <>
      <span className="nd-nowrap">{image === null ? KIND_WORD[operation.kind] : `${KIND_WORD[operation.kind]} to`}</span>
      {image === null ? null : <ImageName reference={shortReference(image)} />}
    </>
  );
}

export interface OperationPanelProps {
  operation: Operation;
  /** The window that its new release is in, or null. */
  watch: Watch | null;
  /** Brings back the release before an operation that has ended; null where there is nothing to undo. */
  onUndo: (() => void) | null;
  /** Asks for the same once more, with changes; null where there is nothing to try again. */
  onRetry: (() => void) | null;
  onCancel(): void;
  onKeep(): void;
  isBusy: boolean;
}

/** One operation, live: its steps with their times, what can be done about it now, and the evidence where a step has failed. */
export function OperationPanel({ operation, watch, onUndo, onRetry, onCancel, onKeep, isBusy }: OperationPanelProps) {
  const said = operation.error?.message ?? '';
  const change = releaseChange(operation);
  return (
    <div className="nd-operation" data-testid="operation" data-state={operation.state} data-operation={operation.id}>
      <div className="nd-operation-head">
        <h3 title={operation.image ?? undefined}>{operationTitle(operation)}</h3>
        <Mark meaning={OPERATION_STATE[operation.state]} testId="operation-state" />
        <Elapsed from={operation.created_at} to={operation.ended_at} isRunning={operation.state === 'running'} />
      </div>
      <div className="nd-operation-head">
        <div className="nd-dim nd-row nd-grow">
          {change === '' ? null : <span className="nd-number">{change}</span>}
          {operation.slot === null ? null : <SlotMark slot={operation.slot} />}
          <span>by {operation.actor}</span>
          <Ago ts={operation.created_at} />
        </div>
        {onUndo === null ? null : (
          <Button size="compact-sm" leftSection={<Undo2 size={14} />} onClick={onUndo}>
            Undo
          </Button>
        )}
        {onRetry === null ? null : (
          <Button size="compact-sm" leftSection={<RotateCw size={13} />} onClick={onRetry}>
            Try again…
          </Button>
        )}
        {isTerminal(operation) || isWatching(operation) ? null : (
          <GatedButton
            size="compact-sm"
            leftSection={<Ban size={13} />}
            verdict={can.cancel(operation)}
            loading={isBusy}
            onClick={onCancel}
          >
            {cancelWord(operation)}
          </GatedButton>
        )}
      </div>
      <Ending operation={operation} />
      <OperationSteps operation={operation} watch={watch} onCancel={onCancel} onKeep={onKeep} isBusy={isBusy} />
      {hasMoreToSay(operation.evidence, said) ? <EvidenceView evidence={operation.evidence} said={said} /> : null}
    </div>
  );
}

const ENDING_TONE: Partial<Record<Operation['state'], Tone>> = { rolled_back: 'busy', cancelled: 'idle' };

/** How it ended, where that is not simply well. */
function Ending({ operation }: { operation: Operation }) {
  const title = endingOf(operation);
  if (title === null) return null;
  const message = operation.error?.message;
  return (
    <Notice tone={ENDING_TONE[operation.state] ?? 'bad'} title={title} {...(message === undefined ? {} : { text: message })} />
  );
}
