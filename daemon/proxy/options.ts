/** What routes do beyond passing requests on, as both proxies need it. Pure. */
import { PATTERNS, RESERVED_HEADERS } from '../contract/rules.ts';
import type { RouteModel, RouteOptions, RoutePrefix } from '../engine/state.ts';

const PASSWORD_HASH = /^\$2[by]\$(?:0[4-9]|1[0-6])\$[./A-Za-z0-9]{53}$/;
const USERNAME = /^[A-Za-z0-9._@-]{1,64}$/;
const HEADER_NAME = /^[A-Za-z][A-Za-z0-9_-]{0,255}$/;
const HEADER_VALUE = /^[\x20-\x7e]*$/;
const REDIRECT_TARGET = /^(?:https?:\/\/[A-Za-z0-9.-]+(?::[0-9]{1,5})?)?\/(?!\/)[A-Za-z0-9\-._~!$&'()*+,;=:@%/?#]*$/;

export const BASIC_AUTH_REALM = 'restricted';
/** Where an authority looks for what it has asked for, RFC 8555 §8.3. */
export const CHALLENGE_PATH = '/.well-known/acme-challenge/';
/** A request for it as it came, so that nothing else is taken for one. Means the same in both proxies. */
export const CHALLENGE_REQUEST = '^/\\.well-known/acme-challenge/[A-Za-z0-9_-]+(?:\\?|$)';

/**
 * What is compressed where that is wanted: never a stream of server-sent events (`text/event-stream`), which would be held up, and nothing
 * that is compressed in itself.
 */
export const COMPRESSED_TYPES = [
  'application/javascript',
  'application/json',
  'application/ld+json',
  'application/manifest+json',
  'application/rss+xml',
  'application/wasm',
  'application/xml',
  'image/svg+xml',
  'text/css',
  'text/javascript',
  'text/markdown',
  'text/plain',
  'text/x-component',
  'text/xml',
] as const;
export const COMPRESSED_BYTES_MIN = 1_024;

/** As the proxies take it: paths decoded and without a slash at their end, the longest first. */
export type ProxyPrefix = RoutePrefix & { decoded: string };
export interface ProxyOptions extends RouteOptions {
  prefixes: ProxyPrefix[];
  path_redirects: (RouteOptions['path_redirects'][number] & { decoded: string })[];
}

/** Null for a route that only passes requests on. */
export function optionsOf({ options }: RouteModel): ProxyOptions | null {
  if (options === undefined) return null;
  const { headers, basic_auth, body_bytes_max, is_compressed, prefixes, path_redirects } = options;
  const isPlain = body_bytes_max === null && !is_compressed;
  if (isPlain && [headers, basic_auth, prefixes, path_redirects].every(({ length }) => length === 0)) return null;
  const seen = prefixes.map((prefix) => {
    const path = prefix.path.replace(/\/+$/, '');
    return { ...prefix, path, decoded: decodePath(path) ?? path };
  });
  return {
    ...options,
    prefixes: seen.toSorted((a, b) => b.decoded.length - a.decoded.length),
    path_redirects: path_redirects.map((redirect) => ({ ...redirect, decoded: decodePath(redirect.from) ?? redirect.from })),
  };
}

/**
 * The target with the request's query, which the proxy has in `query` with a question mark before it, or as the empty text: unless it has
 * one of its own, or is at another place.
 */
export function splitTarget(to: string): { before: string; keeps_query: boolean; after: string } {
  const [, before = to, after = ''] = /^([^#]*)(#.*)?$/.exec(to) ?? [];
  return { before, keeps_query: to.startsWith('/') && !before.includes('?'), after };
}

/** A regular expression for exactly this text, in the dialects of both proxies, without any sign that their configurations know. */
export function matching(text: string): string {
  return text.replace(
    /[^A-Za-z0-9/_\-\u0080-\u{10ffff}]/gu,
    (sign) => `\\x${(sign.codePointAt(0) ?? 0).toString(16).padStart(2, '0')}`,
  );
}

/**
 * As the proxies see a path in a request: decoded, with single slashes. Null where that is no path of printable characters, which no
 * request could be compared with, or has dot segments, which are resolved before.
 */
export function decodePath(path: string): string | null {
  try {
    const decoded = decodeURIComponent(path).replace(/\/{2,}/g, '/');
    const isPlain = PATTERNS.printable.test(decoded) && !/\/\.\.?(?:\/|$)/.test(decoded);
    return isPlain ? decoded : null;
  } catch {
    return null;
  }
}

type Check = (isSafe: boolean, what: string, value: string) => void;

/** The second door of options; `check` throws. */
export function assertSafeOptions(options: RouteOptions, check: Check, checkPlace: (prefix: RoutePrefix) => void): void {
  const { headers, basic_auth, body_bytes_max, prefixes, path_redirects } = options;
  for (const { name, value } of headers) {
    check(HEADER_NAME.test(name) && !RESERVED_HEADERS.has(name.toLowerCase()), 'header', name);
    check(HEADER_VALUE.test(value), 'value of a header', value);
  }
  for (const { username, password_hash } of basic_auth) {
    check(USERNAME.test(username), 'user', username);
    check(PASSWORD_HASH.test(password_hash), 'hash of a password of', username);
  }
  const isLimit = body_bytes_max === null || (Number.isSafeInteger(body_bytes_max) && body_bytes_max > 0);
  check(isLimit, 'limit of bodies', String(body_bytes_max));
  for (const prefix of prefixes) {
    checkPath(prefix.path, 'prefix', check);
    check(prefix.path.replace(/\/+$/, '') !== '', 'prefix', prefix.path);
    checkPlace(prefix);
  }
  for (const { from, to, status } of path_redirects) {
    checkPath(from, 'path', check);
    check(REDIRECT_TARGET.test(to), 'target', to);
    check([301, 302, 307, 308].includes(status), 'status', String(status));
  }
  checkOnce(
    headers.map(({ name }) => name.toLowerCase()),
    'header',
    check,
  );
  checkOnce(
    basic_auth.map(({ username }) => username),
    'user',
    check,
  );
  checkOnce(
    prefixes.map(({ path }) => decodePath(path.replace(/\/+$/, '')) ?? path),
    'prefix',
    check,
  );
  checkOnce(
    path_redirects.map(({ from }) => decodePath(from) ?? from),
    'path',
    check,
  );
}

function checkPath(path: string, what: string, check: Check): void {
  check(path.startsWith('/') && /^[\x21-\x7e]*$/.test(path) && decodePath(path) !== null, what, path);
}

/** Twice the same would keep a proxy from loading anything at all. */
function checkOnce(values: readonly string[], what: string, check: Check): void {
  for (const [index, value] of values.entries()) check(values.indexOf(value) === index, `${what}, which is there twice,`, value);
}
