/** Commands that change nothing and end. */
import { type Command, Option } from 'commander';
import type { Operation } from '../contract/domain.ts';
import type { Act } from './context.ts';
import { tableColumns } from './terminal.ts';
import { appDetails, appTable, daemonDetails, operationDetails, operationTable, releaseTable, versionDetails } from './views.ts';

export function addReads(program: Command, act: Act): void {
  program
    .command('status [app]')
    .description('show the daemon and all apps, or one app in full')
    .action((app: string | undefined, _flags, command: Command) =>
      act(command, async ({ client, show }) => {
        if (app !== undefined) {
          const status = await client.call('getAppStatus', { params: { name: app } });
          return show(status, () => appDetails(status, Date.now()));
        }
        const [daemon, health, metrics, apps] = await Promise.all([
          client.call('getVersion'),
          client.call('getHealth'),
          client.call('getSystemMetrics'),
          client.call('listApps'),
        ]);
        await show(
          { daemon, health, metrics, apps },
          () => `${daemonDetails(daemon, health, metrics)}\n\n${appTable(apps, Date.now())}`,
        );
      }),
    );
  program
    .command('apps')
    .description('list all apps')
    .action((_flags, command: Command) =>
      act(command, async ({ client, show }) => {
        const apps = await client.call('listApps');
        await show(apps, () => appTable(apps, Date.now()));
      }),
    );
  program
    .command('releases <app>')
    .description('list the releases of an app, newest first')
    .option('--limit <count>', 'at most so many')
    .action((app: string, { limit }: { limit?: string }, command: Command) =>
      act(command, async ({ client, show, terminal }) => {
        const releases = await client.call('listReleases', { params: { name: app }, query: { limit } });
        await show(releases, () => releaseTable(releases, tableColumns(terminal), Date.now()));
      }),
    );
  program
    .command('operations [id]')
    .description('list operations, newest first, or show one with its steps and evidence')
    .option('--app <app>', 'of this app only')
    .addOption(
      new Option('--state <state>', 'in this state only').choices(['running', 'succeeded', 'failed', 'cancelled', 'stuck']),
    )
    .option('--limit <count>', 'at most so many')
    .action((id: string | undefined, flags: { app?: string; state?: Operation['state']; limit?: string }, command: Command) =>
      act(command, async ({ client, show, terminal }) => {
        if (id !== undefined) {
          const operation = await client.call('getOperation', { params: { id } });
          return show(operation, () => operationDetails(operation, terminal.stdout.columns || 200, Date.now()));
        }
        const query = { app_name: flags.app, state: flags.state, limit: flags.limit };
        const operations = await client.call('listOperations', { query });
        await show(operations, () => operationTable(operations, tableColumns(terminal), Date.now()));
      }),
    );
  program
    .command('version')
    .description('show the versions of the daemon, Docker and the proxy')
    .action((_flags, command: Command) =>
      act(command, async ({ client, show }) => {
        const daemon = await client.call('getVersion');
        await show(daemon, () => versionDetails(daemon));
      }),
    );
}
