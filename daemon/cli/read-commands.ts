/** Commands that change nothing and end. */
import type { Command } from 'commander';
import type { Act } from './context.ts';
import { appDetails, appTable, daemonDetails, versionDetails } from './views.ts';

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
    .command('version')
    .description('show the versions of the daemon, Docker and the proxy')
    .action((_flags, command: Command) =>
      act(command, async ({ client, show }) => {
        const daemon = await client.call('getVersion');
        await show(daemon, () => versionDetails(daemon));
      }),
    );
}
