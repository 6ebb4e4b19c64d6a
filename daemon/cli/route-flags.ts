/** The flags about routes. Passwords are never among them: every user of the machine can read arguments. */
import { type Command, Option } from 'commander';
import { proxyTypeSchema, tlsModeSchema } from '../contract/names.ts';
import { repeated } from './flag-values.ts';

/** As commander hands them over; false: taken away with `--no-…`. */
export interface SiteFlags {
  www?: string;
  redirect?: string[] | false;
  prefix?: string[] | false;
  header?: string[] | false;
  unsetHeader?: string[];
  bodyMax?: string | false;
  compress?: boolean;
  basicAuthUser?: string;
  removeBasicAuthUser?: string[];
  basicAuth?: false;
  reset?: boolean;
}

/** Of a route to a port; an app has these of its deploy. */
export interface PortFlags extends SiteFlags {
  port?: string;
  alias?: string[] | false;
  tls?: string;
  proxy?: string;
  maintenance?: string | false;
}

const taken = (command: Command, ...flags: string[]) => {
  for (const flag of flags) command.addOption(new Option(flag).hideHelp());
  return command;
};

export function addSiteFlags(command: Command): Command {
  const described = command
    .optionsGroup('Site:')
    .addOption(
      new Option('--www <what>', 'add: the domain leads to www. with it; remove: www. leads to it').choices([
        'off',
        'add',
        'remove',
      ]),
    )
    .option(
      '--redirect <from=to[:status]>',
      'a path that leads elsewhere, such as /old=/new or /blog=https://b.example.com/:302',
      repeated,
    )
    .option('--prefix <path=target[:strip]>', 'a path that an app or a port serves: /blog=blog, /api=9000:strip', repeated)
    .option('--header <header>', "in every answer, in place of the app's own, as 'X-Frame-Options: DENY'", repeated)
    .option('--unset-header <name>', 'without this one of them', repeated)
    .option('--body-max <size>', 'of what visitors send, such as 10m')
    .option('--compress', 'compress answers that the app has not compressed itself')
    .option('--basic-auth-user <name>', 'visitors need a password; this user’s comes from standard input, or is asked for')
    .option('--remove-basic-auth-user <name>', 'without this one of them', repeated)
    .option('--reset', 'begin with nothing, in place of what is there')
    .addHelpText('after', `\nTaken away with: ${TAKEN.join(', ')}.`);
  return taken(described, ...TAKEN);
}

const TAKEN = ['--no-redirect', '--no-prefix', '--no-header', '--no-body-max', '--no-compress', '--no-basic-auth'];

export function addPortFlags(command: Command): Command {
  const described = command
    .optionsGroup('Route:')
    .option('--port <port>', 'where the program listens, at 127.0.0.1')
    .option('--alias <domain>', 'a further domain', repeated)
    .addOption(
      new Option('--tls <mode>', 'auto, import or off; else auto for names that an authority certifies').choices(
        tlsModeSchema.options,
      ),
    )
    .addOption(new Option('--proxy <proxy>', 'which proxy serves it').choices(proxyTypeSchema.options))
    .option('--maintenance <message>', 'answer with a page that says this (503); away with --no-maintenance');
  return taken(described, '--no-alias', '--no-maintenance');
}
