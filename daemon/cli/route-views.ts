/** Routes as a table, and one of them in full. Pure. */
import type { ProxyRoute } from '../contract/proxy-routes.ts';
import { showSize } from './flag-values.ts';
import { pairs, table } from './format.ts';

export function routeTable(routes: readonly ProxyRoute[]): string {
  if (routes.length === 0)
    return 'No routes yet. An app has one with its domain; a port gets one with: nextdeploy routes set DOMAIN --port PORT';
  const rows = routes.map((route) => [
    route.domain,
    targetOf(route),
    route.proxy_type,
    route.tls,
    route.is_served ? 'yes' : 'no',
    notes(route),
  ]);
  const details = routes.filter(({ detail }) => detail !== '').map(({ domain, detail }) => `${domain}: ${detail}`);
  return [table(['DOMAIN', 'TO', 'PROXY', 'TLS', 'SERVED', 'WITH'], rows), ...details].join('\n');
}

export function routeDetails(route: ProxyRoute): string {
  const { domain, aliases, proxy_type, tls, www, redirects, prefixes, headers, body_bytes_max, compression } = route;
  const many = (name: string, values: readonly string[]) => values.map((value): [string, string] => [name, value]);
  return pairs([
    ['domain', domain === '' ? 'none' : domain],
    ...many('alias', aliases),
    ['to', targetOf(route)],
    ['proxy', proxy_type],
    ['tls', tls],
    ['served', `${route.is_served ? 'yes' : 'no'}${route.detail === '' ? '' : `: ${route.detail}`}`],
    ['www', www],
    ...many(
      'redirect',
      redirects.map(({ from, to, status }) => `${from} → ${to} (${status})`),
    ),
    ...many(
      'prefix',
      prefixes.map(({ path, strip, ...to }) => `${path} → ${to.app_name ?? `port ${to.port}`}${strip ? ', stripped' : ''}`),
    ),
    ...many(
      'header',
      Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ),
    ...many(
      'user',
      route.basic_auth.map(({ username }) => username),
    ),
    ['bodies', body_bytes_max === null ? 'any size' : `at most ${showSize(body_bytes_max)}`],
    ['compression', compression ? 'on' : 'off'],
    ...many('maintenance', route.maintenance === null ? [] : [route.maintenance.message]),
  ]);
}

const targetOf = ({ app_name, port }: ProxyRoute) => app_name ?? `port ${port}`;

/** What it does beyond passing requests on, in a few words. */
function notes({ www, redirects, prefixes, headers, basic_auth, body_bytes_max, compression, maintenance }: ProxyRoute): string {
  const count = (many: number, word: string) => (many === 0 ? [] : [`${many} ${word}${many === 1 ? '' : 's'}`]);
  return [
    ...(maintenance === null ? [] : ['maintenance']),
    ...(www === 'off' ? [] : [`www ${www}`]),
    ...count(redirects.length, 'redirect'),
    ...(prefixes.length === 0 ? [] : [`${prefixes.length} ${prefixes.length === 1 ? 'prefix' : 'prefixes'}`]),
    ...count(Object.keys(headers).length, 'header'),
    ...count(basic_auth.length, 'user'),
    ...(body_bytes_max === null ? [] : [`bodies to ${showSize(body_bytes_max)}`]),
    ...(compression ? ['compression'] : []),
  ].join(', ');
}
