import { Duplex } from 'node:stream';
import type { ClientChannel } from 'ssh2';

/**
 * An SSH channel as a stream that behaves like a socket: it can be destroyed, tells its writer when nobody listens any more, and has
 * the socket methods that `node:http` calls. ssh2's own channel stays a live readable when destroyed and never fails.
 */
export class ChannelStream extends Duplex {
  readonly #channel: ClientChannel;
  #idle: NodeJS.Timeout | undefined;
  /** As on `net.Socket`: what was set, 0 for none. `node:http` compares it. */
  timeout = 0;

  constructor(channel: ClientChannel) {
    super({ allowHalfOpen: false, highWaterMark: 256 * 1024 });
    this.#channel = channel;
    channel.on('data', (chunk: Buffer) => {
      this.#idle?.refresh();
      if (!this.push(chunk)) channel.pause();
    });
    channel.on('end', () => this.push(null));
    channel.on('error', (error: Error) => this.destroy(error));
    channel.on('close', () => {
      // Whatever was still to be written goes nowhere. Reading goes on to the end of what has come.
      if (this.writableLength > 0) this.destroy(lost());
      else if (this.readableEnded || this.destroyed) this.destroy();
    });
    // Nobody reads an exec channel's error output here; unread it would fill the window and stop the channel.
    channel.stderr.resume();
  }

  override _read(): void {
    this.#channel.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#idle?.refresh();
    if (this.#channel.writable) this.#channel.write(chunk, done);
    else done(lost());
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#channel.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#idle);
    this.#channel.close();
    // ssh2 says `close` only once everything has been read.
    this.#channel.resume();
    done(error);
  }

  setTimeout(milliseconds: number, listener?: () => void): this {
    clearTimeout(this.#idle);
    this.timeout = milliseconds;
    this.#idle = milliseconds > 0 ? setTimeout(() => this.emit('timeout'), milliseconds).unref() : undefined;
    if (listener !== undefined && milliseconds > 0) this.once('timeout', listener);
    return this;
  }

  // Delays and keepalive are those of the SSH connection beneath.
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}

function lost(): Error {
  return Object.assign(new Error('the SSH connection was lost'), { code: 'ECONNRESET' });
}
