/** Providers of secrets: where they are pulled from. Credentials come from files, standard input or a question, never from arguments. */
import { parseEnv } from 'node:util';
import type { Command } from 'commander';
import { DomainError } from '../contract/errors.ts';
import type { RouteBodyInput } from '../contract/routes.ts';
import { readUserFile } from '../host/user-files.ts';
import type { Act, Context } from './context.ts';
import { type OwnerFlags, owned, ownerOf, readAll } from './secret-flags.ts';
import { describeProvider, providerTable } from './secret-views.ts';
import { ask, type Terminal } from './terminal.ts';

type ProviderInput = RouteBodyInput<'setSecretProvider'>['provider'];
interface CredentialFlags {
  credentials?: string;
}

export function addProviders(secrets: Command, act: Act): void {
  const providers = secrets.command('providers').description('where secrets are pulled from, one provider for each scope');
  providers
    .command('list')
    .description('list the providers, never their credentials')
    .action((_flags, command: Command) =>
      act(command, async ({ client, show }) => {
        const found = await client.call('listSecretProviders');
        await show(found, () => providerTable(found, Date.now()));
      }),
    );
  const set = providers.command('set').description("set a scope's provider, in place of the one it has");
  addDoppler(set, act);
  addAws(set, act);
  addAge(set, act);
  owned(providers.command('remove'))
    .description('remove the provider of a scope; the secrets that were pulled from it stay')
    .action((flags: OwnerFlags, command: Command) =>
      act(command, async ({ client, show }) => {
        const removed = await client.call('removeSecretProvider', { query: ownerOf(flags) });
        await show(removed, () => `${describeProvider(removed)} is asked no more. What was pulled from it stays.`);
      }),
    );
}

function addDoppler(set: Command, act: Act): void {
  type Flags = OwnerFlags & CredentialFlags & { dopplerProject: string; dopplerConfig: string; endpoint?: string };
  credentialed(owned(set.command('doppler')), 'the token')
    .description('a config of Doppler')
    .requiredOption('--doppler-project <project>', "Doppler's name of the project")
    .requiredOption('--doppler-config <config>', "Doppler's name of the config, such as prd")
    .option('--endpoint <url>', 'another address than that of Doppler')
    .addHelpText('after', DOPPLER_HELP)
    .action((flags: Flags, command: Command) =>
      act(command, async (context) => {
        const { dopplerProject: project, dopplerConfig: config, endpoint } = flags;
        const token = await readCredentials(flags, 'Token', context.terminal);
        await setProvider(context, flags, { kind: 'doppler', project, config, token, ...(endpoint && { endpoint }) });
      }),
    );
}

function addAws(set: Command, act: Act): void {
  type Flags = OwnerFlags & CredentialFlags & { region: string; path: string; hostCredentials?: boolean; endpoint?: string };
  credentialed(owned(set.command('aws-ssm')), 'the access key')
    .description('parameters of AWS Systems Manager')
    .requiredOption('--region <region>', 'such as eu-central-1')
    .requiredOption('--path <path>', 'parameters beneath it become secrets, such as /shop/production')
    .option('--host-credentials', 'use whatever credentials the server itself has, such as the role of its instance')
    .option('--endpoint <url>', 'another address than that of the region')
    .addHelpText('after', AWS_HELP)
    .action((flags: Flags, command: Command) =>
      act(command, async (context) => {
        const { region, path, endpoint } = flags;
        const question = 'ACCESS_KEY_ID SECRET_ACCESS_KEY';
        const keys = flags.hostCredentials ? {} : parseKeys(await readCredentials(flags, question, context.terminal));
        await setProvider(context, flags, { kind: 'aws_ssm', region, path, ...(endpoint && { endpoint }), ...keys });
      }),
    );
}

