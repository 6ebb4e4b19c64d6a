import { describe, expect, it } from 'vitest';
import type { RouteModel } from '../../engine/state.ts';
import { readGeneration } from '../generation.ts';
import { CERTIFICATES, HASH, HOSTILE_OPTIONS, NO_OPTIONS, ROUTE } from '../test-route.ts';
import { statusName } from './readback.ts';
import { hasHttp2Directive, type NginxFeatures, passwordFileOf, renderNginx } from './render.ts';

const FEATURES: NginxFeatures = {
  http_port: 80,
  https_port: 443,
  has_ipv6: true,
  has_http2: false,
  directory: '/etc/nginx/nextdeploy',
  certificates: CERTIFICATES,
};

/** In the order of the file. */
function serversOf(route: RouteModel): string[] {
  return renderNginx(route, FEATURES)
    .split(/^server /m)
    .slice(1);
}

describe('renderNginx', () => {
  it('names both slots and lets the marker choose', () => {
    expect(renderNginx(ROUTE, FEATURES)).toMatchInlineSnapshot(`
      "# Written by NextDeploy for the app shop, generation 050ca4d9ba12704b; what is changed here is overwritten.
      map $http_host $nextdeploy_port {
      	default "";
      	"~(:[0-9]+)$" $1;
      }

      upstream nextdeploy_shop_blue {
      	server 10.213.0.16:3000;
      	keepalive 64;
      	keepalive_timeout 4s;
      	keepalive_requests 100000;
      }

      upstream nextdeploy_shop_green {
      	server 10.213.0.24:4000;
      	keepalive 64;
      	keepalive_timeout 4s;
      	keepalive_requests 100000;
      }

      server {
      	listen 80;
      	listen [::]:80;
      	listen 127.213.0.1:80;
      	server_name 8d9001d32c6a703d.nextdeploy.invalid;
      	access_log off;
      	if ($server_addr != 127.213.0.1) {
      		return 404;
      	}
      	return 200 "shop 050ca4d9ba12704b";
      }

      server {
      	listen 80;
      	listen [::]:80;
      	server_name shop.test;
      	open_file_cache off;
      	client_max_body_size 0;
      	proxy_http_version 1.1;
      	proxy_request_buffering off;
      	proxy_buffering on;
      	proxy_max_temp_file_size 0;
      	proxy_buffer_size 16k;
      	proxy_buffers 8 16k;
      	proxy_busy_buffers_size 32k;
      	proxy_send_timeout 24h;
      	proxy_read_timeout 24h;
      	proxy_next_upstream error timeout;
      	proxy_next_upstream_timeout 5s;
      	proxy_intercept_errors off;
      	proxy_redirect off;
      	proxy_set_header Host $nextdeploy_host;
      	proxy_set_header X-Forwarded-For $remote_addr;
      	proxy_set_header X-Forwarded-Proto $scheme;
      	proxy_set_header X-Forwarded-Host $nextdeploy_host;
      	proxy_set_header Upgrade $http_upgrade;
      	proxy_set_header Connection $nextdeploy_connection;
      	proxy_set_header x-nextdeploy-verify '';
      	proxy_hide_header x-nextdeploy-slot;
      	proxy_connect_timeout 3s;
      	set $nextdeploy_connection '';
      	if ($http_upgrade) {
      		set $nextdeploy_connection upgrade;
      	}
      	set $nextdeploy_host $http_host;
      	if ($http_host != $host) {
      		set $nextdeploy_host $host$nextdeploy_port;
      	}
      	error_page 417 = @nextdeploy_verified;
      	error_page 418 =503 /../nextdeploy/maintenance;
      	error_page 419 =503 /../nextdeploy/stopped;
      	if ($http_x_nextdeploy_verify = abcdef0123456789abcdef0123456789) {
      		return 417;
      	}
      	location / {
      		if (!-f /var/lib/nextdeploy/slots/shop/not-blue) {
      			proxy_pass http://nextdeploy_shop_blue;
      			break;
      		}
      		if (!-f /var/lib/nextdeploy/slots/shop/not-green) {
      			proxy_pass http://nextdeploy_shop_green;
      			break;
      		}
      		if (-f /var/lib/nextdeploy/slots/shop/stopped) {
      			return 419;
      		}
      		if (-f /var/lib/nextdeploy/slots/shop/maintenance.html) {
      			return 418;
      		}
      		if (-f /var/lib/nextdeploy/slots/shop/green.maintenance) {
      			proxy_pass http://nextdeploy_shop_green;
      			break;
      		}
      		if (!-f /var/lib/nextdeploy/slots/shop/not-green) {
      			proxy_pass http://nextdeploy_shop_green;
      			break;
      		}
      		proxy_pass http://nextdeploy_shop_blue;
      	}
      	location = "/api/health" {
      		if (!-f /var/lib/nextdeploy/slots/shop/not-blue) {
      			proxy_pass http://nextdeploy_shop_blue;
      			break;
      		}
      		if (!-f /var/lib/nextdeploy/slots/shop/not-green) {
      			proxy_pass http://nextdeploy_shop_green;
      			break;
      		}
      		if (-f /var/lib/nextdeploy/slots/shop/stopped) {
      			return 419;
      		}
      		if (-f /var/lib/nextdeploy/slots/shop/green.maintenance) {
      			proxy_pass http://nextdeploy_shop_green;
      			break;
      		}
      		if (!-f /var/lib/nextdeploy/slots/shop/not-green) {
      			proxy_pass http://nextdeploy_shop_green;
      			break;
      		}
      		proxy_pass http://nextdeploy_shop_blue;
      	}
      	location @nextdeploy_verified {
      		add_header x-nextdeploy-slot blue always;
      		if (!-f /var/lib/nextdeploy/slots/shop/not-blue) {
      			proxy_pass http://nextdeploy_shop_blue;
      			break;
      		}
      		if (!-f /var/lib/nextdeploy/slots/shop/not-green) {
      			add_header x-nextdeploy-slot green always;
      			proxy_pass http://nextdeploy_shop_green;
      			break;
      		}
      		if (-f /var/lib/nextdeploy/slots/shop/stopped) {
      			add_header Retry-After 30 always;
      			return 503 "This site is stopped.";
      		}
      		if (-f /var/lib/nextdeploy/slots/shop/green.maintenance) {
      			add_header x-nextdeploy-slot green always;
      			proxy_pass http://nextdeploy_shop_green;
      			break;
      		}
      		if (!-f /var/lib/nextdeploy/slots/shop/not-green) {
      			add_header x-nextdeploy-slot green always;
      			proxy_pass http://nextdeploy_shop_green;
      			break;
      		}
      		proxy_pass http://nextdeploy_shop_blue;
      	}
      	location = /../nextdeploy/maintenance {
      		internal;
      		root /var/lib/nextdeploy/slots/shop;
      		charset utf-8;
      		default_type text/html;
      		add_header Retry-After 30 always;
      		add_header Cache-Control no-store always;
      		try_files /maintenance.html =503;
      	}
      	location = /../nextdeploy/stopped {
      		internal;
      		default_type text/plain;
      		add_header Retry-After 30 always;
      		return 503 "This site is stopped.";
      	}
      }
      "
    `);
  });

  it('serves all domains by one server, by a pattern where a name is too long for the table of names', () => {
    const long = `${'a'.repeat(40)}.shop.test`;
    const sites: RouteModel['sites'] = [...ROUTE.sites, { domain: 'www.shop.test', tls: 'off' }, { domain: long, tls: 'off' }];
    expect(renderNginx({ ...ROUTE, sites }, FEATURES)).toContain(
      `server_name shop.test www.shop.test ~^${'a'.repeat(40)}\\.shop\\.test$;`,
    );
  });

  it('redirects to the same path and query, by the scheme of the target', () => {
    const redirects: RouteModel['redirects'] = [
      { from: 'old.test', tls: 'off', to: 'shop.test', to_tls: 'off', status: 308 },
      { from: 'older.test', tls: 'off', to: 'shop.example.com', to_tls: 'auto', status: 302 },
    ];
    const text = renderNginx({ ...ROUTE, redirects }, FEATURES);
    expect(text).toContain('server_name old.test;\n\treturn 308 http://shop.test$request_uri;');
    expect(text).toContain('server_name older.test;\n\treturn 302 https://shop.example.com$request_uri;');
  });

  it('balances over the replicas of a slot, and leaves one alone that accepts nothing', () => {
    const upstreams = { ...ROUTE.upstreams, blue: ['10.213.0.16:3000', '10.213.0.17:3000'] };
    const text = renderNginx({ ...ROUTE, upstreams }, FEATURES);
    expect(text).toMatch(/least_conn;\n\tserver 10\.213\.0\.16:3000 max_fails=1 fail_timeout=3s;/);
    expect(text).toContain('\tserver 10.213.0.24:4000;');
  });

  it('lets the health path through in maintenance, but not the page where visitors come', () => {
    const exempt = (health_path: string | null) =>
      /location = "(.+)"/.exec(renderNginx({ ...ROUTE, health_path }, FEATURES))?.[1] ?? null;
    expect(exempt('/api/health?deep=1')).toBe('/api/health');
    expect(exempt('/')).toBeNull();
    expect(exempt(null)).toBeNull();
  });

  it('does not listen where the host has no IPv6, and listens where it is told to', () => {
    expect(renderNginx(ROUTE, FEATURES)).toContain('listen [::]:80;');
    const text = renderNginx(ROUTE, { ...FEATURES, http_port: 8080, has_ipv6: false });
    expect(new Set(text.match(/listen .+;/g))).toEqual(new Set(['listen 8080;', 'listen 127.213.0.1:8080;']));
  });

  it('serves each name with its own certificate, and leads plain HTTP there', () => {
    const sites: RouteModel['sites'] = [
      { domain: 'shop.example.com', tls: 'auto' },
      { domain: 'shop.test', tls: 'off' },
      { domain: 'www.example.com', tls: 'import' },
    ];
    const redirects: RouteModel['redirects'] = [
      { from: 'old.example.com', tls: 'import', to: 'shop.example.com', to_tls: 'import', status: 302 },
    ];
    const servers = serversOf({ ...ROUTE, sites, redirects });
    const [, plain, refusal, upgrade, shop, www, old] = servers;
    expect(servers).toHaveLength(7);
    expect(plain).toMatch(/listen 80;[\s\S]*server_name shop\.test;[\s\S]*proxy_pass/);
    expect(refusal).toMatch(/listen 443 ssl;\n\tlisten \[::\]:443 ssl;[\s\S]*ssl_reject_handshake on;[\s\S]*return 421;/);
    expect(refusal).not.toContain('default_server');
    expect(upgrade).toMatch(/listen 80;[\s\S]*server_name shop\.example\.com www\.example\.com old\.example\.com;/);
    expect(upgrade).toMatch(/location \^~ \/\.well-known\/acme-challenge\/ \{\n\t\troot \/var\/lib\/nextdeploy\/acme;/);
    expect(upgrade).toContain('return 308 https://$host$request_uri;');
    expect(shop).toContain('ssl_certificate /etc/nextdeploy/certs/shop.example.com.crt;');
    expect(www).toContain('ssl_certificate_key /etc/nextdeploy/certs/www.example.com.key;');
    expect(old).toMatch(
      /listen 443 ssl;[\s\S]*old\.example\.com\.crt;[\s\S]*return 302 https:\/\/shop\.example\.com\$request_uri;/,
    );
    // What is done with requests is the same.
    const rest = (server = '') => server.slice(server.indexOf('open_file_cache'));
    expect([rest(shop), rest(www)]).toEqual([rest(plain), rest(plain)]);
  });

  it('speaks HTTP/2 where that is a matter of the site alone, and names a port that is not the usual one', () => {
    const sites: RouteModel['sites'] = [{ domain: 'shop.example.com', tls: 'auto' }];
    const text = (changes: Partial<NginxFeatures>) => renderNginx({ ...ROUTE, sites }, { ...FEATURES, ...changes });
    expect(text({})).not.toContain('http2');
    expect(text({ has_http2: true })).toContain('\thttp2 on;\n');
    expect(text({ https_port: 8443 })).toContain('return 308 https://$host:8443$request_uri;');
    const versions = ['1.22.1', '1.25.0', '1.25.1', '1.30.6', '2.0.0', 'devel'];
    expect(versions.map(hasHttp2Directive)).toEqual([false, false, true, true, true, false]);
  });

  it('is the same with options that ask for nothing as without', () => {
    expect(renderNginx({ ...ROUTE, options: NO_OPTIONS }, FEATURES)).toBe(renderNginx(ROUTE, FEATURES));
  });

  it('gives out what nginx would read as a variable, and what is too long for a word of it', () => {
    const headers = [
      { name: 'X-A', value: 'say "$host\\"' },
      { name: 'X-Long', value: '"'.repeat(4_000) },
      { name: 'X-None', value: '' },
    ];
    const text = renderNginx({ ...ROUTE, options: { ...NO_OPTIONS, headers } }, FEATURES);
    const [, name = ''] = /add_header X-A "\$\{(\w+)\}" always;/.exec(text) ?? [];
    expect(text).toContain(`geo $${name} {\n\tdefault "say \\"$host\\\\\\"";\n}`);
    expect(Math.max(...text.split(/(?<!\\)"/).map(({ length }) => length))).toBeLessThan(4_000);
    expect(text).toContain('proxy_hide_header X-None;');
  });

  it('keeps users in a file of their own, whose name says what is in it', () => {
    const withUser = (username: string): RouteModel => ({
      ...ROUTE,
      options: { ...NO_OPTIONS, basic_auth: [{ username, password_hash: HASH }] },
    });
    expect(passwordFileOf(ROUTE)).toBeNull();
    const file = passwordFileOf(withUser('ann'));
    expect(file).toEqual({ name: expect.stringMatching(/^shop\.[a-f0-9]{16}\.htpasswd$/), content: `ann:${HASH}\n` });
    expect(passwordFileOf(withUser('bob'))?.name).not.toBe(file?.name);
    const text = renderNginx(withUser('ann'), FEATURES);
    expect(text).toContain(`auth_basic_user_file /etc/nginx/nextdeploy/${file?.name};`);
    expect(text).not.toContain(HASH);
  });

  it('has the longest prefix first, for whole segments of the path, and leaves the health path to it', () => {
    const prefix = { is_stripped: false, upstreams: ROUTE.upstreams, marker_directory: null };
    const prefixes = ['/api/', '/api/v2', '/docs%20x'].map((path) => ({ ...prefix, path }));
    const text = renderNginx({ ...ROUTE, options: { ...NO_OPTIONS, prefixes } }, FEATURES);
    const places = [...text.matchAll(/location (= )?"(.+)" \{/g)].map(([, exact = '', path]) => exact + path);
    expect(places).toEqual(['/api/v2', '/docs x', '/api'].flatMap((path) => [`= ${path}`, `${path}/`]));
  });

  it('names another generation when anything about the route is another, and tells it by a name that fits', () => {
    const generation = (route: RouteModel) => readGeneration(renderNginx(route, FEATURES));
    expect(generation(ROUTE)).not.toBe(generation({ ...ROUTE, health_path: null }));
    expect(renderNginx(ROUTE, FEATURES)).toContain(`return 200 "shop ${generation(ROUTE)}";`);
    expect(statusName('a'.repeat(40)).length).toBeLessThanOrEqual(46);
  });

  it.each(HOSTILE_OPTIONS)('refuses a %s that could be more than it should', (what, changes) => {
    expect(() => renderNginx({ ...ROUTE, options: { ...NO_OPTIONS, ...changes } }, FEATURES)).toThrow(`unsafe ${what}`);
  });

  it.each<[string, Partial<RouteModel>]>([
    ['domain', { sites: [{ domain: 'a.test; return 200 owned', tls: 'off' }] }],
    ['domain', { redirects: [{ from: 'a.test', tls: 'off', to: 'b.test/$http_cookie', to_tls: 'off', status: 301 }] }],
    ['upstream', { upstreams: { blue: ['unix:/run/x'], green: ['10.0.0.1:80'] } }],
    ['marker directory', { marker_directory: '/var/lib/x) { return 200' }],
    ['verify key', { verify_key: 'x y' }],
  ])('refuses a %s that could be more than one word', (what, changes) => {
    expect(() => renderNginx({ ...ROUTE, ...changes }, FEATURES)).toThrow(`unsafe ${what}`);
  });
});
