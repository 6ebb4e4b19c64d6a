/** A route as a file of nginx's http context, valid from nginx 1.18 on. Pure. */
import { DomainError } from '../../contract/errors.ts';
import type { Slot } from '../../contract/names.ts';
import { CLOSING_MARKERS, MAINTENANCE_FILE, MAINTENANCE_MARKERS, STOPPED_MARKER } from '../../engine/marker-names.ts';
import type { RouteModel, RouteRedirect } from '../../engine/state.ts';
import { SLOT_HEADER, VERIFY_HEADER } from '../../engine/verify.ts';
import { stampGeneration } from '../generation.ts';
import {
  assertSafeRoute,
  exemptPath,
  isBalanced,
  REPLICA_CONNECT_MS,
  REPLICA_PAUSE_SECONDS,
  RETRY_AFTER_SECONDS,
  STOPPED_TEXT,
  UPSTREAM_KEEPALIVE_SECONDS,
} from '../route.ts';
import { STATUS_ADDRESS, statusName } from './readback.ts';

/** Idle connections of each worker to each slot; nginx sets their memory aside in advance. */
const IDLE_CONNECTIONS_MAX = 64;
/** Longer names do not fit nginx's table of exact names with its default size of a bucket (64 bytes). */
const EXACT_NAME_CHARACTERS_MAX = 46;
/** Not a status that anybody sees: they lead to our own pages. */
const CODE = { verified: 417, maintenance: 418, stopped: 419 } as const;
const VERIFIED = '@nextdeploy_verified';
/** No request has such a path: nginx resolves `..` in what it is sent. */
const page = (name: 'maintenance' | 'stopped') => `/../nextdeploy/${name}`;

export interface NginxFeatures {
  http_port: number;
  /** Without it nginx would refuse to listen at `[::]`. */
  has_ipv6: boolean;
}

/**
 * The whole file of one app. Throws a DomainError for a route that needs what nginx cannot do, and a plain Error for one that is not safe
 * to write.
 */
export function renderNginx(route: RouteModel, features: NginxFeatures): string {
  assertSafeRoute(route);
  const managed = [...route.sites.map(({ domain, tls }) => ({ domain, tls })), ...route.redirects.map(asSite)].find(isManaged);
  if (managed) {
    const message = `nginx cannot obtain certificates yet, as ${managed.domain} would need; set tls to off, or proxy to caddy.`;
    throw new DomainError('unprocessable', message);
  }
  return stampGeneration(route.app_name, (generation) =>
    [
      PORT,
      ...(['blue', 'green'] as const).map((slot) => renderUpstream(route, slot)),
      renderStatus(route, features, generation),
      renderSite(route, features),
      ...route.redirects.map((redirect) => renderRedirect(redirect, features)),
    ].join('\n'),
  );
}

const asSite = ({ from, tls }: RouteRedirect) => ({ domain: from, tls });
const isManaged = ({ tls }: { tls: string }) => tls === 'auto';
const upstreamName = (app: string, slot: Slot) => `nextdeploy_${app}_${slot}`;

/**
 * A single server is never left out, and its requests fail at once when it accepts nothing. Several share what they know of each other
 * over a zone: its size suits pages of 64 KB too.
 */
function renderUpstream({ app_name, upstreams }: RouteModel, slot: Slot): string {
  const name = upstreamName(app_name, slot);
  const replicas = upstreams[slot];
  const hasOthers = replicas.length > 1;
  const health = hasOthers ? ` max_fails=1 fail_timeout=${REPLICA_PAUSE_SECONDS}s` : '';
  return section(`upstream ${name}`, [
    ...(hasOthers ? [`zone ${name} 512k;`, 'least_conn;'] : []),
    ...replicas.map((address) => `server ${address}${health};`),
    `keepalive ${IDLE_CONNECTIONS_MAX};`,
    `keepalive_timeout ${UPSTREAM_KEEPALIVE_SECONDS}s;`,
    'keepalive_requests 100000;',
  ]);
}

