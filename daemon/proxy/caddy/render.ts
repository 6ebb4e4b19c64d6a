/** A route as a Caddyfile, valid from Caddy 2.6.2 on. Pure. */
import type { Slot, TlsMode } from '../../contract/names.ts';
import type { RouteModel, RouteRedirect } from '../../engine/state.ts';
import { SLOT_HEADER, VERIFY_HEADER } from '../../engine/verify.ts';
import { GENERATION_HEADER, stampGeneration } from '../generation.ts';
import {
  assertSafeRoute,
  exemptPath,
  MAINTENANCE_FILE,
  MAINTENANCE_SUFFIX,
  REPLICA_CONNECT_MS,
  REPLICA_PAUSE_SECONDS,
  RETRY_AFTER_SECONDS,
  STOPPED_TEXT,
  UPSTREAM_KEEPALIVE_SECONDS,
} from '../route.ts';

const IDLE_CONNECTIONS_PER_UPSTREAM_MAX = 256;
/** A variable of the request. */
const VERIFIED = 'nextdeploy_verified';

export interface CaddyFeatures {
  /** `stream_close_delay`, from 2.7: a reload leaves open WebSockets alone for this long. */
  has_stream_close_delay: boolean;
  /** Before, a connection that was refused took the request's body with it, and each further attempt was counted against its replica. */
  can_repeat_bodies: boolean;
}

/** Of a version such as `2.6.2`. */
export function featuresOf(version: string): CaddyFeatures {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  const isFrom = (from: number, fromPatch: number) =>
    major > 2 || (major === 2 && (minor > from || (minor === from && patch >= fromPatch)));
  // https://github.com/caddyserver/caddy/pull/7547; 2.11.4 is the first that was seen to have it.
  return { has_stream_close_delay: isFrom(7, 0), can_repeat_bodies: isFrom(11, 4) };
}

/** The whole file of one app. Throws for a route that is not safe to write. */
export function renderCaddyfile(route: RouteModel, features: CaddyFeatures): string {
  assertSafeRoute(route);
  return stampGeneration(route.app_name, (generation) => {
    const sites = (['auto', 'off'] as const).flatMap((tls) => {
      const domains = route.sites.filter((site) => site.tls === tls).map(({ domain }) => domain);
      return domains.length === 0 ? [] : [renderSite(domains, tls, { route, features, generation })];
    });
    return `${[...sites, ...route.redirects.map(renderRedirect)].join('\n\n')}\n`;
  });
}

interface Rendering {
  route: RouteModel;
  features: CaddyFeatures;
  generation: string;
}

/**
 * The markers decide at each request. What counts is how much Caddy has to go through, above all how many files it looks for: one on blue,
 * two on green. The rest is for whoever has the key, for a site that is not open, and for the instant of a
 * change: a marker that had another name when its own was looked for is found at the second look, and blue, which needs none, comes last.
 */
function renderSite(domains: string[], tls: TlsMode, rendering: Rendering): string {
  const { route, features } = rendering;
  const closed = (slot: Slot) => `${slot}${MAINTENANCE_SUFFIX}`;
  return block(domains.map((domain) => address(domain, tls)).join(', '), [
    `@nextdeploy_verify header ${VERIFY_HEADER} ${route.verify_key}`,
    ...(features.can_repeat_bodies ? [] : ['@nextdeploy_body not method GET HEAD OPTIONS']),
    ...fileMatcher('@nextdeploy_blue', route, ['blue']),
    ...fileMatcher('@nextdeploy_green', route, ['green']),
    ...fileMatcher('@nextdeploy_any_blue', route, [closed('blue'), 'blue']),
    ...fileMatcher('@nextdeploy_any_green', route, [closed('green'), 'green']),
    ...fileMatcher('@nextdeploy_stopped', route, ['stopped']),
    ...fileMatcher('@nextdeploy_maintenance', route, [MAINTENANCE_FILE], [`not vars ${VERIFIED} yes`, ...exemption(route)]),
    ...block('route', [
      ...block('route @nextdeploy_verify', telling(rendering)),
      ...(features.can_repeat_bodies ? [] : block('route @nextdeploy_body', proxyingOpen(rendering, false))),
      ...proxyingOpen(rendering, true),
      // One route for all that is rare: Caddy makes a list of the routes beside it at each request.
      ...block('handle', [
        ...block('handle @nextdeploy_stopped', [`header Retry-After ${RETRY_AFTER_SECONDS}`, `respond "${STOPPED_TEXT}" 503`]),
        ...block('handle @nextdeploy_maintenance', maintenancePage(route)),
        ...block('handle', [
          ...proxying('@nextdeploy_any_green', 'green', rendering, true),
          ...proxying('', 'blue', rendering, true),
        ]),
      ]),
    ]),
  ]).join('\n');
}

