import { once } from 'node:events';
import { hostname, userInfo } from 'node:os';
import type { ClientChannel } from 'ssh2';
import { DomainError } from '../../../daemon/contract/errors.ts';
import type { SshConnection } from '../ssh/connection.ts';
import { clean } from '../ssh/failures.ts';
import { PATHS, scriptCommand } from './scripts.ts';

const HEARTBEAT_MS = 5_000;
const ANSWER_MS_MAX = 15_000;

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
  const { channel } = await ssh.openCommand(asRoot(scriptCommand('lock', PATHS.lock, owner)), signal);
  const lost = new AbortController();
  channel.once('close', () =>
    lost.abort(new DomainError('unavailable', 'The connection was lost during the installation; try again.')),
  );
  channel.stderr.resume();
  const heartbeat = setInterval(() => channel.writable && channel.write('\n'), HEARTBEAT_MS);
  try {
    await waitUntilHeld(channel, AbortSignal.any([signal, lost.signal]));
    return await act(AbortSignal.any([signal, lost.signal]));
  } finally {
    clearInterval(heartbeat);
    channel.end();
    channel.close();
  }
}

async function waitUntilHeld(channel: ClientChannel, signal: AbortSignal): Promise<void> {
  const [first] = (await once(channel, 'data', { signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS_MAX)]) })) as [
    Buffer,
  ];
  const answer = clean(first.toString('utf8'));
  channel.resume();
  if (answer === 'locked') return;
  throw new DomainError('conflict', `Somebody is installing on this server: ${answer}. Wait until it has ended, then try again.`);
}
