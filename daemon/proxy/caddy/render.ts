/** All routes as one Caddyfile, valid from Caddy 2.6.2 on. Pure. */
import { join } from 'node:path';
import { DomainError } from '../../contract/errors.ts';
import type { TlsMode } from '../../contract/names.ts';
import { isHttps } from '../../contract/rules.ts';
import type { RouteModel } from '../../engine/state.ts';
import type { CertificateSettings } from '../certificates.ts';
import { shortHash } from '../generation.ts';
import { optionsOf } from '../options.ts';
import { assertSafeRoute, exemptPath, isBalanced } from '../route.ts';
import type { CaddyFeatures } from './features.ts';
import { renderOptions } from './options.ts';
import { renderSite, type Words } from './site.ts';
import { block } from './text.ts';

/** Where Caddy looks through the names of a site one by one, and so finds them in any case. */
const NAMES_PER_SITE_MAX = 100;
/** No request has such a path. */
const NO_PATH = 'none';
const SHARED_TLS_MODES = ['off', 'auto'] as const satisfies TlsMode[];

/** Of this Caddy. */
export interface CaddyContext {
  features: CaddyFeatures;
  certificates: CertificateSettings;
  https_port: number;
}

/**
 * Caddy goes through its sites one after the other at each request, so all apps share one, which looks the app up by its name. A site of its
 * own has
 * - an app with replicas: what Caddy knows of an upstream's health it keeps under the word that the configuration has for it;
 * - an app with options;
 * - each name with an imported certificate: Caddy shows the first of a site's certificates for all of its names.
 *
 * Throws a DomainError for a route that needs what Caddy cannot do, and a plain Error for one that is not safe to write.
 */
export function renderCaddyfile(routes: readonly RouteModel[], context: CaddyContext): string {
  for (const route of routes) {
    assertSafeRoute(route);
    assertDirectory(route);
  }
  const pattern = patternOf(context);
  const apps = routes.map((route): App => ({ route, words: wordsOf(route, generationOf(route, context, pattern)) }));
  const plain = apps.filter(({ route }) => isPlain(route));
  const others = apps.filter(({ route }) => !isPlain(route));
  const sites = SHARED_TLS_MODES.flatMap((tls) => [
    ...renderShared(plain, tls, context),
    ...others.flatMap((app) => renderOwn(app, tls, context)),
    ...renderRedirects(routes, tls, context),
  ]);
  const imported = [
    ...apps.flatMap((app) => renderOwn(app, 'import', context)),
    ...routes.flatMap((route) => renderImportedRedirects(route, context)),
  ];
  return `${[...sites, ...imported, ...renderUpgrades(routes, context)].join('\n\n')}\n`;
}

/** Whether it can be one of the rows of the shared site. */
const isPlain = (route: RouteModel) => !isBalanced(route) && optionsOf(route) === null;

/** Another one when anything is another that the file says about this route. */
export function generationOf(route: RouteModel, context: CaddyContext, pattern = patternOf(context)): string {
  const own = [...SHARED_TLS_MODES, 'import' as const].flatMap((tls) =>
    isPlain(route) && tls !== 'import' ? [] : renderOwn({ route, words: wordsOf(route, '') }, tls, context),
  );
  return shortHash(pattern + JSON.stringify(route) + own.join('\n'));
}

/** All that is said alike about every route, with and without replicas. */
function patternOf(context: CaddyContext): string {
  const words = [SHARED, { ...SHARED, blue: [...SHARED.blue, ...SHARED.green] }];
  const sites = words.flatMap((one) => renderSite(addresses(['host'], 'off'), { words: one, features: context.features }));
  return [...sites, ...issuing('auto', context), ...issuing('import', context), upgrade(context)].join('\n');
}

