/** Secrets as tables and lines: never a value. Pure. */
import type { Secret, SecretsChanged } from '../contract/secrets.ts';
import { age, table } from './format.ts';

export function secretTable(secrets: readonly Secret[], now_ms: number): string {
  if (secrets.length === 0) return 'No secrets yet. Set one: nextdeploy secrets set NAME --app APP';
  const rows = secrets.map(({ name, scope, project, app_name, version, fingerprint, updated_at, updated_by }) => [
    name,
    [scope, app_name ?? project].filter((word) => word !== null).join(' '),
    `v${version}`,
    fingerprint,
    age(updated_at, now_ms),
    updated_by,
  ]);
  return table(['NAME', 'OF', 'VERSION', 'FINGERPRINT', 'SET', 'BY'], rows);
}

const MARKS = { added: '+', changed: '~', removed: '-', unchanged: ' ' } as const;

/** What changed, or would, and what is left to do for it to reach the apps. */
export function changedLines({ dry_run, changes, apps }: SecretsChanged, { roll }: { roll: boolean }): string[] {
  const lines = changes.map(({ name, change, version }) => {
    const to = version === null ? '' : ` (v${version})`;
    return `${MARKS[change]} ${name} ${change}${to}`;
  });
  if (changes.every(({ change }) => change === 'unchanged')) return [...lines, 'Nothing changes.'];
  if (dry_run) return [...lines, `Nothing was changed: a dry run.${apps.length > 0 ? ` It concerns ${apps.join(', ')}.` : ''}`];
  if (roll) return lines;
  if (apps.length === 0) return [...lines, 'No running app is given it yet; deploys from now on are.'];
  return [...lines, `${apps.join(', ')}: takes it over with the next release; add --roll to bring one up at once.`];
}
