import type { ProviderSettings, SecretProvider } from '../../daemon/contract/secret-providers.ts';
import type { ProviderKind, Secret, SecretOwner } from '../../daemon/contract/secrets.ts';
import { ownerName, ownerOfSecret, ownerTitle } from './secrets.ts';

export const PROVIDER_NAME: Record<ProviderKind, string> = {
  doppler: 'Doppler',
  aws_ssm: 'AWS Parameter Store',
  age: 'age file',
};

/** What a provider is asked for: `shop / prd`, `/shop/production in eu-central-1`, `/etc/nextdeploy/age/shop.age`. */
export function providerPlace(provider: ProviderSettings): string {
  switch (provider.kind) {
    case 'doppler':
      return `${provider.project} / ${provider.config}`;
    case 'aws_ssm':
      return `${provider.path} in ${provider.region}`;
    case 'age':
      return provider.file;
  }
}

/** By what it lets the daemon in, as far as anybody may know. */
export function credentialsText(provider: ProviderSettings): string {
  switch (provider.kind) {
    case 'doppler':
      return 'a service token, sealed';
    case 'aws_ssm':
      return provider.credentials === 'keys' ? 'an access key, sealed' : 'those of the host itself';
    case 'age':
      return 'an identity, sealed';
  }
}

export const isSameOwner = (one: SecretOwner, other: SecretOwner): boolean => ownerTitle(one) === ownerTitle(other);

/** The provider of exactly this scope. */
export const providerOf = (providers: readonly SecretProvider[], owner: SecretOwner): SecretProvider | undefined =>
  providers.find((each) => isSameOwner(ownerOfSecret(each), owner));

const WIDTH = { global: 0, project: 1, app: 2 } as const;

/** Wider scopes first, as secrets are listed. */
export const inOrderOfScope = (providers: readonly SecretProvider[]): SecretProvider[] =>
  providers.toSorted(
    (a, b) =>
      WIDTH[a.scope] - WIDTH[b.scope] || (ownerName(ownerOfSecret(a)) ?? '').localeCompare(ownerName(ownerOfSecret(b)) ?? ''),
  );

/** Providers that an app's next deploy asks. */
export const providersReaching = (providers: readonly SecretProvider[], app: string, project: string | null): SecretProvider[] =>
  inOrderOfScope(providers).filter(
    (each) => each.scope === 'global' || each.app_name === app || (project !== null && each.project === project),
  );

/** How many of the secrets of its scope a provider has brought. */
export const countPulled = (provider: SecretProvider, secrets: readonly Secret[]): number =>
  secrets.filter(
    (secret) => secret.origin === provider.provider.kind && isSameOwner(ownerOfSecret(secret), ownerOfSecret(provider)),
  ).length;
