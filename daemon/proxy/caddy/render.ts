/** A route as a Caddyfile, valid from Caddy 2.6.2 on. Pure. */
import type { Slot } from '../../contract/names.ts';
import type { RouteModel } from '../../engine/state.ts';
import { SLOT_HEADER, VERIFY_HEADER } from '../../engine/verify.ts';
import { assertSafeRoute } from '../route.ts';

/**
 * How long Caddy keeps an idle connection to an app: less than the 5 s that Node keeps its side, so that Caddy is always the one to close it
 * and never sends a request into a connection that is just being closed (FACTS: no reuse race, and drains end soon).
 */
const UPSTREAM_KEEPALIVE = '4s';
const IDLE_CONNECTIONS_PER_UPSTREAM_MAX = 256;

export interface CaddyFeatures {
  /** `stream_close_delay`, from 2.7: a reload leaves open WebSockets alone for this long. */
  has_stream_close_delay: boolean;
}

/** The whole file of one app. Throws for a route that is not safe to write. */
export function renderCaddyfile(route: RouteModel, features: CaddyFeatures): string {
  assertSafeRoute(route);
  const sites = route.sites.map(({ domain, tls }) =>
    renderSite(tls === 'auto' ? `"${domain}"` : `http://${domain}`, route, features),
  );
  return `# Written by NextDeploy for the app ${route.app_name}; what is changed here is overwritten.\n${sites.join('\n')}`;
}

/**
 * The marker decides at each request. The order matters in the instant of a change: green is asked before stopped, and blue, which has no
 * test, comes last, so each change of one name to another is seen either before or after.
 */
function renderSite(address: string, route: RouteModel, features: CaddyFeatures): string {
  return [
    `${address} {`,
    ...matcher('green', route),
    ...matcher('stopped', route),
    `\t@nextdeploy_verify header ${VERIFY_HEADER} ${route.verify_key}`,
    '\thandle @nextdeploy_green {',
    ...upstream('green', route, features),
    '\t}',
    '\thandle @nextdeploy_stopped {',
    '\t\theader Retry-After 30',
    '\t\trespond "This site is stopped." 503',
    '\t}',
    '\thandle {',
    ...upstream('blue', route, features),
    '\t}',
    '}',
    '',
  ].join('\n');
}

function matcher(marker: string, route: RouteModel): string[] {
  return [`\t@nextdeploy_${marker} file {`, `\t\troot ${route.marker_directory}`, `\t\ttry_files ${marker}`, '\t}'];
}

function upstream(slot: Slot, route: RouteModel, features: CaddyFeatures): string[] {
  return [
    `\t\theader @nextdeploy_verify ${SLOT_HEADER} ${slot}`,
    `\t\treverse_proxy ${route.upstreams[slot].join(' ')} {`,
    `\t\t\theader_up -${VERIFY_HEADER}`,
    `\t\t\theader_down -${SLOT_HEADER}`,
    ...(features.has_stream_close_delay ? ['\t\t\tstream_close_delay 24h'] : []),
    '\t\t\ttransport http {',
    `\t\t\t\tkeepalive ${UPSTREAM_KEEPALIVE}`,
    `\t\t\t\tkeepalive_idle_conns_per_host ${IDLE_CONNECTIONS_PER_UPSTREAM_MAX}`,
    '\t\t\t}',
    '\t\t}',
  ];
}
