/** Secrets as tables and lines: never a value. Pure. */
import type { ProviderSettings, SecretProvider } from '../contract/secret-providers.ts';
import type { ProviderKind, Secret, SecretsChanged } from '../contract/secrets.ts';
import { age, table } from './format.ts';

export function secretTable(secrets: readonly Secret[], now_ms: number): string {
  if (secrets.length === 0) return 'No secrets yet. Set one: nextdeploy secrets set NAME --app APP';
  const rows = secrets.map(({ name, version, fingerprint, origin, updated_at, updated_by, ...owner }) => [
    name,
    ownerWords(owner),
    `v${version}`,
    fingerprint,
    age(updated_at, now_ms),
    updated_by,
    origin === null ? 'by hand' : KINDS[origin],
  ]);
  return table(['NAME', 'OF', 'VERSION', 'FINGERPRINT', 'SET', 'BY', 'FROM'], rows);
}

const KINDS: Record<ProviderKind, string> = { doppler: 'Doppler', aws_ssm: 'AWS SSM', age: 'age' };

export function providerTable(providers: readonly SecretProvider[], now_ms: number): string {
  if (providers.length === 0) return 'No providers. Set one: nextdeploy secrets providers set --help';
  const rows = providers.map(({ provider, set_at, set_by, pulled_at, last_failure, ...owner }) => [
    ownerWords(owner),
    KINDS[provider.kind],
    placeOf(provider),
    age(set_at, now_ms),
    set_by,
    pulled_at === null ? 'never' : age(pulled_at, now_ms),
    last_failure?.message ?? '',
  ]);
  return table(['OF', 'PROVIDER', 'PLACE', 'SET', 'BY', 'PULLED', 'PROBLEM'], rows);
}

/** Such as `Doppler shop/prd of app shop`. */
export function describeProvider({ provider, ...owner }: SecretProvider): string {
  return `${KINDS[provider.kind]} ${placeOf(provider)} of ${ownerWords(owner)}`;
}

function ownerWords({ scope, project, app_name }: Pick<Secret, 'scope' | 'project' | 'app_name'>): string {
  return [scope, app_name ?? project].filter((word) => word !== null).join(' ');
}

function placeOf(provider: ProviderSettings): string {
  switch (provider.kind) {
    case 'doppler':
      return `${provider.project}/${provider.config}`;
    case 'aws_ssm':
      return `${provider.region} ${provider.path}${provider.credentials === 'host' ? ' (credentials of the server)' : ''}`;
    case 'age':
      return provider.file;
  }
}

const MARKS = { added: '+', changed: '~', removed: '-', unchanged: ' ', kept: ' ' } as const;

/** What changed, or would, and what is left to do for it to reach the apps. */
export function changedLines({ dry_run, changes, apps }: SecretsChanged, { roll }: { roll: boolean }): string[] {
  const lines = changes.map(({ name, change, version }) => {
    const to = version === null ? '' : ` (v${version})`;
    const why = change === 'kept' ? ': it was set by hand' : '';
    return `${MARKS[change]} ${name} ${change}${to}${why}`;
  });
  if (changes.every(({ change }) => change === 'unchanged' || change === 'kept')) return [...lines, 'Nothing changes.'];
  if (dry_run) return [...lines, `Nothing was changed: a dry run.${apps.length > 0 ? ` It concerns ${apps.join(', ')}.` : ''}`];
  if (roll) return lines;
  if (apps.length === 0) return [...lines, 'No running app is given it yet; deploys from now on are.'];
  return [...lines, `${apps.join(', ')}: takes it over with the next release; add --roll to bring one up at once.`];
}
