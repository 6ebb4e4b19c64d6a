/** A route as a Caddyfile, valid from Caddy 2.6.2 on. Pure. */
import type { Slot, TlsMode } from '../../contract/names.ts';
import type { RouteModel, RouteRedirect } from '../../engine/state.ts';
import { SLOT_HEADER, VERIFY_HEADER } from '../../engine/verify.ts';
import { GENERATION_HEADER, stampGeneration } from '../generation.ts';
import {
  assertSafeRoute,
  exemptPath,
  MAINTENANCE_FILE,
  REPLICA_CONNECT_MS,
  REPLICA_PAUSE_SECONDS,
  RETRY_AFTER_SECONDS,
  STOPPED_TEXT,
  UPSTREAM_KEEPALIVE_SECONDS,
} from '../route.ts';

const IDLE_CONNECTIONS_PER_UPSTREAM_MAX = 256;

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
    return [...sites, ...route.redirects.map(renderRedirect)].join('\n');
  });
}

interface Rendering {
  route: RouteModel;
  features: CaddyFeatures;
  generation: string;
}

/**
 * The markers decide at each request. The order matters in the instant of a change: green is asked before stopped, and blue, which has no
 * test, comes last, so each change from one slot to the other is seen either before or after.
 */
function renderSite(domains: string[], tls: TlsMode, { route, features, generation }: Rendering): string {
  return [
    `${domains.map((domain) => address(domain, tls)).join(', ')} {`,
    `\t@nextdeploy_verify header ${VERIFY_HEADER} ${route.verify_key}`,
    ...(features.can_repeat_bodies ? [] : ['\t@nextdeploy_bodiless method GET HEAD OPTIONS']),
    '\t@nextdeploy_maintenance {',
    ...marker(MAINTENANCE_FILE, route).map((line) => `\t\t${line}`),
    `\t\tnot header ${VERIFY_HEADER} ${route.verify_key}`,
    ...exemption(route),
    '\t}',
    ...['green', 'stopped'].flatMap((name) => {
      const [first, ...rest] = marker(name, route);
      return [`\t@nextdeploy_${name} ${first}`, ...rest.map((line) => `\t${line}`)];
    }),
    '\thandle @nextdeploy_maintenance {',
    ...maintenancePage(route),
    '\t}',
    '\thandle @nextdeploy_green {',
    ...upstream('green', { route, features, generation }),
    '\t}',
    '\thandle @nextdeploy_stopped {',
    `\t\theader Retry-After ${RETRY_AFTER_SECONDS}`,
    `\t\trespond "${STOPPED_TEXT}" 503`,
    '\t}',
    '\thandle {',
    ...upstream('blue', { route, features, generation }),
    '\t}',
    '}',
    '',
  ].join('\n');
}

function renderRedirect({ from, tls, to, to_tls, status }: RouteRedirect): string {
  return `${address(from, tls)} {\n\tredir ${to_tls === 'auto' ? 'https' : 'http'}://${to}{uri} ${status}\n}\n`;
}

const address = (domain: string, tls: TlsMode) => (tls === 'auto' ? `"${domain}"` : `http://${domain}`);

/** A matcher that is true while the file is there. */
function marker(name: string, route: RouteModel): string[] {
  return ['file {', `\troot ${route.marker_directory}`, `\ttry_files ${name}`, '}'];
}

/** Compared as a whole: in a `path` matcher a `*` of it would stand for anything. */
function exemption(route: RouteModel): string[] {
  const path = exemptPath(route);
  return path === null ? [] : [`\t\tnot vars {http.request.uri.path} "${path}"`];
}

/** Any method is answered with the whole page, also one that asks for a part of it, or for none of what it has seen. */
function maintenancePage(route: RouteModel): string[] {
  return [
    '\t\troute {',
    '\t\t\tmethod GET',
    '\t\t\trequest_header -Range',
    '\t\t\trequest_header -If-None-Match',
    '\t\t\trequest_header -If-Modified-Since',
    `\t\t\theader Retry-After ${RETRY_AFTER_SECONDS}`,
    '\t\t\theader Cache-Control no-store',
    `\t\t\trewrite * /${MAINTENANCE_FILE}`,
    '\t\t\tfile_server {',
    `\t\t\t\troot ${route.marker_directory}`,
    '\t\t\t\tstatus 503',
    '\t\t\t\tpass_thru',
    '\t\t\t}',
    // Taken away since it was looked for.
    '\t\t\trespond 503',
    '\t\t}',
  ];
}

function upstream(slot: Slot, { route, features, generation }: Rendering): string[] {
  const told = [
    '\t\theader @nextdeploy_verify {',
    `\t\t\t${SLOT_HEADER} ${slot}`,
    `\t\t\t${GENERATION_HEADER} "${route.app_name} ${generation}"`,
    '\t\t}',
  ];
  const replicas = route.upstreams[slot];
  if (features.can_repeat_bodies) return [...told, ...proxying(replicas, { features, isRepeated: true })];
  return [
    ...told,
    '\t\thandle @nextdeploy_bodiless {',
    ...proxying(replicas, { features, isRepeated: true }).map((line) => `\t${line}`),
    '\t\t}',
    '\t\thandle {',
    ...proxying(replicas, { features, isRepeated: false }).map((line) => `\t${line}`),
    '\t\t}',
  ];
}

function proxying(
  replicas: readonly string[],
  { features, isRepeated }: { features: CaddyFeatures; isRepeated: boolean },
): string[] {
  const hasOthers = replicas.length > 1;
  // A connection that is refused is tried again: its request was never sent. Any other failure might have reached the app, and the
  // matcher that lets Caddy repeat those is an address that no visitor has.
  const repeating = [
    '\t\t\tlb_try_duration 3s',
    `\t\t\tlb_try_interval ${hasOthers ? '50ms' : '250ms'}`,
    '\t\t\tlb_retry_match remote_ip 255.255.255.255',
  ];
  return [
    `\t\treverse_proxy ${replicas.join(' ')} {`,
    `\t\t\theader_up -${VERIFY_HEADER}`,
    `\t\t\theader_down -${SLOT_HEADER}`,
    ...(hasOthers ? ['\t\t\tlb_policy least_conn', `\t\t\tfail_duration ${REPLICA_PAUSE_SECONDS}s`] : []),
    ...(isRepeated ? repeating : []),
    ...(features.has_stream_close_delay ? ['\t\t\tstream_close_delay 24h'] : []),
    '\t\t\ttransport http {',
    `\t\t\t\tdial_timeout ${hasOthers ? `${REPLICA_CONNECT_MS}ms` : '1s'}`,
    `\t\t\t\tkeepalive ${UPSTREAM_KEEPALIVE_SECONDS}s`,
    `\t\t\t\tkeepalive_idle_conns_per_host ${IDLE_CONNECTIONS_PER_UPSTREAM_MAX}`,
    '\t\t\t}',
    '\t\t}',
  ];
}
