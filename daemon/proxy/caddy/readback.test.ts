import { describe, expect, it } from 'vitest';
import { findDifference, findLeftover } from './readback.ts';
import { ROUTE } from './test-route.ts';

/** In the shape of Caddy's JSON: https://caddyserver.com/docs/json/apps/http/servers/routes/ */
const config = (host: string, dials: string[]) => ({
  apps: {
    http: {
      servers: {
        srv0: {
          routes: [
            {
              match: [{ host: [host] }, { file: { root: '/var/lib/nextdeploy/slots/shop' } }],
              handle: [{ handler: 'subroute', routes: [{ handle: [{ upstreams: dials.map((dial) => ({ dial })) }] }] }],
            },
          ],
        },
      },
    },
  },
});

describe('what Caddy says that it serves', () => {
  it('is as wanted when it knows each domain and each upstream', () => {
    expect(findDifference(config('shop.test', ['10.213.0.16:3000', '10.213.0.24:4000']), ROUTE)).toBeNull();
    expect(findDifference(config('other.test', ['10.213.0.16:3000', '10.213.0.24:4000']), ROUTE)).toBe(
      'it does not serve shop.test',
    );
    expect(findDifference(config('shop.test', ['10.213.0.16:3000']), ROUTE)).toBe(
      'it does not know the upstream 10.213.0.24:4000',
    );
    expect(findDifference(null, ROUTE)).not.toBeNull();
  });

  it('has a leftover while it still asks for the marker', () => {
    expect(findLeftover(config('shop.test', []), '/var/lib/nextdeploy/slots/shop')).not.toBeNull();
    expect(findLeftover(config('shop.test', []), '/var/lib/nextdeploy/slots/blog')).toBeNull();
  });
});
