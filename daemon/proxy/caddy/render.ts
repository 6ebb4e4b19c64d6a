/** All routes as one Caddyfile, valid from Caddy 2.6.2 on. Pure. */
import { DomainError } from '../../contract/errors.ts';
import type { Slot, TlsMode } from '../../contract/names.ts';
import { CLOSING_MARKERS, MAINTENANCE_FILE, MAINTENANCE_MARKERS, STOPPED_MARKER } from '../../engine/marker-names.ts';
import type { RouteModel } from '../../engine/state.ts';
import { SLOT_HEADER, VERIFY_HEADER } from '../../engine/verify.ts';
import { GENERATION_HEADER, shortHash } from '../generation.ts';
import {
  assertSafeRoute,
  exemptPath,
  isBalanced,
  REPLICA_CONNECT_MS,
  REPLICA_PAUSE_SECONDS,
  RETRY_AFTER_SECONDS,
  STOPPED_TEXT,
  UPSTREAM_KEEPALIVE_SECONDS,
} from '../route.ts';

/** Where Caddy looks through the names of a site one by one, and so finds them in any case. */
const NAMES_PER_SITE_MAX = 100;
const IDLE_CONNECTIONS_PER_UPSTREAM_MAX = 256;
/** A variable of the request. */
const VERIFIED = 'nextdeploy_verified';
/** No request has such a path. */
const NO_PATH = 'none';
const TLS_MODES = ['off', 'auto'] as const satisfies TlsMode[];

export interface CaddyFeatures {
  /** `stream_close_delay`, from 2.7: a reload leaves open WebSockets alone for this long. */
  has_stream_close_delay: boolean;
  /** Before, a connection that was refused took the request's body with it, and each further attempt was counted against its replica. */
  can_repeat_bodies: boolean;
  /** Before 2.11.1, a site with more names than {@link NAMES_PER_SITE_MAX} missed them in another case (CVE-2026-27588). */
  finds_names_in_any_case: boolean;
}

/** Of a version such as `2.6.2`. */
export function featuresOf(version: string): CaddyFeatures {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  const isFrom = (from: number, fromPatch: number) =>
    major > 2 || (major === 2 && (minor > from || (minor === from && patch >= fromPatch)));
  // https://github.com/caddyserver/caddy/pull/7547; 2.11.4 is the first that was seen to have it.
  return {
    has_stream_close_delay: isFrom(7, 0),
    can_repeat_bodies: isFrom(11, 4),
    finds_names_in_any_case: isFrom(11, 1),
  };
}

/**
 * Caddy goes through its sites one after the other at each request, so all apps share one, which looks the app up by its name. An app with
 * replicas has a site of its own: what Caddy knows of an upstream's health it keeps under the word that the configuration has for it.
 * Throws a DomainError for a route that needs what Caddy cannot do, and a plain Error for one that is not safe to write.
 */
export function renderCaddyfile(routes: readonly RouteModel[], features: CaddyFeatures): string {
  for (const route of routes) {
    assertSafeRoute(route);
    assertDirectory(route);
  }
  const pattern = patternOf(features);
  const apps = routes.map((route): App => ({ route, words: wordsOf(route, generationOf(route, features, pattern)) }));
  const single = apps.filter(({ route }) => !isBalanced(route));
  const balanced = apps.filter(({ route }) => isBalanced(route));
  const sites = TLS_MODES.flatMap((tls) => [
    ...renderShared(single, tls, features),
    ...balanced.flatMap(({ route, words }) =>
      inSites(domainsOf(route, tls), features).flatMap((domains) => renderSite(domains, tls, { words, features })),
    ),
    ...renderRedirects(routes, tls, features),
  ]);
  return `${sites.join('\n\n')}\n`;
}

/** Another one when anything is another that the file says about this route. */
export function generationOf(route: RouteModel, features: CaddyFeatures, pattern = patternOf(features)): string {
  return shortHash(pattern + JSON.stringify(route));
}

/** All that is said alike about every route, with and without replicas. */
function patternOf(features: CaddyFeatures): string {
  const words = [SHARED, { ...SHARED, blue: [...SHARED.blue, ...SHARED.green] }];
  return words.flatMap((one) => renderSite(['host'], 'off', { words: one, features })).join('\n');
}

/** What differs between apps, as the configuration has it: the value itself or a placeholder. */
interface Words {
  markers: string;
  blue: string[];
  green: string[];
  verify_key: string;
  exempt_path: string;
  /** Only to be read back from what runs. */
  generation: string;
}

interface App {
  route: RouteModel;
  words: Words;
}

interface Rendering {
  words: Words;
  features: CaddyFeatures;
}

function wordsOf(route: RouteModel, generation: string): Words {
  const { marker_directory: markers, upstreams, verify_key } = route;
  const path = exemptPath(route);
  const exempt_path = path === null || namesPlaceholder(path) ? NO_PATH : path;
  return { markers, ...upstreams, verify_key, exempt_path, generation: `${route.app_name} ${generation}` };
}

