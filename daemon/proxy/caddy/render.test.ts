import { describe, expect, it } from 'vitest';
import type { RouteModel } from '../../engine/state.ts';
import { readGeneration } from '../generation.ts';
import { ROUTE } from '../test-route.ts';
import { renderCaddyfile } from './render.ts';

const OLD = { has_stream_close_delay: false };

describe('renderCaddyfile', () => {
  it('names both slots and lets the marker choose', () => {
    expect(renderCaddyfile(ROUTE, OLD)).toMatchInlineSnapshot(`
      "# Written by NextDeploy for the app shop, generation 1a47c18605f68983; what is changed here is overwritten.
      http://shop.test {
      	@nextdeploy_verify header x-nextdeploy-verify abcdef0123456789abcdef0123456789
      	@nextdeploy_maintenance {
      		file {
      			root /var/lib/nextdeploy/slots/shop
      			try_files maintenance.html
      		}
      		not header x-nextdeploy-verify abcdef0123456789abcdef0123456789
      		not vars {http.request.uri.path} "/api/health"
      	}
      	@nextdeploy_green file {
      		root /var/lib/nextdeploy/slots/shop
      		try_files green
      	}
      	@nextdeploy_stopped file {
      		root /var/lib/nextdeploy/slots/shop
      		try_files stopped
      	}
      	handle @nextdeploy_maintenance {
      		route {
      			method GET
      			request_header -Range
      			request_header -If-None-Match
      			request_header -If-Modified-Since
      			header Retry-After 30
      			header Cache-Control no-store
      			rewrite * /maintenance.html
      			file_server {
      				root /var/lib/nextdeploy/slots/shop
      				status 503
      				pass_thru
      			}
      			respond 503
      		}
      	}
      	handle @nextdeploy_green {
      		header @nextdeploy_verify {
      			x-nextdeploy-slot green
      			x-nextdeploy-generation "shop 1a47c18605f68983"
      		}
      		reverse_proxy 10.213.0.24:4000 {
      			header_up -x-nextdeploy-verify
      			header_down -x-nextdeploy-slot
      			lb_try_interval 250ms
      			lb_try_duration 3s
      			lb_retry_match remote_ip 255.255.255.255
      			transport http {
      				dial_timeout 1s
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
      		header @nextdeploy_verify {
      			x-nextdeploy-slot blue
      			x-nextdeploy-generation "shop 1a47c18605f68983"
      		}
      		reverse_proxy 10.213.0.16:3000 {
      			header_up -x-nextdeploy-verify
      			header_down -x-nextdeploy-slot
      			lb_try_interval 250ms
      			lb_try_duration 3s
      			lb_retry_match remote_ip 255.255.255.255
      			transport http {
      				dial_timeout 1s
      				keepalive 4s
      				keepalive_idle_conns_per_host 256
      			}
      		}
      	}
      }
      "
    `);
  });

  it('leaves http:// away where Caddy manages the certificate, and writes one site for all domains that are alike', () => {
    const sites: RouteModel['sites'] = [
      { domain: 'shop.test', tls: 'off' },
      { domain: 'shop.example.com', tls: 'auto' },
      { domain: 'www.shop.test', tls: 'off' },
    ];
    const text = renderCaddyfile({ ...ROUTE, sites }, OLD);
    expect(text.match(/^\S.* \{$/gm)).toEqual(['"shop.example.com" {', 'http://shop.test, http://www.shop.test {']);
  });

  it('redirects to the same path and query, by the scheme of the target', () => {
    const redirects: RouteModel['redirects'] = [
      { from: 'old.test', tls: 'off', to: 'shop.test', to_tls: 'off', status: 308 },
      { from: 'old.example.com', tls: 'auto', to: 'shop.example.com', to_tls: 'auto', status: 302 },
    ];
    const text = renderCaddyfile({ ...ROUTE, redirects }, OLD);
    expect(text).toContain('http://old.test {\n\tredir http://shop.test{uri} 308\n}\n');
    expect(text).toContain('"old.example.com" {\n\tredir https://shop.example.com{uri} 302\n}\n');
  });

  it('protects open streams from reloads where Caddy can (2.7)', () => {
    expect(renderCaddyfile(ROUTE, { has_stream_close_delay: true })).toContain('stream_close_delay');
    expect(renderCaddyfile(ROUTE, OLD)).not.toContain('stream_close_delay');
  });

  it('balances over the replicas of a slot, and leaves one alone that accepts nothing', () => {
    const upstreams = { ...ROUTE.upstreams, blue: ['10.213.0.16:3000', '10.213.0.17:3000'] };
    const text = renderCaddyfile({ ...ROUTE, upstreams }, OLD);
    expect(text).toMatch(
      /reverse_proxy 10\.213\.0\.16:3000 10\.213\.0\.17:3000 \{[^}]*lb_policy least_conn\n\s+fail_duration 1s/,
    );
    // A single one is waited for instead.
    expect(text).toMatch(/reverse_proxy 10\.213\.0\.24:4000 \{(?:(?!fail_duration|lb_policy)[^}])*lb_try_duration 3s/);
  });

  it('lets the health path through in maintenance, without its query, and no other that is like it', () => {
    const exempt = (health_path: string | null) =>
      /not vars (.+)/.exec(renderCaddyfile({ ...ROUTE, health_path }, OLD))?.[1] ?? null;
    expect(exempt('/api/health?deep=1')).toBe('{http.request.uri.path} "/api/health"');
    expect(exempt('/a/*')).toBe('{http.request.uri.path} "/a/*"');
    expect(exempt(null)).toBeNull();
    expect(exempt('/%7Benv.HOME%7D')).toBeNull();
  });

  it('names another generation when anything about the route is another', () => {
    const generation = (route: RouteModel) => readGeneration(renderCaddyfile(route, OLD));
    expect(generation(ROUTE)).toMatch(/^[a-f0-9]{16}$/);
    expect(generation(ROUTE)).toBe(generation({ ...ROUTE }));
    expect(generation(ROUTE)).not.toBe(generation({ ...ROUTE, health_path: null }));
  });

  it.each<[string, Partial<RouteModel>]>([
    ['domain', { sites: [{ domain: 'a.test {\n respond "owned"\n}\nb.test', tls: 'off' }] }],
    ['domain', { sites: [{ domain: '{env.SECRET}', tls: 'off' }] }],
    ['domain', { sites: [{ domain: 'import', tls: 'auto' }] }],
    ['upstream', { upstreams: { blue: ['10.0.0.1:80 10.0.0.2:80'], green: ['10.0.0.1:80'] } }],
    ['marker directory', { marker_directory: '/var/lib/x"; respond "owned' }],
    ['verify key', { verify_key: 'x y' }],
    ['app name', { app_name: 'shop\nimport /etc/passwd' }],
    ['domain', { redirects: [{ from: 'a.test', tls: 'off', to: 'b.test/{env.SECRET}', to_tls: 'off', status: 301 }] }],
    ['number of sites', { sites: [] }],
    ['number of upstreams', { upstreams: { blue: [], green: [] } }],
  ])('refuses a %s that could be more than one word', (what, changes) => {
    expect(() => renderCaddyfile({ ...ROUTE, ...changes }, OLD)).toThrow(`unsafe ${what}`);
  });
});
