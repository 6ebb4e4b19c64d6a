/**
 * The way to a daemon through the host's one SSH connection. No port is opened on this machine: each connection of the client is a
 * `direct-streamlocal` channel to the daemon's socket, or, where the server forbids that, a `nextdeploy dial-stdio` beside it.
 */
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { DomainError } from '../../daemon/contract/errors.ts';
import { isExpected } from './errors.ts';
import { Semaphore } from './semaphore.ts';
import type { SshConnection } from './ssh/connection.ts';

export const TUNNEL_BOUNDS = {
  forwarded_channels_max: 64,
  /** sshd allows 10 sessions a connection by default (`MaxSessions`); terminals and the installer need some too. */
  command_channels_max: 6,
  waiting_max: 256,
  waiting_ms_max: 15_000,
  probe_ms_max: 5_000,
} as const;

type Way = { kind: 'forward' } | { kind: 'command'; argv: string[] };

export class Tunnel {
  readonly #ssh: SshConnection;
  readonly #socketPath: string;
  #way: Way = { kind: 'forward' };
  readonly #places = new Semaphore(TUNNEL_BOUNDS, busy);

  constructor(ssh: SshConnection, socketPath: string) {
    this.#ssh = ssh;
    this.#socketPath = socketPath;
  }

  /** One connection to the daemon. Rejects with a {@link DomainError} `unavailable` that says what to do, or the signal's reason. */
  async connect(signal: AbortSignal): Promise<Duplex> {
    const max = this.#way.kind === 'forward' ? TUNNEL_BOUNDS.forwarded_channels_max : TUNNEL_BOUNDS.command_channels_max;
    const release = await this.#places.acquire(max, signal);
    try {
      const stream = await this.#dial(signal);
      stream.once('close', release);
      return stream;
    } catch (error) {
      release();
      throw error;
    }
  }

  async #dial(signal: AbortSignal): Promise<Duplex> {
    if (this.#way.kind === 'command') return this.#ssh.openCommandStream(this.#way.argv, signal);
    try {
      return await this.#ssh.openUnixSocket(this.#socketPath, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (isExpected(error)) throw error;
      if (this.#ssh.closed.aborted)
        throw new DomainError('unavailable', 'The SSH connection was lost; it is being restored.', { cause: error });
      return await this.#dialOtherwise(signal, error);
    }
  }

  /** sshd refuses a forbidden forwarding and a dead socket in the same words: only trying the other way tells them apart. */
  async #dialOtherwise(signal: AbortSignal, cause: unknown): Promise<Duplex> {
    const dial = ['nextdeploy', 'dial-stdio', '--socket', this.#socketPath];
    for (const argv of [dial, ['sudo', '-n', ...dial]]) {
      if (!(await this.#answers(argv, signal))) continue;
      this.#way = { kind: 'command', argv };
      return this.#ssh.openCommandStream(argv, signal);
    }
    const message = `Nothing answers at ${this.#socketPath} on the server; look at \`systemctl status nextdeployd\` there, or install the daemon again.`;
    throw new DomainError('unavailable', message, { cause });
  }

  /** Whether a daemon speaks at the other end of a command: asks for its health, which needs no token. */
  async #answers(argv: string[], signal: AbortSignal): Promise<boolean> {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(TUNNEL_BOUNDS.probe_ms_max)]);
    let stream: Duplex | undefined;
    try {
      stream = await this.#ssh.openCommandStream(argv, deadline);
      stream.write('GET /health HTTP/1.1\r\nHost: nextdeploy\r\nConnection: close\r\n\r\n');
      const [first] = (await once(stream, 'data', { signal: deadline })) as [Buffer];
      return first.toString('latin1').startsWith('HTTP/1.1');
    } catch {
      signal.throwIfAborted();
      return false;
    } finally {
      stream?.destroy();
    }
  }
}

function busy(): DomainError {
  return new DomainError(
    'unavailable',
    'Too many requests to this host are waiting; close some log or metric views and try again.',
  );
}
