import { hostname, userInfo } from 'node:os';
import { DomainError } from '../../../daemon/contract/errors.ts';
import type { Program, SshConnection } from '../ssh/connection.ts';
import { clean } from '../ssh/failures.ts';
import { PATHS, scriptCommand } from './scripts.ts';

const HEARTBEAT_MS = 5_000;
const ANSWER_MS_MAX = 15_000;
const SAID_CHARACTERS_MAX = 4_000;
/** The script's, EX_TEMPFAIL of sysexits.h. */
const EXIT_HELD = 75;

/**
 * Runs `act` while this console alone installs on the server. The lock is held by a process there that lives from our heartbeat: 30 s
 * after we are gone, for whatever reason, the next console can take it. `act` gets a signal that also aborts if the lock is lost.
 * @throws DomainError `conflict` naming who installs, and since when
 */
export async function withInstallLock<T>(
  ssh: SshConnection,
  asRoot: (argv: string[]) => string[],
  signal: AbortSignal,
  act: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const owner = `${userInfo().username} on ${hostname()} since ${new Date().toISOString()}`;
  const program = await ssh.openCommand(asRoot(scriptCommand('lock', PATHS.lock, owner)), signal);
  const { channel } = program;
  const lost = new AbortController();
  channel.once('close', () =>
    lost.abort(new DomainError('unavailable', 'The connection was lost during the installation; try again.')),
  );
  const heartbeat = setInterval(() => channel.writable && channel.write('\n'), HEARTBEAT_MS);
  try {
    await waitUntilHeld(program, AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS_MAX)]));
    return await act(AbortSignal.any([signal, lost.signal]));
  } finally {
    clearInterval(heartbeat);
    channel.end();
    channel.close();
  }
}

/** Reads until the script says that it holds the lock, whatever the login itself says before. */
async function waitUntilHeld({ channel, exit }: Program, signal: AbortSignal): Promise<void> {
  let said = '';
  const take = (chunk: Buffer) => {
    if (said.length < SAID_CHARACTERS_MAX) said += chunk.toString('utf8');
    if (/^locked$/m.test(said)) held.resolve();
  };
  const held = Promise.withResolvers<void>();
  channel.on('data', take);
  channel.stderr.on('data', take);
  channel.once('close', () => held.reject(refusal(exit()?.code ?? null, clean(said))));
  const giveUp = () => held.reject(refusal(null, clean(said)));
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    await held.promise;
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

function refusal(code: number | null, said: string): DomainError {
  if (code === EXIT_HELD) {
    return new DomainError(
      'conflict',
      `Somebody is installing on this server: ${said}. Wait until it has ended, then try again.`,
    );
  }
  return new DomainError(
    'unprocessable',
    `The lock for the installation could not be taken${said === '' ? '' : `: ${said}`}; try again.`,
  );
}
