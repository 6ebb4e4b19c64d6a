import { expect, it } from 'vitest';
import { busyProviders, busySecrets } from '../testing/busy-secrets.ts';
import { countPulled, inOrderOfScope, providerOf, providersReaching } from './providers.ts';
import { ownerOfSecret, ownerTitle } from './secrets.ts';

const titles = (providers: ReturnType<typeof busyProviders>) => providers.map((each) => ownerTitle(ownerOfSecret(each)));

it('stand in the order in which scopes do, and reach an app by its name or project alone', () => {
  const all = busyProviders();
  expect(titles(inOrderOfScope(all))).toEqual(['Global', 'Project storefront', 'App shop']);
  expect(titles(providersReaching(all, 'shop', 'storefront'))).toEqual(['Global', 'Project storefront', 'App shop']);
  expect(titles(providersReaching(all, 'docs', null))).toEqual(['Global']);
});

it('are one of a scope, and brought what is of that scope and from them', () => {
  const all = busyProviders();
  const storefront = providerOf(all, { scope: 'project', project: 'storefront' });
  expect(storefront?.provider.kind).toBe('doppler');
  expect(providerOf(all, { scope: 'project', project: 'shop' })).toBeUndefined();
  expect(countPulled(storefront!, busySecrets())).toBe(2); // it was found
});
