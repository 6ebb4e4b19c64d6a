/** The configurations that the suite `path` compares, as files: a proxy's plainest, ours of one app, and ours of 500. Pure. */
import type { ProxyType, Slot } from '../../../daemon/contract/names.ts';
import { CLOSING_MARKERS } from '../../../daemon/engine/marker-names.ts';
import { otherSlot, type RouteModel } from '../../../daemon/engine/state.ts';
import type { CaddyFeatures } from '../../../daemon/proxy/caddy/features.ts';
import { lineOf, renderFile } from '../../../daemon/proxy/caddy/file.ts';
import { renderNginx } from '../../../daemon/proxy/nginx/render.ts';

export const VARIANTS = ['plain', 'ours', 'ours500'] as const;
export type Variant = (typeof VARIANTS)[number];

/** Each variant is a proxy of its own, alone on its port: what one has to look through costs the others nothing. */
export interface Instance {
  proxy: ProxyType;
  variant: Variant;
  port: number;
  /** Of its files in the server. */
  directory: string;
  files: { path: string; content: string }[];
  /** Runs it in the foreground. */
  argv: string[];
}

export interface Setting {
  /** Holds everything; absolute. */
  directory: string;
  /** `address:port` of the container that all variants lead to. */
  upstream: string;
  health_path: string;
  caddy: CaddyFeatures;
  nginx: { has_ipv6: boolean /** The server's own /etc/nginx/nginx.conf. */; main: string };
}

const APPS = 500;
/** Neither the first nor the last that a proxy comes across. */
const MEASURED = 250;
const VERIFY_KEY = 'abcdef0123456789abcdef0123456789';
const FIRST_PORT = { caddy: 9100, nginx: 9200 };
const KEEPALIVE_SECONDS = 4;
const IDLE_CONNECTIONS = { caddy: 256, nginx: 64 };

export const DOMAIN = domainOf(MEASURED);

/** Where the measured app's marker is (daemon/host/markers.ts). */
export function marker(setting: Pick<Setting, 'directory'>, slot: Slot): string {
  return `${setting.directory}/slots/${appOf(MEASURED)}/${CLOSING_MARKERS[otherSlot(slot)]}`;
}

/** Of all apps, each on blue. */
export function markers(setting: Pick<Setting, 'directory'>): string[] {
  return Array.from({ length: APPS }, (_, index) => `${setting.directory}/slots/${appOf(index)}/${CLOSING_MARKERS.green}`);
}

export function instanceOf(proxy: ProxyType, variant: Variant, setting: Setting): Instance {
  const port = FIRST_PORT[proxy] + VARIANTS.indexOf(variant);
  const directory = `${setting.directory}/${proxy}-${variant}`;
  const where = { directory, port };
  return { proxy, variant, ...where, ...(proxy === 'caddy' ? caddy(variant, where, setting) : nginx(variant, where, setting)) };
}

interface Where {
  directory: string;
  port: number;
}

function caddy(variant: Variant, { directory, port }: Where, setting: Setting): Pick<Instance, 'files' | 'argv'> {
  const main = `${directory}/Caddyfile`;
  const options = `{\n\tadmin 127.0.0.1:${port + 20_000}\n\thttp_port ${port}\n}\n`;
  const content = variant === 'plain' ? plainCaddyfile(setting) : ourCaddyfile(routesOf(variant, 'caddy', setting), setting);
  return {
    files: [
      { path: main, content: `${options}import ${directory}/routes/*.caddy\n` },
      { path: `${directory}/routes/routes.caddy`, content },
    ],
    argv: ['caddy', 'run', '--adapter', 'caddyfile', '--config', main],
  };
}

function ourCaddyfile(routes: readonly RouteModel[], { caddy: features, directory }: Setting): string {
  const context = { features, certificates: certificatesOf(directory), https_port: 443 };
  return renderFile(new Map(routes.map((route) => [route.app_name, lineOf(route)])), context) ?? '';
}

/** None of the routes has one. */
const certificatesOf = (directory: string) => ({ directory, challenge_directory: directory });

