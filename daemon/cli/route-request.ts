/** What flags make of a route that is there. Pure. */
import { DomainError } from '../contract/errors.ts';
import type { ProxyRoute, ProxyRouteRequest, ProxyRouteRequestInput } from '../contract/proxy-routes.ts';
import { size, whole } from './flag-values.ts';
import type { PortFlags, SiteFlags } from './route-flags.ts';

/** With the password that the user of `--basic-auth-user` gets. */
export interface GivenPassword {
  username: string;
  password: string;
}

/** `current` null: there is none, or it does not count. */
export function appRequest(
  app_name: string,
  flags: SiteFlags,
  current: ProxyRoute | null,
  given: GivenPassword | null,
): ProxyRouteRequestInput {
  return { app_name, ...settings(flags, current, given) };
}

/** @throws DomainError `invalid_request` for a new route without a port */
export function portRequest(
  domain: string,
  flags: PortFlags,
  current: ProxyRoute | null,
  given: GivenPassword | null,
): ProxyRouteRequestInput {
  const port = flags.port === undefined ? current?.port : whole('--port', flags.port);
  if (port == null)
    throw new DomainError('invalid_request', `There is no route of ${domain} yet; say where it leads with --port.`);
  const tls = (flags.tls ?? current?.tls) as ProxyRouteRequest['tls']; // one of the choices
  const proxy_type = (flags.proxy ?? current?.proxy_type) as ProxyRouteRequest['proxy_type']; // likewise
  const { maintenance } = flags;
  return {
    domain,
    port,
    ...(tls && { tls }),
    ...(proxy_type && { proxy_type }),
    aliases: flags.alias === false ? [] : (flags.alias ?? current?.aliases ?? []),
    maintenance:
      maintenance === undefined ? (current?.maintenance ?? null) : maintenance === false ? null : { message: maintenance },
    ...settings(flags, current, given),
  };
}

function settings(flags: SiteFlags, current: ProxyRoute | null, given: GivenPassword | null) {
  const www = (flags.www ?? current?.www ?? 'off') as ProxyRouteRequest['www']; // one of the choices
  const { bodyMax } = flags;
  return {
    www,
    redirects: flags.redirect === false ? [] : (flags.redirect?.map(redirect) ?? current?.redirects ?? []),
    prefixes: flags.prefix === false ? [] : (flags.prefix?.map(prefix) ?? current?.prefixes ?? []),
    headers: headers(flags, current),
    body_bytes_max:
      bodyMax === undefined ? (current?.body_bytes_max ?? null) : bodyMax === false ? null : size('--body-max', bodyMax),
    compression: flags.compress ?? current?.compression ?? false,
    basic_auth: users(flags, current, given),
  };
}

/** One of the same name, in whatever case, is replaced. */
function headers(flags: SiteFlags, current: ProxyRoute | null): Record<string, string> {
  const { header, unsetHeader = [] } = flags;
  const asked = (header || []).map(parseHeader);
  const gone = new Set([...unsetHeader, ...asked.map(([name]) => name)].map((name) => name.toLowerCase()));
  const kept = header === false ? [] : Object.entries(current?.headers ?? {}).filter(([name]) => !gone.has(name.toLowerCase()));
  return Object.fromEntries([...kept, ...asked]);
}

/** Those that are there keep their passwords. */
function users(flags: SiteFlags, current: ProxyRoute | null, given: GivenPassword | null): ProxyRouteRequestInput['basic_auth'] {
  const gone = new Set([...(flags.removeBasicAuthUser ?? []), ...(given === null ? [] : [given.username])]);
  const kept = flags.basicAuth === false ? [] : (current?.basic_auth ?? []).filter(({ username }) => !gone.has(username));
  return given === null ? kept : [...kept, given];
}

function parseHeader(text: string): [name: string, value: string] {
  const [, name, value] = /^([^:\s]+):[ \t]*(.*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) throw wrong('--header', "a header such as 'X-Frame-Options: DENY'", text);
  return [name, value.trimEnd()];
}

/** `FROM=TO[:STATUS]` */
function redirect(text: string): NonNullable<ProxyRouteRequestInput['redirects']>[number] {
  const [, from, to, status] = /^(\/[^=]*)=(.+?)(?::(30[1278]))?$/.exec(text) ?? [];
  if (from === undefined || to === undefined) throw wrong('--redirect', 'FROM=TO or FROM=TO:STATUS, such as /old=/new:301', text);
  return { from, to, ...(status === undefined ? {} : { status: Number(status) as 301 }) }; // one of the four
}

/** `PATH=APP[:strip]` or `PATH=PORT[:strip]` */
function prefix(text: string): NonNullable<ProxyRouteRequestInput['prefixes']>[number] {
  const [, path, target, strip] = /^(\/[^=]*)=([^:=]+)(:strip)?$/.exec(text) ?? [];
  if (path === undefined || target === undefined) throw wrong('--prefix', 'PATH=APP or PATH=PORT, with :strip or without', text);
  const to = /^[0-9]+$/.test(target) ? { port: whole('The port of --prefix', target) } : { app_name: target };
  return { path, ...to, strip: strip !== undefined };
}

function wrong(flag: string, takes: string, text: string): DomainError {
  return new DomainError('invalid_request', `${flag} takes ${takes}, not "${text}".`);
}
