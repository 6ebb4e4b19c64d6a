import { expect, it } from 'vitest';
import type { SystemMetrics } from '../../daemon/contract/domain.ts';
import { EMPTY_SERIES, SAMPLES_MAX, withSample } from './metrics-series.ts';

const sample = (second: number): SystemMetrics => ({
  ts: new Date(second * 1000).toISOString(),
  cpu: { percent: second % 100, cores: 2 },
  memory: { total_bytes: 200, used_bytes: 50, available_bytes: 150 },
  disk: { total_bytes: 0, used_bytes: 0, available_bytes: 0 },
  network: { received_bytes_per_second: 1, sent_bytes_per_second: 2 },
  load: [0, 0, 0],
  uptime: second,
});

it('keeps the last five minutes, all columns of one length', () => {
  let series = EMPTY_SERIES;
  for (let second = 1; second <= SAMPLES_MAX + 50; second += 1) series = withSample(series, sample(second), second * 1000);
  expect(series.time).toHaveLength(SAMPLES_MAX);
  expect(series.cpu_percent).toHaveLength(SAMPLES_MAX);
  expect(series.time.at(-1)).toBe(SAMPLES_MAX + 50);
  expect(series.memory_percent.at(-1)).toBe(25);
  expect(series.latest?.uptime).toBe(SAMPLES_MAX + 50);
});

it('takes no sample twice and none out of order: time on a chart only rises', () => {
  const series = withSample(EMPTY_SERIES, sample(10), 10_000);
  expect(withSample(series, sample(10), 10_000)).toBe(series);
  expect(withSample(series, sample(9), 10_000)).toBe(series);
});

it('begins anew when the clock of the host is put back', () => {
  const ahead = withSample(EMPTY_SERIES, sample(3_700), 100_000);
  const right = withSample(ahead, sample(101), 101_000);
  expect(right.time).toEqual([101]);
  expect(right.clock_offset_ms).toBe(0);
});

it('knows how far the clock of the host is off, and is not moved by the way of a sample', () => {
  const ahead = withSample(EMPTY_SERIES, sample(3_700), 100_000);
  expect(ahead.clock_offset_ms).toBe(3_600_000);
  expect(withSample(ahead, sample(3_701), 101_800).clock_offset_ms).toBe(3_600_000);
  expect(withSample(EMPTY_SERIES, sample(100), 101_200).clock_offset_ms).toBe(0);
});
