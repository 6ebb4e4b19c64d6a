/** A route as a file of nginx's http context, valid from nginx 1.19.4 on. Pure. */
import { join } from 'node:path';
import { isHttps } from '../../contract/rules.ts';
import type { RouteModel, RouteRedirect } from '../../engine/state.ts';
import type { CertificateSettings } from '../certificates.ts';
import { shortHash, stampGeneration } from '../generation.ts';
import { CHALLENGE_PATH, optionsOf } from '../options.ts';
import { assertSafeRoute, fileStem } from '../route.ts';
import { placeOf, placesOf, renderPlace } from './places.ts';
import { STATUS_ADDRESS, statusName } from './readback.ts';
import { renderSite } from './site.ts';
import { block, Literals, section } from './text.ts';

/** Longer names do not fit nginx's table of exact names with its default size of a bucket (64 bytes). */
const EXACT_NAME_CHARACTERS_MAX = 46;
const PASSWORDS_SUFFIX = '.htpasswd';

export interface NginxFeatures {
  http_port: number;
  https_port: number;
  /** Without it nginx would refuse to listen at `[::]`. */
  has_ipv6: boolean;
  /** The directive, from nginx 1.25.1 on. Before, HTTP/2 is an option of `listen`, which the operator's sites on that port have as well. */
  has_http2: boolean;
  /** Where the file and what belongs to it is. */
  directory: string;
  certificates: Pick<CertificateSettings, 'directory' | 'challenge_directory'>;
}

/** Of a version such as `1.22.1`. */
export function hasHttp2Directive(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return major > 1 || (major === 1 && (minor > 25 || (minor === 25 && patch >= 1)));
}

/** Who may enter a site, for `auth_basic_user_file`: in the name is what the file says, so none is ever another than its route means. */
export function passwordFileOf(route: RouteModel): { name: string; content: string } | null {
  const users = route.options?.basic_auth ?? [];
  if (users.length === 0) return null;
  const content = users.map(({ username, password_hash }) => `${username}:${password_hash}\n`).join('');
  return { name: `${fileStem(route.app_name)}.${shortHash(content)}${PASSWORDS_SUFFIX}`, content };
}

/** The whole file of one app. Throws a plain Error for a route that is not safe to write. */
export function renderNginx(route: RouteModel, features: NginxFeatures): string {
  assertSafeRoute(route);
  const options = optionsOf(route);
  const places = placesOf(route, options);
  const literals = new Literals();
  const passwords = passwordFileOf(route);
  const passwords_path = passwords === null ? null : join(features.directory, passwords.name);
  const site = renderSite({ route, options, places, literals, passwords_path });
  return stampGeneration(route.app_name, (generation) =>
    [
      PORT,
      ...literals.render(),
      ...[placeOf(route), ...places].flatMap(renderPlace),
      renderStatus(route, features, generation),
      ...renderServers(route, site, features),
      ...route.redirects.map((redirect) => renderRedirect(redirect, features)),
    ].join('\n'),
  );
}

/** Plain names first, then one server for each that has a certificate of its own. */
function renderServers({ sites, redirects }: RouteModel, site: readonly string[], features: NginxFeatures): string[] {
  const plain = sites.filter(({ tls }) => !isHttps(tls)).map(({ domain }) => domain);
  const secure = sites.filter(({ tls }) => isHttps(tls)).map(({ domain }) => domain);
  const upgraded = [...secure, ...redirects.filter(({ tls }) => isHttps(tls)).map(({ from }) => from)];
  return [
    ...(plain.length === 0 ? [] : [section('server', [...listen(features), serverName(plain), ...site])]),
    ...(upgraded.length === 0 ? [] : [renderRefusal(features, upgraded), renderUpgrade(upgraded, features)]),
    ...secure.map((domain) => section('server', [...listenSecurely(domain, features), ...site])),
  ];
}

/** Says to the daemon alone what nginx runs with; and answers names that nobody serves, so that no app does, where no site is the default. */
function renderStatus({ app_name }: RouteModel, features: NginxFeatures, generation: string): string {
  return section('server', [
    ...listen(features),
    `listen ${STATUS_ADDRESS}:${features.http_port};`,
    `server_name ${statusName(app_name)};`,
    'access_log off;',
    `if ($server_addr != ${STATUS_ADDRESS}) {`,
    '\treturn 404;',
    '}',
    `return 200 "${app_name} ${generation}";`,
  ]);
}

/**
 * Where no site on the port is the operator's, nginx would take the first of ours for names that nobody serves: this is the first, and it
 * shows no certificate. It is never marked as the default, so that a site of the operator stays what it is.
 */
function renderRefusal(features: NginxFeatures, names: readonly string[]): string {
  return section('server', [
    ...listenWithTls(features),
    `server_name ${statusName(names.join(' '))};`,
    'ssl_reject_handshake on;',
    'access_log off;',
    // Of a connection that was made for another name, RFC 9110 §15.5.20.
    'return 421;',
  ]);
}

/** All that is answered over plain HTTP for names that have a certificate, or are to get one. */
function renderUpgrade(names: readonly string[], features: NginxFeatures): string {
  const { https_port, certificates } = features;
  const port = https_port === 443 ? '' : `:${https_port}`;
  return section('server', [
    ...listen(features),
    serverName(names),
    ...block(`location ^~ ${CHALLENGE_PATH}`, [`root ${certificates.challenge_directory};`, 'default_type text/plain;']),
    ...block('location /', [`return 308 https://$host${port}$request_uri;`]),
  ]);
}

function renderRedirect({ from, tls, to, to_tls, status }: RouteRedirect, features: NginxFeatures): string {
  const scheme = isHttps(to_tls) ? 'https' : 'http';
  const listening = isHttps(tls) ? listenSecurely(from, features) : [...listen(features), serverName([from])];
  return section('server', [...listening, `return ${status} ${scheme}://${to}$request_uri;`]);
}

/** Looked up only when it is needed. Each of our files says the same, so that none depends on another. */
const PORT = 'map $http_host $nextdeploy_port {\n\tdefault "";\n\t"~(:[0-9]+)$" $1;\n}\n';

function listen({ http_port, has_ipv6 }: NginxFeatures): string[] {
  return [`listen ${http_port};`, ...(has_ipv6 ? [`listen [::]:${http_port};`] : [])];
}

function listenWithTls({ https_port, has_ipv6, has_http2 }: NginxFeatures): string[] {
  return [
    `listen ${https_port} ssl;`,
    ...(has_ipv6 ? [`listen [::]:${https_port} ssl;`] : []),
    ...(has_http2 ? ['http2 on;'] : []),
    'ssl_protocols TLSv1.2 TLSv1.3;',
  ];
}

function listenSecurely(domain: string, features: NginxFeatures): string[] {
  const path = join(features.certificates.directory, domain);
  return [...listenWithTls(features), serverName([domain]), `ssl_certificate ${path}.crt;`, `ssl_certificate_key ${path}.key;`];
}

function serverName(domains: readonly string[]): string {
  const names = domains.map((domain) =>
    domain.length <= EXACT_NAME_CHARACTERS_MAX ? domain : `~^${domain.replaceAll('.', '\\.')}$`,
  );
  return `server_name ${names.join(' ')};`;
}
