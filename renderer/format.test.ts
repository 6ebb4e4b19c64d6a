import { expect, it } from 'vitest';
import {
  formatAgo,
  formatAhead,
  formatBytes,
  formatDuration,
  formatSetting,
  formatUptime,
  repeats,
  sentence,
  shortId,
  shortReference,
} from './format.ts';

it('writes sizes with three figures at most and moves on before a thousand', () => {
  expect([0, 999, 1_000, 1_536, 99_960, 999_600, 172_000_000, 16.6e9].map(formatBytes)).toEqual([
    '0 B',
    '999 B',
    '1.0 kB',
    '1.5 kB',
    '100 kB',
    '1.0 MB',
    '172 MB',
    '16.6 GB',
  ]);
});

it('writes durations by their size', () => {
  expect([24, 1_180, 42_000, 75_000, 3_660_000].map(formatDuration)).toEqual([
    '0.02 s',
    '1.18 s',
    '42.0 s',
    '1 min 15 s',
    '1 h 1 min',
  ]);
  expect([500, 30_000, 60_000, 90_000].map(formatSetting)).toEqual(['0.5 s', '30 s', '1 min', '90 s']);
  expect([59, 3_700, 100_000].map(formatUptime)).toEqual(['0 min', '1 h 1 min', '1 d 3 h']);
});

it('writes how long ago something was, also where the server’s clock is ahead', () => {
  expect([-60_000, 4_000, 42_000, 180_000, 90_000_000, 1e9].map((elapsed) => formatAgo(0, elapsed))).toEqual([
    'just now',
    'just now',
    '42 s ago',
    '3 min ago',
    '25 h ago',
    '11 d ago',
  ]);
});

it('shortens images to what differs', () => {
  expect(shortReference('registry.example.com/team/shop:1.4')).toBe('shop:1.4');
  expect(shortReference('shop@sha256:ab/cd')).toBe('shop@sha256:ab/cd');
  expect(shortId('sha256:0123456789abcdef')).toBe('0123456789ab');
});

it('begins a sentence with a capital, but leaves names and paths as they are', () => {
  expect(['use a port', 'at most 64', 'shop:v1 is not there', 'nginx is down', '/api', 'Already so', ''].map(sentence)).toEqual([
    'Use a port',
    'At most 64',
    'shop:v1 is not there',
    'nginx is down',
    '/api',
    'Already so',
    '',
  ]);
});

it('knows what has been said already', () => {
  expect(repeats('It failed: The check never passed. Do this.', 'the check never passed.')).toBe(true);
  expect(repeats('The check never passed.', 'The check never passed: HTTP 500')).toBe(false);
});

it('writes how far away a time to come is', () => {
  const minutes = [-5, 0.5, 20, 61, 47 * 60, 72 * 60];
  expect(minutes.map((each) => formatAhead(each * 60_000, 0))).toEqual([
    'now',
    'now',
    'in 20 min',
    'in 1 h',
    'in 47 h',
    'in 3 d',
  ]);
});
