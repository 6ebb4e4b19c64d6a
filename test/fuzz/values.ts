/** Values that a schema of the contract takes, as far as a schema can tell: what its refinements ask for is met by luck alone. Pure. */
import fc from 'fast-check';
import type { z } from 'zod';
import { sampleOperation, sampleToken } from '../../daemon/api/test-server.ts';
import type { Random } from './random.ts';

/** Texts of which some fit every field; the ids stand for some that are there, see deliver.ts. */
const WORDS: readonly string[] = [
  ...['shop', 'blog', 'ghost-app', 'x1', 'admin', 'app', 'global', 'TOKEN', 'DATABASE_URL', 'PORT', 'r1', 'r2', 'r999999999'],
  ...['shop.test', 'www.shop.test', 'a.b.c.test', 'localhost', 'shop:v2', '127.0.0.1:1/shop:1.4', 'nextdeploy-tiny:v1'],
  ...['/', '/docs', '/api/health', '/data', '/run/secrets', '/etc/nextdeploy/age/x.age', '/shop/production', '/new?a=b#c'],
  ...['NET_RAW', 'CHOWN', 'SIGTERM', 'SIGRTMIN+3', '1000:1000', 'node', 'eu-central-1', 'AKIA0123456789ABCDEF', 'prd'],
  ...['2026-01-02T03:04:05.678Z', '2999-12-31T23:59:59Z', '1970-01-01T00:00:00Z', 'token:ci', 'deploy', 'http://127.0.0.1:9'],
  ...[
    'true',
    'false',
    '1',
    '0',
    '',
    'x',
    'some words',
    'X-Frame-Options',
    'DENY',
    'müller ☃ 🚀',
    'a'.repeat(40),
    'b'.repeat(5_000),
  ],
  ...[
    '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n',
    '-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n',
  ],
  ...['$2b$10$abcdefghijklmnopqrstuuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ', `AGE-SECRET-KEY-1${'Q'.repeat(58)}`],
  ...[sampleOperation.id, sampleToken.id, 'op-ffffffffffff', 'tok-ffffffffffff', `sha256:${'a'.repeat(64)}`],
];
const NUMBERS: readonly number[] = [
  0,
  1,
  2,
  3,
  8,
  10,
  80,
  100,
  200,
  301,
  308,
  404,
  500,
  1_000,
  3_000,
  5_000,
  65_535,
  2 ** 23,
  0.5,
];
const DEPTH_MAX = 6;
const ENTRIES_MAX = 3;

/** Those of the words and numbers that a field takes, found once. */
const fitting = new WeakMap<z.ZodType, readonly unknown[]>();

/** Object fields that may be left out are there every second time. */
export function validValue(schema: z.ZodType, random: Random, depth = 0): unknown {
  // Every schema is of one of these types; the union gives each definition its own fields.
  const { def } = (schema as unknown as z.core.$ZodTypes)._zod;
  const inner = (other: unknown) => validValue(other as z.ZodType, random, depth + 1);
  switch (def.type) {
    case 'object':
      return objectOf(def.shape as Record<string, z.ZodType>, random, depth);
    case 'array':
      return depth > DEPTH_MAX ? [] : Array.from({ length: random.below(ENTRIES_MAX) }, () => inner(def.element));
    case 'record':
      return Object.fromEntries(
        Array.from({ length: random.below(ENTRIES_MAX) }, () => [String(inner(def.keyType)), inner(def.valueType)]),
      );
    case 'union':
      return inner(random.pick(def.options));
    case 'enum':
      return random.pick(Object.values(def.entries));
    case 'literal':
      return random.pick(def.values);
    case 'boolean':
      return random.chance(0.5);
    case 'number':
      return random.pick(fittingOf(schema, NUMBERS));
    case 'string':
      return random.pick(fittingOf(schema, WORDS));
    case 'optional':
    case 'default':
    case 'prefault':
      return random.chance(0.5) ? inner(def.innerType) : undefined;
    case 'nullable':
      return random.chance(0.2) ? null : inner(def.innerType);
    case 'pipe':
      // Of a boolean in a query, the words are what is sent.
      return random.pick(fittingOf(schema, WORDS));
    case 'undefined':
      return undefined;
    default:
      return random.pick([...WORDS, ...NUMBERS, true, null]);
  }
}

/** Whether a field need not be there. */
const MAY_BE_ABSENT = new Set<string>(['optional', 'default', 'prefault']);

function objectOf(shape: Record<string, z.ZodType>, random: Random, depth: number): Record<string, unknown> {
  const entries = Object.entries(shape).filter(([, field]) => {
    const isOptional = MAY_BE_ABSENT.has((field as unknown as z.core.$ZodTypes)._zod.def.type);
    return !isOptional || (depth < DEPTH_MAX && random.chance(0.3));
  });
  return Object.fromEntries(entries.map(([name, field]) => [name, present(field, random, depth)]));
}

/** The field's value where it is to be there. */
function present(field: z.ZodType, random: Random, depth: number): unknown {
  const { def } = (field as unknown as z.core.$ZodTypes)._zod;
  const isWrapped = def.type === 'optional' || def.type === 'default' || def.type === 'prefault';
  return validValue(isWrapped ? (def.innerType as unknown as z.ZodType) : field, random, depth + 1);
}

function fittingOf(schema: z.ZodType, candidates: readonly unknown[]): readonly unknown[] {
  const known = fitting.get(schema);
  if (known !== undefined) return known;
  const fit = candidates.filter((candidate) => schema.safeParse(candidate).success);
  const found = fit.length > 0 ? fit : madeFor(schema);
  fitting.set(schema, found);
  return found;
}

/** For a pattern that none of the words fits: a new field of a new route, say. A word that does not fit is refused, which is a case too. */
function madeFor(schema: z.ZodType): readonly unknown[] {
  const patterns = [...((schema as unknown as { _zod: { bag: { patterns?: Set<RegExp> } } })._zod.bag.patterns ?? [])];
  for (const pattern of patterns) {
    try {
      return fc.sample(fc.stringMatching(pattern), { seed: 1, numRuns: 5 });
    } catch {
      // fast-check cannot make texts for every pattern.
    }
  }
  return ['x'];
}
