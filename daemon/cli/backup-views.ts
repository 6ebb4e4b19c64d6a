/** What a restore changes, as text. */
import type { RestoreReport } from '../contract/backup.ts';
import { table } from './format.ts';
import { printable } from './terminal.ts';

const SIGNS = { added: '+', replaced: '~', gone: '-' } as const;
const OUTCOMES = {
  serves_on: 'serves on',
  starts: 'is started',
  needs_image: 'stays stopped',
  stays_stopped: 'stays stopped',
} as const;

export function restoreLines({ applied, backup, changes, unchanged, apps, missing_images, kept_in }: RestoreReport): string[] {
  const changed = changes.map(({ kind, name, change, detail }) => [SIGNS[change], kind, printable(name), printable(detail)]);
  const outcomes = apps.map(({ name, outcome, detail }) => [name, OUTCOMES[outcome], printable(detail)]);
  const rollbacks = missing_images.filter(({ is_live }) => !is_live);
  return [
    `Backup of ${printable(backup.hostname)} of ${backup.created_at}, by NextDeploy ${printable(backup.version)}`,
    '',
    changes.length === 0 ? 'Nothing is different.' : table(['', 'WHAT', 'NAME', ''], changed),
    `${unchanged} ${unchanged === 1 ? 'thing is' : 'things are'} the same in both.`,
    ...(apps.length === 0 ? [] : ['', table(['APP', '', ''], outcomes)]),
    ...rollbacks.map(
      ({ app_name, release, image }) => `Not here, and needed for a rollback of ${app_name} to ${release}: ${printable(image)}`,
    ),
    '',
    ...(applied
      ? ['The state of the backup is in place.', ...kept_in.map((path) => `What was there before is kept in ${printable(path)}.`)]
      : ['Nothing was changed. Add --apply to restore it.']),
  ];
}