const SHARED: Words = {
  markers: '{nextdeploy_markers}',
  blue: ['{nextdeploy_blue}'],
  green: ['{nextdeploy_green}'],
  verify_key: '{nextdeploy_key}',
  exempt_path: '{nextdeploy_exempt}',
  generation: '{nextdeploy_generation}',
};
const WORD_NAMES = Object.keys(SHARED) as (keyof Words)[];
/** In a table Caddy takes that for a value that needs itself, braces or not. */
const namesPlaceholder = (value: string) =>
  Object.values(SHARED)
    .flat()
    .some((placeholder) => value.includes(placeholder.slice(1, -1)));

function assertDirectory({ marker_directory }: RouteModel): void {
  if (!namesPlaceholder(marker_directory)) return;
  const message = `Caddy cannot look for files in ${marker_directory}, which has the name of a placeholder in it; choose another state directory.`;
  throw new DomainError('unprocessable', message);
}

const domainsOf = ({ sites }: RouteModel, tls: TlsMode) => sites.filter((site) => site.tls === tls).map(({ domain }) => domain);

/** A placeholder is looked up when it is needed, and a list of hosts by bisection from 100 of them on. */
function renderShared(apps: readonly App[], tls: TlsMode, features: CaddyFeatures): string[] {
  const named = apps.flatMap(({ route, words }) => domainsOf(route, tls).map((domain) => ({ domain, words })));
  const values = (words: Words) => WORD_NAMES.flatMap((name) => words[name]);
  return inSites(named, features).flatMap((site) => {
    const rows = site.map(({ domain, words }) => ({ name: domain, values: values(words) }));
    const domains = site.map(({ domain }) => domain);
    return renderSite(domains, tls, { words: SHARED, features }, mapByHost(values(SHARED), rows));
  });
}

function inSites<T>(names: readonly T[], { finds_names_in_any_case }: CaddyFeatures): T[][] {
  const size = finds_names_in_any_case ? Math.max(names.length, 1) : NAMES_PER_SITE_MAX;
  return Array.from({ length: Math.ceil(names.length / size) }, (_, index) => names.slice(index * size, (index + 1) * size));
}

/** Caddy compares as it is written; the second half finds names in another case, and in the brackets that a site takes off a host. */
function mapByHost(placeholders: readonly string[], rows: readonly { name: string; values: readonly string[] }[]): string[] {
  const row = (words: readonly string[]) => words.map((word) => `"${word}"`).join(' ');
  return block(`map {host} ${placeholders.join(' ')}`, [
    ...rows.map(({ name, values }) => row([name, ...values])),
    ...rows.map(({ name, values }) =>
      row([`~(?i)^\\[?${name.replaceAll('.', '\\.')}\\]?$`, ...values.map((value) => value.replaceAll('$', '$$$$'))]),
    ),
  ]);
}

function renderRedirects(routes: readonly RouteModel[], tls: TlsMode, features: CaddyFeatures): string[] {
  const redirects = routes.flatMap((route) => route.redirects).filter((redirect) => redirect.tls === tls);
  return [...Map.groupBy(redirects, ({ status }) => status)].flatMap(([status, alike]) =>
    inSites(alike, features).map((group) => {
      const rows = group.map(({ from, to, to_tls }) => ({
        name: from,
        values: [`${to_tls === 'auto' ? 'https' : 'http'}://${to}`],
      }));
      const names = group.map(({ from }) => from);
      const lines = [...mapByHost(['{nextdeploy_to}'], rows), `redir {nextdeploy_to}{uri} ${status}`];
      return block(addresses(names, tls), lines).join('\n');
    }),
  );
}

const addresses = (domains: readonly string[], tls: TlsMode) =>
  domains.map((domain) => (tls === 'auto' ? domain : `http://${domain}`)).join(',\n');

/**
 * The markers decide at each request, and a slot is open while a file is not there: Caddy asks the kernel twice about a file that it finds,
 * and once about another. What counts beside that is how many routes stand in its way, of which it makes a list at each request. The rest
 * is for whoever has the key, for a site that is not open, and for the instant of a change in which the first look was too early for the
 * one slot and the second too late for the other.
 */
