import { describe, expect, it } from 'vitest';
import { findDifference } from './readback.ts';

const GENERATION = '0123456789abcdef';
const OTHER = 'fedcba9876543210';

/** In the shape of Caddy's JSON: https://caddyserver.com/docs/json/apps/http/servers/routes/ */
const config = (...handle: object[]) => ({
  apps: { http: { servers: { srv0: { routes: [{ match: [{ host: ['shop.test'] }], handle }] } } } },
});
const inTable = (generation: string) => ({
  handler: 'map',
  source: '{http.request.host}',
  mappings: [{ input: 'shop.test', outputs: ['/var/lib/nextdeploy/slots/shop', generation] }],
});
const inHeader = (generation: string) => ({
  handler: 'headers',
  response: { set: { 'X-Nextdeploy-Generation': [generation] } },
});

describe('what Caddy says that it serves', () => {
  it.each([
    ['the table of all apps', inTable],
    ["a site of the app's own", inHeader],
  ])("is as wanted when it runs with the route's generation, in %s", (_, from) => {
    expect(findDifference(config(from(`shop ${GENERATION}`)), 'shop', GENERATION)).toBeNull();
    expect(findDifference(config(from(`shop ${GENERATION}`)), 'shop', OTHER)).toBe('it does not run with the new route');
    expect(findDifference(config(from(`blog ${GENERATION}`)), 'shop', GENERATION)).not.toBeNull();
    expect(findDifference(null, 'shop', GENERATION)).not.toBeNull();
  });

  it('has a leftover while it knows any generation of the app', () => {
    expect(findDifference(config(inTable(`shop ${OTHER}`)), 'shop', null)).toBe('it still serves the route');
    expect(findDifference(config(inTable(`blog ${OTHER}`)), 'shop', null)).toBeNull();
    expect(findDifference(config({ handler: 'static_response', body: 'shop is open' }), 'shop', null)).toBeNull();
  });
});
