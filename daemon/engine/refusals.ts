/** Which of a site's settings a proxy refuses: its own message seldom says, so it is asked about each of them alone. */
import { DomainError } from '../contract/errors.ts';
import type { ReverseProxy } from './ports.ts';
import type { RouteModel, RouteOptions } from './state.ts';

const NOTHING: RouteOptions = {
  headers: [],
  basic_auth: [],
  body_bytes_max: null,
  is_compressed: false,
  prefixes: [],
  path_redirects: [],
};
/** As requests name them. */
const FIELDS = {
  headers: 'headers',
  basic_auth: 'basic_auth',
  body_bytes_max: 'body_bytes_max',
  is_compressed: 'compression',
  prefixes: 'prefixes',
  path_redirects: 'redirects',
} as const satisfies Record<keyof RouteOptions, string>;

/** The field of a request; null where the proxy takes each of them, or the route without any is refused as well. For a route that is refused. */
export async function refusedSetting(proxy: ReverseProxy, route: RouteModel, signal: AbortSignal): Promise<string | null> {
  const { options, ...rest } = route;
  if (options === undefined || (await isRefused(proxy, rest, signal))) return null;
  for (const key of Object.keys(FIELDS) as (keyof RouteOptions)[]) {
    const given = options[key];
    if (given === null || given === false || (Array.isArray(given) && given.length === 0)) continue;
    if (await isRefused(proxy, { ...rest, options: { ...NOTHING, [key]: given } }, signal)) return FIELDS[key];
  }
  return null;
}

async function isRefused(proxy: ReverseProxy, route: RouteModel, signal: AbortSignal): Promise<boolean> {
  try {
    await proxy.check(signal, route);
    return false;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof DomainError) return true;
    throw error;
  }
}
