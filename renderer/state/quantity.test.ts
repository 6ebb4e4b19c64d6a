import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatSize, formatTime, parseSize, parseTime } from './quantity.ts';

it('writes times in the largest unit in which they are whole', () => {
  expect([0, 500, 1_500, 30_000, 60_000, 90_000, 3_600_000].map(formatTime)).toEqual([
    '0 s',
    '500 ms',
    '1500 ms',
    '30 s',
    '1 min',
    '90 s',
    '1 h',
  ]);
});

it('reads times with and without their unit', () => {
  expect(['30', '30s', '0.1 s', '500ms', '2 min', '2m', '1 hour'].map(parseTime)).toEqual([
    30_000, 30_000, 100, 500, 120_000, 120_000, 3_600_000,
  ]);
  expect(['', 'soon', '-1 s', '1,5 s', '3 weeks'].map(parseTime)).toEqual([null, null, null, null, null]);
});

it('reads sizes as people and as Docker write them', () => {
  expect(['512', '512m', '512 MiB', '1.5 GiB', '1 GB', '10 kb', '7 B'].map(parseSize)).toEqual([
    512 * 1024 ** 2,
    512 * 1024 ** 2,
    512 * 1024 ** 2,
    1.5 * 1024 ** 3,
    1e9,
    1e4,
    7,
  ]);
  expect(['', 'much', '5 elephants'].map(parseSize)).toEqual([null, null, null]);
});

it('reads back every time and size that it has written', () => {
  fc.assert(fc.property(fc.nat({ max: 3_600_000 }), (ms) => void expect(parseTime(formatTime(ms))).toBe(ms)));
  fc.assert(fc.property(fc.maxSafeNat(), (bytes) => void expect(parseSize(formatSize(bytes))).toBe(bytes)));
});
