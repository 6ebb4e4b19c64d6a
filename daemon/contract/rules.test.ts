import { expect, it } from 'vitest';
import { deployRequestSchema } from './configuration.ts';
import type { AppStatus } from './domain.ts';
import { can, failureSentence } from './rules.ts';

const neverLive = (status: AppStatus['status']): AppStatus => ({
  name: 'shop',
  status,
  container_id: null,
  port: 3000,
  domain: null,
  url: null,
  version: 'shop:v1',
  updated_at: '2026-01-01T00:00:00.000Z',
  slot: null,
  release: null,
  previous_release: null,
  replicas: 0,
  replicas_wanted: 1,
  aliases: [],
  maintenance: null,
  nextcore: null,
  proxy: 'caddy',
  tls: 'off',
  health: { healthy: null, checked_at: null, detail: '' },
  operation_id: null,
  last_error: null,
});

it('has nothing to start, stop, restart or swap before a first success', () => {
  const refused = { allowed: false, reason: 'nothing is deployed yet' };
  for (const app of [neverLive('error'), neverLive('stopped')]) {
    expect([can.start(app), can.stop(app), can.restart(app), can.swap(app)]).toEqual([refused, refused, refused, refused]);
  }
});

it('starts and stops what is deployed, by whether it runs', () => {
  const running = { ...neverLive('running'), release: 'r1' };
  const stopped = { ...running, status: 'stopped' as const };
  expect([can.start(running).allowed, can.stop(running).allowed, can.restart(running).allowed]).toEqual([false, true, true]);
  expect([can.start(stopped).allowed, can.stop(stopped).allowed, can.restart(stopped).allowed]).toEqual([true, false, false]);
});

it('refuses to deploy what no environment can hold, and a certificate for a name that can have none', () => {
  const request = { app_name: 'shop', image: 'shop:v1' };
  const complaint = (more: object) => deployRequestSchema.safeParse({ ...request, ...more }).error?.issues[0]?.message;
  expect(complaint({ env: { A: 'secret\0' } })).toBe('an environment cannot hold a NUL character; leave it out');
  expect(complaint({ env: { A: 'two\nlines' } })).toBeUndefined();
  expect(complaint({ domain: 'import', tls: 'auto' })).toContain('without a dot');
  expect(complaint({ domain: 'import', tls: 'off' })).toBeUndefined();
  expect(complaint({ domain: 'import' })).toBeUndefined();
});

it('names the field that a failure is about, where there is one', () => {
  const error = { message: 'The image is not there.', step: 'validate' as const };
  expect(failureSentence({ ...error, field: 'image' })).toBe('The image is not there. (field "image")');
  // An earlier daemon does not say.
  for (const plain of [error, { ...error, field: null }]) expect(failureSentence(plain)).toBe(error.message);
});
