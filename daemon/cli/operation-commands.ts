/** Commands about operations: what they did, and what becomes of those under way. */
import { type Command, Option } from 'commander';
import { type OperationState, operationStateSchema } from '../contract/domain.ts';
import { detachable } from './change-commands.ts';
import type { Act } from './context.ts';
import { operationDetails, operationTable } from './operation-views.ts';
import { tableColumns } from './terminal.ts';

interface ListFlags {
  app?: string;
  state?: OperationState;
  limit?: string;
}

export function addOperations(program: Command, act: Act): void {
  program
    .command('operations')
    .description('list operations, newest first')
    .option('--app <app>', 'of this app only')
    .addOption(new Option('--state <state>', 'in this state only').choices(operationStateSchema.options))
    .option('--limit <count>', 'at most so many')
    .action(({ app, state, limit }: ListFlags, command: Command) =>
      act(command, async ({ client, show, terminal }) => {
        const operations = await client.call('listOperations', { query: { app_name: app, state, limit } });
        await show(operations, () => operationTable(operations, tableColumns(terminal), Date.now()));
      }),
    );
  program
    .command('operation <id>')
    .description('show an operation: its steps, what its commands printed, and the evidence of what failed')
    .option('-f, --follow', 'go on to its end, and end as it does')
    .action((id: string, { follow }: { follow?: boolean }, command: Command) =>
      act(command, async ({ client, run, show, terminal }) => {
        const operation = await client.call('getOperation', { params: { id } });
        if (follow === true) return run(Promise.resolve(operation));
        await show(operation, () => operationDetails(operation, terminal.stdout.columns || 200, Date.now()));
      }),
    );
  detachable(program.command('cancel <operation>'))
    .description('undo an operation that has not switched yet, or is in its watch window: the release before it serves on')
    .action((id: string, _flags, command: Command) =>
      act(command, ({ client, run }) =>
        run(client.call('cancelOperation', { params: { id } }), { wanted: ['cancelled', 'rolled_back'] }),
      ),
    );
  detachable(program.command('keep <operation>'))
    .description("end an operation's watch window now and keep the new release")
    .action((id: string, _flags, command: Command) =>
      act(command, ({ client, run }) => run(client.call('keepRelease', { params: { id } }))),
    );
}
