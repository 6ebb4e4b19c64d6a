import { expect, it } from 'vitest';
import { timeLabels, timeTicks } from './time-axis.ts';

const NOON = Date.UTC(2026, 0, 1, 12) / 1000;

it('has no label before the first sample', () => {
  expect(timeTicks(-60, 0, 400)).toEqual([]);
  expect(timeTicks(Number.NaN, Number.NaN, 400)).toEqual([]);
});

it('labels a minute as well as an hour, at round times, twice at least and never one over the other', () => {
  for (const span of [60, 61, 130, 300, 480, 600, 3_600]) {
    for (const width of [200, 320, 480, 900]) {
      const ticks = timeTicks(NOON + 7 - span, NOON + 7, width);
      const step = (ticks[1] ?? 0) - (ticks[0] ?? 0);
      expect(ticks.length, `${span} s on ${width} px`).toBeGreaterThanOrEqual(2);
      expect(ticks.every((tick) => tick % step === 0 && tick <= NOON + 7 && tick >= NOON + 7 - span)).toBe(true);
      expect((step / span) * width).toBeGreaterThan(50);
      expect(new Set(timeLabels(ticks)).size).toBe(ticks.length);
    }
  }
});

it('shows seconds only where a label needs them', () => {
  expect(timeLabels([NOON, NOON + 60]).every((label) => /^\d\d:\d\d$/.test(label))).toBe(true);
  expect(timeLabels([NOON, NOON + 30]).every((label) => /^\d\d:\d\d:\d\d$/.test(label))).toBe(true);
});