interface App {
  route: RouteModel;
  words: Words;
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
function renderShared(apps: readonly App[], tls: TlsMode, context: CaddyContext): string[] {
  const { features } = context;
  const named = apps.flatMap(({ route, words }) => domainsOf(route, tls).map((domain) => ({ domain, words })));
  const values = (words: Words) => WORD_NAMES.flatMap((name) => words[name]);
  return inSites(named, features).map((site) => {
    const rows = site.map(({ domain, words }) => ({ name: domain, values: values(words) }));
    const head = addresses(
      site.map(({ domain }) => domain),
      tls,
    );
    const before = [...issuing(tls, context), ...mapByHost(values(SHARED), rows)];
    return renderSite(head, { words: SHARED, features }, before).join('\n');
  });
}

function renderOwn({ route, words }: App, tls: TlsMode, context: CaddyContext): string[] {
  const { features } = context;
  const options = optionsOf(route);
  const domains = domainsOf(route, tls);
  const groups = tls === 'import' ? domains.map((domain) => [domain]) : inSites(domains, features);
  return groups.map((group) => {
    const before = issuing(tls, context, group[0]);
    const more = options === null ? undefined : renderOptions(options, { words, features });
    return renderSite(addresses(group, tls), { words, features }, before, more).join('\n');
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

function renderRedirects(routes: readonly RouteModel[], tls: TlsMode, context: CaddyContext): string[] {
  const redirects = routes.flatMap((route) => route.redirects).filter((redirect) => redirect.tls === tls);
  return [...Map.groupBy(redirects, ({ status }) => status)].flatMap(([status, alike]) =>
    inSites(alike, context.features).map((group) => {
      const rows = group.map((redirect) => ({ name: redirect.from, values: [targetOf(redirect)] }));
      const names = group.map(({ from }) => from);
      const lines = [...mapByHost(['{nextdeploy_to}'], rows), `redir {nextdeploy_to}{uri} ${status}`];
      return block(addresses(names, tls), [...issuing(tls, context), ...lines]).join('\n');
    }),
  );
}

function renderImportedRedirects({ redirects }: RouteModel, context: CaddyContext): string[] {
  return redirects
    .filter(({ tls }) => tls === 'import')
    .map((redirect) => {
      const { from, status, tls } = redirect;
      return block(addresses([from], tls), [...issuing(tls, context, from), `redir ${targetOf(redirect)}{uri} ${status}`]).join(
        '\n',
      );
    });
}

/**
 * From plain HTTP to the same name. Caddy does that by itself, but not where the operator has a site for all names on that port, as in the
 * Caddyfile that comes with the package. (Challenges of an authority it answers before any site.)
 */
function renderUpgrades(routes: readonly RouteModel[], context: CaddyContext): string[] {
  const names = routes.flatMap(({ sites, redirects }) => [
    ...sites.filter(({ tls }) => isHttps(tls)).map(({ domain }) => domain),
    ...redirects.filter(({ tls }) => isHttps(tls)).map(({ from }) => from),
  ]);
  return inSites(names, context.features).map((group) => block(addresses(group, 'off'), [upgrade(context)]).join('\n'));
}

const upgrade = ({ https_port }: CaddyContext) => `redir https://{host}${https_port === 443 ? '' : `:${https_port}`}{uri} 308`;

const targetOf = ({ to, to_tls }: RouteModel['redirects'][number]) => `${isHttps(to_tls) ? 'https' : 'http'}://${to}`;

const addresses = (domains: readonly string[], tls: TlsMode) =>
  domains.map((domain) => (isHttps(tls) ? domain : `http://${domain}`)).join(',\n');

/** Where the certificates of a site come from, if not from Caddy as it is set. `domain`: of an imported one. */
function issuing(tls: TlsMode, { certificates }: CaddyContext, domain = ''): string[] {
  const { directory, acme_directory, acme_ca_root, email } = certificates;
  switch (tls) {
    case 'off':
      return [];
    case 'import':
      return [`tls ${join(directory, `${domain}.crt`)} ${join(directory, `${domain}.key`)}`];
    case 'auto': {
      const settings = [
        ...(acme_directory === undefined ? [] : [`dir ${acme_directory}`]),
        ...(acme_ca_root === undefined ? [] : [`trusted_roots ${acme_ca_root}`]),
        ...(email === undefined ? [] : [`email ${email}`]),
      ];
      return settings.length === 0 ? [] : block('tls', block('issuer acme', settings));
    }
  }
}
