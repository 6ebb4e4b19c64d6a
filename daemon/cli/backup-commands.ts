/** Backup and restore. The passphrase comes from the terminal, a file or standard input, never from an argument. */
import { Readable } from 'node:stream';
import { type Command, Option } from 'commander';
import type { DaemonClient } from '../api/client.ts';
import { passphraseSchema, type RestoreReport } from '../contract/backup.ts';
import { DomainError } from '../contract/errors.ts';
import { openUserFile, readUserFile, writeUserFile } from '../host/user-files.ts';
import { restoreLines } from './backup-views.ts';
import type { Act, Context } from './context.ts';
import { bytes } from './format.ts';
import { askHidden, complain, printable, type Terminal } from './terminal.ts';

interface PassphraseFlags {
  passphraseFile?: string;
}

const BACK_MS_MAX = 120_000;
const LOOK_PAUSE_MS = 500;

const passphraseOption = () =>
  new Option('--passphrase-file <path>', 'read the passphrase from the first line of a file, or of standard input for `-`');

export function addBackups(program: Command, act: Act): void {
  program
    .command('backup <file>')
    .description('write one encrypted file with state, keys and certificates of this server')
    .addOption(passphraseOption())
    .option('--force', 'replace the file if it is there')
    .addHelpText('after', BACKUP_HELP)
    .action((file: string, flags: PassphraseFlags & { force?: boolean }, command: Command) =>
      act(command, async ({ client, show, terminal }) => {
        const passphrase = await readPassphrase(flags, 'twice', terminal);
        const { signal } = terminal;
        const how = { is_replaced: flags.force === true };
        const size_bytes = await writeUserFile(
          file,
          () => client.download('createBackup', { body: { passphrase }, signal }),
          how,
        );
        await show(
          { file, size_bytes },
          () => `${printable(file)}: ${bytes(size_bytes)}. Keep the passphrase elsewhere: nobody can open it without.`,
        );
      }),
    );
  program
    .command('restore <file>')
    .description('say what a backup would change on this server; with --apply, put its state in place of this one')
    .addOption(passphraseOption())
    .option('--apply', 'for real: the daemon starts anew with the state of the backup')
    .addHelpText('after', RESTORE_HELP)
    .action((file: string, flags: PassphraseFlags & { apply?: boolean }, command: Command) =>
      act(command, async (context) => {
        const { client, show, terminal } = context;
        const passphrase = await readPassphrase(flags, 'once', terminal);
        const report = await send(client, file, passphrase, flags.apply === true, terminal);
        if (report.restore_id === null) return show(report, () => restoreLines(report).join('\n'));
        await awaitRestored(context, report.restore_id);
        await show(report, () => restoreLines(report).join('\n'));
      }),
    );
}

async function send(
  client: DaemonClient,
  file: string,
  passphrase: string,
  apply: boolean,
  { signal }: Terminal,
): Promise<RestoreReport> {
  const { stream, size_bytes } = await openUserFile(file);
  const line = Buffer.from(`${passphrase}\n`);
  const body = Readable.from(joined(line, stream));
  try {
    const query = apply ? { apply: 'true' } : {};
    return await client.upload('restoreBackup', body, { query, size_bytes: line.length + size_bytes, signal });
  } finally {
    stream.destroy();
  }
}

async function* joined(first: Buffer, rest: Readable): AsyncGenerator<Buffer> {
  yield first;
  yield* rest;
}

/** Until the daemon is back and tells that it is done. */
async function awaitRestored({ client, terminal }: Context, id: string): Promise<void> {
  await complain(terminal, 'The daemon starts anew with the state of the backup …');
  const deadline = Date.now() + BACK_MS_MAX;
  while (Date.now() < deadline) {
    terminal.signal.throwIfAborted();
    try {
      const events = await client.call('listEvents', { query: { limit: 1_000 }, signal: terminal.signal });
      const done = events.find(({ kind, message }) => kind === 'state.restored' && message.includes(id));
      if (done !== undefined) return;
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      // A token that was made over the API is another server's, or of another time.
      if (error.code === 'unauthorized')
        throw new DomainError('unauthorized', `${RESTORED} The token in use is not known to it: ${error.message}`);
      if (error.code !== 'unavailable') throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_PAUSE_MS));
  }
  throw new DomainError(
    'unavailable',
    `${RESTORED} But the daemon has not told that it is done; look at \`journalctl -u nextdeployd\`.`,
  );
}

const RESTORED = 'The state of the backup is in place.';

/** Throws `invalid_request`. `twice`: what is mistyped here could never be opened. */
async function readPassphrase({ passphraseFile }: PassphraseFlags, asked: 'once' | 'twice', terminal: Terminal): Promise<string> {
  const given = passphraseFile === undefined ? await ask(asked, terminal) : firstLine(await readFrom(passphraseFile, terminal));
  const parsed = passphraseSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new DomainError('invalid_request', `The passphrase is not valid: ${parsed.error.issues[0]?.message ?? ''}.`);
}

async function readFrom(path: string, { stdin }: Terminal): Promise<string> {
  if (path !== '-') return readUserFile(path);
  let text = '';
  for await (const chunk of stdin) {
    text += String(chunk);
    if (text.includes('\n') || text.length > PASSPHRASE_CHARACTERS_READ) break;
  }
  return text;
}

const PASSPHRASE_CHARACTERS_READ = 8_192;
const firstLine = (text: string) => text.split(/\r?\n/, 1)[0] ?? '';

async function ask(asked: 'once' | 'twice', terminal: Terminal): Promise<string> {
  const first = await askHidden(terminal, 'Passphrase of the backup: ');
  if (first === null)
    throw new DomainError('invalid_request', 'Nobody can be asked for the passphrase here; give --passphrase-file.');
  if (asked === 'once') return first;
  const second = await askHidden(terminal, 'Once more: ');
  if (second !== first) throw new DomainError('invalid_request', 'The two are not the same; nothing was done.');
  return first;
}

const BACKUP_HELP = `
In it are apps, releases, secrets with the key that opens them, tokens, certificates, and the configuration without its token; images and
volumes are not. \`age --decrypt\` opens it with the passphrase.

Examples:
  nextdeploy backup server.backup
  nextdeploy backup "/mnt/backups/$(date +%F).backup" --passphrase-file /root/backup.passphrase`;

const RESTORE_HELP = `
Load the images of the apps first where there is no registry. Without --apply nothing is changed. What was there before is kept beside it.

Examples:
  nextdeploy restore server.backup
  nextdeploy restore server.backup --apply`;
