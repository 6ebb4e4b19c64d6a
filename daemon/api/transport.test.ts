import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unixSocketTransport } from './transport.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nextdeploy-transport-'));
  path = join(directory, 'socket');
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('the way to a daemon on this machine', () => {
  it('outlives the time that it had to be opened in', async () => {
    const server = createServer((socket) => socket.pipe(socket)).listen(path);
    await once(server, 'listening');
    const opening = new AbortController();
    const duplex = await unixSocketTransport(path).connect(opening.signal);
    opening.abort(new Error('the time is up'));
    duplex.write('still there');
    expect(String((await once(duplex, 'data'))[0])).toBe('still there');
    duplex.destroy();
    server.close();
  });

  it('is not opened once that time is up, and says what to do when nobody listens', async () => {
    const { connect } = unixSocketTransport(path);
    await expect(connect(AbortSignal.abort(new Error('the time is up')))).rejects.toThrow('the time is up');
    await expect(connect(new AbortController().signal)).rejects.toThrow('it does not exist. Is the daemon running?');
  });
});
