import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { DomainError } from '../contract/errors.ts';

/** A way to the daemon: its Unix socket here, or a channel of an SSH connection. Each call opens one connection. */
export interface Transport {
  /** Rejects with a {@link DomainError} saying what to do, or any other error, which becomes `unavailable`. */
  connect(signal: AbortSignal): Promise<Duplex>;
}

const REMEDIES: Record<string, string> = {
  ENOENT: 'it does not exist. Is the daemon running? `systemctl status nextdeployd`',
  ECONNREFUSED: 'nobody listens there. Start the daemon: `systemctl start nextdeployd`',
  EACCES: 'you may not open it. Use sudo, or become a member of the group nextdeploy and log in again',
  EPERM: 'you may not open it. Use sudo, or become a member of the group nextdeploy and log in again',
};

/** To a daemon on this machine. */
export function unixSocketTransport(path: string): Transport {
  return {
    connect: (signal) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted();
        // Not an option of the socket: it would end the connection whenever it is aborted, and a time limit always is.
        const socket = connect({ path });
        const abort = () => socket.destroy(signal.reason);
        signal.addEventListener('abort', abort, { once: true });
        socket.once('error', (cause: NodeJS.ErrnoException) => {
          signal.removeEventListener('abort', abort);
          const remedy = REMEDIES[cause.code ?? ''] ?? `${cause.message}.`;
          reject(new DomainError('unavailable', `Cannot reach the daemon's socket ${path}: ${remedy}.`, { cause }));
        });
        socket.once('connect', () => {
          signal.removeEventListener('abort', abort);
          socket.removeAllListeners('error');
          resolve(socket);
        });
      }),
  };
}

/** Any failure of a transport as an error that says so. */
export function unreachable(cause: unknown): DomainError {
  if (cause instanceof DomainError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new DomainError('unavailable', `The connection to the daemon failed: ${reason.slice(0, 300)}. Try again.`, { cause });
}
