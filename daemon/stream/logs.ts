import type { LogLine } from '../contract/domain.ts';
import { DomainError } from '../contract/errors.ts';
import { LIMITS } from '../contract/limits.ts';
import type { Slot } from '../contract/names.ts';
import { Channel } from './channel.ts';
import { afterTimestamp, distinctTimestamps, Reorder, shiftTimestamp } from './log-order.ts';

/** One line as a container wrote it. */
export interface ContainerLine {
  /** RFC 3339, UTC, nine digits of a second: compares as text. */
  ts: string;
  stream: 'stdout' | 'stderr';
  log: string;
}

export interface ReadLogsOptions {
  /** A `ts`; only lines after it. */
  since?: string;
  /** Only so many of the last. */
  tail?: number;
  /** Goes on with new lines, until the container stops. */
  follow: boolean;
  signal: AbortSignal;
}

/** Where lines come from; `host/docker.ts` implements it. A container that is gone has none. */
export interface LogSource {
  readLogs(containerId: string, options: ReadLogsOptions): AsyncIterable<ContainerLine>;
}

export interface LoggedContainer {
  container_id: string;
  release: string;
  slot: Slot;
}

export interface FollowLogsOptions {
  app_name: string;
  source: LogSource;
  /** The app's containers as they are now, running or not, in both slots. */
  listContainers: (signal: AbortSignal) => Promise<LoggedContainer[]>;
  /** Calls back after every change that may have added a container; returns how to stop. */
  onChange: (listener: () => void) => () => void;
  query: { tail: number; since?: string | undefined; follow: boolean; grep?: string | undefined };
  signal: AbortSignal;
  /** How long to wait before a container that ended is looked at again, and for lines that are late. */
  timing?: Partial<Timing>;
}

interface Timing {
  retry_ms: number;
  late_ms: number;
}

const TIMING: Timing = { retry_ms: 2_000, late_ms: 250 };
/** Lines read and not yet taken, of all containers together; beyond it they are read more slowly, never dropped. */
const BUFFERED_LINES_MAX = 1_000;
/** Lines of one container with the same time, to the nanosecond, up to which a cursor is exact. */
const SAME_TIME_LINES_MAX = 1_000;
/** Of the lines kept that are held to be sorted; beyond it the oldest are dropped and counted. */
const TAIL_CHARACTERS_MAX = 16 * 1024 * 1024;

type Line = ContainerLine & { container: LoggedContainer };

/**
 * An app's log lines across its containers: those kept (the last `tail`, or all after `since`), then those that come,
 * through swaps, restarts and rollbacks. `ts` rises strictly from line to line, by a nanosecond where two share one, so
 * that the `ts` of the last line seen is a cursor: resuming with it as `since` neither loses nor repeats a line.
 * @throws DomainError `invalid_request` for a `since` that is no time
 */
export async function* followLogs(options: FollowLogsOptions): AsyncGenerator<LogLine | { dropped: number }, void> {
  const { app_name, query } = options;
  let last = query.since === undefined ? '' : normalTimestamp(query.since);
  for await (const item of lines(options, last)) {
    if ('dropped' in item) {
      yield item;
      continue;
    }
    const { container, ...line } = item;
    const ts = line.ts > last ? line.ts : afterTimestamp(last);
    last = ts;
    if (query.grep !== undefined && !line.log.includes(query.grep)) continue;
    yield { app_name, log: line.log, ts, release: container.release, slot: container.slot, stream: line.stream };
  }
}

async function* lines(options: FollowLogsOptions, since: string): AsyncGenerator<Line | { dropped: number }> {
  const { query, signal } = options;
  const stop = new AbortController();
  const follower = new Follower(options, AbortSignal.any([signal, stop.signal]), since);
  try {
    const containers = await options.listContainers(signal);
    if (since === '') yield* follower.readTail(containers);
    else yield* follower.readSince(containers, query.follow);
    if (query.follow) yield* follower.follow();
  } finally {
    stop.abort();
  }
}

/** Reads containers, and knows for each how far it was read. */
class Follower {
  readonly #options: FollowLogsOptions;
  readonly #signal: AbortSignal;
  readonly #since: string;
  readonly #timing: Timing;
  /** By container: the `ts` of the last line read. */
  readonly #cursors = new Map<string, string>();
  readonly #readers = new Set<string>();

  constructor(options: FollowLogsOptions, signal: AbortSignal, since: string) {
    this.#options = options;
    this.#signal = signal;
    this.#since = since;
    this.#timing = { ...TIMING, ...options.timing };
  }

  /** The last lines of all containers together. With `grep` they are sought among the last ones that the contract allows. */
  async *readTail(containers: LoggedContainer[]): AsyncGenerator<Line | { dropped: number }> {
    const { tail, grep } = this.#options.query;
    const read = grep === undefined ? tail : LIMITS.log_tail_lines_max;
    const held = new Tail(tail, Math.floor(TAIL_CHARACTERS_MAX / Math.max(1, containers.length)));
    const wanted: Line[] = [];
    for (const container of containers) {
      // Even with no line asked for the last one is read: it says where to go on from.
      for await (const line of this.#read(container, { tail: Math.max(1, read), follow: false })) {
        if (grep === undefined || line.log.includes(grep)) held.add(line);
      }
      wanted.push(...held.takeAll());
    }
    if (held.dropped > 0) yield { dropped: held.dropped };
    if (tail > 0) yield* wanted.toSorted(byTimestamp).slice(-tail);
  }

