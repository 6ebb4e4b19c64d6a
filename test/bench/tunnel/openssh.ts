/** The reference: OpenSSH's own client, forwarding local Unix sockets to those of the server (ssh(1), `-N -L`). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { waitFor } from '../../bed/run.ts';

export interface OpenSshOptions {
  address: string;
  port: number;
  user: string;
  key: string;
  knownHostsFile: string;
  cipher: string;
  forwards: { local: string; remote: string }[];
  signal: AbortSignal;
}

const READY_MS_MAX = 15_000;

/** Resolves when the local sockets are there; `close` ends the client. Throws with what ssh said when it does not come up. */
export async function startOpenSsh(options: OpenSshOptions): Promise<{ close(): Promise<void> }> {
  const settings = {
    BatchMode: 'yes',
    Ciphers: options.cipher,
    ExitOnForwardFailure: 'yes',
    IdentitiesOnly: 'yes',
    LogLevel: 'ERROR',
    StrictHostKeyChecking: 'yes',
    UserKnownHostsFile: options.knownHostsFile,
  };
  const child = spawn(
    'ssh',
    [
      // Without the user's own configuration, which may name proxies or other ciphers.
      ...['-F', 'none', '-N', '-i', options.key, '-p', String(options.port), '-l', options.user],
      ...Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]),
      ...options.forwards.flatMap(({ local, remote }) => ['-L', `${local}:${remote}`]),
      options.address,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    if (said.length < 4000) said += chunk.toString('utf8');
  });
  const ended = once(child, 'close');
  const failed = ended.then(() => Promise.reject(new Error(`ssh ended: ${said.trim()}`)));
  failed.catch(() => undefined);
  const close = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  const isReady = async () => options.forwards.every(({ local }) => existsSync(local)) || undefined;
  const ready = waitFor('the forwarding by ssh', isReady, { timeoutMs: READY_MS_MAX, signal: options.signal });
  try {
    await Promise.race([ready, failed]);
    return { close };
  } catch (error) {
    await close();
    throw error;
  }
}
