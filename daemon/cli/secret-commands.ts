/** Secrets: set from files and standard input, never from arguments, which every user of the machine can read. */
import type { Command } from 'commander';
import { DomainError } from '../contract/errors.ts';
import { readUserFile } from '../host/user-files.ts';
import type { Act, Context } from './context.ts';
import { readEnvText } from './env-files.ts';
import { addProviders } from './provider-commands.ts';
import { confirm, type OwnerFlags, owned, ownerOf, type RollFlags, readAll, rolling, showChanged } from './secret-flags.ts';
import { secretTable } from './secret-views.ts';
import { ask, printable, type Terminal } from './terminal.ts';

export function addSecrets(program: Command, act: Act): void {
  const secrets = program.command('secrets').description('what apps are given that nobody is shown');
  owned(secrets.command('list'))
    .description('list secrets with their versions and fingerprints, never their values')
    .action((flags: OwnerFlags, command: Command) =>
      act(command, async ({ client, show }) => {
        const { app, project, global } = flags;
        const query = { ...(app && { app_name: app }), ...(project && { project }), ...(global && { scope: 'global' as const }) };
        const found = await client.call('listSecrets', { query });
        await show(found, () => secretTable(found, Date.now()));
      }),
    );
  rolling(owned(secrets.command('set <name>')))
    .description('set one secret; its value comes from standard input, or is asked for')
    .addHelpText('after', SET_HELP)
    .action((name: string, flags: OwnerFlags & RollFlags, command: Command) =>
      act(command, async (context) => {
        const value = await readValue(name, context.terminal);
        await sync(context, flags, { secrets: { [name]: value } });
      }),
    );
  rolling(owned(secrets.command('sync <file>')))
    .description('set secrets from a .env file, or from standard input for `-`')
    .option('--replace', 'remove secrets of this scope that the file does not name, but for what its provider brings')
    .option('--dry-run', 'only say what would change')
    .addHelpText('after', SYNC_HELP)
    .action((file: string, flags: OwnerFlags & RollFlags & { replace?: boolean; dryRun?: boolean }, command: Command) =>
      act(command, async (context) => {
        const text = file === '-' ? await readAll(context.terminal) : await readUserFile(file);
        const mode = flags.replace === true ? 'replace' : 'merge';
        await sync(context, flags, { secrets: parseSecrets(text, file), mode, dry_run: flags.dryRun === true });
      }),
    );
  rolling(owned(secrets.command('pull')))
    .description('pull secrets from the provider of their scope; those that were set by hand stay')
    .option('--dry-run', 'ask the provider, and only say what would change')
    .action((flags: OwnerFlags & RollFlags & { dryRun?: boolean }, command: Command) =>
      act(command, async (context) => {
        const body = { ...ownerOf(flags), dry_run: flags.dryRun === true, roll: flags.roll === true };
        await showChanged(context, await context.client.call('pullSecrets', { body }), flags);
      }),
    );
  rolling(owned(secrets.command('remove <name>')))
    .description('remove a secret; releases that run with it keep its value as long as they can serve')
    .option('-y, --yes', 'do not ask, for scripts')
    .action((name: string, flags: OwnerFlags & RollFlags & { yes?: boolean }, command: Command) =>
      act(command, async (context) => {
        const owner = ownerOf(flags);
        if (flags.yes !== true) await confirm(`This removes the secret ${printable(name)}`, name, context.terminal);
        const roll = flags.roll === true ? { roll: 'true' } : {};
        await showChanged(context, await context.client.call('removeSecret', { query: { ...owner, name, ...roll } }), flags);
      }),
    );
  addProviders(secrets, act);
  secrets
    .command('rotate-key')
    .description('take a new master key, and seal everything with it anew')
    .action((_flags, command: Command) =>
      act(command, async ({ client, show }) => {
        const rotated = await client.call('rotateSecretsKey');
        const text = `${rotated.secrets} values are sealed with the new master key ${rotated.key_id}. Keep a copy of its file.`;
        await show(rotated, () => text);
      }),
    );
}

type Sync = { secrets: Record<string, string>; mode?: 'merge' | 'replace'; dry_run?: boolean };

async function sync(context: Context, flags: OwnerFlags & RollFlags, what: Sync): Promise<void> {
  const body = { ...ownerOf(flags), ...what, roll: flags.roll === true };
  await showChanged(context, await context.client.call('syncSecrets', { body }), flags);
}

function parseSecrets(text: string, file: string): Record<string, string> {
  const secrets = readEnvText(text, file === '-' ? 'Standard input' : file);
  if (Object.keys(secrets).length > 0) return secrets;
  throw new DomainError('invalid_request', 'There is no line NAME=value in it.');
}

/** One line end at the end is the terminal's, or `echo`'s. */
async function readValue(name: string, terminal: Terminal): Promise<string> {
  const value = terminal.stdin.isTTY
    ? ((await ask(terminal, `Value of ${printable(name)} (it is shown while you type): `)) ?? '')
    : (await readAll(terminal)).replace(/\r?\n$/, '');
  if (value === '') throw new DomainError('invalid_request', `Nothing was set: ${printable(name)} got no value.`);
  return value;
}

const SET_HELP = `
Examples:
  pass show shop/stripe | nextdeploy secrets set STRIPE_KEY --app shop --roll
  openssl rand -hex 32 | nextdeploy secrets set SESSION_SECRET --global`;

const SYNC_HELP = `
An app takes over what changed with its next release: with --roll at once.

Examples:
  nextdeploy secrets sync .env.production --app shop --dry-run
  nextdeploy secrets sync .env.production --app shop --replace --roll`;
