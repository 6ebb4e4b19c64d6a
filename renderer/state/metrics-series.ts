import type { SystemMetrics } from '../../daemon/contract/domain.ts';

/** Five minutes at a sample a second. */
export const SAMPLES_MAX = 300;

/** A host's last samples as columns, oldest first and of equal length, as a chart takes them. Replaced, never changed. */
export interface MetricsSeries {
  /** Seconds since the epoch. */
  time: readonly number[];
  cpu_percent: readonly number[];
  memory_percent: readonly number[];
  received_bytes_per_second: readonly number[];
  sent_bytes_per_second: readonly number[];
  latest: SystemMetrics | null;
  /** How far the host's clock is ahead of this one's, in milliseconds; 0 while nobody would notice. */
  clock_offset_ms: number;
}

export const EMPTY_SERIES: MetricsSeries = {
  time: [],
  cpu_percent: [],
  memory_percent: [],
  received_bytes_per_second: [],
  sent_bytes_per_second: [],
  latest: null,
  clock_offset_ms: 0,
};

/** A step back by more is the host's clock put right, not a sample come late: the series begins anew. */
const CLOCK_STEP_SECONDS = 30;

/** The series with `sample`, received at `now_ms`, at its end. A sample not later than the last one (a resumed stream) changes nothing. */
export function withSample(before: MetricsSeries, sample: SystemMetrics, now_ms: number): MetricsSeries {
  const time = Date.parse(sample.ts) / 1000;
  const last = before.time.at(-1);
  const isLate = last !== undefined && time <= last;
  if (Number.isNaN(time) || (isLate && last - time < CLOCK_STEP_SECONDS)) return before;
  const series = isLate ? EMPTY_SERIES : before;
  return {
    clock_offset_ms: clockOffset(before.clock_offset_ms, time * 1000 - now_ms),
    time: pushed(series.time, time),
    cpu_percent: pushed(series.cpu_percent, sample.cpu.percent),
    memory_percent: pushed(series.memory_percent, memoryPercent(sample)),
    received_bytes_per_second: pushed(series.received_bytes_per_second, sample.network.received_bytes_per_second),
    sent_bytes_per_second: pushed(series.sent_bytes_per_second, sample.network.sent_bytes_per_second),
    latest: sample,
  };
}

export function memoryPercent(sample: SystemMetrics): number {
  return percentOf(sample.memory.used_bytes, sample.memory.total_bytes);
}

export function diskPercent(sample: SystemMetrics): number {
  return percentOf(sample.disk.used_bytes, sample.disk.total_bytes);
}

const UNNOTICED_MS = 3_000;

/** Steady: the way of a sample takes its time, so a difference that small is none, and a small change is no change. */
function clockOffset(before_ms: number, measured_ms: number): number {
  if (Math.abs(measured_ms) < UNNOTICED_MS) return 0;
  return Math.abs(measured_ms - before_ms) < UNNOTICED_MS ? before_ms : Math.round(measured_ms / 1000) * 1000;
}

const percentOf = (part: number, whole: number) => (whole > 0 ? (100 * part) / whole : 0);

function pushed(values: readonly number[], value: number): number[] {
  return [...values.slice(-(SAMPLES_MAX - 1)), value];
}
