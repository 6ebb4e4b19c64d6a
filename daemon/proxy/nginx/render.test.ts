import { describe, expect, it } from 'vitest';
import type { RouteModel } from '../../engine/state.ts';
import { readGeneration } from '../generation.ts';
import { CERTIFICATES, ROUTE } from '../test-route.ts';
import { statusName } from './readback.ts';
import { renderNginx } from './render.ts';

const FEATURES = {
  http_port: 80,
  https_port: 443,
  has_ipv6: true,
  has_http2: false,
  directory: '/etc/nginx/nextdeploy',
  certificates: CERTIFICATES,
};

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
    const text = renderNginx(ROUTE, { http_port: 8080, has_ipv6: false });
    expect(new Set(text.match(/listen .+;/g))).toEqual(new Set(['listen 8080;', 'listen 127.213.0.1:8080;']));
  });

  it('refuses a certificate that nginx cannot obtain, and says what to do', () => {
    const sites: RouteModel['sites'] = [{ domain: 'shop.example.com', tls: 'auto' }];
    const refusal = expect.objectContaining({ code: 'unprocessable', message: expect.stringContaining('proxy to caddy') });
    expect(() => renderNginx({ ...ROUTE, sites }, FEATURES)).toThrow(refusal);
    const redirects: RouteModel['redirects'] = [
      { from: 'old.example.com', tls: 'auto', to: 'shop.test', to_tls: 'off', status: 308 },
    ];
    expect(() => renderNginx({ ...ROUTE, redirects }, FEATURES)).toThrow(refusal);
  });

  it('names another generation when anything about the route is another, and tells it by a name that fits', () => {
    const generation = (route: RouteModel) => readGeneration(renderNginx(route, FEATURES));
    expect(generation(ROUTE)).not.toBe(generation({ ...ROUTE, health_path: null }));
    expect(renderNginx(ROUTE, FEATURES)).toContain(`return 200 "shop ${generation(ROUTE)}";`);
    expect(statusName('a'.repeat(40)).length).toBeLessThanOrEqual(46);
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
