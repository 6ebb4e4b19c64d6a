/** What a site of Caddy does beside passing requests on. Pure. */
import { MAINTENANCE_FILE } from '../../engine/marker-names.ts';
import { VERIFY_HEADER } from '../../engine/verify.ts';
import {
  BASIC_AUTH_REALM,
  CHALLENGE_REQUEST,
  COMPRESSED_BYTES_MIN,
  COMPRESSED_TYPES,
  matching,
  type ProxyOptions,
  splitTarget,
} from '../options.ts';
import type { CaddyFeatures } from './features.ts';
import { isThere, placeMatchers, type Rendering, type SiteOptions, servePlace, servePort, type Words } from './site.ts';
import { block, literal, signVariables, word } from './text.ts';

/** In the order in which they count: redirects, passwords, prefixes. Whoever has the key is served by the app itself. */
export function renderOptions(options: ProxyOptions, { words, features }: Rendering): SiteOptions {
  const parts = [renderPathRedirects(options), renderPasswords(options, words, features), renderPrefixes(options, features)];
  const forVisitors = parts.flatMap(({ inside }) => inside);
  const limits = [renderBodyLimit(options), renderCompression(options)];
  const unverified = block('@nextdeploy_unverified', [`not header ${VERIFY_HEADER} ${words.verify_key}`]);
  return {
    outside: [...[...limits, ...parts].flatMap(({ outside }) => outside), ...(forVisitors.length === 0 ? [] : unverified)],
    inside: [
      ...renderHeaders(options),
      ...limits.flatMap(({ inside }) => inside),
      ...(forVisitors.length === 0 ? [] : block('route @nextdeploy_unverified', forVisitors)),
    ],
  };
}

const NOTHING: SiteOptions = { outside: [], inside: [] };

/**
 * Twice: put off until the answer begins, in place of what the app says; and at once, for the answers of Caddy itself to what went wrong,
 * which never come to that point.
 */
function renderHeaders({ headers }: ProxyOptions): string[] {
  if (headers.length === 0) return [];
  const set = headers.filter(({ value }) => value !== '').map(({ name, value }) => `${name} ${literal(value)}`);
  const removed = headers.filter(({ value }) => value === '').map(({ name }) => `-${name}`);
  return [
    ...signVariables(headers.map(({ value }) => value)),
    ...(set.length === 0 ? [] : block('header', set)),
    ...block('header', [...set, ...removed, 'defer']),
  ];
}

/** By what a request says of itself before anything of its body is read, and else when it has gone too far. */
function renderBodyLimit({ body_bytes_max }: ProxyOptions): SiteOptions {
  if (body_bytes_max === null) return NOTHING;
  return {
    outside: block('@nextdeploy_too_long', [`header_regexp Content-Length ${word(numbersAbove(body_bytes_max))}`]),
    inside: ['error @nextdeploy_too_long 413', ...block('request_body', [`max_size ${body_bytes_max}`])],
  };
}

/** A regular expression, without braces, for the decimal numbers above this one. */
export function numbersAbove(bound: number): string {
  const digits = String(bound);
  const above = [...digits].flatMap((digit, index) => {
    if (digit === '9') return [];
    const rest = '[0-9]'.repeat(digits.length - index - 1);
    return [`${digits.slice(0, index)}[${Number(digit) + 1}-9]${rest}`];
  });
  const longer = `[1-9]${'[0-9]'.repeat(digits.length)}[0-9]*`;
  return `^0*(?:${[longer, ...above].join('|')})$`;
}

/**
 * Who asks for server-sent events gets them as the app sends them, its first words included, for which the compression would wait; and so
 * does whoever changes to another protocol.
 */
function renderCompression({ is_compressed }: ProxyOptions): SiteOptions {
  if (!is_compressed) return NOTHING;
  const types = ['text/html', ...COMPRESSED_TYPES].map((type) => `header Content-Type ${type}*`);
  return {
    outside: block('@nextdeploy_compressed', ['not header Accept *text/event-stream*', 'not header Connection *pgrade*']),
    inside: block('encode @nextdeploy_compressed', [
      'gzip 5',
      `minimum_length ${COMPRESSED_BYTES_MIN}`,
      ...block('match', types),
    ]),
  };
}

function renderPathRedirects({ path_redirects }: ProxyOptions): SiteOptions {
  const parts = path_redirects.map(({ decoded, to, status }, index): SiteOptions => {
    const name = `@nextdeploy_moved_${index + 1}`;
    const isPath = `path_regexp ${word(`^${matching(decoded)}$`)}`;
    const { before, keeps_query, after } = splitTarget(to);
    if (!keeps_query) return { outside: block(name, [isPath]), inside: [`redir ${name} ${literal(to)} ${status}`] };
    return {
      outside: [...block(name, [isPath]), ...block(`${name}_bare`, [isPath, 'vars {http.request.uri.query} ""'])],
      inside: [
        `redir ${name}_bare ${literal(before + after)} ${status}`,
        `redir ${name} \`${before}?{http.request.uri.query}${after}\` ${status}`,
      ],
    };
  });
  return { outside: parts.flatMap(({ outside }) => outside), inside: parts.flatMap(({ inside }) => inside) };
}

function renderPasswords({ basic_auth }: ProxyOptions, words: Words, { has_basic_auth }: CaddyFeatures): SiteOptions {
  if (basic_auth.length === 0) return NOTHING;
  const users = basic_auth.map(({ username, password_hash }) => `${word(username)} ${word(password_hash)}`);
  return {
    outside: block('@nextdeploy_guarded', [
      // As it came: another path must not be taken for one of these.
      `not vars_regexp {http.request.uri} ${word(CHALLENGE_REQUEST)}`,
      ...block('not', [isThere(words, MAINTENANCE_FILE), `vars {http.request.uri.path} "${words.exempt_path}"`]),
    ]),
    inside: [
      ...block(`${has_basic_auth ? 'basic_auth' : 'basicauth'} @nextdeploy_guarded bcrypt ${BASIC_AUTH_REALM}`, users),
      // It was for Caddy.
      'request_header -Authorization',
    ],
  };
}

function renderPrefixes({ prefixes }: ProxyOptions, features: CaddyFeatures): SiteOptions {
  const parts = prefixes.map(({ path, decoded, is_stripped, upstreams, marker_directory }, index): SiteOptions => {
    const suffix = `_${index + 1}`;
    const place = marker_directory === null ? null : { markers: marker_directory, ...upstreams, suffix };
    return {
      outside: [
        ...block(`@nextdeploy_prefix${suffix}`, [`path_regexp ${word(`^${matching(decoded)}(?:/|$)`)}`]),
        ...(place === null ? [] : placeMatchers(place)),
      ],
      inside: block(`route @nextdeploy_prefix${suffix}`, [
        ...(is_stripped ? [`uri strip_prefix ${word(path)}`] : []),
        ...(place === null ? servePort(upstreams.blue, features) : servePlace(place, features)),
      ]),
    };
  });
  return { outside: parts.flatMap(({ outside }) => outside), inside: parts.flatMap(({ inside }) => inside) };
}
