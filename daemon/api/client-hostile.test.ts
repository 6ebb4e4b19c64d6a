import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { API_VERSION } from '../contract/limits.ts';
import { Sealed } from '../secrets/sealed.ts';
import { DaemonClient, type Transport } from './client.ts';
import { sampleApp, sampleLine } from './test-server.ts';

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

/** A client of whatever answers. */
async function clientOf(server: Server): Promise<DaemonClient> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const transport: Transport = { connect: async () => connect(port, '127.0.0.1') };
  const client = new DaemonClient({ transport, token: new Sealed('token') });
  open.push(() => {
    client.close();
    server.closeAllConnections();
    server.close();
  });
  return client;
}

const answering = (listener: RequestListener) => clientOf(createServer(listener));
const json = (value: unknown, status = 200) =>
  answering((_request, response) => {
    response.writeHead(status, { 'X-NextDeploy-Api': API_VERSION });
    response.end(JSON.stringify(value));
  });

describe('an answer', () => {
  it('of a newer daemon may hold fields that this client does not know, at any depth', async () => {
    const newer = { ...sampleApp, colour: 'new', health: { ...sampleApp.health, score: 7 } };
    expect(await (await json([newer])).call('listApps')).toEqual([sampleApp]);
  });

  it.each([
    ['an unknown word', [{ ...sampleApp, status: 'levitating' }]],
    ['a wrong type', [{ ...sampleApp, port: 'http' }]],
    ['a missing field beside an unknown one', [{ colour: 'new', name: 'shop' }]],
    ['another shape', { apps: [] }],
  ])('with %s is refused, saying that versions differ', async (_, value) => {
    const error = await (await json(value)).call('listApps').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'unavailable', message: expect.stringContaining('same version') });
  });

  it('that is an error becomes one, its text bounded and printable', async () => {
    const message = `no\u001b[2J\u0007${'x'.repeat(10_000)}`;
    const body = { success: false, message, payload: { code: 'conflict', details: { a: 1 }, operation_id: 'op-0123456789ab' } };
    const error = await (await json(body, 409)).call('listApps').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'conflict', details: { a: 1 }, operation_id: 'op-0123456789ab' });
    expect((error as Error).message).toMatch(/^no \[2J x+$/);
    expect((error as Error).message.length).toBeLessThanOrEqual(2_000);
  });

  it('that never ends, is no JSON, or comes from something else is unavailable', async () => {
    const endless = await answering((_request, response) => {
      response.writeHead(200, { 'X-NextDeploy-Api': '1' });
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(1024 * 1024)));
      };
      response.on('drain', more);
      more();
    });
    await expect(endless.call('listApps')).rejects.toMatchObject({ message: expect.stringContaining('larger than') });
    const html = await answering((_request, response) => response.writeHead(200, { 'X-NextDeploy-Api': '1' }).end('<html>'));
    await expect(html.call('listApps')).rejects.toMatchObject({ message: expect.stringContaining('not JSON') });
    const other = await answering((_request, response) => response.end('[]'));
    await expect(other.call('listApps')).rejects.toMatchObject({ message: expect.stringContaining('not a nextdeployd') });
  });

  it('that does not come is waited for within the time given', async () => {
    const silent = await answering(() => undefined);
    await expect(silent.call('listApps', { timeout_ms: 50 })).rejects.toMatchObject({ code: 'unavailable' });
    const signal = AbortSignal.timeout(50);
    await expect(silent.call('listApps', { signal })).rejects.toThrow('timeout');
  });
});