  /** All kept lines after `since`, in order, without holding more than one of each container. */
  async *readSince(containers: LoggedContainer[], isFollowed: boolean): AsyncGenerator<Line> {
    // Containers are read one after the other: of the last moment one may show lines that precede what another showed.
    // Those are left to `follow`, which waits for the late ones; a cursor must never pass a line that was not given.
    const until = isFollowed ? normalTimestamp(new Date(Date.now() - this.#timing.late_ms).toISOString()) : undefined;
    const sources = containers.map((container) => this.#read(container, { follow: false }, until));
    try {
      const heads = await Promise.all(sources.map(async (source) => ({ source, next: await source.next() })));
      for (;;) {
        let first: (typeof heads)[number] | undefined;
        for (const head of heads) {
          if (head.next.done !== true && (first?.next.done !== false || head.next.value.ts < first.next.value.ts)) first = head;
        }
        if (first === undefined || first.next.done === true) return;
        yield first.next.value;
        first.next = await first.source.next();
      }
    } finally {
      await Promise.all(sources.map((source) => source.return()));
    }
  }

  /** New lines of whatever containers there are and come. Lines of two that run at once are put in order where they arrive out of it. */
  async *follow(): AsyncGenerator<Line> {
    const channel = new Channel<Line>(BUFFERED_LINES_MAX, this.#signal);
    const order = new Reorder<Line>(this.#timing.late_ms, BUFFERED_LINES_MAX);
    const attach = () => {
      this.#attach(channel).catch((error: unknown) => channel.fail(error));
    };
    const stopListening = this.#options.onChange(attach);
    const retry = setInterval(attach, this.#timing.retry_ms);
    try {
      attach();
      for (;;) {
        const taken = await channel.take(order.waitMs(Date.now()));
        if (taken === 'closed') return;
        // All that is there at once, so that a flood is sorted by the batch and not line by line.
        for (let line = taken === 'timeout' ? undefined : taken; line !== undefined; line = channel.poll())
          order.add(line, Date.now());
        yield* order.ready(Date.now(), this.#readers.size);
      }
    } finally {
      clearInterval(retry);
      stopListening();
    }
  }

  /** Starts a reader for each container that has none: a new one, or one that stopped and may run again. */
  async #attach(channel: Channel<Line>): Promise<void> {
    const containers = await this.#options.listContainers(this.#signal);
    for (const container of containers) {
      const id = container.container_id;
      if (this.#readers.has(id)) continue;
      this.#readers.add(id);
      this.#pour(container, channel)
        .catch((error: unknown) => channel.fail(error))
        .finally(() => this.#readers.delete(id));
    }
    const present = new Set(containers.map((container) => container.container_id));
    for (const id of this.#cursors.keys()) {
      if (!present.has(id) && !this.#readers.has(id)) this.#cursors.delete(id);
    }
  }

  async #pour(container: LoggedContainer, channel: Channel<Line>): Promise<void> {
    for await (const line of this.#read(container, { follow: true })) {
      await channel.put(line);
      if (this.#signal.aborted) return;
    }
  }

  /** Lines not yet read of one container, each with a `ts` of its own; those after `until` stay unread. */
  async *#read(container: LoggedContainer, how: { tail?: number; follow: boolean }, until?: string): AsyncGenerator<Line, void> {
    const id = container.container_id;
    const seen = this.#cursors.get(id) ?? this.#since;
    // Lines that share their time are told apart by their order, so they are read again from the first of them.
    const since = seen === '' ? {} : { since: shiftTimestamp(seen, -SAME_TIME_LINES_MAX) };
    const raw = this.#options.source.readLogs(id, { ...how, ...since, signal: this.#signal });
    for await (const line of distinctTimestamps(raw)) {
      if (line.ts <= seen) continue;
      if (until !== undefined && line.ts > until) return;
      this.#cursors.set(id, line.ts);
      yield { ...line, container };
    }
  }
}

/** The last lines of one container, within a bound of lines and of characters. */
class Tail {
  dropped = 0;
  readonly #linesMax: number;
  readonly #charactersMax: number;
  #lines: Line[] = [];
  #characters = 0;

  constructor(linesMax: number, charactersMax: number) {
    this.#linesMax = linesMax;
    this.#charactersMax = charactersMax;
  }

  add(line: Line): void {
    this.#lines.push(line);
    this.#characters += line.log.length;
    while (this.#lines.length > this.#linesMax || this.#characters > this.#charactersMax) {
      const isSurplus = this.#lines.length > this.#linesMax;
      this.#characters -= this.#lines.shift()?.log.length ?? 0;
      if (!isSurplus) this.dropped += 1;
    }
  }

  takeAll(): Line[] {
    const lines = this.#lines;
    [this.#lines, this.#characters] = [[], 0];
    return lines;
  }
}

const byTimestamp = (a: Line, b: Line) => (a.ts < b.ts ? -1 : a.ts > b.ts ? 1 : 0);

/** A caller's cursor in the form that compares as text: UTC with nine digits. */
export function normalTimestamp(ts: string): string {
  const parsed = Date.parse(ts);
  if (Number.isNaN(parsed)) {
    throw new DomainError(
      'invalid_request',
      'Field "since" is not valid: use the `ts` of a line, such as 2026-01-02T03:04:05.678901234Z',
      {
        details: [{ field: 'since', message: 'use the `ts` of a line' }],
      },
    );
  }
  const fraction = /\.([0-9]+)/.exec(ts)?.[1] ?? '';
  return `${new Date(parsed).toISOString().slice(0, 19)}.${fraction.padEnd(9, '0').slice(0, 9)}Z`;
}
