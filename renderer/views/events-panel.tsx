import { CircleAlert, Info, TriangleAlert } from 'lucide-react';
import type { DaemonEvent } from '../../daemon/contract/domain.ts';
import { formatClock, formatDateTime } from '../format.ts';
import { Mark, type Meaning } from '../ui/mark.tsx';
import { Panel } from '../ui/text.tsx';

const LEVEL: Record<DaemonEvent['level'], Meaning> = {
  info: { tone: 'info', icon: Info, word: 'Info' },
  warning: { tone: 'busy', icon: TriangleAlert, word: 'Warning' },
  error: { tone: 'bad', icon: CircleAlert, word: 'Error' },
};

/** What the daemon said since the console connected, newest first. Single steps are left to the operations. */
export function EventsPanel({ events }: { events: readonly DaemonEvent[] }) {
  const shown = events.filter((event) => event.kind !== 'operation.progress').toReversed();
  return (
    <Panel title="Events since the console connected" flush>
      <ul className="nd-events" aria-label="Events">
        {shown.map((event) => (
          <li key={event.seq} data-kind={event.kind}>
            <time className="nd-number nd-dim" dateTime={event.ts} title={formatDateTime(event.ts)}>
              {formatClock(event.ts).slice(0, 8)}
            </time>
            <Mark meaning={LEVEL[event.level]} isCompact />
            <span className="nd-strong">{event.app_name ?? ''}</span>
            <span>{event.message}</span>
          </li>
        ))}
        {shown.length === 0 ? <li className="nd-table-empty">Nothing has happened since.</li> : null}
      </ul>
    </Panel>
  );
}
