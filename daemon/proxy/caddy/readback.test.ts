import { describe, expect, it } from 'vitest';
import { findDifference, findLeftover } from './readback.ts';

/** In the shape of Caddy's JSON: https://caddyserver.com/docs/json/apps/http/servers/routes/ */
const config = (generation: string) => ({
  apps: {
    http: {
      servers: {
        srv0: {
          routes: [
            {
              match: [{ host: ['shop.test'] }, { file: { root: '/var/lib/nextdeploy/slots/shop' } }],
              handle: [{ handler: 'headers', response: { set: { 'X-Nextdeploy-Generation': [generation] } } }],
            },
          ],
        },
      },
    },
  },
});

describe('what Caddy says that it serves', () => {
  it("is as wanted when it runs with the file's generation", () => {
    expect(findDifference(config('shop 01ab'), 'shop', '01ab')).toBeNull();
    expect(findDifference(config('shop 01ab'), 'shop', '02cd')).toBe('it does not run with the new route');
    expect(findDifference(config('blog 01ab'), 'shop', '01ab')).not.toBeNull();
    expect(findDifference(null, 'shop', '01ab')).not.toBeNull();
  });

  it('has a leftover while it still asks for the marker', () => {
    expect(findLeftover(config(''), '/var/lib/nextdeploy/slots/shop')).not.toBeNull();
    expect(findLeftover(config(''), '/var/lib/nextdeploy/slots/blog')).toBeNull();
  });
});
