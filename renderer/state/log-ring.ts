import type { LogLine } from '../../daemon/contract/domain.ts';
import { stripAnsi } from './ansi.ts';

export const LOG_LINES_MAX = 10_000;
/** The array grows this far beyond the bound before it is cut, so that a cut is rare and cheap. */
const SLACK = 2_000;
/** A longer line would cost more to draw than it can tell; what is left out is said. */
const LINE_CHARACTERS_MAX = 4_000;

export interface LogRow {
  /** Rises by one with each row: a row's identity while others leave the ring. */
  id: number;
  kind: 'line' | 'note';
  /** With its colours. */
  raw: string;
  /** Without them, in lower case: what a filter searches. */
  search: string;
  ts: string;
  release: string;
  slot: LogLine['slot'] | null;
  stream: LogLine['stream'];
}

export interface LogSnapshot {
  rows: readonly LogRow[];
  /** All rows ever added. */
  total: number;
  /** Lines that the daemon or the way to it lost. */
  dropped: number;
}

/** The last {@link LOG_LINES_MAX} lines. Listeners are told once a frame, however many lines came. */
export class LogRing {
  #rows: LogRow[] = [];
  #nextId = 0;
  #dropped = 0;
  #snapshot: LogSnapshot = { rows: [], total: 0, dropped: 0 };
  #isScheduled: boolean = false;
  readonly #listeners = new Set<() => void>();
  readonly #schedule: (act: () => void) => void;

  /** `schedule` runs its argument at the next frame. */
  constructor(schedule: (act: () => void) => void) {
    this.#schedule = schedule;
  }

  push(line: LogLine): void {
    const cut = line.log.length - LINE_CHARACTERS_MAX;
    const raw = cut > 0 ? `${line.log.slice(0, LINE_CHARACTERS_MAX)} … ${cut} more characters` : line.log;
    this.#add({ kind: 'line', raw, ts: line.ts, release: line.release, slot: line.slot, stream: line.stream });
  }

  /** Says in its place that `count` lines were lost. */
  noteDropped(count: number): void {
    this.#dropped += count;
    this.note(`${count.toLocaleString('en')} lines were dropped here: they came faster than they could be carried`);
  }

  /** A remark of the console between the lines. */
  note(text: string): void {
    this.#add({ kind: 'note', raw: text, ts: '', release: '', slot: null, stream: 'stdout' });
  }

  clear(): void {
    this.#rows = [];
    this.#changed();
  }

  /** The same object until something changed. */
  readonly snapshot = (): LogSnapshot => this.#snapshot;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  #add(row: Omit<LogRow, 'id' | 'search'>): void {
    this.#rows.push({ ...row, id: this.#nextId, search: stripAnsi(row.raw).toLowerCase() });
    this.#nextId += 1;
    if (this.#rows.length > LOG_LINES_MAX + SLACK) this.#rows = this.#rows.slice(-LOG_LINES_MAX);
    this.#changed();
  }

  #changed(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#schedule(() => {
      this.#isScheduled = false;
      this.#snapshot = { rows: this.#rows.slice(-LOG_LINES_MAX), total: this.#nextId, dropped: this.#dropped };
      for (const listener of this.#listeners) listener();
    });
  }
}

/** The rows that hold `text`, in any case; notes always stay. All of them for an empty text. */
export function filterRows(rows: readonly LogRow[], text: string, stream: LogLine['stream'] | 'all'): readonly LogRow[] {
  const wanted = text.trim().toLowerCase();
  if (wanted === '' && stream === 'all') return rows;
  return rows.filter(
    (row) => row.kind === 'note' || ((stream === 'all' || row.stream === stream) && row.search.includes(wanted)),
  );
}
