import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { configurationOf, deployRequestSchema } from './configuration.ts';
import { type FieldError, toInvalidRequest } from './errors.ts';

/** The first field a deploy is refused for, and what is said of it; null: it is accepted. */
function complaint(value: unknown): FieldError | null {
  const parsed = deployRequestSchema.safeParse(value);
  if (parsed.success) return null;
  const { details } = toInvalidRequest(parsed.error, 'body');
  return (details as FieldError[])[0] ?? { field: '(none)', message: '' }; // toInvalidRequest puts exactly these there
}

const request = { app_name: 'shop', image: 'shop:v1', domain: 'shop.test' };
const nextcore = (more: object) => ({ next_version: '16.0.1', output: 'standalone', build_id: 'b1', ...more });

describe('any input', () => {
  const key = fc.oneof(
    fc.string(),
    fc.constantFrom('__proto__', 'constructor', 'toString', 'kind', 'env', 'from', 'target', 'path'),
  );
  const anything = fc.anything({ key, maxDepth: 4, withBigInt: true, withDate: true, withMap: true, withNullPrototype: true });
  const fields = Object.keys(deployRequestSchema.shape);
  /** Near to a request: its fields, some right, some filled with anything. */
  const nearly = fc
    .tuple(
      fc.dictionary(fc.constantFrom(...fields), anything, { noNullPrototype: true }),
      fc.dictionary(key, anything, { maxKeys: 1 }),
    )
    .map(([wrong, unknown]) => ({ ...request, ...wrong, ...unknown }));

  it('is accepted, or refused with the name of a field', () => {
    fc.assert(
      fc.property(nearly, (value) => {
        const said = complaint(value);
        // The empty name is a field's name, too.
        if (said === null || Object.hasOwn(value, '')) return;
        expect(said.field).not.toBe('');
        expect(fields.includes(said.field.split('.', 1)[0] ?? '') || Object.keys(value).includes(said.field)).toBe(true);
        expect(said.message).not.toBe('');
      }),
    );
  });

  it('that is no object is refused whole', () => {
    fc.assert(
      fc.property(anything, (value) => {
        const said = complaint(value);
        expect(said).not.toBeNull();
        if (typeof value !== 'object' || value === null || Array.isArray(value)) expect(said?.field).toBe('');
      }),
    );
  });

  it('that was accepted is accepted once more, and the same', () => {
    const name = fc.constantFrom('a.test', 'b.test', 'c.test', 'd.test');
    const valid = fc.record(
      {
        app_name: fc.constant('shop'),
        image: fc.constant('shop:v1'),
        domain: name,
        aliases: fc.array(name, { maxLength: 3 }),
        redirects: fc.array(fc.record({ from: name, to: name }, { requiredKeys: ['from'] }), { maxLength: 3 }),
        ports: fc.array(fc.integer({ min: 1, max: 65_535 }), { minLength: 1, maxLength: 3 }),
        env: fc.dictionary(fc.stringMatching(/^[A-Z_]{1,9}$/), fc.string()),
        replicas: fc.integer({ min: 1, max: 8 }),
        health: fc.constantFrom({ kind: 'tcp' }, { kind: 'none' }, { kind: 'http', path: '/up' }),
      },
      { requiredKeys: ['app_name', 'image'] },
    );
    fc.assert(
      fc.property(valid, (value) => {
        const parsed = deployRequestSchema.safeParse(value);
        if (!parsed.success) {
          expect(complaint(value)?.field).toMatch(/^(aliases|redirects)/);
          return;
        }
        expect(deployRequestSchema.parse(parsed.data)).toEqual(parsed.data);
        expect(deployRequestSchema.parse(JSON.parse(JSON.stringify(parsed.data)))).toEqual(parsed.data);
      }),
    );
  });

  it('of a megabyte is judged at once', () => {
    const long = 'a-'.repeat(500_000);
    const started = performance.now();
    for (const text of [long, `/${long}`, `/${'/.'.repeat(500_000)}`, `${'a.'.repeat(500_000)}:80`, ' '.repeat(1_000_000)]) {
      const more = {
        image: text,
        domain: text,
        user: text,
        health: { kind: 'http', path: text },
        volumes: [{ kind: 'bind', source: text, target: text }],
        env: { [text]: '' },
      };
      expect(complaint({ ...request, ...more })).not.toBeNull();
    }
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

describe('what a deploy leaves open', () => {
  const host = { proxy: 'nginx', replicas: 3 } as const;

  it("is decided by the build's word, then by the host", () => {
    const parsed = deployRequestSchema.parse({ ...request, nextcore: nextcore({ port: 8080, health_path: '/up' }) });
    expect(configurationOf(parsed, host)).toMatchObject({
      proxy: 'nginx',
      replicas: 3,
      ports: [8080],
      health: { kind: 'http', path: '/up', retries: 3 },
    });
    const bare = configurationOf(deployRequestSchema.parse(request), host);
    expect(bare).toMatchObject({ ports: [3000], health: { kind: 'http', path: '/' } });
    for (const field of ['app_name', 'image', 'registry', 'pull', 'nextcore']) expect(bare).not.toHaveProperty(field);
  });

  it('is not decided where the request says it', () => {
    const asked = {
      ...request,
      ports: [1],
      proxy: 'caddy',
      replicas: 2,
      health: { kind: 'none' },
      nextcore: nextcore({ port: 8080 }),
    };
    expect(configurationOf(deployRequestSchema.parse(asked), host)).toMatchObject({
      ports: [1],
      proxy: 'caddy',
      replicas: 2,
      health: { kind: 'none' },
    });
  });
});
