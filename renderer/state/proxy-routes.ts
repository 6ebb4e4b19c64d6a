import type { ProxyRoute } from '../../daemon/contract/proxy-routes.ts';
import { formatSize } from './quantity.ts';

/** What a route leads to: an app, or a program at a port of the host. */
export const targetText = ({ app_name, port }: Pick<ProxyRoute, 'app_name' | 'port'>): string =>
  app_name ?? `port ${port ?? '–'}`;

/** Tells the routes of a host apart: an app may have lost its domain. */
export const routeId = ({ domain, app_name }: Pick<ProxyRoute, 'domain' | 'app_name'>): string =>
  `route ${domain === '' ? app_name : domain}`;

const count = (number: number, one: string, many = `${one}s`) => (number === 0 ? null : `${number} ${number === 1 ? one : many}`);

/** What a site does beside passing requests on, in a few words each. */
export function settingTexts(route: ProxyRoute): string[] {
  const { www, redirects, prefixes, headers, basic_auth, body_bytes_max, compression, maintenance } = route;
  return [
    maintenance === null ? null : 'maintenance page',
    basic_auth.length === 0 ? null : `password (${basic_auth.length})`,
    www === 'add' ? 'to www.' : www === 'remove' ? 'without www.' : null,
    ...prefixes.map(({ path, app_name, port }) => `${path} → ${targetText({ app_name: app_name ?? null, port: port ?? null })}`),
    count(redirects.length, 'redirect'),
    count(Object.keys(headers).length, 'header'),
    body_bytes_max === null ? null : `bodies to ${formatSize(body_bytes_max)}`,
    compression ? 'compressed' : null,
  ].filter((text) => text !== null);
}

/** `served`; `odd`: served, and something is to be said; `unserved`: the proxy runs with another route, or none. */
export type RouteStanding = 'served' | 'odd' | 'unserved';

export const routeStanding = ({ is_served, detail }: ProxyRoute): RouteStanding =>
  is_served ? (detail === '' ? 'served' : 'odd') : 'unserved';

const ORDER: RouteStanding[] = ['unserved', 'odd', 'served'];

/** What needs somebody first, then by name. */
export const routesInOrder = (routes: readonly ProxyRoute[]): ProxyRoute[] =>
  routes.toSorted(
    (a, b) =>
      ORDER.indexOf(routeStanding(a)) - ORDER.indexOf(routeStanding(b)) ||
      a.domain.localeCompare(b.domain) ||
      (a.app_name ?? '').localeCompare(b.app_name ?? ''),
  );
