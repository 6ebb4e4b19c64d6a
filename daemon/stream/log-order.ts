/** Order of log lines by their time: RFC 3339 in UTC with nine digits of a second, which compares as text. */

interface Timed {
  ts: string;
}

const NANOSECONDS_PER_SECOND = 1_000_000_000;
const NANOSECONDS = /^(.{19})\.([0-9]{9})Z$/;

/** One nanosecond later. */
export function afterTimestamp(ts: string): string {
  return shiftTimestamp(ts, 1);
}

/** So many nanoseconds later, or earlier; less than a second. */
export function shiftTimestamp(ts: string, nanoseconds: number): string {
  const [, second = '', fraction = ''] = NANOSECONDS.exec(ts) ?? [];
  const shifted = Number(fraction) + nanoseconds;
  const carry = Math.floor(shifted / NANOSECONDS_PER_SECOND);
  const neighbour = carry === 0 ? second : new Date(Date.parse(`${second}Z`) + carry * 1000).toISOString().slice(0, 19);
  return `${neighbour}.${String(shifted - carry * NANOSECONDS_PER_SECOND).padStart(9, '0')}Z`;
}

/** One container's lines, each later than the one before: by a nanosecond where two share their time. Reading them again gives the same. */
export async function* distinctTimestamps<T extends Timed>(lines: AsyncIterable<T>): AsyncGenerator<T, void> {
  let last = '';
  for await (const line of lines) {
    last = line.ts > last ? line.ts : afterTimestamp(last);
    yield last === line.ts ? line : { ...line, ts: last };
  }
}

/** Puts lines that arrive from several containers into the order of their times, holding each for a short while at most. */
export class Reorder<T extends Timed> {
  readonly #late_ms: number;
  readonly #held_max: number;
  /** Sorted by time, with the moment of arrival. */
  readonly #held: { line: T; arrived_ms: number }[] = [];

  constructor(late_ms: number, held_max: number) {
    this.#late_ms = late_ms;
    this.#held_max = held_max;
  }

  add(line: T, now_ms: number): void {
    let index = this.#held.length;
    while (index > 0 && (this.#held[index - 1]?.line.ts ?? '') > line.ts) index -= 1;
    this.#held.splice(index, 0, { line, arrived_ms: now_ms });
  }

  /** Lines that need not wait: all of them where one container alone writes, else those before the last that has waited long enough. */
  ready(now_ms: number, containers: number): T[] {
    const isDue = ({ arrived_ms }: { arrived_ms: number }) => containers <= 1 || now_ms - arrived_ms >= this.#late_ms;
    const count = Math.max(this.#held.findLastIndex(isDue) + 1, this.#held.length - this.#held_max);
    return this.#held.splice(0, count).map(({ line }) => line);
  }

  /** How long until a held line is due; undefined if none is held. */
  waitMs(now_ms: number): number | undefined {
    if (this.#held.length === 0) return undefined;
    const oldest = this.#held.reduce((least, { arrived_ms }) => Math.min(least, arrived_ms), Number.POSITIVE_INFINITY);
    return Math.max(0, oldest + this.#late_ms - now_ms);
  }
}
