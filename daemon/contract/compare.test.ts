import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareConfigurations, compareReleases } from './compare.ts';
import { appConfigurationSchema } from './configuration.ts';
import type { Release } from './domain.ts';

const configuration = (more: object = {}) => appConfigurationSchema.parse(more);
const release = (more: Partial<Release> = {}): Release => ({
  id: 'r1',
  app_name: 'shop',
  state: 'live',
  image: 'shop:v1',
  image_id: `sha256:${'0'.repeat(64)}`,
  configuration: configuration(),
  nextcore: null,
  secrets: [],
  created_at: '2026-01-02T03:04:05.678Z',
  created_by: 'admin',
  operation_id: 'op-0123456789ab',
  ended_at: null,
  end_reason: null,
  ...more,
});

describe('what is different between two releases', () => {
  it('is their images by name, or by content where the name is the same', () => {
    const image_id = `sha256:${'1'.repeat(64)}`;
    expect(compareReleases(release(), release({ image: 'shop:v2', image_id }))).toEqual([
      { field: 'image', from: 'shop:v1', to: 'shop:v2' },
    ]);
    expect(compareReleases(release(), release({ image_id }))).toEqual([
      { field: 'image_id', from: release().image_id, to: image_id },
    ]);
  });

  it('is each field of their configurations, in one order whatever theirs is', () => {
    const before = configuration({ domain: 'a.test', drain_ms: 1 });
    const after = configuration({ drain_ms: 2, user: '1000', replicas: 2, aliases: [] });
    const expected = [
      { field: 'domain', from: 'a.test', to: null },
      { field: 'user', from: null, to: '1000' },
      { field: 'drain_ms', from: '1', to: '2' },
      { field: 'replicas', from: '1', to: '2' },
    ];
    expect(compareConfigurations(before, after)).toEqual(expected);
    const reversed = Object.fromEntries(Object.entries(before).toReversed()) as typeof before; // the same fields
    expect(compareConfigurations(reversed, after)).toEqual(expected);
  });

  it('is variable by variable, whatever their names', () => {
    const before = configuration({ env: { A: '1', B: '2', valueOf: 'x' } });
    const after = configuration({ env: { B: '3', constructor: '', toString: 'y' } });
    expect(compareConfigurations(before, after)).toEqual([
      { field: 'env.A', from: '1', to: null },
      { field: 'env.B', from: '2', to: '3' },
      { field: 'env.constructor', from: null, to: '' },
      { field: 'env.toString', from: null, to: 'y' },
      { field: 'env.valueOf', from: 'x', to: null },
    ]);
  });

  it('is nothing where there is none before, or only the order of keys differs', () => {
    expect(compareReleases(null, release())).toEqual([]);
    const [a, b] = [
      configuration({ limits: { cpus: 1, memory_bytes: 2 ** 30 } }),
      configuration({ limits: { memory_bytes: 2 ** 30, cpus: 1 } }),
    ];
    expect(compareConfigurations(a, b)).toEqual([]);
  });
});

const names = fc.constantFrom('a.test', 'b.test', 'c.test');
const anyConfiguration = fc
  .record(
    {
      domain: names,
      aliases: fc.array(names, { maxLength: 2 }),
      env: fc.dictionary(fc.constantFrom('A', 'B', 'constructor', 'toString'), fc.string({ maxLength: 3 })),
      replicas: fc.integer({ min: 1, max: 3 }),
      limits: fc.record({ cpus: fc.constantFrom(1, 2) }, { requiredKeys: [] }),
      health: fc.constantFrom({ kind: 'none' }, { kind: 'tcp' }, { kind: 'http', path: '/up' }),
    },
    { requiredKeys: [] },
  )
  .map(configuration);

describe('a comparison', () => {
  it('finds nothing between a configuration and itself', () => {
    fc.assert(fc.property(anyConfiguration, (one) => compareConfigurations(one, structuredClone(one)).length === 0));
  });

  it('finds the same backwards, and each field once', () => {
    fc.assert(
      fc.property(anyConfiguration, anyConfiguration, (one, other) => {
        const there = compareConfigurations(one, other);
        const back = compareConfigurations(other, one).map(({ field, from, to }) => ({ field, from: to, to: from }));
        expect(there).toEqual(back);
        expect(new Set(there.map(({ field }) => field)).size).toBe(there.length);
        for (const { from, to } of there) expect(from).not.toBe(to);
      }),
    );
  });
});