/** Says to the daemon alone what nginx runs with; and answers names that nobody serves, so that no app does, where no site is the default. */
function renderStatus({ app_name }: RouteModel, features: NginxFeatures, generation: string): string {
  return section('server', [
    ...listen(features),
    `listen ${STATUS_ADDRESS}:${features.http_port};`,
    `server_name ${statusName(app_name)};`,
    'access_log off;',
    `if ($server_addr != ${STATUS_ADDRESS}) {`,
    '\treturn 404;',
    '}',
    `return 200 "${app_name} ${generation}";`,
  ]);
}

function renderRedirect({ from, to, to_tls, status }: RouteRedirect, features: NginxFeatures): string {
  const scheme = to_tls === 'auto' ? 'https' : 'http';
  return section('server', [...listen(features), serverName([from]), `return ${status} ${scheme}://${to}$request_uri;`]);
}

/**
 * The markers decide at each request, and a slot is open while a file is not there. What counts is how many of them nginx has to look for,
 * each a system call: one on blue, two on green, where `break` ends the looking. The rest is for a site that is not open, and for the instant
 * of a change in which the first look was too early for the one slot and the second too late for the other.
 *
 * `proxy_pass` stands in each `if` with a fixed name instead of once with a variable: by a variable nginx searches the list of all
 * upstreams at each request, which shows with some hundred apps. It is the only directive of its kind there, as that `if` permits.
 */
function renderSite(route: RouteModel, features: NginxFeatures): string {
  const { marker_directory, verify_key } = route;
  const exempt = exemptPath(route);
  return section('server', [
    ...listen(features),
    serverName(route.sites.map(({ domain }) => domain)),
    ...PROXY_SETTINGS,
    // A single container may be on its way back; where there are others, they are near.
    `proxy_connect_timeout ${isBalanced(route) ? `${REPLICA_CONNECT_MS}ms` : '3s'};`,
    ...HEADER_VALUES,
    `error_page ${CODE.verified} = ${VERIFIED};`,
    `error_page ${CODE.maintenance} =503 ${page('maintenance')};`,
    `error_page ${CODE.stopped} =503 ${page('stopped')};`,
    `if ($http_${VERIFY_HEADER.replaceAll('-', '_')} = ${verify_key}) {`,
    `\treturn ${CODE.verified};`,
    '}',
    'location / {',
    ...proxying(route, block(`if (-f ${marker_directory}/${MAINTENANCE_FILE})`, [`return ${CODE.maintenance};`])).map(indent),
    '}',
    ...(exempt === null ? [] : [`location = "${exempt}" {`, ...proxying(route, []).map(indent), '}']),
    `location ${VERIFIED} {`,
    ...telling(route).map(indent),
    '}',
    ...renderPages(marker_directory),
  ]);
}

function proxying(route: RouteModel, gate: readonly string[]): string[] {
  return [
    ...serveOpen(route, 'blue'),
    ...serveOpen(route, 'green'),
    ...block(`if (-f ${route.marker_directory}/${STOPPED_MARKER})`, [`return ${CODE.stopped};`]),
    ...gate,
    ...serveClosed(route, 'green'),
    ...serveOpen(route, 'green'),
    pass(route, 'blue'),
  ];
}

/** For whoever has the key: in maintenance too he is served, and told by which slot. */
function telling(route: RouteModel): string[] {
  const told = (slot: Slot) => `add_header ${SLOT_HEADER} ${slot} always;`;
  return [
    told('blue'),
    ...serveOpen(route, 'blue'),
    ...serveOpen(route, 'green', told('green')),
    ...block(`if (-f ${route.marker_directory}/${STOPPED_MARKER})`, STOPPED),
    ...serveClosed(route, 'green', told('green')),
    ...serveOpen(route, 'green', told('green')),
    pass(route, 'blue'),
  ];
}

function serveOpen(route: RouteModel, slot: Slot, ...more: string[]): string[] {
  return block(`if (!-f ${route.marker_directory}/${CLOSING_MARKERS[slot]})`, [...more, pass(route, slot), 'break;']);
}

function serveClosed(route: RouteModel, slot: Slot, ...more: string[]): string[] {
  return block(`if (-f ${route.marker_directory}/${MAINTENANCE_MARKERS[slot]})`, [...more, pass(route, slot), 'break;']);
}

const pass = ({ app_name }: RouteModel, slot: Slot) => `proxy_pass http://${upstreamName(app_name, slot)};`;

