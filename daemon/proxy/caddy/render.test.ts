import { describe, expect, it } from 'vitest';
import type { RouteModel } from '../../engine/state.ts';
import { CERTIFICATES, HOSTILE_OPTIONS, NO_OPTIONS, ROUTE } from '../test-route.ts';
import { featuresOf } from './features.ts';
import { numbersAbove } from './options.ts';
import { type CaddyContext, generationOf, renderCaddyfile } from './render.ts';
import { literal, signVariables } from './text.ts';

const OLD = { features: featuresOf('2.6.2'), certificates: CERTIFICATES, https_port: 443 };
const NEW = { features: featuresOf('2.11.4'), certificates: CERTIFICATES, https_port: 443 };

describe('renderCaddyfile', () => {
  it('names both slots and lets the marker choose', () => {
    expect(renderCaddyfile([ROUTE], NEW)).toMatchInlineSnapshot(`
      "http://shop.test {
      	map {host} {nextdeploy_markers} {nextdeploy_blue} {nextdeploy_green} {nextdeploy_key} {nextdeploy_exempt} {nextdeploy_generation} {
      		"shop.test" "/var/lib/nextdeploy/slots/shop" "10.213.0.16:3000" "10.213.0.24:4000" "abcdef0123456789abcdef0123456789" "/api/health" "shop c75400dc449a82a1"
      		"~(?i)^\\[?shop\\.test\\]?$" "/var/lib/nextdeploy/slots/shop" "10.213.0.16:3000" "10.213.0.24:4000" "abcdef0123456789abcdef0123456789" "/api/health" "shop c75400dc449a82a1"
      	}
      	@nextdeploy_blue {
      		not file {
      			root {nextdeploy_markers}
      			try_files not-blue
      		}
      	}
      	@nextdeploy_green {
      		not file {
      			root {nextdeploy_markers}
      			try_files not-green
      		}
      	}
      	@nextdeploy_closed_blue {
      		file {
      			root {nextdeploy_markers}
      			try_files blue.maintenance
      		}
      	}
      	@nextdeploy_closed_green {
      		file {
      			root {nextdeploy_markers}
      			try_files green.maintenance
      		}
      	}
      	@nextdeploy_stopped {
      		file {
      			root {nextdeploy_markers}
      			try_files stopped
      		}
      	}
      	@nextdeploy_maintenance {
      		file {
      			root {nextdeploy_markers}
      			try_files maintenance.html
      		}
      		not vars nextdeploy_verified yes
      		not vars {http.request.uri.path} "{nextdeploy_exempt}"
      	}
      	@nextdeploy_verified {
      		header x-nextdeploy-verify {nextdeploy_key}
      	}
      	route {
      		route @nextdeploy_verified {
      			vars nextdeploy_verified yes
      			request_header -x-nextdeploy-verify
      			header x-nextdeploy-generation "{nextdeploy_generation}"
      			route {
      				header @nextdeploy_closed_blue {
      					x-nextdeploy-slot blue
      					defer
      				}
      				header @nextdeploy_blue {
      					x-nextdeploy-slot blue
      					defer
      				}
      				header @nextdeploy_closed_green {
      					x-nextdeploy-slot green
      					defer
      				}
      				header @nextdeploy_green {
      					x-nextdeploy-slot green
      					defer
      				}
      				header {
      					-x-nextdeploy-slot
      					defer
      				}
      			}
      		}
      		reverse_proxy @nextdeploy_blue {nextdeploy_blue} {
      			lb_policy first
      			lb_try_duration 3s
      			lb_try_interval 250ms
      			lb_retry_match remote_ip 255.255.255.255
      			stream_close_delay 24h
      			transport http {
      				dial_timeout 1s
      				keepalive 4s
      				keepalive_idle_conns_per_host 256
      				compression off
      			}
      		}
      		reverse_proxy @nextdeploy_green {nextdeploy_green} {
      			lb_policy first
      			lb_try_duration 3s
      			lb_try_interval 250ms
      			lb_retry_match remote_ip 255.255.255.255
      			stream_close_delay 24h
      			transport http {
      				dial_timeout 1s
      				keepalive 4s
      				keepalive_idle_conns_per_host 256
      				compression off
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
      						root {nextdeploy_markers}
      						status 503
      						pass_thru
      					}
      					respond 503
      				}
      			}
      			handle {
      				reverse_proxy @nextdeploy_closed_green {nextdeploy_green} {
      					lb_policy first
      					lb_try_duration 3s
      					lb_try_interval 250ms
      					lb_retry_match remote_ip 255.255.255.255
      					stream_close_delay 24h
      					transport http {
      						dial_timeout 1s
      						keepalive 4s
      						keepalive_idle_conns_per_host 256
      						compression off
      					}
      				}
      				reverse_proxy @nextdeploy_green {nextdeploy_green} {
      					lb_policy first
      					lb_try_duration 3s
      					lb_try_interval 250ms
      					lb_retry_match remote_ip 255.255.255.255
      					stream_close_delay 24h
      					transport http {
      						dial_timeout 1s
      						keepalive 4s
      						keepalive_idle_conns_per_host 256
      						compression off
      					}
      				}
      				reverse_proxy {nextdeploy_blue} {
      					lb_policy first
      					lb_try_duration 3s
      					lb_try_interval 250ms
      					lb_retry_match remote_ip 255.255.255.255
      					stream_close_delay 24h
      					transport http {
      						dial_timeout 1s
      						keepalive 4s
      						keepalive_idle_conns_per_host 256
      						compression off
      					}
      				}
      			}
      		}
      	}
      }
      "
    `);
  });

  it('leaves http:// away where Caddy manages the certificate, and writes one site for all domains of all apps that are alike', () => {
    const sites: RouteModel['sites'] = [
      { domain: 'shop.test', tls: 'off' },
      { domain: 'shop.example.com', tls: 'auto' },
      { domain: 'www.shop.test', tls: 'off' },
    ];
    const blog: RouteModel = { ...ROUTE, app_name: 'blog', sites: [{ domain: 'blog.test', tls: 'off' }] };
    const text = renderCaddyfile([{ ...ROUTE, sites }, blog], OLD);
    expect(text.match(/^\S.*[,{]$/gm)).toEqual([
      'http://shop.test,',
      'http://www.shop.test,',
      'http://blog.test {',
      'shop.example.com {',
      'http://shop.example.com {',
    ]);
    expect(text.match(/^\t\t"blog\.test" .*$/gm)).toHaveLength(1);
  });

  it('knows a domain in any case, and in brackets, as the site does', () => {
    const text = renderCaddyfile([{ ...ROUTE, health_path: '/a$b' }], OLD);
    const rows = text.match(/^\t\t".*shop.*$/gm) ?? [];
    expect(rows.map((row) => row.trim().split(' ')[0])).toEqual(['"shop.test"', '"~(?i)^\\[?shop\\.test\\]?$"']);
    // What follows a pattern may name its groups.
    expect(rows.map((row) => /"(\/a\S*)"/.exec(row)?.[1])).toEqual(['/a$b', '/a$$b']);
  });

  it('gives no site more names than Caddy finds in any case, and each a table of its own', () => {
    const names = Array.from({ length: 201 }, (_, index) => `n${index}.test`);
    const sites = names.map((domain) => ({ domain, tls: 'off' as const }));
    const redirects = names.map((name) => ({ from: `old-${name}`, tls: 'off', to: name, to_tls: 'off', status: 308 }) as const);
    const upstreams = { ...ROUTE.upstreams, blue: ['10.213.0.16:3000', '10.213.0.17:3000'] };
    const counts = (route: RouteModel, context: CaddyContext) =>
      renderCaddyfile([route], context)
        .split('\n\n')
        .map((site) => [site.match(/^http:/gm)?.length, site.match(/^\t\t"[^~"]*" /gm)?.length]);
    const alike = [100, 100, 1].map((count) => [count, count]);
    expect(counts({ ...ROUTE, sites, redirects }, OLD)).toEqual([...alike, ...alike]);
    expect(counts({ ...ROUTE, sites, upstreams }, OLD)).toEqual([100, 100, 1].map((count) => [count, undefined]));
    expect(counts({ ...ROUTE, sites, redirects }, NEW)).toEqual([201, 201].map((count) => [count, count]));
  });

  it('redirects to the same path and query, by the scheme of the target, with one site for each status', () => {
    const redirects: RouteModel['redirects'] = [
      { from: 'old.test', tls: 'off', to: 'shop.test', to_tls: 'off', status: 308 },
      { from: 'older.test', tls: 'off', to: 'shop.test', to_tls: 'off', status: 308 },
      { from: 'old.example.com', tls: 'auto', to: 'shop.example.com', to_tls: 'auto', status: 302 },
    ];
    const text = renderCaddyfile([{ ...ROUTE, redirects }], OLD);
    const sites = text.split('\n\n').filter((site) => site.includes('redir '));
    expect(sites.map((site) => [site.split(' {')[0], /redir .*/.exec(site)?.[0]])).toEqual([
      ['http://old.test,\nhttp://older.test', 'redir {nextdeploy_to}{uri} 308'],
      ['old.example.com', 'redir {nextdeploy_to}{uri} 302'],
      ['http://old.example.com', 'redir https://{host}{uri} 308'],
    ]);
    expect(sites[0]).toContain('"old.test" "http://shop.test"');
    expect(sites[1]).toContain('"old.example.com" "https://shop.example.com"');
  });

  it('protects open streams from reloads where Caddy can', () => {
    expect(renderCaddyfile([ROUTE], NEW)).toContain('stream_close_delay');
    expect(renderCaddyfile([ROUTE], { ...OLD, features: featuresOf('2.7.0') })).toContain('stream_close_delay');
    expect(renderCaddyfile([ROUTE], OLD)).not.toContain('stream_close_delay');
  });

  it('gives an app with replicas a site of its own, balances over them, and leaves one alone that accepts nothing', () => {
    const upstreams = { ...ROUTE.upstreams, blue: ['10.213.0.16:3000', '10.213.0.17:3000'] };
    const text = renderCaddyfile([{ ...ROUTE, upstreams }], NEW);
    expect(text).not.toContain('map {host}');
    expect(text).toMatch(
      /reverse_proxy @nextdeploy_blue 10\.213\.0\.16:3000 10\.213\.0\.17:3000 \{[^}]*lb_policy least_conn\n\s+fail_duration 3s/,
    );
    // A single one is waited for instead.
    expect(text).toMatch(
      /reverse_proxy @nextdeploy_green 10\.213\.0\.24:4000 \{(?:(?!fail_duration|least_conn)[^}])*lb_try_duration 3s/,
    );
  });

  it('tries no request with a body again where Caddy would have lost the body', () => {
    const [, forBodies = ''] = /route @nextdeploy_body \{([\s\S]*?)\n\t\t\}/.exec(renderCaddyfile([ROUTE], OLD)) ?? [];
    expect(forBodies.match(/reverse_proxy @nextdeploy_\w+/g)).toEqual([
      'reverse_proxy @nextdeploy_blue',
      'reverse_proxy @nextdeploy_green',
    ]);
    expect(forBodies).not.toContain('lb_try_duration');
    expect(renderCaddyfile([ROUTE], NEW)).not.toContain('@nextdeploy_body');
  });

  it.each([
    ['2.6.2', false, false, false, false],
    ['2.7.0-beta.1', true, false, false, false],
    ['2.8.0', true, true, false, false],
    ['2.11.0', true, true, false, false],
    ['2.11.3', true, true, false, true],
    ['2.11.4', true, true, true, true],
    ['2.12.0', true, true, true, true],
    ['3.0.0', true, true, true, true],
    ['devel', false, false, false, false],
  ])('knows what %s can do', (version, has_stream_close_delay, has_basic_auth, can_repeat_bodies, finds_names_in_any_case) => {
    const can = { has_stream_close_delay, has_basic_auth, can_repeat_bodies, finds_names_in_any_case };
    expect(featuresOf(version)).toEqual(can);
  });

  it('lets the health path through in maintenance, without its query, and no other that is like it', () => {
    const exempt = (health_path: string | null) =>
      /^\t\t"shop.test" (?:"\S+" ){4}"(\S+)"/m.exec(renderCaddyfile([{ ...ROUTE, health_path }], OLD))?.[1];
    expect(renderCaddyfile([ROUTE], OLD)).toContain('not vars {http.request.uri.path} "{nextdeploy_exempt}"');
    expect(exempt('/api/health?deep=1')).toBe('/api/health');
    expect(exempt('/a/*')).toBe('/a/*');
    // No path is so.
    for (const path of [null, '/%7Benv.HOME%7D', '/nextdeploy_key', '/a/xnextdeploy_exempt2']) expect(exempt(path)).toBe('none');
  });

  it('says why it writes no directory that Caddy would take for a placeholder', () => {
    const refusal = 'Caddy cannot look for files in /nextdeploy_blue/slots/shop';
    expect(() => renderCaddyfile([{ ...ROUTE, marker_directory: '/nextdeploy_blue/slots/shop' }], OLD)).toThrow(refusal);
  });

  it('names another generation when anything about the route, or about how it is written, is another', () => {
    const generation = (changes: Partial<RouteModel> = {}) => generationOf({ ...ROUTE, ...changes }, OLD);
    expect(generation()).toMatch(/^[a-f0-9]{16}$/);
    expect(generation()).toBe(generation({}));
    expect(generation()).not.toBe(generation({ health_path: null }));
    expect(generation()).not.toBe(generationOf(ROUTE, NEW));
    expect(renderCaddyfile([ROUTE], OLD)).toContain(`"shop ${generation()}"`);
  });

  it.each(HOSTILE_OPTIONS)('refuses a %s that could be more than it should', (what, changes) => {
    expect(() => renderCaddyfile([{ ...ROUTE, options: { ...NO_OPTIONS, ...changes } }], OLD)).toThrow(`unsafe ${what}`);
  });

  it('gives each name with an imported certificate a site of its own, and none to others of its app', () => {
    const sites: RouteModel['sites'] = [
      { domain: 'shop.test', tls: 'off' },
      { domain: 'a.example.com', tls: 'import' },
      { domain: 'b.example.com', tls: 'import' },
    ];
    const redirects: RouteModel['redirects'] = [
      { from: 'old.example.com', tls: 'import', to: 'a.example.com', to_tls: 'import', status: 301 },
    ];
    const [shared, ...all] = renderCaddyfile([{ ...ROUTE, sites, redirects }], NEW).split('\n\n');
    const own = all.slice(0, -1);
    expect(shared).toMatch(/^http:\/\/shop\.test \{\n\tmap/);
    expect(own.map((site) => site.split('\n').slice(0, 2))).toEqual(
      ['a', 'b', 'old'].map((name) => {
        const path = `/etc/nextdeploy/certs/${name}.example.com`;
        return [`${name}.example.com {`, `\ttls ${path}.crt ${path}.key`];
      }),
    );
    expect(own[2]).toContain('redir https://a.example.com{uri} 301');
  });

  it('leads plain HTTP of names with a certificate there by itself, as a site of the operator may stand before what Caddy does', () => {
    const sites: RouteModel['sites'] = [
      { domain: 'shop.test', tls: 'off' },
      { domain: 'a.example.com', tls: 'auto' },
    ];
    const redirects: RouteModel['redirects'] = [
      { from: 'old.example.com', tls: 'import', to: 'a.example.com', to_tls: 'auto', status: 301 },
    ];
    const last = (context: CaddyContext) =>
      renderCaddyfile([{ ...ROUTE, sites, redirects }], context)
        .trimEnd()
        .split('\n\n')
        .at(-1);
    expect(last(NEW)).toBe('http://a.example.com,\nhttp://old.example.com {\n\tredir https://{host}{uri} 308\n}');
    expect(last({ ...NEW, https_port: 8443 })).toContain('redir https://{host}:8443{uri} 308');
    expect(renderCaddyfile([ROUTE], NEW)).not.toContain('308');
  });

  it('names an authority where one is set, in our sites alone', () => {
    const sites: RouteModel['sites'] = [{ domain: 'shop.example.com', tls: 'auto' }];
    expect(renderCaddyfile([{ ...ROUTE, sites }], NEW)).not.toContain('tls');
    const certificates = {
      ...CERTIFICATES,
      acme_directory: 'https://ca.test/dir',
      acme_ca_root: '/etc/ca.pem',
      email: 'a@b.test',
    };
    const issuer = ['dir https://ca.test/dir', 'trusted_roots /etc/ca.pem', 'email a@b.test'].join('\n\t\t\t');
    const text = renderCaddyfile([{ ...ROUTE, sites }], { ...NEW, certificates });
    expect(text).toContain(`shop.example.com {\n\ttls {\n\t\tissuer acme {\n\t\t\t${issuer}\n`);
    expect(generationOf({ ...ROUTE, sites }, { ...NEW, certificates })).not.toBe(generationOf({ ...ROUTE, sites }, NEW));
  });

  it('gives an app with options a site of its own, and leaves the others as they are', () => {
    const blog: RouteModel = { ...ROUTE, app_name: 'blog', sites: [{ domain: 'blog.test', tls: 'off' }] };
    expect(renderCaddyfile([{ ...ROUTE, options: NO_OPTIONS }, blog], NEW).split('\n\n')).toHaveLength(1);
    const text = renderCaddyfile([{ ...ROUTE, options: { ...NO_OPTIONS, body_bytes_max: 1 } }, blog], NEW);
    const [shared, own] = text.split('\n\n');
    expect(shared).toBe(renderCaddyfile([blog], NEW).trimEnd());
    expect(own).toMatch(/^http:\/\/shop\.test \{\n\t@nextdeploy_blue/);
  });

  it.each([
    [1, [1, 2, 9, 10, 99]],
    [9, [9, 10, 19, 100]],
    [1_000, [999, 1_000, 1_001, 1_010, 2_000, 9_999, 10_000]],
    [1_099, [1_099, 1_100, 1_110, 999, 2_000]],
    [1024 ** 4, [1024 ** 4, 1024 ** 4 + 1, 1024 ** 4 - 1, 10 ** 13, 2 * 10 ** 12]],
  ])('tells the lengths above %i from the others', (bound, lengths) => {
    const above = new RegExp(numbersAbove(bound));
    for (const length of [0, ...lengths])
      expect([above.test(`${length}`), above.test(`00${length}`)], `${length}`).toEqual([length > bound, length > bound]);
    expect([above.test(''), above.test(`${bound + 1}x`)]).toEqual([false, false]);
  });

  it('has a brace in no word that it gives out', () => {
    expect(literal('{a}\\ `b`').replaceAll(/\{http\.vars\.nextdeploy_\w+\}/g, '*')).toBe('`*a** *b*`');
    expect(signVariables(['x'])).toEqual([]);
    expect(signVariables(['{'])).toEqual(['vars nextdeploy_open `{http.vars.nextdeploy_nothing}{`']);
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
    expect(() => renderCaddyfile([{ ...ROUTE, ...changes }], OLD)).toThrow(`unsafe ${what}`);
  });
});
