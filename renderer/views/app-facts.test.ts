import { expect, it } from 'vitest';
import { app, nextcore } from '../testing/world.ts';
import { isShortOfReplicas, replicasText } from './app-facts.tsx';
import { routesText } from './nextcore-card.tsx';

it('says how many replicas run, and how many are wanted where that differs', () => {
  expect(replicasText({ replicas: 2, replicas_wanted: 2 })).toBe('2');
  expect(replicasText({ replicas: 1, replicas_wanted: 2 })).toBe('1 of 2');
});

it('misses replicas of an app that runs, not of one that is stopped or changing', () => {
  const short = { replicas: 1, replicas_wanted: 2 };
  expect(isShortOfReplicas(app('shop', short))).toBe(true);
  expect(isShortOfReplicas(app('shop', { ...short, status: 'error' }))).toBe(true);
  expect(isShortOfReplicas(app('shop', { ...short, status: 'stopped' }))).toBe(false);
  expect(isShortOfReplicas(app('shop', { ...short, status: 'updating' }))).toBe(false);
  expect(isShortOfReplicas(app('shop'))).toBe(false);
});

it('counts the routes of a build by their kind', () => {
  expect(routesText(nextcore('0a1b2c3'))).toBe('4 static, 3 dynamic, 2 ISR, middleware');
  expect(routesText({ routes: { static: ['/'], dynamic: [], isr: [], middleware: false } })).toBe('1 static');
  expect(routesText({ routes: { static: [], dynamic: [], isr: [], middleware: false } })).toBe('none named');
});
