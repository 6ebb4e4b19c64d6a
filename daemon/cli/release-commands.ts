/** What an app ran and runs with, and what is different between its releases. */
import type { Command } from 'commander';
import type { DaemonClient } from '../api/client.ts';
import type { Release } from '../contract/domain.ts';
import { DomainError } from '../contract/errors.ts';
import { LIMITS } from '../contract/limits.ts';
import type { Act } from './context.ts';
import { compare, comparedLines, releaseBefore, releaseDetails, releaseTable } from './release-views.ts';
import { tableColumns } from './terminal.ts';

interface ReleaseFlags {
  diff?: boolean;
  limit?: string;
}

export function addReleases(program: Command, act: Act): void {
  program
    .command('releases <app> [release] [other]')
    .description('list the releases of an app, newest first, or show one and how it differs from the one before or another')
    .option('--diff', 'say for each how it differs from the one before that has served')
    .option('--limit <count>', 'at most so many')
    .action((app: string, id: string | undefined, other: string | undefined, flags: ReleaseFlags, command: Command) =>
      act(command, async ({ client, show, terminal }) => {
        if (id !== undefined) {
          if (flags.limit !== undefined)
            throw new DomainError('invalid_request', '--limit is for the list, not for one release.');
          const compared = await compareOne(client, app, id, other);
          return show(compared, () => releaseDetails(compared));
        }
        const releases = await client.call('listReleases', { params: { name: app }, query: { limit: flags.limit } });
        const list = () => releaseTable(releases, tableColumns(terminal), Date.now());
        if (flags.diff !== true) return show(releases, list);
        const known = await knownReleases(client, app);
        const compared = releases.map((release) => compare(releaseBefore(known, release), release));
        await show(compared, () => [list(), ...compared.map((each) => ['', ...comparedLines(each)].join('\n'))].join('\n'));
      }),
    );
}

async function compareOne(client: DaemonClient, app: string, id: string, other: string | undefined) {
  const release = await client.call('getRelease', { params: { name: app, id } });
  if (other === undefined) return compare(releaseBefore(await knownReleases(client, app), release), release);
  return compare(await client.call('getRelease', { params: { name: app, id: other } }), release);
}

function knownReleases(client: DaemonClient, app: string): Promise<Release[]> {
  return client.call('listReleases', { params: { name: app }, query: { limit: LIMITS.releases_page_max } });
}
