import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { isListening, lookAtPort } from './local-ports.ts';

const signal = new AbortController().signal;
const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

/** On a port of its own; `greeting`: in pieces, on each connection; null: it hangs up. */
async function listen(greeting: string[] | null): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    if (greeting === null) socket.destroy();
    for (const piece of greeting ?? []) socket.write(piece);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('it has no port');
  return address.port;
}

describe('a port of this host', () => {
  it.each([
    ['says nothing first, as HTTP does', [], 'open'],
    ['greets otherwise', ['220 mail.test ESMTP\r\n'], 'open'],
    ['greets as SSH does', ['SSH-2.0-OpenSSH_9.2\r\n'], 'ssh'],
    ['greets as SSH does, in pieces', ['SS', 'H-2.0-x\r\n'], 'ssh'],
    ['hangs up at once', null, 'open'],
  ] as const)('is seen for what it is where a program %s', async (_, greeting, seen) => {
    const port = await listen(greeting && [...greeting]);
    expect(await lookAtPort(port, signal)).toBe(seen);
    expect(await isListening(port, signal)).toBe(true);
  });

  it('is closed where nothing listens', async () => {
    const port = await listen([]);
    await new Promise((resolve) => servers.pop()?.close(resolve));
    expect(await lookAtPort(port, signal)).toBe('closed');
    expect(await isListening(port, signal)).toBe(false);
  });

  it('is not waited for by somebody who has gone', async () => {
    const port = await listen([]);
    const gone = new AbortController();
    const look = lookAtPort(port, gone.signal);
    gone.abort(new Error('gone'));
    await expect(look).rejects.toThrow('gone');
  });
});