function renderSite(domains: readonly string[], tls: TlsMode, rendering: Rendering, before: readonly string[] = []): string[] {
  if (domains.length === 0) return [];
  const { words, features } = rendering;
  const unlessExempt = [`not vars ${VERIFIED} yes`, `not vars {http.request.uri.path} "${words.exempt_path}"`];
  const [isVerified, isBody] = [`header ${VERIFY_HEADER} ${words.verify_key}`, 'not method GET HEAD OPTIONS'];
  const tell = block('route @nextdeploy_verified', telling(words));
  const site = block(addresses(domains, tls), [
    ...before,
    ...block('@nextdeploy_blue', [`not ${isThere(words, CLOSING_MARKERS.blue)}`]),
    ...block('@nextdeploy_green', [`not ${isThere(words, CLOSING_MARKERS.green)}`]),
    ...block('@nextdeploy_closed_blue', [isThere(words, MAINTENANCE_MARKERS.blue)]),
    ...block('@nextdeploy_closed_green', [isThere(words, MAINTENANCE_MARKERS.green)]),
    ...block('@nextdeploy_stopped', [isThere(words, STOPPED_MARKER)]),
    ...block('@nextdeploy_maintenance', [isThere(words, MAINTENANCE_FILE), ...unlessExempt]),
    ...block('@nextdeploy_verified', [isVerified]),
    ...(features.can_repeat_bodies
      ? []
      : [
          ...block('@nextdeploy_body', [isBody]),
          // Either of the two.
          ...block('@nextdeploy_special', block('not', [isBody.replace(/^not /, ''), `not ${isVerified}`])),
        ]),
    ...block('route', [
      ...(features.can_repeat_bodies
        ? tell
        : block('route @nextdeploy_special', [...tell, ...block('route @nextdeploy_body', proxyingOpen(rendering, false))])),
      ...proxyingOpen(rendering, true),
      ...block('handle', [
        ...block('handle @nextdeploy_stopped', [`header Retry-After ${RETRY_AFTER_SECONDS}`, `respond "${STOPPED_TEXT}" 503`]),
        ...block('handle @nextdeploy_maintenance', maintenancePage(words)),
        ...block('handle', [
          ...proxying('@nextdeploy_closed_green', 'green', rendering, true),
          ...proxying('@nextdeploy_green', 'green', rendering, true),
          ...proxying('', 'blue', rendering, true),
        ]),
      ]),
    ]),
  ]);
  return [site.join('\n')];
}

/** Lines may be several. */
const block = (head: string, lines: readonly string[]) => [
  `${head} {`,
  ...lines.flatMap((line) => line.split('\n')).map((line) => `\t${line}`),
  '}',
];
const isThere = ({ markers }: Words, file: string) => block('file', [`root ${markers}`, `try_files ${file}`]).join('\n');

/** Any method is answered with the whole page, also one that asks for a part of it, or for none of what it has seen. */
function maintenancePage({ markers }: Words): string[] {
  return block('route', [
    'method GET',
    'request_header -Range',
    'request_header -If-None-Match',
    'request_header -If-Modified-Since',
    `header Retry-After ${RETRY_AFTER_SECONDS}`,
    'header Cache-Control no-store',
    `rewrite * /${MAINTENANCE_FILE}`,
    ...block('file_server', [`root ${markers}`, 'status 503', 'pass_thru']),
    // Taken away since it was looked for.
    'respond 503',
  ]);
}

/** For whoever has the key: in maintenance too he is served, and told by which slot, whatever the app says about that. */
function telling({ generation }: Words): string[] {
  const tell = (to: string, slot: Slot) => block(`header ${to}`, [`${SLOT_HEADER} ${slot}`, 'defer']);
  return [
    `vars ${VERIFIED} yes`,
    `request_header -${VERIFY_HEADER}`,
    `header ${GENERATION_HEADER} "${generation}"`,
    ...block('route', [
      ...tell('@nextdeploy_closed_blue', 'blue'),
      ...tell('@nextdeploy_blue', 'blue'),
      ...tell('@nextdeploy_closed_green', 'green'),
      ...tell('@nextdeploy_green', 'green'),
      // Done before those: of what is put off, the last comes first.
      ...block('header', [`-${SLOT_HEADER}`, 'defer']),
    ]),
  ];
}

const proxyingOpen = (rendering: Rendering, isRepeated: boolean) => [
  ...proxying('@nextdeploy_blue', 'blue', rendering, isRepeated),
  ...proxying('@nextdeploy_green', 'green', rendering, isRepeated),
];

function proxying(matcher: string, slot: Slot, { words, features }: Rendering, isRepeated: boolean): string[] {
  const replicas = words[slot];
  const head = ['reverse_proxy', matcher, ...replicas].filter((word) => word !== '').join(' ');
  return block(head, proxySettings(replicas, features, isRepeated));
}

/**
 * A connection that is refused is tried again: its request was never sent. Any other failure might have reached the app, and the matcher
 * that lets Caddy repeat those is an address that no visitor has.
 */
function proxySettings(replicas: readonly string[], features: CaddyFeatures, isRepeated: boolean): string[] {
  const hasOthers = replicas.length > 1;
  const repeating = [
    'lb_try_duration 3s',
    `lb_try_interval ${hasOthers ? '50ms' : '250ms'}`,
    'lb_retry_match remote_ip 255.255.255.255',
  ];
  return [
    ...(hasOthers ? ['lb_policy least_conn', `fail_duration ${REPLICA_PAUSE_SECONDS}s`] : ['lb_policy first']),
    ...(isRepeated ? repeating : []),
    ...(features.has_stream_close_delay ? ['stream_close_delay 24h'] : []),
    ...block('transport http', [
      `dial_timeout ${hasOthers ? `${REPLICA_CONNECT_MS}ms` : '1s'}`,
      `keepalive ${UPSTREAM_KEEPALIVE_SECONDS}s`,
      `keepalive_idle_conns_per_host ${IDLE_CONNECTIONS_PER_UPSTREAM_MAX}`,
      // Else Caddy asks the app for gzip on behalf of visitors who did not, and takes it apart again for them.
      'compression off',
    ]),
  ];
}
