/** Requests from the contract's table, as they should be and then changed in one to three places; as HTTP all of them are in order. */
import { bodies, goodRequest } from '../../daemon/api/test-requests.ts';
import type { Route } from '../../daemon/contract/route.ts';
import { type RouteName, routes } from '../../daemon/contract/routes.ts';
import { type CallerName, placeholderOf } from './case.ts';
import { hostileValue, mutateText, mutateValue, TEXTS } from './hostile.ts';
import type { Random } from './random.ts';
import { tame } from './tame.ts';
import { validValue } from './values.ts';

export interface Draft {
  name: RouteName;
  method: string;
  /** Encoded as it is sent. */
  path: string;
  query: string;
  headers: [name: string, value: string][];
  body: Buffer | null;
  is_on_target: boolean;
}

export const ROUTE_NAMES = Object.keys(routes) as RouteName[];
export const routeOf = (name: RouteName): Route => routes[name];

/** As the contract wants it, or nearly so: what the fields ask of each other is left to chance. */
export function draftOf(name: RouteName, caller: CallerName, random: Random): Draft {
  const route = routeOf(name);
  const params = validValue(route.params, random) as Record<string, string>;
  const path = route.path.replace(/:([a-z]+)/g, (_, key: string) => percentEncoded(String(params[key])));
  const query = Object.entries(validValue(route.query, random) as Record<string, unknown>);
  const headers: Draft['headers'] = [['Host', random.pick(['localhost', '127.0.0.1:8371'])]];
  if (caller !== 'none') headers.push(['Authorization', `Bearer ${placeholderOf(caller)}`]);
  const body = bodyOf(name, random);
  const { headers: wanted = {} } = goodRequest(name);
  if (body !== null) headers.push(['Content-Type', String(wanted['Content-Type'] ?? 'application/json')]);
  const text = query.map(([key, value]) => `${percentEncoded(key)}=${percentEncoded(String(value))}`).join('&');
  return { name, method: route.method, path, query: text, headers, body, is_on_target: true };
}

/** JSON of the schema, or one that is known to be taken; of an upload, a few bytes that are no archive. */
function bodyOf(name: RouteName, random: Random): Buffer | null {
  if (routeOf(name).kind === 'upload') return random.bytes(random.below(2_000));
  const known = bodies[name];
  if (known === undefined) return null;
  return Buffer.from(JSON.stringify(tame(random.chance(0.5) ? known : validValue(routeOf(name).body, random))));
}

export function mutated(draft: Draft, random: Random): Draft {
  const count = random.pick([1, 1, 1, 1, 2, 3]);
  let changed = draft;
  for (let done = 0; done < count; done += 1) {
    const isOfBody = random.chance(draft.body === null ? 0.05 : 0.7);
    changed = random.pick(isOfBody ? OF_BODY : OF_HEAD)(changed, random);
  }
  return changed;
}

type Mutation = (draft: Draft, random: Random) => Draft;

/** The body is what most of the contract is about; where there is none, one is too much, and enough to say so. */
const OF_BODY: readonly Mutation[] = [mutateJson, mutateJson, mutateJson, mutateBytes, resizeBody];
const OF_HEAD: readonly Mutation[] = [
  mutateQuery,
  mutateQuery,
  mutateQuery,
  mutateHeader,
  mutateHeader,
  mutateHeader,
  mutatePath,
  mutateMethod,
];

function mutateJson(draft: Draft, random: Random): Draft {
  const json = jsonOf(draft.body);
  if (json === null)
    return {
      ...draft,
      body: Buffer.from(JSON.stringify(hostileValue(random))),
      headers: withHeader(draft, 'Content-Type', 'application/json'),
    };
  let value: unknown = json;
  for (let count = 1 + random.below(2); count > 0; count -= 1) value = mutateValue(value, random);
  return { ...draft, body: Buffer.from(JSON.stringify(tame(value) ?? null)) };
}

/** Null: there is none, or it is broken already. */
function jsonOf(body: Buffer | null): object | null {
  try {
    return body === null ? null : JSON.parse(body.toString());
  } catch {
    return null;
  }
}

function mutateBytes(draft: Draft, random: Random): Draft {
  return { ...draft, body: mutateText(draft.body?.toString() ?? '{}', random) };
}

/** Around the bound of a JSON body, 1 MiB. */
function resizeBody(draft: Draft, random: Random): Draft {
  const bytes = random.pick([2 ** 20 - 1, 2 ** 20, 2 ** 20 + 1, 2 ** 21, 100, 10_000, 70_000, 70_000]);
  const body = random.pick([
    () => Buffer.alloc(bytes, ' '),
    () => Buffer.from(JSON.stringify({ app_name: 'a'.repeat(bytes) })),
    () => Buffer.alloc(bytes, '{"a":['),
  ])();
  return { ...draft, body };
}

function mutateQuery(draft: Draft, random: Random): Draft {
  const parts = draft.query === '' ? [] : draft.query.split('&');
  const text = percentEncoded(String(random.pick(TEXTS)).slice(0, 3_000));
  const added = random.pick([
    () => `${random.pick(['__proto__', 'constructor', 'wait', 'limit', 'after', 'app_name', 'x', 'apps[]', 'a[b]'])}=${text}`,
    () => parts[0] ?? 'wait=1&wait=0',
    () => text,
    () => `limit=${random.pick(['-1', '0', '1e3', '99999999999', '0x10', '1.5', 'NaN', '%00', ''])}`,
    () => '%ff=%fe',
    () => '&&&=&',
    () => `${'a=b&'.repeat(500)}`,
  ])();
  const kept = random.chance(0.3) ? parts.slice(1) : parts;
  return { ...draft, query: [...kept, added].join('&') };
}

