import { ActionIcon, Button, SegmentedControl, TextInput, Tooltip } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDownToLine, ClipboardCopy, Eraser, Pause, Play, Search } from 'lucide-react';
import { memo, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { formatClock } from '../format.ts';
import { parseAnsi, stripAnsi } from '../state/ansi.ts';
import { filterRows, type LogRing, type LogRow, type LogSnapshot } from '../state/log-ring.ts';

const ROW_HEIGHT = 18;
/** So near to its end a list counts as being followed. */
const FOLLOW_SLACK = ROW_HEIGHT * 2;

type StreamChoice = LogRow['stream'] | 'all';

/** The live lines of a ring: only those in sight are drawn. Scrolling up holds the view still; lines go on being kept. */
export function LogViewer({ ring }: { ring: LogRing }) {
  const live = useSyncExternalStore(ring.subscribe, ring.snapshot);
  /** What was there when the view was held; null while it follows. */
  const [held, setHeld] = useState<LogSnapshot | null>(null);
  const [text, setText] = useState('');
  const [stream, setStream] = useState<StreamChoice>('all');
  const shown = held ?? live;
  const rows = useMemo(() => filterRows(shown.rows, text, stream), [shown.rows, text, stream]);
  const waiting = live.total - shown.total;

  return (
    <div className="nd-logs">
      <div className="nd-logs-bar">
        <TextInput
          className="nd-logs-filter"
          leftSection={<Search size={13} />}
          placeholder="Filter lines"
          aria-label="Filter lines"
          data-shortcut="filter"
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <SegmentedControl
          aria-label="Streams"
          value={stream}
          onChange={setStream}
          data={[
            { value: 'all', label: 'All' },
            { value: 'stdout', label: 'stdout' },
            { value: 'stderr', label: 'stderr' },
          ]}
        />
        <span className="nd-grow" />
        <LogCount shown={rows.length} snapshot={live} isFiltered={text !== '' || stream !== 'all'} />
        <Tooltip label="Copy the lines shown">
          <ActionIcon aria-label="Copy the lines shown" onClick={() => void navigator.clipboard.writeText(asText(rows))}>
            <ClipboardCopy size={15} />
          </ActionIcon>
        </Tooltip>
        <Tooltip label="Clear the view; nothing is deleted on the server">
          <ActionIcon
            aria-label="Clear"
            onClick={() => {
              ring.clear();
              setHeld(null);
            }}
          >
            <Eraser size={15} />
          </ActionIcon>
        </Tooltip>
        <Button
          size="compact-sm"
          leftSection={held === null ? <Pause size={13} /> : <Play size={13} />}
          onClick={() => setHeld(held === null ? live : null)}
        >
          {held === null ? 'Pause' : 'Follow'}
        </Button>
      </div>
      <LogRows
        rows={rows}
        empty={
          shown.rows.length === 0
            ? 'No lines yet. What the app prints appears here as it happens.'
            : 'No line matches the filter.'
        }
        isFollowing={held === null}
        onScrolledUp={() => setHeld(live)}
        onScrolledDown={() => setHeld(null)}
      />
      {held === null ? null : (
        <Button
          className="nd-logs-resume"
          size="compact-sm"
          variant="filled"
          leftSection={<ArrowDownToLine size={13} />}
          onClick={() => setHeld(null)}
        >
          {waiting > 0 ? `${waiting.toLocaleString('en')} new lines` : 'To the end'}
        </Button>
      )}
    </div>
  );
}

function LogCount({ shown, snapshot, isFiltered }: { shown: number; snapshot: LogSnapshot; isFiltered: boolean }) {
  const count = isFiltered
    ? `${shown.toLocaleString('en')} of ${snapshot.rows.length.toLocaleString('en')}`
    : shown.toLocaleString('en');
  return (
    <span className="nd-dim nd-number nd-nowrap" data-testid="log-count" data-total={snapshot.total}>
      {count} lines
      {snapshot.dropped > 0 ? ` · ${snapshot.dropped.toLocaleString('en')} dropped` : ''}
    </span>
  );
}

interface LogRowsProps {
  rows: readonly LogRow[];
  /** Said in place of rows. */
  empty: string;
  isFollowing: boolean;
  onScrolledUp(): void;
  onScrolledDown(): void;
}

function LogRows({ rows, empty, isFollowing, onScrolledUp, onScrolledDown }: LogRowsProps) {
  const frame = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 8,
  });

  useEffect(() => {
    const element = frame.current;
    if (isFollowing && element !== null && rows.length > 0) element.scrollTop = element.scrollHeight;
  }, [isFollowing, rows]);

  return (
    <div
      ref={frame}
      className="nd-logs-frame"
      role="log"
      aria-label="Log lines"
      // Lines may come by the thousand a second; a screen reader is not to read them all out.
      aria-live="off"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and so must be reachable by keyboard
      tabIndex={0}
      onWheel={(event) => {
        if (event.deltaY < 0 && isFollowing) onScrolledUp();
      }}
      onKeyDown={(event) => {
        if (['ArrowUp', 'PageUp', 'Home'].includes(event.key) && isFollowing) onScrolledUp();
        if (event.key === 'End') onScrolledDown();
      }}
      onScroll={(event) => {
        const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
        const fromEnd = scrollHeight - scrollTop - clientHeight;
        if (isFollowing && fromEnd > clientHeight + FOLLOW_SLACK) onScrolledUp(); // dragged by its bar
      }}
    >
      {rows.length === 0 ? <p className="nd-logs-empty">{empty}</p> : null}
      <div style={{ height: virtualizer.getTotalSize(), position: 'relative' }}>
        {virtualizer.getVirtualItems().map((item, place) => {
          const row = rows[item.index];
          // The place on the screen is the key: a flood of new lines then changes the text of what is there already.
          // biome-ignore lint/suspicious/noArrayIndexKey: as said above; rows have no state of their own
          return row === undefined ? null : <LogLineView key={place} row={row} top={item.start} />;
        })}
      </div>
    </div>
  );
}

const LogLineView = memo(function LogLineView({ row, top }: { row: LogRow; top: number }) {
  const style = { transform: `translateY(${top}px)` };
  if (row.kind === 'note') {
    return (
      <div className="nd-log-row nd-log-note" style={style}>
        {row.raw}
      </div>
    );
  }
  return (
    <div className="nd-log-row" data-stream={row.stream} style={style}>
      <time dateTime={row.ts}>{formatClock(row.ts)}</time>
      <span className="nd-slot" data-slot={row.slot} title={`release ${row.release}, slot ${row.slot}, ${row.stream}`}>
        {row.release}
      </span>
      <span className="nd-log-stream">{row.stream === 'stderr' ? 'err' : ''}</span>
      <span className="nd-log-text">
        {withKeys(row.raw).map(({ key, segment }) => (
          <span
            key={key}
            className={segment.isBold ? 'nd-bold' : segment.isDim ? 'nd-dim' : undefined}
            style={segment.color === null ? undefined : { color: `var(--nd-ansi-${segment.color % 8})` }}
          >
            {segment.text}
          </span>
        ))}
      </span>
    </div>
  );
});

/** Segments never move within a line, so their place is their key. */
function withKeys(raw: string) {
  return parseAnsi(raw).map((segment, index) => ({ key: index, segment }));
}

function asText(rows: readonly LogRow[]): string {
  return rows.map((row) => (row.kind === 'note' ? `-- ${row.raw}` : `${row.ts} ${row.release} ${stripAnsi(row.raw)}`)).join('\n');
}
