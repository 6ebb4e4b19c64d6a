import { useContext, useEffect } from 'react';
import type { Operation } from '../../daemon/contract/domain.ts';
import { isTerminal } from '../../daemon/contract/rules.ts';
import type { DaemonData } from '../state/daemon-data.ts';
import { ConsoleContext } from '../state/hooks.ts';
import { notifyFailure, notifySuccess } from '../ui/run.tsx';
import { operationTitle } from '../views/operation-panel.tsx';

type Daemons = Readonly<Record<string, DaemonData>>;

/** Says how each operation ended that was seen running, whichever view is open. */
export function useNotifier(): void {
  const model = useContext(ConsoleContext);
  useEffect(() => {
    if (model === null) return;
    return model.stores.daemons.subscribe((after, before) => {
      for (const operation of endedBetween(before, after)) announce(operation);
    });
  }, [model]);
}

/** Operations that ran in `before` and have ended in `after`. */
export function endedBetween(before: Daemons, after: Daemons): Operation[] {
  return Object.entries(after).flatMap(([host, data]) => {
    const known = before[host];
    if (known === undefined || known.operations === data.operations) return [];
    return Object.values(data.operations).filter((operation) => {
      const was = known.operations[operation.id];
      return was !== undefined && !isTerminal(was) && isTerminal(operation);
    });
  });
}

function announce(operation: Operation): void {
  const title = `${operation.app_name}: ${operationTitle(operation)}`;
  if (operation.state === 'succeeded') notifySuccess(title, 'Succeeded.');
  else notifyFailure(title, operation.error?.message ?? `It ended as ${operation.state}.`);
}
