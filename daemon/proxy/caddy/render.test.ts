import { describe, expect, it } from 'vitest';
import type { RouteModel } from '../../engine/state.ts';
import { readGeneration } from '../generation.ts';
import { ROUTE } from '../test-route.ts';
import { featuresOf, renderCaddyfile } from './render.ts';

const OLD = featuresOf('2.6.2');
const NEW = featuresOf('2.11.4');

describe('renderCaddyfile', () => {
  it('names both slots and lets the marker choose', () => {
    expect(renderCaddyfile(ROUTE, NEW)).toMatchInlineSnapshot(`
      "# Written by NextDeploy for the app shop, generation 56c512435d2cd513; what is changed here is overwritten.
      http://shop.test {
      	@nextdeploy_verify header x-nextdeploy-verify abcdef0123456789abcdef0123456789
      	@nextdeploy_blue {
      		file {
      			root /var/lib/nextdeploy/slots/shop
      			try_files blue
      		}
      	}
      	@nextdeploy_green {
      		file {
      			root /var/lib/nextdeploy/slots/shop
      			try_files green
      		}
      	}
      	@nextdeploy_any_blue {
      		file {
      			root /var/lib/nextdeploy/slots/shop
      			try_files blue.maintenance blue
      		}
      	}
      	@nextdeploy_any_green {
      		file {
      			root /var/lib/nextdeploy/slots/shop
      			try_files green.maintenance green
      		}
      	}
      	@nextdeploy_stopped {
      		file {
      			root /var/lib/nextdeploy/slots/shop
      			try_files stopped
      		}
      	}
      	@nextdeploy_maintenance {
      		file {
      			root /var/lib/nextdeploy/slots/shop
      			try_files maintenance.html
      		}
      		not vars nextdeploy_verified yes
      		not vars {http.request.uri.path} "/api/health"
      	}
      	route {
      		route @nextdeploy_verify {
      			vars nextdeploy_verified yes
      			request_header -x-nextdeploy-verify
      			header x-nextdeploy-generation "shop 56c512435d2cd513"
      			header @nextdeploy_any_blue {
      				x-nextdeploy-slot blue
      				defer
      			}
      			header @nextdeploy_any_green {
      				x-nextdeploy-slot green
      				defer
      			}
      		}
      		reverse_proxy @nextdeploy_blue 10.213.0.16:3000 {
      			header_down -x-nextdeploy-slot
      			lb_try_duration 3s
      			lb_try_interval 250ms
      			lb_retry_match remote_ip 255.255.255.255
      			stream_close_delay 24h
      			transport http {
      				dial_timeout 1s
      				keepalive 4s
      				keepalive_idle_conns_per_host 256
      			}
      		}
      		reverse_proxy @nextdeploy_green 10.213.0.24:4000 {
      			header_down -x-nextdeploy-slot
      			lb_try_duration 3s
      			lb_try_interval 250ms
      			lb_retry_match remote_ip 255.255.255.255
      			stream_close_delay 24h
      			transport http {
      				dial_timeout 1s
      				keepalive 4s
      				keepalive_idle_conns_per_host 256
      			}
      		}
      		handle {
      			handle @nextdeploy_stopped {
      				header Retry-After 30
      				respond "This site is stopped." 503
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
      			handle {
      				reverse_proxy @nextdeploy_any_green 10.213.0.24:4000 {
      					header_down -x-nextdeploy-slot
      					lb_try_duration 3s
      					lb_try_interval 250ms
      					lb_retry_match remote_ip 255.255.255.255
      					stream_close_delay 24h
      					transport http {
      						dial_timeout 1s
      						keepalive 4s
      						keepalive_idle_conns_per_host 256
      					}
      				}
      				reverse_proxy 10.213.0.16:3000 {
      					header_down -x-nextdeploy-slot
      					lb_try_duration 3s
      					lb_try_interval 250ms
      					lb_retry_match remote_ip 255.255.255.255
      					stream_close_delay 24h
      					transport http {
      						dial_timeout 1s
      						keepalive 4s
      						keepalive_idle_conns_per_host 256
      					}
      				}
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
    expect(text).toContain('http://old.test {\n\tredir http://shop.test{uri} 308\n}');
    expect(text).toContain('"old.example.com" {\n\tredir https://shop.example.com{uri} 302\n}');
  });

  it('protects open streams from reloads where Caddy can', () => {
    expect(renderCaddyfile(ROUTE, NEW)).toContain('stream_close_delay');
    expect(renderCaddyfile(ROUTE, featuresOf('2.7.0'))).toContain('stream_close_delay');
    expect(renderCaddyfile(ROUTE, OLD)).not.toContain('stream_close_delay');
  });

  it('balances over the replicas of a slot, and leaves one alone that accepts nothing', () => {
    const upstreams = { ...ROUTE.upstreams, blue: ['10.213.0.16:3000', '10.213.0.17:3000'] };
    const text = renderCaddyfile({ ...ROUTE, upstreams }, NEW);
    expect(text).toMatch(
      /reverse_proxy @nextdeploy_blue 10\.213\.0\.16:3000 10\.213\.0\.17:3000 \{[^}]*lb_policy least_conn\n\s+fail_duration 3s/,
    );
    // A single one is waited for instead.
    expect(text).toMatch(
      /reverse_proxy @nextdeploy_green 10\.213\.0\.24:4000 \{(?:(?!fail_duration|lb_policy)[^}])*lb_try_duration 3s/,
    );
  });

  it('tries no request with a body again where Caddy would have lost the body', () => {
    const [, forBodies = ''] = /route @nextdeploy_body \{([\s\S]*?)\n\t\t\}/.exec(renderCaddyfile(ROUTE, OLD)) ?? [];
    expect(forBodies.match(/reverse_proxy @nextdeploy_\w+/g)).toEqual([
      'reverse_proxy @nextdeploy_blue',
      'reverse_proxy @nextdeploy_green',
    ]);
    expect(forBodies).not.toContain('lb_try_duration');
    expect(renderCaddyfile(ROUTE, NEW)).not.toContain('@nextdeploy_body');
  });

  it.each([
    ['2.6.2', false, false],
    ['2.7.0-beta.1', true, false],
    ['2.11.3', true, false],
    ['2.11.4', true, true],
    ['2.12.0', true, true],
    ['3.0.0', true, true],
    ['devel', false, false],
  ])('knows what %s can do', (version, has_stream_close_delay, can_repeat_bodies) => {
    expect(featuresOf(version)).toEqual({ has_stream_close_delay, can_repeat_bodies });
  });

  it('lets the health path through in maintenance, without its query, and no other that is like it', () => {
    const exempt = (health_path: string | null) =>
      /not vars ({.+)/.exec(renderCaddyfile({ ...ROUTE, health_path }, OLD))?.[1] ?? null;
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
