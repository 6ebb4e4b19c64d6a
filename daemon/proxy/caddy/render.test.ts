import { describe, expect, it } from 'vitest';
import type { RouteModel } from '../../engine/state.ts';
import { renderCaddyfile } from './render.ts';
import { ROUTE } from './test-route.ts';

const OLD = { has_stream_close_delay: false };

describe('renderCaddyfile', () => {
  it('names both slots and lets the marker choose', () => {
    expect(renderCaddyfile(ROUTE, OLD)).toMatchInlineSnapshot(`
      "# Written by NextDeploy for the app shop; what is changed here is overwritten.
      http://shop.test {
      	@nextdeploy_green file {
      		root /var/lib/nextdeploy/slots/shop
      		try_files green
      	}
      	@nextdeploy_stopped file {
      		root /var/lib/nextdeploy/slots/shop
      		try_files stopped
      	}
      	@nextdeploy_verify header x-nextdeploy-verify abcdef0123456789abcdef0123456789
      	handle @nextdeploy_green {
      		header @nextdeploy_verify x-nextdeploy-slot green
      		reverse_proxy 10.213.0.24:4000 {
      			header_up -x-nextdeploy-verify
      			header_down -x-nextdeploy-slot
      			transport http {
      				keepalive 4s
      				keepalive_idle_conns_per_host 256
      			}
      		}
      	}
      	handle @nextdeploy_stopped {
      		header Retry-After 30
      		respond "This site is stopped." 503
      	}
      	handle {
      		header @nextdeploy_verify x-nextdeploy-slot blue
      		reverse_proxy 10.213.0.16:3000 {
      			header_up -x-nextdeploy-verify
      			header_down -x-nextdeploy-slot
      			transport http {
      				keepalive 4s
      				keepalive_idle_conns_per_host 256
      			}
      		}
      	}
      }
      "
    `);
  });

  it('leaves http:// away where Caddy manages the certificate, and writes one site for each domain', () => {
    const sites: RouteModel['sites'] = [
      { domain: 'shop.example.com', tls: 'auto' },
      { domain: 'shop.test', tls: 'off' },
    ];
    const text = renderCaddyfile({ ...ROUTE, sites }, OLD);
    expect(text.match(/^\S.* \{$/gm)).toEqual(['"shop.example.com" {', 'http://shop.test {']);
  });

  it('protects open streams from reloads where Caddy can (2.7)', () => {
    expect(renderCaddyfile(ROUTE, { has_stream_close_delay: true })).toContain('stream_close_delay');
    expect(renderCaddyfile(ROUTE, OLD)).not.toContain('stream_close_delay');
  });

  it('balances over the replicas of a slot', () => {
    const upstreams = { ...ROUTE.upstreams, blue: ['10.213.0.16:3000', '10.213.0.17:3000'] };
    expect(renderCaddyfile({ ...ROUTE, upstreams }, OLD)).toContain('reverse_proxy 10.213.0.16:3000 10.213.0.17:3000 {');
  });

  it.each<[string, Partial<RouteModel>]>([
    ['domain', { sites: [{ domain: 'a.test {\n respond "owned"\n}\nb.test', tls: 'off' }] }],
    ['domain', { sites: [{ domain: '{env.SECRET}', tls: 'off' }] }],
    ['domain', { sites: [{ domain: 'import', tls: 'auto' }] }],
    ['upstream', { upstreams: { blue: ['10.0.0.1:80 10.0.0.2:80'], green: ['10.0.0.1:80'] } }],
    ['marker directory', { marker_directory: '/var/lib/x"; respond "owned' }],
    ['verify key', { verify_key: 'x y' }],
    ['app name', { app_name: 'shop\nimport /etc/passwd' }],
    ['number of sites', { sites: [] }],
    ['number of upstreams', { upstreams: { blue: [], green: [] } }],
  ])('refuses a %s that could be more than one word', (what, changes) => {
    expect(() => renderCaddyfile({ ...ROUTE, ...changes }, OLD)).toThrow(`unsafe ${what}`);
  });
});
