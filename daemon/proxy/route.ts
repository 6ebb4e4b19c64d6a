/** What can be said about routes without knowing the proxy. Pure. */
import { PATTERNS } from '../contract/rules.ts';
import { portRouteKey, type RouteModel, type RoutePrefix } from '../engine/state.ts';
import { shortHash } from './generation.ts';
import { assertSafeOptions } from './options.ts';

const UPSTREAM = /^\d{1,3}(?:\.\d{1,3}){3}:\d{1,5}$/;
const VERIFY_KEY = /^[a-f0-9]{16,64}$/;
const DIRECTORY = /^\/[A-Za-z0-9._/-]+$/;
/** What is one word in both proxies' configurations, between double quotes. */
const PLAIN_PATH = /^\/[A-Za-z0-9\-._~!$&'()*+,;=:@%/]*$/;

const FILE_STEM_CHARACTERS_MAX = 200;

export const STOPPED_TEXT = 'This site is stopped.';
/** When a visitor of a site that is stopped or in maintenance may come again. */
export const RETRY_AFTER_SECONDS = 30;

/**
 * How long the proxy keeps an idle connection to an app: less than the 5 s that Node keeps its side, so that the proxy is always the one
 * to close it and never sends a request into a connection that is just being closed (FACTS: no reuse race, and drains end soon).
 */
export const UPSTREAM_KEEPALIVE_SECONDS = 4;
/**
 * Where there are several replicas: after so long without an answer to a connection the next is asked, and for so long one that did not
 * answer is left out. The first is the shorter by far, as requests that waited together would else come back to the dead one together.
 * A connection to a container is made by this kernel alone, so it does not take long because the app is busy.
 */
export const REPLICA_CONNECT_MS = 500;
export const REPLICA_PAUSE_SECONDS = 3;

/**
 * Throws a plain Error for a route with anything in it that could be more than a word of a proxy's configuration. The contract's
 * schemas have refused such input before; this is the second door, next to where it would do harm.
 */
export function assertSafeRoute(route: RouteModel): void {
  const check = (isSafe: boolean, what: string, value: string) => {
    if (!isSafe) throw new Error(`unsafe ${what} in a route: ${JSON.stringify(value)}`);
  };
  check(PATTERNS.app_name.test(route.app_name) || isPortRoute(route.app_name), 'app name', route.app_name);
  const names = [
    ...route.sites.map(({ domain, tls }) => ({ domain, tls })),
    ...route.redirects.map(({ from, tls }) => ({ domain: from, tls })),
    ...route.redirects.map(({ to, to_tls }) => ({ domain: to, tls: to_tls })),
  ];
  for (const { domain, tls } of names) {
    // A bare word without a dot, such as `import`, can be a directive.
    check(PATTERNS.domain.test(domain) && (tls === 'off' || domain.includes('.')), 'domain', domain);
  }
  for (const { status } of route.redirects) check([301, 302, 307, 308].includes(status), 'status', String(status));
  const checkPlace = ({ upstreams, marker_directory }: Pick<RoutePrefix, 'upstreams' | 'marker_directory'>) => {
    for (const upstream of [...upstreams.blue, ...upstreams.green]) check(UPSTREAM.test(upstream), 'upstream', upstream);
    check(upstreams.blue.length > 0 && upstreams.green.length > 0, 'number of upstreams', '0');
    if (marker_directory !== null) check(DIRECTORY.test(marker_directory), 'marker directory', marker_directory);
  };
  checkPlace(route);
  check(VERIFY_KEY.test(route.verify_key), 'verify key', route.verify_key);
  check(route.sites.length > 0, 'number of sites', '0');
  if (route.options) assertSafeOptions(route.options, check, checkPlace);
}

/** Of a route to a port, {@link portRouteKey}. */
function isPortRoute(key: string): boolean {
  const prefix = portRouteKey('');
  return key.startsWith(prefix) && PATTERNS.domain.test(key.slice(prefix.length));
}

/** Whether a slot has several replicas, among which the proxy chooses. */
export function isBalanced({ upstreams }: Pick<RouteModel, 'upstreams'>): boolean {
  return upstreams.blue.length > 1 || upstreams.green.length > 1;
}

/** Every name that the route answers for. */
export function domainsOf({ sites, redirects }: RouteModel): string[] {
  return [...sites.map(({ domain }) => domain), ...redirects.map(({ from }) => from)];
}

/**
 * The path that reaches the app in maintenance, as the proxies see it in a request: decoded, without dot segments and doubled slashes.
 * Null: none, also for `/`, which is the page that visitors are to be kept from, and for a path with characters that have no place in a
 * configuration.
 */
export function exemptPath({ health_path }: Pick<RouteModel, 'health_path'>): string | null {
  if (health_path === null) return null;
  try {
    const { pathname } = new URL(health_path.replace(/\/{2,}/g, '/'), 'http://host');
    const decoded = decodeURIComponent(pathname).replace(/\/{2,}/g, '/');
    return decoded !== '/' && PLAIN_PATH.test(decoded) ? decoded : null;
  } catch {
    return null;
  }
}

/**
 * What files of a route are called. A domain may be as long as a file's name, and there is more to it; so a longer one stands in it by its
 * hash, with a sign that no domain and no app has.
 */
export function fileStem(key: string): string {
  return key.length <= FILE_STEM_CHARACTERS_MAX ? key : `route_${shortHash(key)}`;
}
