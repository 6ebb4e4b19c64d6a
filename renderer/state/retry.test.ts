import { expect, it } from 'vitest';
import { operation, release } from '../testing/world.ts';
import { retryOf } from './retry.ts';

const message = 'The directory /etc lies beneath none of the roots; use one in /srv.';
const refused = operation({
  app_name: 'shop',
  kind: 'deploy',
  state: 'failed',
  release: 'r5',
  from_release: 'r4',
  error: { message, step: 'validate', field: 'volumes.1.source' },
});
const releases = [release('shop', 5, 'shop:v5', { state: 'failed' }), release('shop', 4, 'shop:v4', { state: 'live' })];

it('asks again for what has failed, with the field that was refused', () => {
  expect(retryOf(refused, releases)).toEqual({
    release: releases[0],
    complaints: [{ field: 'volumes.1.source', message }],
  });
  const unhealthy = { ...refused, error: { message: 'It never became healthy.', step: 'probe' as const } };
  expect(retryOf(unhealthy, releases)?.complaints).toEqual([]);
});

it('has nothing to ask for again where all went well, nothing was brought, or the release is not known', () => {
  expect(retryOf({ ...refused, state: 'succeeded', release: 'r4' }, releases)).toBeNull();
  expect(retryOf({ ...refused, kind: 'restart', release: 'r4' }, releases)).toBeNull();
  expect(retryOf(refused, [])).toBeNull();
  expect(retryOf(undefined, releases)).toBeNull();
});
