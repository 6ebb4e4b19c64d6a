/** A login shell on a host, for the `terminal` channel of the link: at most a window of output goes out beyond what was taken in. */
import type { ClientChannel } from 'ssh2';
import { LinkError } from './errors.ts';
import type { ChannelContext } from './link.ts';
import type { SshConnection } from './ssh/connection.ts';

const TERMINAL_BOUNDS = {
  /** Output on its way to the window; xterm.js chokes on much more (FACTS, "Logs"). */
  window_bytes: 256 * 1024,
  chunk_bytes: 32 * 1024,
  /** Input that the server does not take; beyond it the shell is given up. */
  input_waiting_bytes_max: 8 * 1024 * 1024,
} as const;

/** Runs until the shell ends or the channel is closed; the shell then gets a hang-up from sshd. */
export async function serveTerminal(
  ssh: SshConnection,
  size: { cols: number; rows: number },
  context: ChannelContext<'terminal'>,
): Promise<void> {
  const signal = AbortSignal.any([context.signal, ssh.closed]);
  const { channel, exit } = await ssh.openShell(size, signal);
  const window = new Window(channel);
  context.onMessage((message) => {
    switch (message.kind) {
      case 'input':
        return write(channel, Buffer.from(message.data, 'base64'));
      case 'resize':
        return channel.setWindow(message.rows, message.cols, 0, 0);
      case 'ack':
        return window.acknowledge(message.bytes);
    }
  });
  try {
    await pump(channel, window, context, signal);
    await context.send({ kind: 'exit', ...(exit() ?? { code: null, signal: null }) });
  } finally {
    channel.close();
  }
}

async function pump(
  channel: ClientChannel,
  window: Window,
  context: ChannelContext<'terminal'>,
  signal: AbortSignal,
): Promise<void> {
  // A pseudo-terminal has one output; what sshd says of the shell itself comes here.
  channel.stderr.resume();
  await new Promise<void>((resolve, reject) => {
    const fail = () =>
      reject(context.signal.aborted ? context.signal.reason : new LinkError('host_unavailable', 'The connection was lost.'));
    if (signal.aborted) return fail();
    signal.addEventListener('abort', fail, { once: true });
    channel.on('data', (data: Buffer) => {
      window.count(data.length);
      for (let start = 0; start < data.length; start += TERMINAL_BOUNDS.chunk_bytes) {
        const chunk = data.subarray(start, start + TERMINAL_BOUNDS.chunk_bytes);
        context.send({ kind: 'output', data: chunk.toString('base64') }).catch(reject);
      }
    });
    channel.once('close', () => resolve());
  });
}

/** Input is small and rare; a server that takes none of it must not fill our memory. */
function write(channel: ClientChannel, data: Buffer): void {
  if (!channel.writable) return;
  channel.write(data);
  if (channel.writableLength > TERMINAL_BOUNDS.input_waiting_bytes_max) channel.close();
}

/** Stops reading the shell while too much of its output is unacknowledged; SSH's own window then stops the shell. */
class Window {
  readonly #channel: ClientChannel;
  #outstanding = 0;

  constructor(channel: ClientChannel) {
    this.#channel = channel;
  }

  count(bytes: number): void {
    this.#outstanding += bytes;
    if (this.#outstanding >= TERMINAL_BOUNDS.window_bytes) this.#channel.pause();
  }

  acknowledge(bytes: number): void {
    this.#outstanding = Math.max(0, this.#outstanding - bytes);
    if (this.#outstanding < TERMINAL_BOUNDS.window_bytes / 2) this.#channel.resume();
  }
}
