import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LogLine } from '../contract/domain.ts';
import { afterTimestamp, Reorder, shiftTimestamp } from './log-order.ts';
import {
  type ContainerLine,
  type FollowLogsOptions,
  followLogs,
  type LoggedContainer,
  type LogSource,
  normalTimestamp,
} from './logs.ts';

const at = (nanoseconds: number) => `2026-01-02T03:04:05.${String(nanoseconds).padStart(9, '0')}Z`;

/** Docker as the follower sees it: containers that write, stop, run again and vanish. */
class Machine implements LogSource {
  readonly containers: (LoggedContainer & { lines: ContainerLine[]; running: boolean })[] = [];
  readonly #readers = new Set<() => void>();
  readonly #listeners = new Set<() => void>();

  start(container_id: string, slot: 'blue' | 'green' = 'blue', release = 'r1') {
    this.containers.push({ container_id, slot, release, lines: [], running: true });
    this.changed();
  }

  write(container_id: string, ts: string, log: string): void {
    this.#get(container_id)?.lines.push({ ts, stream: 'stdout', log });
    this.#wake();
  }

  setRunning(container_id: string, running: boolean): void {
    const container = this.#get(container_id);
    if (container !== undefined) container.running = running;
    this.#wake();
  }

  remove(container_id: string): void {
    this.setRunning(container_id, false);
    this.containers.splice(
      this.containers.findIndex((each) => each.container_id === container_id),
      1,
    );
    this.changed();
  }

  changed(): void {
    for (const listener of this.#listeners) listener();
  }

  async *readLogs(id: string, { since = '', tail, follow, signal }: Parameters<LogSource['readLogs']>[1]) {
    const container = this.#get(id);
    if (container === undefined) return;
    let index = tail === undefined ? 0 : Math.max(0, container.lines.length - tail);
    while (!signal.aborted) {
      const line = container.lines[index];
      if (line !== undefined) {
        index += 1;
        if (line.ts > since) yield line;
      } else if (!follow || !container.running) return;
      else await this.#woken(signal);
    }
  }

  options(query: Partial<FollowLogsOptions['query']>, signal: AbortSignal): FollowLogsOptions {
    return {
      app_name: 'shop',
      source: this,
      listContainers: async () => this.containers.map(({ container_id, slot, release }) => ({ container_id, slot, release })),
      onChange: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
      query: { tail: 100, follow: true, ...query },
      signal,
      timing: { retry_ms: 10, late_ms: 30 },
    };
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  #get(id: string) {
    return this.containers.find((each) => each.container_id === id);
  }

  #wake(): void {
    for (const reader of [...this.#readers]) reader();
  }

  #woken(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#readers.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#readers.add(done);
      signal.addEventListener('abort', done);
    });
  }
}

async function collect(machine: Machine, query: Partial<FollowLogsOptions['query']>): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  for await (const line of followLogs(machine.options({ follow: false, ...query }, new AbortController().signal))) {
    if ('log' in line) lines.push(line);
  }
  return lines;
}

const texts = (lines: LogLine[]) => lines.map((line) => line.log);

/** Follows in the background; `until` waits for a text to arrive. */
function following(machine: Machine, query: Partial<FollowLogsOptions['query']> = {}) {
  const abort = new AbortController();
  const lines: LogLine[] = [];
  const done = (async () => {
    for await (const line of followLogs(machine.options(query, abort.signal))) if ('log' in line) lines.push(line);
  })();
  return {
    lines,
    until: (text: string) => expect.poll(() => texts(lines), { interval: 5 }).toContain(text),
    async stop() {
      abort.abort();
      await done;
      return texts(lines);
    },
  };
}

describe('what is kept', () => {
  const machine = new Machine();
  machine.start('old', 'blue', 'r1');
  machine.start('new', 'green', 'r2');
  for (let index = 0; index < 10; index += 1) machine.write(index % 2 === 0 ? 'old' : 'new', at(index), `line ${index}`);

  it('is the last lines of both slots together, in order of their time', async () => {
    const lines = await collect(machine, { tail: 3 });
    expect(lines.map(({ log, slot, release }) => [log, slot, release])).toEqual([
      ['line 7', 'green', 'r2'],
      ['line 8', 'blue', 'r1'],
      ['line 9', 'green', 'r2'],
    ]);
    expect(await collect(machine, { tail: 0 })).toEqual([]);
  });

  it('is everything after a cursor, whatever tail says', async () => {
    expect(texts(await collect(machine, { tail: 1, since: at(6) }))).toEqual(['line 7', 'line 8', 'line 9']);
    expect(await collect(machine, { since: at(9) })).toEqual([]);
  });

  it('counts only lines that contain the text sought', async () => {
    expect(texts(await collect(machine, { tail: 2, grep: 'line 3' }))).toEqual(['line 3']);
  });

  it('can be asked for after a time in another form, and not after what is no time', async () => {
    expect(texts(await collect(machine, { since: '2026-01-02T04:04:05.000000007+01:00' }))).toEqual(['line 8', 'line 9']);
    await expect(collect(machine, { since: 'yesterday' })).rejects.toMatchObject({ code: 'invalid_request' });
  });
});

