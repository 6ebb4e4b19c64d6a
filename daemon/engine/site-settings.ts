/** What is configured of a site, as the proxies are told. Pure. */
import type { TlsMode } from '../contract/names.ts';
import type { PrefixSetting, RouteModel, RouteOptions, RoutePrefix, RouteRedirect, SiteSettings } from './state.ts';

/** Where a program on a port of this host is reached. */
const LOCAL_ADDRESS = '127.0.0.1';

export const NO_SETTINGS: SiteSettings = {
  www: 'off',
  redirects: [],
  prefixes: [],
  headers: {},
  basic_auth: [],
  body_bytes_max: null,
  compression: false,
};

/** Undefined for settings that ask for nothing, as in routes of earlier versions. */
export function optionsOf(settings: SiteSettings, slots_directory: string): RouteOptions | undefined {
  const { redirects, prefixes, headers, basic_auth, body_bytes_max, compression } = settings;
  const options: RouteOptions = {
    headers: Object.entries(headers).map(([name, value]) => ({ name, value })),
    basic_auth,
    body_bytes_max,
    is_compressed: compression,
    prefixes: prefixes.map((prefix) => prefixOf(prefix, slots_directory)),
    path_redirects: redirects,
  };
  const isPlain = body_bytes_max === null && !compression;
  const isEmpty = [options.headers, basic_auth, prefixes, redirects].every(({ length }) => length === 0);
  return isPlain && isEmpty ? undefined : options;
}

function prefixOf({ path, strip, ...target }: PrefixSetting, slots_directory: string): RoutePrefix {
  const common = { path, is_stripped: strip };
  if ('app_name' in target) {
    return { ...common, upstreams: { blue: [], green: [] }, marker_directory: `${slots_directory}/${target.app_name}` };
  }
  return { ...common, upstreams: localUpstreams(target.port), marker_directory: null };
}

export function localUpstreams(port: number): RouteModel['upstreams'] {
  const upstream = `${LOCAL_ADDRESS}:${port}`;
  return { blue: [upstream], green: [upstream] };
}

/** The app that serves a prefix; null: a port does. */
export function appOfPrefix({ marker_directory }: RoutePrefix): string | null {
  return marker_directory === null ? null : marker_directory.slice(marker_directory.lastIndexOf('/') + 1);
}

/** The apps that the prefixes of a route lead to. */
export function prefixApps(route: RouteModel | null): string[] {
  return (route?.options?.prefixes ?? []).flatMap((prefix) => appOfPrefix(prefix) ?? []);
}

/** The name that `www` adds to those of a site; null: none. */
export function wwwName(domain: string, www: SiteSettings['www']): string | null {
  if (www === 'off') return null;
  return domain.startsWith('www.') ? domain.slice('www.'.length) : `www.${domain}`;
}

/** The one of the two names that serves where the other is redirected to it. */
function mainName(domain: string, www: SiteSettings['www']): string {
  const other = wwwName(domain, www);
  if (other === null) return domain;
  return domain.startsWith('www.') === (www === 'add') ? domain : other;
}

/** The names of a site with `www` taken into account, which goes before aliases and redirects of the same names. */
export function withWww(
  { domain, sites, redirects }: Pick<RouteModel, 'sites' | 'redirects'> & { domain: string },
  www: SiteSettings['www'],
  tlsOf: (name: string) => TlsMode,
): Pick<RouteModel, 'sites' | 'redirects'> {
  const other = wwwName(domain, www);
  if (other === null) return { sites, redirects };
  const main = mainName(domain, www);
  const from = main === domain ? other : domain;
  const isFree = (name: string) => name !== main && name !== from;
  const added: RouteRedirect = { from, tls: tlsOf(from), to: main, to_tls: tlsOf(main), status: 308 };
  const again = (redirect: RouteRedirect) => (redirect.to === from ? { ...redirect, to: main, to_tls: tlsOf(main) } : redirect);
  return {
    sites: [{ domain: main, tls: tlsOf(main) }, ...sites.filter((site) => isFree(site.domain))],
    redirects: [...redirects.filter((redirect) => isFree(redirect.from)).map(again), added],
  };
}