function mutatePath(draft: Draft, random: Random): Draft {
  const segments = draft.path.split('/');
  const at = 1 + random.below(segments.length - 1);
  const text = random.pick(TEXTS).slice(0, 8_000);
  const path = random.pick([
    () => segments.with(at, percentEncoded(text)).join('/'),
    () => segments.with(at, percentEncoded(text)).join('/'),
    () =>
      segments
        .with(at, random.pick(['%', '%2', '%zz', '%00', '%ff', '%c0%ae%c0%ae', '..', '.', '%2e%2e', '%252e', '*', ':name', '']))
        .join('/'),
    () => [...segments, random.pick(['', '..', 'status', '%2f', ';x=y'])].join('/'),
    () => draft.path.toUpperCase(),
    () => `/${draft.path}`,
    () => `http://localhost${draft.path}`,
    () => `/ws${draft.path}`,
  ])();
  return { ...draft, path, is_on_target: false };
}

function mutateMethod(draft: Draft, random: Random): Draft {
  const method = random.pick([
    'GET',
    'POST',
    'DELETE',
    'PUT',
    'PATCH',
    'HEAD',
    'OPTIONS',
    'TRACE',
    'PROPFIND',
    'M-SEARCH',
    'QUERY',
  ]);
  return { ...draft, method, is_on_target: false };
}

function mutateHeader(draft: Draft, random: Random): Draft {
  const [name, value] = random.pick<[string, string]>([
    [
      'Content-Type',
      random.pick([
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=x',
        'application/json; charset=utf-16',
        'application/json;;;',
        '',
        'a'.repeat(2_000),
        'application/x-tar',
        'application/JSON',
      ]),
    ],
    ['Content-Encoding', random.pick(['gzip', 'br', 'identity, gzip', ''])],
    [
      'Host',
      random.pick(['evil.example', '', 'localhost:99999', 'localhost@evil', '127.0.0.1.evil.example', '[::1]', 'nextdeploy']),
    ],
    ['Origin', random.pick(['null', 'http://localhost', ''])],
    ['Idempotency-Key', random.pick(['k1', 'k2', 'a'.repeat(129), '__proto__', 'a b', '../x', ''])],
    ['Expect', random.pick(['100-continue', '200-ok', ''])],
    [
      'Authorization',
      random.pick([
        'Bearer',
        'Basic YTpi',
        'Bearer  ',
        `Bearer ${'a'.repeat(5_000)}`,
        'bearer null',
        'Bearer __proto__',
        `Bearer ${placeholderOf('viewer')}, Bearer ${placeholderOf('admin')}`,
      ]),
    ],
    ['Upgrade', random.pick(['h2c', 'TLS/1.0', 'websocket2'])],
    ['Connection', random.pick(['keep-alive', 'upgrade', 'close, host', 'transfer-encoding'])],
    ['X-HTTP-Method-Override', 'DELETE'],
    ['X-Forwarded-For', '127.0.0.1'],
    ['Range', 'bytes=0-1,2-3'],
    ['Cookie', `a=${'b'.repeat(4_000)}`],
    ['X-Large', 'x'.repeat(random.pick([1_000, 15_000, 16_384, 40_000]))],
    ['Accept', random.pick(['text/html', '*/*;q=0', 'application/octet-stream'])],
    ['Accept-Encoding', 'gzip, br'],
  ]);
  const many = random.chance(0.05) ? Array.from({ length: 80 }, (_, index): [string, string] => [`X-${index}`, 'x']) : [];
  return { ...draft, headers: [...withHeader(draft, name, value), ...many] };
}

function withHeader({ headers }: Draft, name: string, value: string): Draft['headers'] {
  return [...headers.filter(([each]) => each !== name), [name, value]];
}

const ENCODED: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  return /[A-Za-z0-9._~:-]/.test(character) ? character : `%${byte.toString(16).padStart(2, '0')}`;
});

/** Every byte but letters and digits, of texts that are no Unicode as well. */
export function percentEncoded(text: string): string {
  return Array.from(Buffer.from(text), (byte) => ENCODED[byte]).join('');
}

export type Framing = 'length' | 'chunked';

/** The bytes of the request, in Latin-1. `connection`: what is to happen to it afterwards, unless a header says so already. */
export function written(
  draft: Draft,
  { framing = 'length', connection = 'close' }: { framing?: Framing; connection?: string } = {},
): string {
  const { method, path, query, body } = draft;
  const headers = draft.headers.map(([name, value]) => `${name}: ${Buffer.from(value).toString('latin1')}`);
  if (!draft.headers.some(([name]) => name === 'Connection')) headers.push(`Connection: ${connection}`);
  if (body !== null) headers.push(framing === 'length' ? `Content-Length: ${body.length}` : 'Transfer-Encoding: chunked');
  const target = query === '' ? path : `${path}?${query}`;
  const sent = body === null ? '' : framing === 'length' ? body.toString('latin1') : chunked(body);
  return `${method} ${target} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n${sent}`;
}

function chunked(body: Buffer): string {
  const pieces: string[] = [];
  for (let at = 0; at < body.length; at += 5_000) {
    const piece = body.subarray(at, at + 5_000);
    pieces.push(`${piece.length.toString(16)}\r\n${piece.toString('latin1')}\r\n`);
  }
  return `${pieces.join('')}0\r\n\r\n`;
}
