import { connect } from 'node:net';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { startTestServer, TEST_TOKEN } from '../../daemon/api/test-server.ts';
import { DaemonLink } from './daemon-link.ts';
import type { SshConnection } from './ssh/connection.ts';

const MARK = '--- nextdeploy configuration ---';

/** A connection to a server whose configuration is `read` and whose daemon listens at `socketPath`. */
function fakeSsh(socketPath: string, read: () => Promise<string>): SshConnection {
  const openCommand = async () => {
    const channel = Object.assign(new PassThrough(), {
      stderr: new PassThrough(),
      signal: () => undefined,
      close: () => undefined,
    });
    channel.write(await read());
    return { channel, exit: () => ({ code: 0, signal: null }) };
  };
  const ssh = {
    closed: new AbortController().signal,
    openCommand,
    openUnixSocket: async () => connect(socketPath),
  };
  return ssh as unknown as SshConnection;
}

describe('DaemonLink', () => {
  it('has a client whenever it says ready, also while it reads the configuration anew', async () => {
    await using server = await startTestServer();
    const config = `${MARK}\nauth: { token: "${TEST_TOKEN}" }\nlisten: { socket: "${server.socketPath}" }\n`;
    let answer: (text: string) => void = () => undefined;
    let reads = 0;
    const ssh = fakeSsh(server.socketPath, () => {
      reads += 1;
      return new Promise((resolve) => {
        answer = resolve;
      });
    });
    const seen: [string, boolean][] = [];
    const link: DaemonLink = new DaemonLink(ssh, () => seen.push([link.state.kind, link.client !== null]));
    const checked = link.check();
    answer(config);
    await checked;
    expect(link.state).toMatchObject({ kind: 'ready' });
    const before = link.client;

    const refreshed = link.refresh();
    await expect.poll(() => reads).toBe(2);
    expect([link.state.kind, link.client]).toEqual(['ready', before]);
    answer(config);
    await refreshed;
    expect(link.client).not.toBe(before);
    await expect(link.client?.call('getVersion')).resolves.toMatchObject({ version: '0.1.0' });
    expect(seen).toEqual([['ready', true]]);
    link.close();
  });
});
