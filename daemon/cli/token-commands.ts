/** Commands about who may call the daemon. */
import { type Command, Option } from 'commander';
import type { Token } from '../contract/access.ts';
import { type Role, roleSchema } from '../contract/domain.ts';
import { DomainError } from '../contract/errors.ts';
import { createdNote, tokenTable } from './access-views.ts';
import { confirmByName } from './confirm.ts';
import type { Act } from './context.ts';
import { repeated, time } from './flag-values.ts';
import { complain, printable } from './terminal.ts';

interface CreateFlags {
  role: Role;
  app?: string[];
  expires?: string;
}

export function addTokens(program: Command, act: Act): void {
  const tokens = program
    .command('tokens')
    .description('tokens for those who call the daemon, beside the one of its configuration');
  tokens
    .command('list')
    .description('list the tokens, and those that expired or were revoked lately; never their text')
    .action((_flags, command: Command) =>
      act(command, async ({ client, show }) => {
        const all = await client.call('listTokens');
        await show(all, () => tokenTable(all, Date.now()));
      }),
    );
  tokens
    .command('create <name>')
    .description('make a token; its text is printed now and never again, alone on standard output')
    .addOption(new Option('--role <role>', 'what it may do at most').choices(roleSchema.options).makeOptionMandatory())
    .option('--app <app>', 'it may see and change this app alone (repeat)', repeated)
    .option('--expires <when>', 'after 12h, 90d …, or at a time such as 2027-01-02T03:04:05Z; default: never')
    .addHelpText('after', CREATE_HELP)
    .action((name: string, { role, app, expires }: CreateFlags, command: Command) =>
      act(command, async ({ client, show, terminal }) => {
        const expires_at = expires === undefined ? {} : { expires_at: time('--expires', expires, Date.now(), 'ahead') };
        const body = { name, role, ...(app === undefined ? {} : { apps: app }), ...expires_at };
        const made = await client.call('createToken', { body });
        await complain(terminal, printable(createdNote(made)));
        await show(made, () => made.token);
      }),
    );
  tokens
    .command('revoke <name>')
    .description('shut the bearer of a token out at once, when its name is typed once more; what it has open is closed')
    .option('-y, --yes', 'do not ask, for scripts')
    .addHelpText('after', REVOKE_HELP)
    .action((name: string, { yes }: { yes?: boolean }, command: Command) =>
      act(command, async ({ client, show, terminal }) => {
        const token = findToken(await client.call('listTokens'), name);
        if (yes !== true) {
          const what = `This revokes the token ${token.name} (${token.role} of ${token.apps?.join(', ') ?? 'all apps'})`;
          await confirmByName(terminal, token.name, { what, nothing: 'Nothing was revoked' });
        }
        const revoked = await client.call('revokeToken', { params: { id: token.id } });
        await show(revoked, () => `${revoked.name} is revoked; what its bearer had open is closed.`);
      }),
    );
}

/** By id, or the one of this name that is not revoked yet. @throws DomainError `not_found` */
function findToken(tokens: readonly Token[], name: string): Token {
  const found =
    tokens.find(({ id }) => id === name) ??
    tokens.find((token) => token.name === name && token.state === 'live') ??
    tokens.find((token) => token.name === name && token.state === 'expired');
  if (found) return found;
  throw new DomainError(
    'not_found',
    `There is no token ${name} to revoke; \`nextdeploy tokens list\` shows those that there are.`,
  );
}

const CREATE_HELP = `
Examples:
  TOKEN=$(nextdeploy tokens create ci --role operator --app shop --expires 90d)
  nextdeploy tokens create dashboard --role viewer

Roles: a viewer sees, an operator also deploys and changes apps, an admin also makes tokens and reads the audit log.
A token for some apps may load images and deploy these, and sees nothing of others. It is used with NEXTDEPLOY_TOKEN or --token-file.`;

const REVOKE_HELP = `
Examples:
  nextdeploy tokens revoke ci
  nextdeploy tokens revoke ci --yes`;
