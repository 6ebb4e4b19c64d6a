/** What no client of ours sends: values, keys and texts that broke other programs. Pure. */
import type { Random } from './random.ts';

export const TEXTS: readonly string[] = [
  ...[
    '',
    ' ',
    '\0',
    'shop\0',
    '\u0000\u0001\u001f',
    '\r\n',
    'a\r\nX-Injected: yes',
    '\ud800',
    'shop\udfff',
    '\ufeffshop',
    '\u202eshop',
  ],
  ...[
    '../../etc/passwd',
    '..',
    '.',
    '/',
    '//',
    '/../',
    '..%2f..%2f',
    '%2e%2e/',
    '%00',
    '%',
    '%zz',
    '..\\..\\',
    'C:\\',
    '~root',
    '/proc/self/environ',
  ],
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', '__defineGetter__', 'then', 'length'],
  ...[
    '$(id)',
    '`id`',
    '; rm -rf /',
    '| cat',
    "' OR 1=1 --",
    '"; DROP TABLE apps; --',
    '{{7*7}}',
    '#{7*7}',
    '<script>',
    '%s%n%x',
    '{$env.HOME}',
    '{env.PATH}',
  ],
  ...[
    'shop}\nimport /etc/passwd',
    'a; } location / { }',
    '-rf',
    '--privileged',
    'SHOP',
    'ſhop',
    'ﬁ',
    'İ',
    'ß',
    'shop ',
    ' shop',
    '1e999',
    'NaN',
    'null',
    'undefined',
  ],
  ...['http://169.254.169.254/', 'file:///etc/passwd', 'unix:/var/run/docker.sock', '[::1]', '0x7f.1', '127.1', 'localhost:2019'],
  ...[
    'a'.repeat(41),
    'a'.repeat(254),
    'a'.repeat(70_000),
    '😀'.repeat(2_000),
    `${'a'.repeat(300)}!`,
    '-'.repeat(5_000),
    `${'a-'.repeat(3_000)}!`,
    '.'.repeat(3_000),
  ],
];

const DEEP = Array.from({ length: 200 }).reduce<unknown>((inner) => [inner], []);

const VALUES: readonly unknown[] = [
  ...[
    null,
    true,
    false,
    0,
    -0,
    -1,
    1,
    0.1,
    1e21,
    1e-7,
    2 ** 31,
    -(2 ** 31) - 1,
    2 ** 32,
    2 ** 53,
    -(2 ** 53),
    Number.MAX_VALUE,
    Number.MIN_VALUE,
  ],
  ...[[], {}, [[]], [null], { length: -1 }, { constructor: { prototype: {} } }, { toString: 1 }, { toJSON: 'x' }, { $ne: null }],
  ...[
    DEEP,
    Array.from({ length: 2_000 }, () => 0),
    Object.fromEntries(Array.from({ length: 700 }, (_, index) => [`K${index}`, 'v'])),
  ],
];

const KEYS: readonly string[] = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'valueOf',
  '',
  ' ',
  '\0',
  'ünknown',
  'a'.repeat(3_000),
  '0',
  'apps',
  'id',
  'then',
];

/** A text or value of these lists, or a number near an edge. */
export function hostileValue(random: Random): unknown {
  if (random.chance(0.55)) return random.pick(TEXTS);
  if (random.chance(0.2))
    return random.pick([2 ** 8, 2 ** 16, 2 ** 31, 2 ** 32, 2 ** 53, 65_536, 1_000, 600]) + random.below(3) - 1;
  return random.pick(VALUES);
}

/** JSON with one value, key or branch of it changed; more by calling it again. What it is given stays as it is. */
export function mutateValue(value: unknown, random: Random): unknown {
  if (Array.isArray(value) && value.length > 0 && random.chance(0.7)) return mutateList(value, random);
  if (typeof value === 'object' && value !== null && random.chance(0.9))
    return mutateFields(value as Record<string, unknown>, random);
  return hostileValue(random);
}

function mutateList(list: readonly unknown[], random: Random): unknown[] {
  const at = random.below(list.length);
  const entry = list[at];
  const changed = random.pick([
    () => [mutateValue(entry, random)],
    () => [],
    () => [entry, entry],
    () => Array.from({ length: 300 }, () => entry),
  ])();
  return list.toSpliced(at, 1, ...changed);
}

function mutateFields(fields: Record<string, unknown>, random: Random): Record<string, unknown> {
  const names = Object.keys(fields);
  const name = names.length === 0 ? random.pick(KEYS) : random.pick(names);
  const others = Object.entries(fields).filter(([each]) => each !== name);
  return random.pick([
    () => withFields([...others, [name, mutateValue(fields[name], random)]]),
    () => withFields([...others, [name, mutateValue(fields[name], random)]]),
    () => withFields([...others, [name, hostileValue(random)]]),
    () => withFields(others),
    () => withFields([...Object.entries(fields), [random.pick(KEYS), hostileValue(random)]]),
    () => withFields([...others, [random.pick(KEYS), fields[name]]]),
  ])();
}

/** Own fields, also those that an assignment would take for something else. */
function withFields(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  const made: Record<string, unknown> = {};
  for (const [name, value] of entries)
    Object.defineProperty(made, name, { value, enumerable: true, configurable: true, writable: true });
  return made;
}

/** Every form in which the same or nearly the same JSON can be written, most of them wrong. */
export function mutateText(json: string, random: Random): Buffer {
  const at = random.below(json.length + 1);
  const insert = (bytes: Buffer | string) =>
    Buffer.concat([Buffer.from(json.slice(0, at)), Buffer.from(bytes as string), Buffer.from(json.slice(at))]);
  return random.pick([
    () => Buffer.from(json.slice(0, at)),
    () => insert(random.bytes(1 + random.below(4))),
    () => insert(Buffer.from([0xc0, 0xaf])),
    () => insert(Buffer.from([0xed, 0xa0, 0x80])),
    () => insert('\\ud800'),
    () => insert('\0'),
    () => insert(random.pick(['/* */', ',', '}', '{', '"', '\\', '\\u12', '\u2028', '-', '1e999', 'NaN'])),
    () => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(json)]),
    () => Buffer.from(json, 'utf16le'),
    () => Buffer.from(`${json}${json}`),
    () => Buffer.from(json.replace('{', '{"app_name":"blog",')),
    () => Buffer.from(json.replace('{', '{"__proto__":{"role":"admin"},')),
    () => Buffer.from(json.replace('{', '{"\\u005f_proto__":{"role":"admin"},')),
    () => Buffer.from(json.replaceAll('"', "'")),
    () => Buffer.from(`${' '.repeat(random.below(50_000))}${json}`),
    () => Buffer.from('['.repeat(1 + random.below(100_000))),
    () => Buffer.from(`${'{"a":'.repeat(40)}1${'}'.repeat(40)}`),
    () => Buffer.from(`"${'x'.repeat(random.below(100_000))}"`),
    () =>
      Buffer.from(json.replace(/[0-9]+/, () => random.pick(['1e999', '-0', '1E400', '9'.repeat(400), '0x10', '01', '1.', '.5']))),
    () => random.bytes(random.below(500)),
    () => Buffer.alloc(0),
  ])();
}
