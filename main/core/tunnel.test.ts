import { Duplex, PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { SshConnection } from './ssh/connection.ts';
import { TUNNEL_BOUNDS, Tunnel } from './tunnel.ts';

const signal = new AbortController().signal;

/** An SSH connection of which each test says what it allows. */
function fakeSsh(some: Partial<Pick<SshConnection, 'openUnixSocket' | 'openCommandStream'>>) {
  const opened: string[][] = [];
  const ssh = {
    closed: new AbortController().signal,
    openUnixSocket: some.openUnixSocket ?? (() => Promise.reject(new Error('open failed'))),
    openCommandStream: (argv: readonly string[], given: AbortSignal) => {
      opened.push([...argv]);
      return some.openCommandStream?.(argv, given) ?? Promise.reject(new Error('no'));
    },
  };
  return { ssh: ssh as unknown as SshConnection, opened };
}

/** A daemon at the end of a command, which answers whatever it is asked. */
function answering(): Duplex {
  return new Duplex({
    read() {},
    write(_chunk, _encoding, done) {
      this.push('HTTP/1.1 200 OK\r\n\r\n');
      done();
    },
  });
}

describe('Tunnel', () => {
  it('bounds its channels, and lets the next in when one closes', async () => {
    let open = 0;
    const { ssh } = fakeSsh({
      openUnixSocket: async () => {
        open++;
        return new PassThrough();
      },
    });
    const tunnel = new Tunnel(ssh, '/s');
    const streams = await Promise.all(Array.from({ length: TUNNEL_BOUNDS.forwarded_channels_max }, () => tunnel.connect(signal)));
    const next = tunnel.connect(signal);
    await new Promise((resolve) => setImmediate(resolve));
    expect(open).toBe(TUNNEL_BOUNDS.forwarded_channels_max);
    streams[0]?.destroy();
    await next;
    expect(open).toBe(TUNNEL_BOUNDS.forwarded_channels_max + 1);
  });

  it('lets a waiting caller give up without losing a place', async () => {
    const { ssh } = fakeSsh({ openUnixSocket: async () => new PassThrough() });
    const tunnel = new Tunnel(ssh, '/s');
    const streams = await Promise.all(Array.from({ length: TUNNEL_BOUNDS.forwarded_channels_max }, () => tunnel.connect(signal)));
    const abort = new AbortController();
    const waiting = tunnel.connect(abort.signal);
    abort.abort(new Error('changed my mind'));
    await expect(waiting).rejects.toThrow('changed my mind');
    streams[0]?.destroy();
    await expect(tunnel.connect(signal)).resolves.toBeDefined();
  });

  it('goes through dial-stdio where forwarding is forbidden, and remembers', async () => {
    const { ssh, opened } = fakeSsh({ openCommandStream: async () => answering() });
    const tunnel = new Tunnel(ssh, '/run/d.sock');
    for (let count = 0; count < 2; count++) (await tunnel.connect(signal)).destroy();
    const dial = ['nextdeploy', 'dial-stdio', '--socket', '/run/d.sock'];
    // Once to see that a daemon speaks there, then once for each connection.
    expect(opened).toEqual([dial, dial, dial]);
  });

  it('uses sudo for dial-stdio where the login is not in the group', async () => {
    const { ssh, opened } = fakeSsh({
      openCommandStream: async (argv) => (argv[0] === 'sudo' ? answering() : new PassThrough().end()),
    });
    (await new Tunnel(ssh, '/s').connect(signal)).destroy();
    expect(opened.at(-1)?.slice(0, 3)).toEqual(['sudo', '-n', 'nextdeploy']);
  });

  it('says where to look when nothing answers either way', async () => {
    const { ssh } = fakeSsh({ openCommandStream: async () => new PassThrough().end() });
    await expect(new Tunnel(ssh, '/s').connect(signal)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('systemctl status'),
    });
  });
});