describe('a connection', () => {
  it('that died while idle is replaced, and the request sent again', async () => {
    let requests = 0;
    const client = await answering((request, response) => {
      requests += 1;
      // The second request on a connection finds it dead, as after a daemon's restart behind a tunnel.
      if (requests === 2) request.socket.destroy();
      else response.writeHead(200, { 'X-NextDeploy-Api': '1' }).end('[]');
    });
    expect(await client.call('listApps')).toEqual([]);
    expect(await client.call('listApps')).toEqual([]);
    expect(requests).toBe(3);
  });

  it('that cannot be made is an error with the reason, and none is opened for a call that was aborted', async () => {
    let connections = 0;
    const client = new DaemonClient({
      transport: {
        connect: () => {
          connections += 1;
          return Promise.reject(new Error('the channel was refused'));
        },
      },
    });
    await expect(client.call('getHealth')).rejects.toMatchObject({ message: expect.stringContaining('the channel was refused') });
    const stream = client.stream('events').next();
    await expect(stream).rejects.toMatchObject({ code: 'unavailable' });
    await expect(client.call('getHealth', { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no');
    expect(connections).toBe(2);
  });

  it('is shared by many calls at once without more than the bound', async () => {
    let now = 0;
    let most = 0;
    const client = await answering((_request, response) => {
      now += 1;
      most = Math.max(most, now);
      setTimeout(() => {
        now -= 1;
        response.writeHead(200, { 'X-NextDeploy-Api': '1' }).end('[]');
      }, 5);
    });
    await Promise.all(Array.from({ length: 100 }, () => client.call('listApps')));
    expect(most).toBe(16);
    const tooMany = Array.from({ length: 400 }, () =>
      client.call('listApps').then(
        () => 'done',
        (error: Error) => error.message,
      ),
    );
    expect((await Promise.all(tooMany)).filter((result) => result.startsWith('Too many requests')).length).toBe(400 - 16 - 256);
  });
});

describe('a stream', () => {
  const streaming = async (serve: (send: (text: string) => void, close: (code: number) => void) => void) => {
    const server = createServer();
    const sockets = new WebSocketServer({ server });
    sockets.on('connection', (socket) =>
      serve(
        (text) => socket.send(text),
        (code) => socket.close(code),
      ),
    );
    return clientOf(server);
  };
  const read = async (client: DaemonClient) => {
    const frames: unknown[] = [];
    try {
      for await (const frame of client.stream('logs', { params: { app: 'shop' } })) frames.push(frame);
    } catch (error) {
      frames.push(error);
    }
    return frames;
  };

  it.each([
    ['no JSON', '<html>', 'not JSON'],
    ['another shape', '{"line":1}', 'same version'],
    ['too much at once', `"${'x'.repeat(5 * 1024 * 1024)}"`, 'lost'],
  ])('of frames with %s ends with an error', async (_, text, message) => {
    const client = await streaming((send) => send(text));
    expect(await read(client)).toEqual([
      expect.objectContaining({ code: 'unavailable', message: expect.stringContaining(message) }),
    ]);
  });

  it('gives what came before it was lost, then says so', async () => {
    const client = await streaming((send, close) => {
      send(JSON.stringify({ ...sampleLine, colour: 'new' }));
      send('{"dropped":3}');
      close(4000);
    });
    expect(await read(client)).toEqual([sampleLine, { dropped: 3 }, expect.objectContaining({ code: 'unavailable' })]);
  });

  it('that is flooded is read at the pace of its reader', async () => {
    let sent = 0;
    const server = createServer();
    new WebSocketServer({ server }).on('connection', (socket) => {
      const more = () => {
        if (socket.readyState !== socket.OPEN || sent > 200_000) return;
        sent += 1;
        socket.send(JSON.stringify({ ...sampleLine, log: 'x'.repeat(1_000) }), more);
      };
      more();
    });
    const client = await clientOf(server);
    const lines = client.stream('logs', { params: { app: 'shop' } });
    await lines.next();
    let before = -1;
    const isStill = () => {
      const still = sent === before;
      before = sent;
      return still;
    };
    await expect.poll(isStill, { interval: 200 }).toBe(true);
    expect(sent).toBeLessThan(50_000);
    await lines.return();
  });

  it('refused without the upgrade ends with the reason', async () => {
    const client = await json({ success: false, message: 'The token is not valid.', payload: { code: 'unauthorized' } }, 401);
    expect(await read(client)).toEqual([expect.objectContaining({ code: 'unauthorized', message: 'The token is not valid.' })]);
  });
});