/**
 * What differs from nginx's defaults, each for a reason:
 * - a request's body passes unbuffered: no disk fills, and nginx never sends a request again of whose body it has sent anything;
 * - an answer is buffered in memory only. Over HTTP/1.1 nginx passes on each chunk as it comes all the same, so server-sent events and
 *   streamed pages are not held up (an answer with a length of its own is, up to a buffer; `X-Accel-Buffering: no` ends that). Without
 *   buffers the end of each answer would be a packet of its own, which costs a tenth of the throughput;
 * - no limit of the body's size and none of the time in which nothing is sent: the app decides, as behind Caddy;
 * - one buffer takes an answer's whole header, for which Next.js needs more than the default 4 KB where it names preloads and cookies;
 * - markers are looked up at each request, whatever the operator caches.
 */
const PROXY_SETTINGS = [
  'open_file_cache off;',
  'client_max_body_size 0;',
  'proxy_http_version 1.1;',
  'proxy_request_buffering off;',
  'proxy_buffering on;',
  'proxy_max_temp_file_size 0;',
  'proxy_buffer_size 16k;',
  'proxy_buffers 8 16k;',
  'proxy_busy_buffers_size 32k;',
  'proxy_send_timeout 24h;',
  'proxy_read_timeout 24h;',
  'proxy_next_upstream error timeout;',
  'proxy_next_upstream_timeout 5s;',
  'proxy_intercept_errors off;',
  'proxy_redirect off;',
  'proxy_set_header Host $nextdeploy_host;',
  'proxy_set_header X-Forwarded-For $remote_addr;',
  'proxy_set_header X-Forwarded-Proto $scheme;',
  'proxy_set_header X-Forwarded-Host $nextdeploy_host;',
  'proxy_set_header Upgrade $http_upgrade;',
  'proxy_set_header Connection $nextdeploy_connection;',
  `proxy_set_header ${VERIFY_HEADER} '';`,
  `proxy_hide_header ${SLOT_HEADER};`,
];

/**
 * Where a request line names a host of its own, that one counted for the choice of the site, and the Host header may say anything: the app
 * gets it only if it is the same, and else the name of the site with the header's port.
 */
const HEADER_VALUES = [
  "set $nextdeploy_connection '';",
  'if ($http_upgrade) {',
  '\tset $nextdeploy_connection upgrade;',
  '}',
  'set $nextdeploy_host $http_host;',
  'if ($http_host != $host) {',
  '\tset $nextdeploy_host $host$nextdeploy_port;',
  '}',
];
/** Looked up only when it is needed. Each of our files says the same, so that none depends on another. */
const PORT = 'map $http_host $nextdeploy_port {\n\tdefault "";\n\t"~(:[0-9]+)$" $1;\n}\n';

const STOPPED = [`add_header Retry-After ${RETRY_AFTER_SECONDS} always;`, `return 503 "${STOPPED_TEXT}";`];

/** Reached by `error_page` alone, which makes a GET of any request. */
function renderPages(marker_directory: string): string[] {
  return [
    `location = ${page('maintenance')} {`,
    '\tinternal;',
    `\troot ${marker_directory};`,
    '\tcharset utf-8;',
    '\tdefault_type text/html;',
    `\tadd_header Retry-After ${RETRY_AFTER_SECONDS} always;`,
    '\tadd_header Cache-Control no-store always;',
    `\ttry_files /${MAINTENANCE_FILE} =503;`,
    '}',
    `location = ${page('stopped')} {`,
    '\tinternal;',
    '\tdefault_type text/plain;',
    ...STOPPED.map(indent),
    '}',
  ];
}

function listen({ http_port, has_ipv6 }: NginxFeatures): string[] {
  return [`listen ${http_port};`, ...(has_ipv6 ? [`listen [::]:${http_port};`] : [])];
}

function serverName(domains: readonly string[]): string {
  const names = domains.map((domain) =>
    domain.length <= EXACT_NAME_CHARACTERS_MAX ? domain : `~^${domain.replaceAll('.', '\\.')}$`,
  );
  return `server_name ${names.join(' ')};`;
}

const indent = (line: string) => `\t${line}`;
const block = (head: string, lines: readonly string[]) => [`${head} {`, ...lines.map(indent), '}'];
/** At the top. */
const section = (head: string, lines: readonly string[]) => [...block(head, lines), ''].join('\n');
