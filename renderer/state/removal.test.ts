import { expect, it } from 'vitest';
import { app, release } from '../testing/world.ts';
import { whatGoes, whatStays } from './removal.ts';

const releases = [
  release('shop', 2, 'shop:v2', {
    configuration: {
      volumes: [
        { kind: 'volume', name: 'uploads', target: '/app/uploads', read_only: false },
        { kind: 'bind', source: '/srv/geoip', target: '/app/geoip', read_only: true },
      ],
    },
  }),
  release('shop', 1, 'shop:v1', {
    configuration: { volumes: [{ kind: 'volume', name: 'uploads', target: '/app/uploads', read_only: false }] },
  }),
];

it('takes containers, releases and routes', () => {
  expect(whatGoes(app('shop', { replicas: 2, aliases: ['www.example.com'] }), releases)).toEqual([
    'its containers (2 running)',
    'all 2 releases, with configuration and environment, and its own secrets',
    'its route: shop.example.com, www.example.com answer no more',
  ]);
  const redirects = [{ from: 'old.example.com', status: 308 as const }];
  const live = release('shop', 3, 'shop:v3', { configuration: { redirects } });
  expect(whatGoes(app('shop'), [live, ...releases])[2]).toBe('its route: shop.example.com, old.example.com answer no more');
  expect(whatGoes(app('worker', { domain: null, url: null }), releases.slice(1))).toEqual([
    'its running container',
    'its only release, with configuration and environment, and its own secrets',
  ]);
});

it('leaves named volumes, directories of the host, and the record', () => {
  expect(whatStays(releases)).toEqual([
    'the named volume uploads',
    'the host’s directory /srv/geoip',
    'its images, until they are removed by hand',
    'the record of its operations and events',
  ]);
  expect(whatStays([])[0]).toBe('named volumes (its releases have none)');
});
