/** What can be said about routes without knowing the proxy. Pure. */
import { PATTERNS } from '../contract/rules.ts';
import type { RouteModel } from '../engine/state.ts';

const UPSTREAM = /^\d{1,3}(?:\.\d{1,3}){3}:\d{1,5}$/;
const VERIFY_KEY = /^[a-f0-9]{16,64}$/;
const DIRECTORY = /^\/[A-Za-z0-9._/-]+$/;

/**
 * Throws a plain Error for a route with anything in it that could be more than a word of a proxy's configuration. The contract's
 * schemas have refused such input before; this is the second door, next to where it would do harm.
 */
export function assertSafeRoute(route: RouteModel): void {
  const check = (isSafe: boolean, what: string, value: string) => {
    if (!isSafe) throw new Error(`unsafe ${what} in a route: ${JSON.stringify(value)}`);
  };
  check(PATTERNS.app_name.test(route.app_name), 'app name', route.app_name);
  for (const { domain, tls } of route.sites) {
    // A bare word without a dot, such as `import`, can be a directive.
    check(PATTERNS.domain.test(domain) && (tls === 'off' || domain.includes('.')), 'domain', domain);
  }
  for (const upstream of [...route.upstreams.blue, ...route.upstreams.green])
    check(UPSTREAM.test(upstream), 'upstream', upstream);
  check(DIRECTORY.test(route.marker_directory), 'marker directory', route.marker_directory);
  check(VERIFY_KEY.test(route.verify_key), 'verify key', route.verify_key);
  check(route.upstreams.blue.length > 0 && route.upstreams.green.length > 0, 'number of upstreams', '0');
  check(route.sites.length > 0, 'number of sites', '0');
}
