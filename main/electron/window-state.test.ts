import { expect, test } from 'vitest';
import { placeWindow } from './window-state.ts';

const laptop = { x: 0, y: 25, width: 1920, height: 1055 };
const external = { x: 1920, y: 0, width: 2560, height: 1440 };
const saved = (x: number, y: number, width = 1200, height = 800) => ({ bounds: { x, y, width, height }, is_maximized: false });

test('the first window has its usual size and is centred by the system', () => {
  expect(placeWindow(undefined, [laptop])).toEqual({ bounds: { width: 1440, height: 900 }, is_maximized: false });
});

test('a window comes back where it was, also on another screen', () => {
  expect(placeWindow(saved(100, 50), [laptop]).bounds).toEqual({ x: 100, y: 50, width: 1200, height: 800 });
  expect(placeWindow(saved(2000, 100), [laptop, external]).bounds).toEqual({ x: 2000, y: 100, width: 1200, height: 800 });
});

test('a window whose screen is gone is centred on the one left, in its size', () => {
  expect(placeWindow(saved(2000, 100), [laptop]).bounds).toEqual({ width: 1200, height: 800 });
  expect(placeWindow(saved(100, -500), [laptop]).bounds).toEqual({ width: 1200, height: 800 });
  expect(placeWindow(saved(1900, 50), [laptop]).bounds).toEqual({ width: 1200, height: 800 });
});

test('a window is never larger than its screen nor too small to use', () => {
  expect(placeWindow(saved(0, 25, 9000, 9000), [laptop]).bounds).toMatchObject({ width: 1920, height: 1055 });
  expect(placeWindow(saved(0, 25, 10, 10), [laptop]).bounds).toMatchObject({ width: 900, height: 600 });
});

test.each([null, 'x', {}, { bounds: { x: '0' }, is_maximized: 1 }, { bounds: { x: 0.5, y: 0, width: 1, height: 1 } }])(
  'what was stored as %j is as good as nothing',
  (stored) => {
    expect(placeWindow(stored, [laptop])).toEqual(placeWindow(undefined, [laptop]));
  },
);