const block = (head: string, lines: readonly string[]) => [`${head} {`, ...lines.map((line) => `\t${line}`), '}'];
/** True while one of the files is there. */
const fileMatcher = (name: string, { marker_directory }: RouteModel, files: string[], more: string[] = []) =>
  block(name, [...block('file', [`root ${marker_directory}`, `try_files ${files.join(' ')}`]), ...more]);

function renderRedirect({ from, tls, to, to_tls, status }: RouteRedirect): string {
  const scheme = to_tls === 'auto' ? 'https' : 'http';
  return block(address(from, tls), [`redir ${scheme}://${to}{uri} ${status}`]).join('\n');
}

const address = (domain: string, tls: TlsMode) => (tls === 'auto' ? `"${domain}"` : `http://${domain}`);

/** Compared as a whole: in a `path` matcher a `*` of it would stand for anything. */
function exemption(route: RouteModel): string[] {
  const path = exemptPath(route);
  return path === null ? [] : [`not vars {http.request.uri.path} "${path}"`];
}

/** Any method is answered with the whole page, also one that asks for a part of it, or for none of what it has seen. */
function maintenancePage(route: RouteModel): string[] {
  return block('route', [
    'method GET',
    'request_header -Range',
    'request_header -If-None-Match',
    'request_header -If-Modified-Since',
    `header Retry-After ${RETRY_AFTER_SECONDS}`,
    'header Cache-Control no-store',
    `rewrite * /${MAINTENANCE_FILE}`,
    ...block('file_server', [`root ${route.marker_directory}`, 'status 503', 'pass_thru']),
    // Taken away since it was looked for.
    'respond 503',
  ]);
}

/** For whoever has the key: in maintenance too he is served, and told by which slot, whatever the app says about that. */
function telling({ route, generation }: Rendering): string[] {
  const tell = (slot: Slot) => block(`header @nextdeploy_any_${slot}`, [`${SLOT_HEADER} ${slot}`, 'defer']);
  return [
    `vars ${VERIFIED} yes`,
    `request_header -${VERIFY_HEADER}`,
    `header ${GENERATION_HEADER} "${route.app_name} ${generation}"`,
    ...tell('blue'),
    ...tell('green'),
  ];
}

const proxyingOpen = (rendering: Rendering, isRepeated: boolean) => [
  ...proxying('@nextdeploy_blue', 'blue', rendering, isRepeated),
  ...proxying('@nextdeploy_green', 'green', rendering, isRepeated),
];

function proxying(matcher: string, slot: Slot, { route, features }: Rendering, isRepeated: boolean): string[] {
  const replicas = route.upstreams[slot];
  const head = ['reverse_proxy', matcher, ...replicas].filter((word) => word !== '').join(' ');
  return block(head, proxySettings(replicas, features, isRepeated));
}

/**
 * A connection that is refused is tried again: its request was never sent. Any other failure might have reached the app, and the matcher
 * that lets Caddy repeat those is an address that no visitor has.
 */
function proxySettings(replicas: readonly string[], features: CaddyFeatures, isRepeated: boolean): string[] {
  const hasOthers = replicas.length > 1;
  const repeating = [
    'lb_try_duration 3s',
    `lb_try_interval ${hasOthers ? '50ms' : '250ms'}`,
    'lb_retry_match remote_ip 255.255.255.255',
  ];
  return [
    `header_down -${SLOT_HEADER}`,
    ...(hasOthers ? ['lb_policy least_conn', `fail_duration ${REPLICA_PAUSE_SECONDS}s`] : []),
    ...(isRepeated ? repeating : []),
    ...(features.has_stream_close_delay ? ['stream_close_delay 24h'] : []),
    ...block('transport http', [
      `dial_timeout ${hasOthers ? `${REPLICA_CONNECT_MS}ms` : '1s'}`,
      `keepalive ${UPSTREAM_KEEPALIVE_SECONDS}s`,
      `keepalive_idle_conns_per_host ${IDLE_CONNECTIONS_PER_UPSTREAM_MAX}`,
    ]),
  ];
}
