/** What a site of nginx does with its requests, the same on each of its listeners. Pure. */
import type { Slot } from '../../contract/names.ts';
import { MAINTENANCE_FILE, STOPPED_MARKER } from '../../engine/marker-names.ts';
import type { RouteModel } from '../../engine/state.ts';
import { SLOT_HEADER, VERIFY_HEADER } from '../../engine/verify.ts';
import {
  BASIC_AUTH_REALM,
  CHALLENGE_REQUEST,
  COMPRESSED_BYTES_MIN,
  COMPRESSED_TYPES,
  matching,
  type ProxyOptions,
  splitTarget,
} from '../options.ts';
import { exemptPath, REPLICA_CONNECT_MS, RETRY_AFTER_SECONDS, STOPPED_TEXT } from '../route.ts';
import { CODE, connectTimeout, maintenanceGate, type Place, pass, placeOf, proxying, serveClosed, serveOpen } from './places.ts';
import { block, type Literals, quoted } from './text.ts';

const VERIFIED = '@nextdeploy_verified';
const STOPPED = '@nextdeploy_stopped';
/** No request has such a path: nginx resolves `..` in what it is sent. */
const page = (name: string) => `/../nextdeploy/${name}`;
const maintenancePage = ({ index }: Place) => page(index === 0 ? 'maintenance' : `maintenance/${index}`);

export interface Site {
  route: RouteModel;
  options: ProxyOptions | null;
  /** Behind the prefixes. */
  places: readonly Place[];
  literals: Literals;
  /** Of the file with users and hashes; null: open to all. */
  passwords_path: string | null;
}

/**
 * The markers decide at each request, and a slot is open while a file is not there. What counts is how many of them nginx has to look for,
 * each a system call: one on blue, two on green, where `break` ends the looking. The rest is for a site that is not open, and for the instant
 * of a change in which the first look was too early for the one slot and the second too late for the other.
 *
 * `proxy_pass` stands in each `if` with a fixed name instead of once with a variable: by a variable nginx searches the list of all
 * upstreams at each request, which shows with some hundred apps. It is the only directive of its kind there, as that `if` permits. (Behind
 * a prefix that is stripped there is no other way.)
 */
export function renderSite(site: Site): string[] {
  const { route, places, options } = site;
  const app = placeOf(route);
  return [
    ...PROXY_SETTINGS.map((line) => optionSettings(line, options)),
    connectTimeout(app, REPLICA_CONNECT_MS),
    ...HEADER_VALUES,
    ...renderOptions(site),
    `error_page ${CODE.verified} = ${VERIFIED};`,
    ...errorPages(app),
    `if ($http_${VERIFY_HEADER.replaceAll('-', '_')} = ${route.verify_key}) {`,
    `\treturn ${CODE.verified};`,
    '}',
    ...block('location /', proxying(app, maintenanceGate(app))),
    ...renderExempt(site, app),
    ...(options?.path_redirects ?? []).flatMap((redirect) => renderPathRedirect(redirect, site)),
    ...places.flatMap((place) => renderPrefix(place, site)),
    ...block(`location ${VERIFIED}`, telling(site, app)),
    ...renderPages(site, app),
  ];
}

const errorPages = (place: Place) => [
  `error_page ${CODE.maintenance} =503 ${maintenancePage(place)};`,
  `error_page ${CODE.stopped} =503 ${page('stopped')};`,
];

/** For whoever has the key: in maintenance too he is served, and told by which slot. */
function telling(site: Site, app: Place): string[] {
  const told = (slot: Slot) => [...addedHeaders(site), `add_header ${SLOT_HEADER} ${slot} always;`];
  return [
    ...(site.passwords_path === null ? [] : ['auth_basic off;']),
    ...told('blue'),
    ...serveOpen(app, 'blue'),
    ...serveOpen(app, 'green', ...told('green')),
    ...block(`if (-f ${app.marker_directory}/${STOPPED_MARKER})`, stopped(site)),
    ...serveClosed(app, 'green', ...told('green')),
    ...serveOpen(app, 'green', ...told('green')),
    pass(app, 'blue'),
  ];
}

