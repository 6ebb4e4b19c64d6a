import { Button } from '@mantine/core';
import { useState } from 'react';
import type { DaemonEvent } from '../../daemon/contract/domain.ts';
import { formatAgo, formatClock, formatDateTime } from '../format.ts';
import { eventMeaning } from '../ui/event-meaning.ts';
import { Mark } from '../ui/mark.tsx';
import { Prose } from '../ui/prose.tsx';
import { Panel } from '../ui/text.tsx';
import { useNow } from '../ui/use-now.ts';

/** So many are drawn until more are asked for. */
const SHOWN_FIRST = 100;

interface EventsPanelProps {
  events: readonly DaemonEvent[];
  /** With a column for the app, for the events of a whole host. */
  hasApps?: boolean;
}

/** Told by the operations, or by the state of the app. */
const UNTOLD: ReadonlySet<DaemonEvent['kind']> = new Set(['operation.progress', 'app.changed']);

/** What the daemon said, newest first. */
export function EventsPanel({ events, hasApps = false }: EventsPanelProps) {
  const [shown, setShown] = useState(SHOWN_FIRST);
  const all = events.filter((event) => !UNTOLD.has(event.kind)).toReversed();
  return (
    <Panel title="Events" flush>
      <ul className="nd-events" aria-label="Events" data-apps={hasApps}>
        {all.slice(0, shown).map((event) => (
          <Line key={event.seq} event={event} hasApp={hasApps} />
        ))}
        {all.length === 0 ? <li className="nd-table-empty">Nothing has happened yet.</li> : null}
      </ul>
      {all.length > shown ? (
        <Button variant="subtle" onClick={() => setShown(shown + SHOWN_FIRST)}>
          Show older events
        </Button>
      ) : null}
    </Panel>
  );
}

function Line({ event, hasApp }: { event: DaemonEvent; hasApp: boolean }) {
  const meaning = eventMeaning(event);
  const isToday = formatDateTime(event.ts).slice(0, 10) === formatDateTime(new Date(useNow()).toISOString()).slice(0, 10);
  return (
    <li data-kind={event.kind} data-tone={meaning.tone}>
      <time className="nd-number nd-dim" dateTime={event.ts} title={formatDateTime(event.ts)}>
        {isToday ? formatClock(event.ts).slice(0, 8) : formatAgo(Date.parse(event.ts), Date.now())}
      </time>
      <Mark meaning={meaning} />
      {hasApp ? <span className="nd-strong nd-ellipsis">{event.app_name ?? ''}</span> : null}
      <span className="nd-wrap">
        <Prose text={event.message} />
      </span>
    </li>
  );
}
