/** Commands that change an app that is there. Each begins an operation and shows it to its end. */
import { Argument, type Command, Option } from 'commander';
import { DomainError } from '../contract/errors.ts';
import { confirmByName } from './confirm.ts';
import type { Act } from './context.ts';
import { whole } from './flag-values.ts';
import { printable } from './terminal.ts';

export const detachable = (command: Command) => command.option('--detach', 'do not wait for the end');

export function addChanges(program: Command, act: Act): void {
  for (const [name, route, description] of [
    ['start', 'startApp', 'start a stopped app with the release it had'],
    ['stop', 'stopApp', 'stop an app and keep everything it needs to start again'],
    ['restart', 'restartApp', 'restart an app through its idle slot, without downtime'],
  ] as const) {
    detachable(program.command(`${name} <app>`))
      .description(description)
      .action((app: string, _flags, command: Command) =>
        act(command, ({ client, run }) => run(client.call(route, { params: { name: app } }))),
      );
  }
  detachable(program.command('scale <app> <replicas>'))
    .description('set how many replicas of an app run, balanced by the proxy')
    .action((app: string, count: string, _flags, command: Command) =>
      act(command, async ({ client, run }) => {
        const replicas = whole('The number of replicas', count);
        await run(client.call('scaleApp', { params: { name: app }, body: { replicas } }));
      }),
    );
  detachable(program.command('maintenance <app>'))
    .description('answer visitors with a maintenance page (503), or serve them again; health paths keep answering')
    .addArgument(new Argument('<on|off>').choices(['on', 'off']))
    .option('--message <text>', 'what the page says')
    .action((app: string, to: string, { message }: { message?: string }, command: Command) =>
      act(command, async ({ client, run }) => {
        const enabled = to === 'on';
        if (!enabled && message !== undefined)
          throw new DomainError('invalid_request', '--message goes with maintenance APP on.');
        const body = { enabled, ...(message === undefined ? {} : { message }) };
        await run(client.call('setMaintenance', { params: { name: app }, body }));
      }),
    );
  addRemoval(program, act);
}

function addRemoval(program: Command, act: Act): void {
  detachable(program.command('remove <app>'))
    .description('remove an app with its releases and routes, when its name is typed once more (`stop` keeps them)')
    .option('-y, --yes', 'do not ask, for scripts')
    .addOption(new Option('--purge', 'what it does anyhow').hideHelp())
    .action((app: string, flags: { yes?: boolean }, command: Command) =>
      act(command, async ({ client, run, terminal }) => {
        if (flags.yes !== true) {
          const what = `This removes ${printable(app)} with its releases and routes`;
          await confirmByName(terminal, app, { what, nothing: 'Nothing was removed' });
        }
        await run(client.call('removeApp', { params: { name: app }, query: { purge: '1' } }));
      }),
    );
}