function addAge(set: Command, act: Act): void {
  type Flags = OwnerFlags & CredentialFlags & { file: string };
  credentialed(owned(set.command('age')), 'the identity, as age-keygen wrote it')
    .description('a .env file on the server that is encrypted with age')
    .requiredOption('--file <path>', 'on the server, such as /etc/nextdeploy/age/shop.env.age')
    .addHelpText('after', AGE_HELP)
    .action((flags: Flags, command: Command) =>
      act(command, async (context) => {
        const identity = parseIdentity(await readCredentials(flags, 'Identity (AGE-SECRET-KEY-1…)', context.terminal));
        await setProvider(context, flags, { kind: 'age', file: flags.file, identity });
      }),
    );
}

const credentialed = (command: Command, what: string) =>
  command.option('--credentials <file>', `read ${what} from a file, or from standard input for \`-\`; else it is asked for`);

async function setProvider({ client, show }: Context, flags: OwnerFlags, provider: ProviderInput): Promise<void> {
  const set = await client.call('setSecretProvider', { body: { ...ownerOf(flags), provider } });
  const next = 'Deploys ask it from now on; try it: nextdeploy secrets pull --dry-run';
  await show(set, () => `${describeProvider(set)} is set. ${next}`);
}

/** Without what is around them. */
async function readCredentials({ credentials }: CredentialFlags, question: string, terminal: Terminal): Promise<string> {
  const isAsked = credentials === undefined && terminal.stdin.isTTY === true;
  const text = isAsked
    ? ((await ask(terminal, `${question} (shown while you type): `)) ?? '')
    : credentials === undefined || credentials === '-'
      ? await readAll(terminal)
      : await readUserFile(credentials);
  if (text.trim() === '') throw new DomainError('invalid_request', 'Nothing was set: there were no credentials.');
  return text.trim();
}

/** Both keys, and a session token, in one line; or as `NAME=value` lines, such as in ~/.aws/credentials. */
function parseKeys(text: string): { access_key_id?: string; secret_access_key?: string; session_token?: string } {
  const lines = Object.entries(parseEnv(text)).map(([name, value]) => [name.toLowerCase(), value ?? '']);
  const named: Record<string, string | undefined> = Object.fromEntries(lines);
  const isNamed = named.aws_access_key_id !== undefined;
  const words = text.split(/\s+/);
  if (!isNamed && words.length !== 2 && words.length !== 3)
    throw new DomainError(
      'invalid_request',
      'Give ACCESS_KEY_ID SECRET_ACCESS_KEY in one line, or AWS_ACCESS_KEY_ID=… and so on.',
    );
  const [id, key, session] = isNamed ? [named.aws_access_key_id, named.aws_secret_access_key, named.aws_session_token] : words;
  return {
    ...(id && { access_key_id: id }),
    ...(key && { secret_access_key: key }),
    ...(session && { session_token: session }),
  };
}

function parseIdentity(text: string): string {
  const identities = text.split(/\s+/).filter((word) => word.startsWith('AGE-SECRET-KEY-'));
  const [identity] = identities;
  if (identity === undefined || identities.length > 1)
    throw new DomainError('invalid_request', 'Give exactly one identity, the line AGE-SECRET-KEY-1… of what age-keygen wrote.');
  return identity;
}

const DOPPLER_HELP = `
A service token that may read is enough: Doppler makes them under Project, Config, Access.

Example:
  nextdeploy secrets providers set doppler --app shop --doppler-project shop --doppler-config prd < token.txt`;

const AWS_HELP = `
/shop/production/db/url beneath --path /shop/production becomes the secret DB_URL. The credentials need ssm:GetParametersByPath, and kms:Decrypt
for secure strings.

Examples:
  nextdeploy secrets providers set aws-ssm --project shop --region eu-central-1 --path /shop/production --host-credentials
  nextdeploy secrets providers set aws-ssm --app shop --region eu-central-1 --path /shop/production --credentials keys.env`;

const AGE_HELP = `
The file lies beneath a directory that secrets.age_directories of the server's configuration allows: /etc/nextdeploy/age unless it says otherwise.

Examples:
  age --recipient age1… --output /etc/nextdeploy/age/shop.env.age .env.production
  nextdeploy secrets providers set age --app shop --file /etc/nextdeploy/age/shop.env.age --credentials key.txt`;