/** The path that reaches the app in maintenance, unless the site has it lead elsewhere. */
function renderExempt({ route, options, places, passwords_path }: Site, app: Place): string[] {
  const path = exemptPath(route);
  if (path === null) return [];
  const isElsewhere =
    places.some(({ prefix }) => prefix !== null && `${path}/`.startsWith(`${prefix.decoded}/`)) ||
    options?.path_redirects.some(({ decoded }) => decoded === path) === true;
  if (isElsewhere) return [];
  const open = passwords_path === null ? [] : openInMaintenance(app, path);
  return block(`location = "${path}"`, [...open, ...proxying(app, [])]);
}

/** Asked for by its name as it is, and in maintenance: then it needs no password. */
function openInMaintenance({ marker_directory }: Place, path: string): string[] {
  return [
    'set $nextdeploy_exempt "";',
    ...block(`if (-f ${marker_directory}/${MAINTENANCE_FILE})`, ['set $nextdeploy_exempt closed;']),
    ...block(`if ($request_uri ~ ${quoted(`^${matching(path)}(?:\\?|$)`)})`, [
      'set $nextdeploy_exempt "asked $nextdeploy_exempt";',
    ]),
    ...block('if ($nextdeploy_exempt = "asked closed")', ['set $nextdeploy_realm off;']),
  ];
}

function renderPathRedirect(
  { decoded, to, status }: ProxyOptions['path_redirects'][number],
  { literals }: Pick<Site, 'literals'>,
): string[] {
  const { before, keeps_query, after } = splitTarget(to);
  const query = keeps_query ? '$is_args$args' : '';
  return block(`location = ${quoted(decoded)}`, [
    // Else nginx would put its own port into it.
    'absolute_redirect off;',
    `return ${status} "${literals.inQuotes(before)}${query}${literals.inQuotes(after)}";`,
  ]);
}

/** The path itself, and all that is beneath it. */
function renderPrefix(place: Place, { route, options }: Site): string[] {
  const { prefix, uri, marker_directory } = place;
  if (prefix === null) return [];
  const lines = [
    connectTimeout(place, REPLICA_CONNECT_MS),
    ...(marker_directory === null ? [] : errorPages(place)),
    // Such as `/x/../api`: what is left of it without the prefix cannot be said.
    ...(uri === '' ? [] : block(`if (${uri} = "")`, ['return 400;'])),
    ...proxying(place, marker_directory === null ? [] : maintenanceGate(place)),
  ];
  const isRedirected = options?.path_redirects.some(({ decoded }) => decoded === prefix.decoded) === true;
  const isOwn = connectTimeout(place, REPLICA_CONNECT_MS) !== connectTimeout(placeOf(route), REPLICA_CONNECT_MS);
  const body = isOwn ? lines : lines.slice(1);
  return [
    ...(isRedirected ? [] : block(`location = ${quoted(prefix.decoded)}`, body)),
    ...block(`location ${quoted(`${prefix.decoded}/`)}`, body),
  ];
}

function addedHeaders({ options, literals }: Pick<Site, 'options' | 'literals'>): string[] {
  // nginx leaves one out whose value is empty.
  return (options?.headers ?? []).map(({ name, value }) => `add_header ${name} "${literals.inQuotes(value)}" always;`);
}

/** Ours, where the route does not set it. */
function ownHeader(name: string, value: string | number, { options }: Pick<Site, 'options'>): string[] {
  const isSet = options?.headers.some((header) => header.name.toLowerCase() === name.toLowerCase()) === true;
  return isSet ? [] : [`add_header ${name} ${value} always;`];
}

