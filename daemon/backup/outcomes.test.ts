import { expect, it } from 'vitest';
import { sampleRelease } from '../api/test-server.ts';
import type { ObservedContainer } from '../engine/ports.ts';
import type { AppRecord } from '../engine/state.ts';
import { decideOutcomes, findMissingImages, type Sight } from './outcomes.ts';

const app = {
  ...{ name: 'shop', index: 1, release: 'r1', slot: 'blue', wanted: 'running', replicas: 1, maintenance: null, route: null },
  ...{ verify_key: 'k', last_release_number: 1, last_error: null, created_at: '', updated_at: '' },
} satisfies AppRecord;
const container: ObservedContainer = {
  ...{
    id: 'c',
    name: 'nextdeploy-shop-blue-0',
    app_name: 'shop',
    release: 'r1',
    slot: 'blue',
    operation_id: 'op-known',
    role: 'replica',
  },
  is_running: true,
};
const sight: Sight = {
  ...{ apps: [app], releases: [sampleRelease], containers: [container], images: new Set([sampleRelease.image_id]) },
  isKnown: (id) => id === 'op-known',
};
const outcomeOf = (more: Partial<Sight>) => decideOutcomes({ ...sight, ...more })[0]?.outcome;

it.each<[string, Partial<Sight>, string]>([
  ['its container is that of the backup', {}, 'serves_on'],
  ['its container is of another operation', { containers: [{ ...container, operation_id: 'op-other' }] }, 'starts'],
  ['its container is of another release', { containers: [{ ...container, release: 'r2' }] }, 'starts'],
  ['its container has ended', { containers: [{ ...container, is_running: false }] }, 'starts'],
  ['a replica of it is missing', { apps: [{ ...app, replicas: 2 }] }, 'starts'],
  ['only its image is here', { containers: [] }, 'starts'],
  ['nothing of it is here', { containers: [], images: new Set() }, 'needs_image'],
  ['Docker does not answer', { containers: null, images: null }, 'needs_image'],
  ['it was stopped', { apps: [{ ...app, wanted: 'stopped' }] }, 'stays_stopped'],
  ['nothing was ever deployed', { apps: [{ ...app, release: null, slot: null }] }, 'stays_stopped'],
])('where %s', (_, more, expected) => {
  expect(outcomeOf(more)).toBe(expected);
});

it('says what to load, for what serves and for what a rollback needs', () => {
  const releases = [
    sampleRelease,
    { ...sampleRelease, id: 'r2', state: 'standby' as const, image: 'shop:v2', image_id: 'sha256:2' },
    { ...sampleRelease, id: 'r3', state: 'pruned' as const, image_id: 'sha256:3' },
    { ...sampleRelease, id: 'r4', state: 'failed' as const, image_id: '' },
  ];
  expect(findMissingImages({ apps: [app], releases, images: new Set() })).toMatchObject([
    { release: 'r1', is_live: true },
    { release: 'r2', is_live: false },
  ]);
  expect(findMissingImages({ apps: [app], releases, images: new Set([sampleRelease.image_id, 'sha256:2']) })).toEqual([]);
  const [told] = decideOutcomes({ ...sight, releases, containers: [], images: new Set() });
  expect(told?.detail).toMatch(/load or pull shop:v1 \(sha256:0+\), then `nextdeploy start shop`/);
});
