import { chmod, chown, lstat, rename, rm } from 'node:fs/promises';
import type { Server } from 'node:net';
import { connect } from 'node:net';
import { DomainError } from '../contract/errors.ts';

export interface SocketAccess {
  mode: number;
  /** Group that may connect; absent: that of the process. */
  gid?: number;
}

/** sun_path of unix(7), less its final zero and the suffix of the name it is made under. */
const PATH_BYTES_MAX = 103;
const CONNECT_TIMEOUT_MS = 1_000;

/**
 * Listens on a Unix socket that appears under its name only when it is ready and has its final access rights: bound
 * beside, then renamed, which also replaces what a crashed daemon left. Returns how to take it away again.
 * @throws DomainError `conflict` if a living process listens there, `invalid_request` for a path that cannot be used
 */
export async function listenOnUnixSocket(server: Server, path: string, access: SocketAccess): Promise<() => Promise<void>> {
  if (Buffer.byteLength(path) > PATH_BYTES_MAX) {
    throw new DomainError('invalid_request', `The socket path ${path} is too long: at most ${PATH_BYTES_MAX} bytes.`);
  }
  const existing = await inode(path);
  if (existing?.isSocket === false) {
    throw new DomainError('conflict', `${path} exists and is not a socket; move it away or set another listen.socket.`);
  }
  if (existing !== null && (await isAlive(path))) {
    throw new DomainError('conflict', `Another daemon is listening on ${path}; stop it first.`);
  }
  const unready = `${path}.new`;
  await rm(unready, { force: true });
  await listening(server, unready);
  await chmod(unready, access.mode);
  if (access.gid !== undefined) await chown(unready, -1, access.gid);
  await rename(unready, path);
  const own = await inode(path);
  return async () => {
    // A successor may stand under the name by now.
    if ((await inode(path))?.ino === own?.ino) await rm(path, { force: true });
  };
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (cause: NodeJS.ErrnoException) => {
      reject(new DomainError('unavailable', `Cannot listen on ${path}: ${cause.code ?? cause.message}.`, { cause }));
    };
    server.once('error', onError);
    server.listen(path, () => {
      server.off('error', onError);
      resolve();
    });
  });
}

async function inode(path: string): Promise<{ ino: number; isSocket: boolean } | null> {
  const stats = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw new DomainError('unavailable', `Cannot use the socket path ${path}: ${error.code ?? error.message}.`, { cause: error });
  });
  return stats === null ? null : { ino: stats.ino, isSocket: stats.isSocket() };
}

function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const settle = (alive: boolean) => {
      socket.destroy();
      resolve(alive);
    };
    socket.once('connect', () => settle(true)).once('error', () => settle(false));
    // A full backlog does not refuse: somebody is there, if busy.
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => settle(true));
  });
}
