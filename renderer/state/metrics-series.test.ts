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
  for (let second = 1; second <= SAMPLES_MAX + 50; second += 1) series = withSample(series, sample(second));
  expect(series.time).toHaveLength(SAMPLES_MAX);
  expect(series.cpu_percent).toHaveLength(SAMPLES_MAX);
  expect(series.time.at(-1)).toBe(SAMPLES_MAX + 50);
  expect(series.memory_percent.at(-1)).toBe(25);
  expect(series.latest?.uptime).toBe(SAMPLES_MAX + 50);
});

it('takes no sample twice and none out of order: time on a chart only rises', () => {
  const series = withSample(EMPTY_SERIES, sample(10));
  expect(withSample(series, sample(10))).toBe(series);
  expect(withSample(series, sample(9))).toBe(series);
});