describe('what comes', () => {
  it('follows what is kept, across a swap, without loss or repetition', async () => {
    const machine = new Machine();
    machine.start('one', 'blue', 'r1');
    machine.write('one', at(1), 'before');
    const follower = following(machine);
    await follower.until('before');
    machine.write('one', at(2), 'old at work');
    machine.start('two', 'green', 'r2');
    machine.write('two', at(3), 'new starts');
    await follower.until('new starts');
    machine.write('one', at(4), 'old drains');
    await follower.until('old drains');
    machine.remove('one');
    machine.write('two', at(5), 'new alone');
    await follower.until('new alone');
    expect(await follower.stop()).toEqual(['before', 'old at work', 'new starts', 'old drains', 'new alone']);
    expect(machine.listeners).toBe(0);
  });

  it('goes on when a container stops and runs again', async () => {
    const machine = new Machine();
    machine.start('one');
    machine.write('one', at(1), 'first run');
    const follower = following(machine);
    await follower.until('first run');
    machine.setRunning('one', false);
    machine.write('one', at(2), 'while nobody looked');
    machine.setRunning('one', true);
    await follower.until('while nobody looked');
    machine.write('one', at(3), 'second run');
    await follower.until('second run');
    expect(await follower.stop()).toEqual(['first run', 'while nobody looked', 'second run']);
  });

  it('begins with the next line where none is asked for', async () => {
    const machine = new Machine();
    machine.start('one');
    machine.write('one', at(1), 'old');
    const follower = following(machine, { tail: 0 });
    await expect.poll(() => machine.listeners).toBe(1);
    machine.write('one', at(2), 'new');
    await follower.until('new');
    expect(await follower.stop()).toEqual(['new']);
  });

  it('holds only what contains the text sought', async () => {
    const machine = new Machine();
    machine.start('one');
    const follower = following(machine, { grep: 'error' });
    machine.write('one', at(1), 'fine');
    machine.write('one', at(2), 'an error');
    await follower.until('an error');
    expect(await follower.stop()).toEqual(['an error']);
  });

  it('fails with the reason when a container cannot be read', async () => {
    const machine = new Machine();
    machine.start('one');
    const options = machine.options({ tail: 0 }, new AbortController().signal);
    options.source = {
      readLogs: async function* (_id, { follow }) {
        if (follow) throw new Error('Docker went away');
        yield { ts: at(1), stream: 'stdout', log: 'before' };
      },
    };
    await expect(followLogs(options).next()).rejects.toThrow('Docker went away');
  });

  it('is read no faster than it is taken', async () => {
    const machine = new Machine();
    machine.start('one');
    let read = 0;
    const options = machine.options({ tail: 0 }, new AbortController().signal);
    options.source = {
      readLogs: async function* (_id, { follow }) {
        for (; follow; read += 1) yield { ts: at(read), stream: 'stdout', log: 'flood' };
      },
    };
    const lines = followLogs(options);
    await lines.next();
    let before = -1;
    const isStill = () => {
      const still = read === before;
      before = read;
      return still;
    };
    await expect.poll(isStill).toBe(true);
    expect(read).toBeLessThan(3_000);
    await lines.return();
  });
});

describe('a cursor', () => {
  it('cut anywhere and resumed gives every line once, even where lines share their time', async () => {
    const runs = fc.asyncProperty(
      fc.array(fc.record({ ts: fc.integer({ min: 0, max: 12 }), slot: fc.boolean() }), { maxLength: 30 }),
      fc.nat(40),
      async (written, cut) => {
        const machine = new Machine();
        machine.start('a', 'blue');
        machine.start('b', 'green');
        // Times in which one container writes are a thousand apart from the other's: only lines of one container share theirs.
        const sorted = written.toSorted((one, other) => one.ts - other.ts);
        for (const [index, { ts, slot }] of sorted.entries()) {
          machine.write(slot ? 'a' : 'b', at(ts * 10_000 + (slot ? 1_000 : 0)), `line ${index}`);
        }
        const all = await collect(machine, {});
        expect(new Set(texts(all))).toEqual(new Set(sorted.map((_, index) => `line ${index}`)));
        expect(all).toHaveLength(sorted.length);
        expect(all.every(({ ts }, index) => index === 0 || ts > (all[index - 1]?.ts ?? ''))).toBe(true);
        const seen = all.slice(0, cut);
        const cursor = seen.at(-1)?.ts;
        const rest = await collect(machine, cursor === undefined ? {} : { since: cursor });
        expect(texts([...seen, ...rest])).toEqual(texts(all));
      },
    );
    await fc.assert(runs, { numRuns: 60 });
  });
});

describe('times', () => {
  it('have neighbours across seconds and days', () => {
    expect(afterTimestamp('2026-12-31T23:59:59.999999999Z')).toBe('2027-01-01T00:00:00.000000000Z');
    expect(shiftTimestamp('2027-01-01T00:00:00.000000000Z', -1)).toBe('2026-12-31T23:59:59.999999999Z');
    expect(normalTimestamp('2026-01-02T03:04:05Z')).toBe('2026-01-02T03:04:05.000000000Z');
  });

  it('put lines in order that arrive a little late, and never hold one for longer', () => {
    const order = new Reorder<{ ts: string }>(100, 10);
    order.add({ ts: at(2) }, 0);
    order.add({ ts: at(1) }, 50);
    expect(order.ready(60, 2)).toEqual([]);
    expect(order.waitMs(60)).toBe(40);
    expect(order.ready(100, 2)).toEqual([{ ts: at(1) }, { ts: at(2) }]);
    order.add({ ts: at(3) }, 110);
    expect(order.ready(110, 1)).toEqual([{ ts: at(3) }]);
    expect(order.waitMs(110)).toBeUndefined();
  });

  it('do not hold back more lines than the bound', () => {
    const order = new Reorder<{ ts: string }>(100, 10);
    for (let index = 0; index < 15; index += 1) order.add({ ts: at(index) }, 0);
    expect(order.ready(0, 2)).toHaveLength(5);
  });
});
