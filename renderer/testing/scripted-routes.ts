import type { ProxyRoute, ProxyRouteRequest } from '../../daemon/contract/proxy-routes.ts';
import { defaultTls } from '../../daemon/contract/rules.ts';
import { Refusal } from './scripted-bridge.ts';
import type { WorldHost } from './world.ts';

const route = (domain: string, part: Partial<ProxyRoute>): ProxyRoute => ({
  ...{ domain, app_name: null, port: null, proxy_type: 'caddy', tls: 'auto', aliases: [], www: 'off', redirects: [] },
  ...{ prefixes: [], headers: {}, body_bytes_max: null, compression: false, basic_auth: [], maintenance: null },
  ...{ is_served: true, detail: '' },
  ...part,
});

/** Sites of apps and of other programs: one that does everything, one whose program is down, one that the proxy lost. */
export const busyRoutes = (): ProxyRoute[] => [
  route('shop.example.com', {
    ...{ app_name: 'shop', aliases: ['www.shop.example.com'], body_bytes_max: 20 * 1024 ** 2, compression: true },
    redirects: [
      { from: '/sale', to: '/collections/sale', status: 302 },
      { from: '/jobs', to: 'https://careers.example.com/', status: 308 },
    ],
    prefixes: [
      { path: '/docs', app_name: 'docs', strip: true },
      { path: '/search', port: 8108, strip: false },
    ],
    headers: {
      'X-Frame-Options': 'DENY',
      'Permissions-Policy': 'camera=(), microphone=(), geolocation=()',
      'Content-Security-Policy': "default-src 'self'; img-src 'self' https://cdn.example.com; frame-ancestors 'none'",
    },
  }),
  route('blog.example.com', { app_name: 'blog', proxy_type: 'nginx', www: 'remove' }),
  route('docs.example.com', {
    ...{ app_name: 'docs', proxy_type: 'nginx', tls: 'import', maintenance: { message: 'We are moving the manual.' } },
    ...{ is_served: false, detail: 'nginx runs with another route of this domain; reload it (`systemctl reload nginx`).' },
  }),
  route('grafana.example.com', {
    ...{ port: 3001, basic_auth: [{ username: 'ops' }, { username: 'ana' }] },
    detail: 'Nothing listens on port 3001 of this host: visitors get an error (502). Start the program.',
  }),
  route('very-long-name-of-a-preview-environment-for-the-checkout-team.staging.eu-central-1.example.com', {
    ...{ port: 8443, tls: 'off' },
  }),
];

/** As the daemon answers `POST /proxy/configure`. */
export function configureRoute(world: WorldHost, request: ProxyRouteRequest): ProxyRoute {
  const { app_name = null, port = null, domain = '', basic_auth, proxy_type, tls, ...settings } = request;
  const held = world.routes.find((each) => (app_name === null ? each.domain === domain : each.app_name === app_name));
  const taken = app_name === null ? world.apps.find((each) => each.domain === domain) : undefined;
  if (taken !== undefined) {
    const message = `it is the domain of the app ${taken.name}; choose another`;
    throw new Refusal({ code: 'conflict', message: `The domain ${domain} is taken.`, details: [{ field: 'domain', message }] });
  }
  const own = held ?? route(domain, { port, proxy_type: proxy_type ?? 'caddy', tls: tls ?? defaultTls(domain) });
  const changed: ProxyRoute = {
    ...own,
    ...settings,
    ...(app_name === null ? { port, tls: tls ?? own.tls, proxy_type: proxy_type ?? own.proxy_type } : { aliases: own.aliases }),
    basic_auth: basic_auth.map(({ username }) => ({ username })),
    ...{ is_served: true, detail: '' },
  };
  world.routes = [...world.routes.filter((each) => each !== held), changed];
  return changed;
}

/** As the daemon answers `DELETE /proxy/routes/:domain`. */
export function removeRoute(world: WorldHost, domain: string): ProxyRoute {
  const found = world.routes.find((each) => each.domain === domain && each.app_name === null);
  if (found === undefined) throw new Refusal({ code: 'not_found', message: `There is no route ${domain} to a port.` });
  world.routes = world.routes.filter((each) => each !== found);
  return found;
}
