import { once } from 'node:events';
import { unixSocketTransport } from '../api/client.ts';
import type { Terminal } from './terminal.ts';

/**
 * Carries bytes between standard input and output and the daemon's socket until the daemon closes. The end of standard
 * input is passed on, which the daemon takes for a hang-up.
 */
export async function bridge(socketPath: string, { stdin, stdout, signal }: Terminal): Promise<void> {
  const socket = await unixSocketTransport(socketPath).connect(signal);
  const closed = once(socket, 'close');
  socket.on('error', () => undefined);
  stdin.pipe(socket);
  socket.pipe(stdout, { end: false });
  // Whoever reads our output is gone: so is the use of the connection.
  stdout.on('error', () => socket.destroy());
  signal.addEventListener('abort', () => socket.destroy(), { once: true });
  await closed;
  stdin.unpipe(socket);
  stdin.destroy();
}
