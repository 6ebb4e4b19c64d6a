import { useContext, useEffect, useRef } from 'react';
import type { Operation } from '../../daemon/contract/domain.ts';
import { isTerminal } from '../../daemon/contract/rules.ts';
import type { Place } from '../paths.ts';
import type { DaemonData } from '../state/daemon-data.ts';
import { ConsoleContext } from '../state/hooks.ts';
import { endingOf, operationTitle } from '../state/operation-text.ts';
import { notifyFailure, notifyNeutral, notifySuccess, notifyWarning } from '../ui/run.tsx';
import { createToastGate, toastsBetween, toastTitle } from './event-toasts.ts';

type Daemons = Readonly<Record<string, DaemonData>>;

/** Says how each operation ended that was seen running, whichever view is open. */
export function useNotifier(place: Place): void {
  const model = useContext(ConsoleContext);
  const shown = useRef(place);
  useEffect(() => {
    shown.current = place;
  });
  useEffect(() => {
    if (model === null) return;
    const gate = createToastGate();
    return model.stores.daemons.subscribe((after, before) => {
      for (const { host, operation } of endedBetween(before, after)) {
        if (!isShownAt(shown.current, host, operation)) announce(operation);
      }
      const offsets = model.stores.metrics.getState();
      const nowOf = (host: string) => Date.now() + (offsets[host]?.clock_offset_ms ?? 0);
      for (const { id, event } of toastsBetween(before, after, nowOf)) {
        if (gate.passes(id, Date.now())) notifyWarning(toastTitle(event), event.message);
      }
    });
  }, [model]);
}

/** Operations that ran in `before` and have ended in `after`. */
export function endedBetween(before: Daemons, after: Daemons): { host: string; operation: Operation }[] {
  return Object.entries(after).flatMap(([host, data]) => {
    const known = before[host];
    if (known === undefined || known.operations === data.operations) return [];
    const ended = Object.values(data.operations).filter((operation) => {
      const was = known.operations[operation.id];
      return was !== undefined && !isTerminal(was) && isTerminal(operation);
    });
    return ended.map((operation) => ({ host, operation }));
  });
}

/** Whether the operator looks at the very panel that shows how `operation` ended; to say it once is enough. */
export function isShownAt(place: Place, host: string, operation: Operation): boolean {
  return place.view === 'app' && place.tab === 'overview' && place.host === host && place.app === operation.app_name;
}

function announce(operation: Operation): void {
  const title = `${operation.app_name}: ${operationTitle(operation)}`;
  if (operation.state === 'succeeded') notifySuccess(title, 'Succeeded.');
  else if (operation.state === 'cancelled') notifyNeutral(title, endingOf(operation) ?? '');
  else if (operation.state === 'rolled_back') notifyWarning(title, operation.error?.message ?? endingOf(operation) ?? '');
  else notifyFailure(title, operation.error?.message ?? `It ended as ${operation.state}.`);
}
