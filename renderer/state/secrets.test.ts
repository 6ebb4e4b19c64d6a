import { describe, expect, it } from 'vitest';
import type { SecretOwner, SecretPin } from '../../daemon/contract/secrets.ts';
import { secret } from '../testing/scripted-secrets.ts';
import { app, release } from '../testing/world.ts';
import {
  appsReached,
  changesText,
  concernedByRemoval,
  givenSecrets,
  givenText,
  groupSecrets,
  inOrderOfChange,
  pendingNames,
  projectsOf,
  releasesByVersion,
  secretGoes,
  secretStays,
} from './secrets.ts';

const GLOBAL: SecretOwner = { scope: 'global' };
const PROJECT: SecretOwner = { scope: 'project', project: 'storefront' };
const SHOP: SecretOwner = { scope: 'app', app_name: 'shop' };
const set = (owner: SecretOwner, name: string, versions = 1) =>
  secret(
    owner,
    name,
    Array.from({ length: versions }, (_, index) => [`value ${index}`, 1000 * index, 'anna'] as [string, number, string]),
  );
const pin = (owner: SecretOwner, name: string, version: number): SecretPin => {
  const { scope, project, app_name } = set(owner, name);
  return { scope, project, app_name, name, version };
};
const shop = (secrets: SecretPin[], inject: 'env' | 'none' = 'env') => ({
  app: app('shop', { release: 'r2' }),
  releases: [
    release('shop', 2, 'shop:v2', { state: 'live', secrets, configuration: { project: 'storefront', secrets: { inject } } }),
    release('shop', 1, 'shop:v1', { secrets }),
    release('shop', 3, 'shop:v3', { state: 'failed', secrets }),
  ],
});
const docs = {
  app: app('docs', { release: 'r1' }),
  releases: [release('docs', 1, 'docs:v1', { state: 'live', configuration: { project: 'storefront' } })],
};

describe('secrets of a host', () => {
  it('stand together by whom they are given to', () => {
    const groups = groupSecrets([set(GLOBAL, 'A'), set(PROJECT, 'A'), set(PROJECT, 'B'), set(SHOP, 'A')]);
    expect(groups.map(({ title, secrets }) => [title, secrets.map(({ name }) => name)])).toEqual([
      ['Global', ['A']],
      ['Project storefront', ['A', 'B']],
      ['App shop', ['A']],
    ]);
  });

  it('name projects, as releases do', () => {
    expect(projectsOf([set(GLOBAL, 'A'), set(PROJECT, 'A')], [...docs.releases, release('x', 1, 'x:v1')])).toEqual([
      'storefront',
    ]);
  });

  it('reach the apps that take secrets and belong to the scope', () => {
    expect(appsReached(GLOBAL, [shop([]), docs])).toEqual(['shop', 'docs']);
    expect(appsReached(SHOP, [shop([]), docs])).toEqual(['shop']);
    expect(appsReached({ scope: 'project', project: 'other' }, [shop([]), docs])).toEqual([]);
    expect(appsReached(GLOBAL, [shop([], 'none'), docs])).toEqual(['docs']);
  });
});

describe('what an app is given', () => {
  const secrets = [set(GLOBAL, 'A'), set(GLOBAL, 'B', 2), set(PROJECT, 'A', 3), set(SHOP, 'A', 5), set(SHOP, 'C')];
  const other = [set({ scope: 'app', app_name: 'docs' }, 'D'), set({ scope: 'project', project: 'other' }, 'E')];
  const lines = (pins: SecretPin[], project: string | null = 'storefront') =>
    givenSecrets([...secrets, ...other], 'shop', project, pins).map((given) => {
      const text = givenText(given, 'r2');
      return `${given.id}: ${given.state}${text === null ? '' : `, ${text}`}`;
    });

  it('is every scope that reaches it, the narrower before the wider that it hides', () => {
    expect(lines([])).toEqual([
      'app shop A: next, r2 is without it',
      'project storefront A: hidden, the app’s own is given in its place',
      'global A: hidden, the app’s own is given in its place',
      'global B: next, r2 is without it',
      'app shop C: next, r2 is without it',
    ]);
    expect(lines([], null)).toHaveLength(4);
  });

  it('is told from what the live release runs with: as it is, older, hidden since, and removed since', () => {
    const pins = [pin(GLOBAL, 'B', 1), pin(PROJECT, 'A', 2), pin(SHOP, 'C', 1), pin(SHOP, 'GONE', 4)];
    expect(lines(pins)).toEqual([
      'app shop A: next, r2 is without it',
      'project storefront A: leaving, hidden by the app’s own; r2 runs with version 2',
      'global A: hidden, the app’s own is given in its place',
      'global B: next, r2 runs with version 1',
      'app shop C: live',
      'app shop GONE: leaving, removed; r2 runs with version 4',
    ]);
    expect(pendingNames(givenSecrets(secrets, 'shop', 'storefront', pins))).toEqual(['A', 'B', 'GONE']);
  });

  it('says nothing of a live release where there is none', () => {
    expect(givenSecrets(secrets, 'shop', null, []).map((given) => givenText(given, null))).toContain(null);
  });
});

describe('who runs with a secret', () => {
  const own = set(SHOP, 'A', 3);

  it('is every release that can serve, by version', () => {
    expect([...releasesByVersion(own, [shop([pin(SHOP, 'A', 2)]), docs])]).toEqual([[2, 'shop r2 (live), r1']]);
  });

  it('keeps it after a removal; the next release is given a wider one, or none', () => {
    const apps = [shop([pin(SHOP, 'A', 2)]), docs];
    expect(secretStays(own, apps)).toEqual(['version 2, for shop r2 (live), r1']);
    expect(secretStays(set(GLOBAL, 'Z'), apps)).toEqual(['nothing: no release runs with it']);
    expect(secretGoes(own, [own, set(GLOBAL, 'A'), set(PROJECT, 'A')], apps)).toEqual([
      'its value and its 2 older versions, from the secrets of shop',
      'the next release of shop is given that of the project storefront in its place',
    ]);
    expect(secretGoes(own, [own, set(GLOBAL, 'A')], apps)[1]).toMatch(/the global one in its place$/);
  });

  it('is not concerned where a narrower one hides what is removed', () => {
    const wide = set(GLOBAL, 'A');
    expect(concernedByRemoval(wide, [wide, own], [shop([]), docs])).toEqual(['docs']);
    expect(secretGoes(wide, [wide, own], [shop([]), docs])).toEqual([
      'its value, from the global secrets',
      'the next release of docs is without it',
    ]);
  });
});

it('tells what takes something away first, and counts the rest', () => {
  const change = (name: string, kind: 'added' | 'changed' | 'unchanged' | 'removed') =>
    ({ name, change: kind, version: 1, fingerprint: '' }) as const;
  const changes = [change('A', 'unchanged'), change('B', 'added'), change('C', 'removed'), change('D', 'added')];
  expect(inOrderOfChange(changes).map(({ name }) => name)).toEqual(['C', 'B', 'D', 'A']);
  expect(changesText(changes)).toBe('1 removed, 2 added, 1 unchanged');
});
