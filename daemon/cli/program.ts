/** The commands of `nextdeploy`, their flags and their help. Each does one thing through the daemon's API. */
import { Command, CommanderError } from 'commander';
import { DomainError, ERROR_CODES, fieldErrorSchema, toErrorResponse } from '../contract/errors.ts';
import { DAEMON_CONFIG_PATH, DAEMON_SOCKET_PATH } from '../contract/limits.ts';
import { addAudit } from './audit-commands.ts';
import { addBackups } from './backup-commands.ts';
import { addCertificates } from './certificate-commands.ts';
import { addChanges } from './change-commands.ts';
import { type ConnectionFlags, connect } from './connection.ts';
import type { Act } from './context.ts';
import { addDeploys } from './deploy-commands.ts';
import { bridge } from './dial.ts';
import { addOperations } from './operation-commands.ts';
import { follow } from './operations.ts';
import { addReads } from './read-commands.ts';
import { addReleases } from './release-commands.ts';
import { addRoutes } from './route-commands.ts';
import { addSecrets } from './secret-commands.ts';
import { addStreams } from './stream-commands.ts';
import { complain, print, printable, type Terminal, write } from './terminal.ts';
import { addTokens } from './token-commands.ts';

interface GlobalFlags extends ConnectionFlags {
  json?: boolean;
  detach?: boolean;
}

/** Runs one command line. Returns the exit code: 0, or that of the contract's error codes. */
export async function run(args: readonly string[], version: string, terminal: Terminal): Promise<number> {
  const state = { exit_code: 0 };
  // Also for a command line that cannot be parsed.
  const json = args.slice(0, args.includes('--') ? args.indexOf('--') : undefined).includes('--json');
  const program = createProgram(version, terminal, { state, json });
  try {
    await program.parseAsync(args, { from: 'user' });
    return state.exit_code;
  } catch (error) {
    if (!(error instanceof CommanderError)) return json ? explainAsJson(error, terminal) : explain(error, terminal);
    if (error.exitCode === 0) return 0;
    return json ? explainAsJson(usageError(error), terminal) : ERROR_CODES.invalid_request.exit_code;
  }
}

function usageError({ code, message }: CommanderError): DomainError {
  const text = code === 'commander.help' ? 'Name a command; nextdeploy --help lists them.' : message.replace(/^error: /, '');
  return new DomainError('invalid_request', text);
}

async function explainAsJson(error: unknown, terminal: Terminal): Promise<number> {
  const { code, message } =
    error instanceof DomainError
      ? error
      : { code: 'internal' as const, message: error instanceof Error ? error.message : String(error) };
  const answer = error instanceof DomainError ? toErrorResponse(error) : { success: false, message, payload: { code } };
  await complain(terminal, JSON.stringify(answer));
  return ERROR_CODES[code].exit_code;
}

async function explain(error: unknown, terminal: Terminal): Promise<number> {
  if (!(error instanceof DomainError)) {
    await complain(terminal, `error: ${printable(error instanceof Error ? error.message : String(error))}`);
    return ERROR_CODES.internal.exit_code;
  }
  await complain(terminal, `error: ${printable(error.message)}`);
  const fields = fieldErrorSchema.array().safeParse(error.details);
  for (const { field, message } of fields.success ? fields.data : []) {
    if (field !== '' && !error.message.includes(message))
      await complain(terminal, `  ${printable(field)}: ${printable(message)}`);
  }
  if (error.operation_id !== undefined) await complain(terminal, `See: nextdeploy operation ${printable(error.operation_id)}`);
  return ERROR_CODES[error.code].exit_code;
}

function createProgram(
  version: string,
  terminal: Terminal,
  { state, json }: { state: { exit_code: number }; json: boolean },
): Command {
  const program = new Command('nextdeploy')
    .description('Deploys and looks after the apps of this server, through its daemon.')
    .version(version, '-V, --version', 'print the version of this command')
    .option('--socket <path>', "the daemon's socket", DAEMON_SOCKET_PATH)
    .option('--token-file <path>', 'read the token from a file (else: NEXTDEPLOY_TOKEN, else the configuration)')
    .option('--config <path>', "the daemon's configuration, for its token", DAEMON_CONFIG_PATH)
    .option('--json', 'print JSON: one value, or one a line for streams; errors as one object on standard error')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => void write(terminal.stdout, text),
      // As JSON, what is wrong with a command line is told like any other error.
      writeErr: (text) => void (json ? undefined : write(terminal.stderr, text)),
    })
    .addHelpText('after', HELP);

  const act: Act = async (command, action) => {
    const flags = command.optsWithGlobals<GlobalFlags>();
    const client = await connect(flags, terminal);
    try {
      await action({
        client,
        json,
        terminal,
        show: (value, text) => print(terminal, json ? JSON.stringify(value) : text()),
        run: async (started, end) => {
          const how = { json, detach: flags.detach === true, wanted: end?.wanted };
          const code = await follow(client, await started, how, terminal);
          // Of several, the first failure is what the command ends with.
          state.exit_code ||= code;
        },
      });
    } finally {
      client.close();
    }
  };

  program.helpCommand(false);
  addDeploys(program.commandsGroup('Deploy:'), act);
  addChanges(program.commandsGroup('Run:'), act);
  addReads(program.commandsGroup('Look:'), act);
  addReleases(program, act);
  addRoutes(program.commandsGroup('Routes:'), act);
  addSecrets(program.commandsGroup('Secrets:'), act);
  addCertificates(program.commandsGroup('Certificates:'), act);
  addStreams(program.commandsGroup('Look:'), act);
  addOperations(program.commandsGroup('Operations:'), act);
  addTokens(program.commandsGroup('Access:'), act);
  addAudit(program, act);
  addBackups(program.commandsGroup('Backup:'), act);
  program
    .commandsGroup('Connect:')
    .command('dial-stdio')
    .description("bridge standard input and output to the daemon's socket (for SSH servers that forbid forwarding)")
    .action((_flags, command: Command) => bridge(command.optsWithGlobals<GlobalFlags>().socket, terminal));
  program
    .commandsGroup('Help:')
    .command('help [command...]')
    .description('show the help of a command, such as `help images load`')
    .action((names: string[]) => findCommand(program, names).outputHelp());
  return program;
}

/** @throws CommanderError for a name that no command has */
function findCommand(program: Command, names: string[]): Command {
  let found = program;
  for (const name of names) {
    const next = found.commands.find((command) => command.name() === name);
    if (next === undefined)
      return found.error(`error: there is no command '${names.join(' ')}'`, { code: 'commander.unknownCommand' });
    found = next;
  }
  return found;
}

const HELP = `
Examples:
  nextdeploy images load shop-v1.tar
  nextdeploy deploy shop --image shop:v1 --domain shop.example.com --health-path /api/health
  nextdeploy swap shop shop:v2
  nextdeploy rollback shop
  nextdeploy logs shop --follow

While a command waits for its operation, Ctrl-C ends the wait and not the operation, and prints how to cancel it.

Exit codes:
    0  done
    1  something unexpected; see the daemon's journal
    2  wrong request
    3  not allowed
    4  not found
    5  conflict: another operation is under way, or this one was cancelled or could no more be
    6  the operation failed, was rolled back after its switch, or is stuck
    7  the daemon does not answer; try again
  130  interrupted; the operation goes on`;
