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
}

export const EMPTY_SERIES: MetricsSeries = {
  time: [],
  cpu_percent: [],
  memory_percent: [],
  received_bytes_per_second: [],
  sent_bytes_per_second: [],
  latest: null,
};

/** The series with `sample` at its end. A sample not later than the last one (a resumed stream) changes nothing. */
export function withSample(series: MetricsSeries, sample: SystemMetrics): MetricsSeries {
  const time = Date.parse(sample.ts) / 1000;
  const last = series.time.at(-1);
  if (Number.isNaN(time) || (last !== undefined && time <= last)) return series;
  return {
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

const percentOf = (part: number, whole: number) => (whole > 0 ? (100 * part) / whole : 0);

function pushed(values: readonly number[], value: number): number[] {
  return [...values.slice(-(SAMPLES_MAX - 1)), value];
}