function renderOptions(site: Site): string[] {
  const { options, passwords_path } = site;
  if (options === null) return [];
  const { headers, is_compressed } = options;
  return [
    // For 50 names of up to 256 characters.
    ...(headers.length === 0 ? [] : ['proxy_headers_hash_max_size 2048;', 'proxy_headers_hash_bucket_size 512;']),
    ...headers.map(({ name }) => `proxy_hide_header ${name};`),
    ...addedHeaders(site),
    ...(is_compressed ? COMPRESSION : []),
    ...(passwords_path === null ? [] : renderPasswords(passwords_path)),
  ];
}

const COMPRESSION = [
  'gzip on;',
  'gzip_comp_level 5;',
  `gzip_min_length ${COMPRESSED_BYTES_MIN};`,
  'gzip_proxied any;',
  'gzip_vary on;',
  // And text/html, always.
  `gzip_types ${COMPRESSED_TYPES.join(' ')};`,
];

/**
 * Asked for behind redirects, before anything else is answered: also before the pages of a site that is not open, to which nginx is led in
 * two steps for that, as it asks for passwords only after it has followed all `return`s.
 */
function renderPasswords(path: string): string[] {
  return [
    'satisfy all;',
    'auth_basic $nextdeploy_realm;',
    `auth_basic_user_file ${path};`,
    'recursive_error_pages on;',
    // It was for nginx.
    "proxy_set_header Authorization '';",
    `set $nextdeploy_realm ${BASIC_AUTH_REALM};`,
    ...block(`if ($request_uri ~ ${quoted(CHALLENGE_REQUEST)})`, ['set $nextdeploy_realm off;']),
  ];
}

/** A setting of all sites, as these options have it. */
function optionSettings(line: string, options: ProxyOptions | null): string {
  if (line === NO_BODY_LIMIT && options?.body_bytes_max != null) return `client_max_body_size ${options.body_bytes_max};`;
  // Else what an app writes piece by piece would wait in the compression for more.
  if (line === BUFFERING && options?.is_compressed === true) return 'proxy_buffering off;';
  return line;
}

const NO_BODY_LIMIT = 'client_max_body_size 0;';
const BUFFERING = 'proxy_buffering on;';
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
  NO_BODY_LIMIT,
  'proxy_http_version 1.1;',
  'proxy_request_buffering off;',
  BUFFERING,
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

function stopped(site: Site): string[] {
  const isRepeated = site.options?.headers.length ?? 0;
  return [
    ...(isRepeated ? addedHeaders(site) : []),
    ...ownHeader('Retry-After', RETRY_AFTER_SECONDS, site),
    `return 503 "${STOPPED_TEXT}";`,
  ];
}

/** Reached by `error_page` alone, which makes a GET of any request. */
function renderPages(site: Site, app: Place): string[] {
  const maintained = [app, ...site.places].filter(({ marker_directory }) => marker_directory !== null);
  return [...maintained.flatMap((place) => renderMaintenance(site, place)), ...renderStopped(site, app)];
}

function renderMaintenance(site: Site, place: Place): string[] {
  return block(`location = ${maintenancePage(place)}`, [
    'internal;',
    `root ${place.marker_directory};`,
    'charset utf-8;',
    'default_type text/html;',
    ...addedHeaders(site),
    ...ownHeader('Retry-After', RETRY_AFTER_SECONDS, site),
    ...ownHeader('Cache-Control', 'no-store', site),
    `try_files /${MAINTENANCE_FILE} =503;`,
  ]);
}

function renderStopped(site: Site, app: Place): string[] {
  const head = `location = ${page('stopped')}`;
  const text = ['default_type text/plain;', ...stopped(site)];
  if (site.passwords_path === null) return block(head, ['internal;', ...text]);
  return [
    ...block(head, [
      'internal;',
      `root ${app.marker_directory};`,
      `error_page ${CODE.shown} = ${STOPPED};`,
      `try_files /${STOPPED_MARKER}/none =${CODE.shown};`,
    ]),
    ...block(`location ${STOPPED}`, text),
  ];
}
