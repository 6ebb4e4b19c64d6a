/** Commands that begin an operation and show it to its end. */
import { type Command, Option } from 'commander';
import { DomainError } from '../contract/errors.ts';
import { readUserFile } from '../host/user-files.ts';
import type { Act } from './context.ts';
import { describeChange, findLiveRelease } from './deploy-base.ts';
import { type DeployFlags, deployRequest } from './deploy-request.ts';
import { ask, print, printable, type Terminal } from './terminal.ts';

interface DeploySources {
  envFile?: string[];
  request?: string;
  reset?: boolean;
}

const repeated = (value: string, before: string[] | undefined) => [...(before ?? []), value];

export function addChanges(program: Command, act: Act): void {
  const detachable = (command: Command) => command.option('--detach', 'do not wait for the end');
  detachable(program.command('deploy [app]'))
    .description(
      'create an app, or replace its release, without downtime; an app that is there keeps its configuration but for what flags change',
    )
    .option('--image <reference>', 'the image, such as shop:v1')
    .option('--domain <name>', 'the domain it serves; a new app without one is a worker')
    .option('--no-domain', 'take the domain away: a worker')
    .option('--port <port>', 'a port inside the container; the first is served (repeat)', repeated)
    .option(
      '--env <key=value>',
      'a variable, or KEY alone for its value here (repeat); others see arguments, so keep secrets in a file',
      repeated,
    )
    .option('--env-file <path>', 'variables from a file (repeat)', repeated)
    .option('--unset-env <name>', 'drop a variable (repeat)', repeated)
    .addOption(new Option('--tls <mode>', 'managed certificate, or plain HTTP').choices(['auto', 'off']))
    .addOption(new Option('--health <kind>', 'how it is probed').choices(['http', 'tcp', 'none']))
    .option('--health-path <path>', 'what an HTTP probe asks for')
    .option('--health-deadline <duration>', 'how long it may take to become healthy')
    .option('--drain <duration>', 'how long the old release may finish its requests')
    .option('--stop-timeout <duration>', 'from SIGTERM to SIGKILL')
    .option('--reset', 'start from the defaults, not from what the app runs with now')
    .option('--request <path>', 'a whole request as JSON, in place of what the app runs with now; flags go over it')
    .action((app: string | undefined, flags: DeployFlags & DeploySources, command: Command) =>
      act(command, async ({ client, json, run: runOperation, terminal }) => {
        const envFiles = await Promise.all((flags.envFile ?? []).map(readUserFile));
        const request = flags.request === undefined ? undefined : await readUserFile(flags.request);
        const isExact = request !== undefined || flags.reset === true;
        const live = app === undefined || isExact ? null : await findLiveRelease(client, app);
        const sources = { envFiles, request, live: live?.configuration, environment: terminal.env };
        const body = deployRequest(app, flags, sources);
        const change = live === null || json ? null : describeChange(live, body);
        if (change !== null) await print(terminal, printable(change));
        await runOperation(client.call('deploy', { body }));
      }),
    );
  detachable(program.command('swap <app> <image>'))
    .description('swap an app to a new image, with the same configuration')
    .action((app: string, image: string, _flags, command: Command) =>
      act(command, ({ client, run: runOperation }) => runOperation(client.call('swap', { body: { app_name: app, image } }))),
    );
  detachable(program.command('rollback <app> [release]'))
    .description('bring back the previous or a named release: its image and its configuration')
    .action((app: string, release: string | undefined, _flags, command: Command) =>
      act(command, ({ client, run: runOperation }) => {
        const body = { app_name: app, ...(release === undefined ? {} : { release }) };
        return runOperation(client.call('rollback', { body }));
      }),
    );
  for (const [name, route, description] of [
    ['start', 'startApp', 'start a stopped app with the release it had'],
    ['stop', 'stopApp', 'stop an app and keep everything it needs to start again'],
    ['restart', 'restartApp', 'restart an app through its idle slot, without downtime'],
  ] as const) {
    detachable(program.command(`${name} <app>`))
      .description(description)
      .action((app: string, _flags, command: Command) =>
        act(command, ({ client, run: runOperation }) => runOperation(client.call(route, { params: { name: app } }))),
      );
  }
  detachable(program.command('remove <app>'))
    .description('remove an app with its releases and routes, after a question (`stop` keeps them)')
    .option('-y, --yes', 'do not ask')
    .addOption(new Option('--purge', 'what it does anyhow').hideHelp())
    .action((app: string, flags: { yes?: boolean }, command: Command) =>
      act(command, async ({ client, run: runOperation, terminal }) => {
        if (flags.yes !== true) await confirmRemoval(app, terminal);
        await runOperation(client.call('removeApp', { params: { name: app }, query: { purge: '1' } }));
      }),
    );
}

async function confirmRemoval(app: string, terminal: Terminal): Promise<void> {
  const answer = await ask(terminal, `Remove ${printable(app)} with its releases and routes? This cannot be undone. [y/N] `);
  if (answer !== null && /^y(es)?$/i.test(answer.trim())) return;
  const remedy = answer === null ? 'nobody can be asked here; add --yes' : 'the answer was not y';
  throw new DomainError('invalid_request', `Nothing was removed: ${remedy}.`);
}