function plainCaddyfile({ upstream }: Setting): string {
  const transport = [`keepalive ${KEEPALIVE_SECONDS}s`, `keepalive_idle_conns_per_host ${IDLE_CONNECTIONS.caddy}`];
  const proxy = `reverse_proxy ${upstream} {\n\ttransport http {\n\t\t${transport.join('\n\t\t')}\n\t}\n}`;
  return `http://${DOMAIN} {\n${proxy}\n}\n`;
}

function nginx(variant: Variant, { directory, port }: Where, setting: Setting): Pick<Instance, 'files' | 'argv'> {
  const main = `${directory}/nginx.conf`;
  const { has_ipv6 } = setting.nginx;
  const certificates = certificatesOf(directory);
  const features = { http_port: port, https_port: port + 1, has_ipv6, has_http2: false, directory, certificates };
  const routes =
    variant === 'plain'
      ? [{ path: `${directory}/routes/plain.conf`, content: plainNginx(port, setting) }]
      : routesOf(variant, 'nginx', setting).map((route) => ({
          path: `${directory}/routes/${route.app_name}.conf`,
          content: renderNginx(route, features),
        }));
  return {
    files: [{ path: main, content: nginxMain(setting.nginx.main, directory) }, ...routes],
    argv: ['nginx', '-c', main, '-g', 'daemon off;'],
  };
}

function plainNginx(port: number, { upstream, nginx: { has_ipv6 } }: Setting): string {
  const keepalive = `keepalive ${IDLE_CONNECTIONS.nginx};\n\tkeepalive_timeout ${KEEPALIVE_SECONDS}s;\n\tkeepalive_requests 100000;`;
  const listen = `listen ${port};${has_ipv6 ? `\n\tlisten [::]:${port};` : ''}`;
  const location = 'proxy_pass http://plain;\n\t\tproxy_http_version 1.1;\n\t\tproxy_set_header Connection "";';
  return [
    `upstream plain {\n\tserver ${upstream};\n\t${keepalive}\n}`,
    `server {\n\t${listen}\n\tserver_name ${DOMAIN};\n\tlocation / {\n\t\t${location}\n\t}\n}`,
    '',
  ].join('\n');
}

/**
 * The distribution's own main file with our routes for its sites. Without the log of requests: both sides would pay for it alike, which
 * hides a difference.
 */
function nginxMain(main: string, directory: string): string {
  const replaced = main
    .replace(/^\s*pid\s.*;$/m, `pid ${directory}/nginx.pid;`)
    .replace(/^\s*access_log\s.*;$/m, '\taccess_log off;')
    .replace(/^\s*include\s+\/etc\/nginx\/conf\.d\/.*$/m, `\tinclude ${directory}/routes/*.conf;`)
    .replace(/^\s*include\s+\/etc\/nginx\/sites-enabled\/.*$/m, '');
  if (!replaced.includes(`${directory}/nginx.pid`) || !replaced.includes(`${directory}/routes`))
    throw new Error("the server's nginx.conf is not as Debian has it: it names no pid, or does not include conf.d");
  return replaced;
}

function routesOf(variant: 'ours' | 'ours500', proxy: ProxyType, setting: Setting): RouteModel[] {
  const indices = variant === 'ours' ? [MEASURED] : Array.from({ length: APPS }, (_, index) => index);
  return indices.map((index) => routeOf(index, proxy, setting));
}

/** Only the measured app has a container; both of its slots are it. */
function routeOf(index: number, proxy: ProxyType, setting: Setting): RouteModel {
  const address = `10.213.${1 + Math.floor(index / 16)}.${(index % 16) * 16}`;
  const upstreams = index === MEASURED ? { blue: [setting.upstream], green: [setting.upstream] } : undefined;
  return {
    app_name: appOf(index),
    proxy,
    sites: [{ domain: domainOf(index), tls: 'off' }],
    redirects: [],
    upstreams: upstreams ?? { blue: [`${address}:3000`], green: [`${address}:3001`] },
    health_path: setting.health_path,
    marker_directory: `${setting.directory}/slots/${appOf(index)}`,
    verify_key: VERIFY_KEY,
  };
}

function appOf(index: number): string {
  return `site-${String(index).padStart(3, '0')}`;
}

function domainOf(index: number): string {
  return `${appOf(index)}.bench.test`;
}
