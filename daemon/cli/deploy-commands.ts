/** Commands that bring up a release. */
import type { Command } from 'commander';
import { readUserFile } from '../host/user-files.ts';
import { detachable } from './change-commands.ts';
import type { Act, Context } from './context.ts';
import { describeChange, findBase } from './deploy-base.ts';
import { addDeployFlags, addImageFlags, type DeployFlags, type DeploySources, type ImageFlags } from './deploy-flags.ts';
import { deployRequest } from './deploy-request.ts';
import { readImageFields } from './image-fields.ts';
import { print, printable } from './terminal.ts';

const SWAP_NEXTCORE =
  'what the build says of itself (JSON), shown with the release; health path and port stay as they are, for deploy to change';

export function addDeploys(program: Command, act: Act): void {
  detachable(addDeployFlags(program.command('deploy [app]')))
    .description('create an app, or replace its release, without downtime')
    .action((app: string | undefined, flags: DeployFlags & DeploySources, command: Command) =>
      act(command, (context) => deploy(app, flags, context)),
    );
  detachable(addImageFlags(program.command('swap <app> <image>'), SWAP_NEXTCORE).optionsGroup('Options:'))
    .description('swap an app to a new image, with the same configuration')
    .action((app: string, image: string, flags: ImageFlags, command: Command) =>
      act(command, async ({ client, run, terminal }) => {
        const fields = await readImageFields(flags, terminal);
        await run(client.call('swap', { body: { app_name: app, image, ...fields } }));
      }),
    );
  detachable(program.command('rollback <app> [release]'))
    .description('bring back the previous or a named release: its image and its configuration')
    .option('--code-only', "its image only; the configuration stays the live release's")
    .action((app: string, release: string | undefined, { codeOnly }: { codeOnly?: boolean }, command: Command) =>
      act(command, ({ client, run }) => {
        const body = {
          app_name: app,
          ...(release === undefined ? {} : { release }),
          ...(codeOnly === undefined ? {} : { code_only: codeOnly }),
        };
        return run(client.call('rollback', { body }));
      }),
    );
}

async function deploy(
  app: string | undefined,
  flags: DeployFlags & DeploySources,
  { client, json, run, terminal }: Context,
): Promise<void> {
  const image = await readImageFields(flags, terminal);
  const read = async (path: string) => ({ path, text: await readUserFile(path) });
  const envFiles = await Promise.all((flags.envFile ?? []).map(read));
  const request = flags.request === undefined ? undefined : await readUserFile(flags.request);
  const isExact = request !== undefined || flags.reset === true;
  const base = app === undefined || isExact ? null : await findBase(client, app);
  const sources = { envFiles, request, live: base ?? undefined, image, environment: terminal.env };
  const body = deployRequest(app, flags, sources);
  const change = base === null || json ? null : describeChange(base, body);
  for (const line of change ?? []) await print(terminal, printable(line));
  await run(client.call('deploy', { body }));
}
