import { type ReactNode, useState } from 'react';
import type { Operation } from '../../daemon/contract/domain.ts';
import type { Host } from '../../preload/contract.ts';
import { ConfirmDialog } from '../dialogs/confirm-dialog.tsx';
import { useActions } from '../state/hooks.ts';
import { cancelQuestion, isServing, operationTitle } from '../state/operation-text.ts';
import { useRun } from '../ui/run.tsx';

export interface OperationControls {
  cancel(operation: Operation): void;
  keep(operation: Operation): void;
  isBusy: boolean;
  /** The question before a cancel by which something is lost; to be rendered somewhere. */
  dialog: ReactNode;
}

/** Ends operations that run: cancels them, asking first only where something is lost, or keeps what is being watched. */
export function useOperationControls(host: Host): OperationControls {
  const actions = useActions();
  const { run, isBusy } = useRun();
  const [asked, setAsked] = useState<Operation | null>(null);
  const cancelNow = (operation: Operation) => run('It was not cancelled', () => actions.cancel(host.id, operation.id));
  const question = asked === null ? null : cancelQuestion(asked);
  const isUndo = asked !== null && isServing(asked);
  return {
    isBusy,
    cancel(operation) {
      if (cancelQuestion(operation) === null) void cancelNow(operation);
      else setAsked(operation);
    },
    keep(operation) {
      void run('The watch was not ended', () => actions.keep(host.id, operation.id));
    },
    dialog: (
      <ConfirmDialog
        opened={asked !== null}
        onClose={() => setAsked(null)}
        title={asked === null ? '' : `${isUndo ? 'Undo' : 'Cancel'} “${operationTitle(asked)}” of ${asked.app_name}`}
        text={question ?? ''}
        action={isUndo ? 'Undo' : 'Cancel operation'}
        close="Let it go on"
        isDangerous
        isProduction={host.production}
        onConfirm={async () => asked === null || (await cancelNow(asked))}
      />
    ),
  };
}
