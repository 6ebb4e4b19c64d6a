/** What callers without manners cost, on real sockets. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { SERVER_BOUNDS } from './bounds.ts';
import { send, sendBytes } from './test-http.ts';
import { sampleApp, sampleEvent, startTestServer, TEST_TOKEN, type TestServerOptions } from './test-server.ts';

const AUTHORIZATION = `Authorization: Bearer ${TEST_TOKEN}`;
const health = { method: 'GET', path: '/health' };

const startWith = (
  timeouts: NonNullable<NonNullable<TestServerOptions['server']>['timeouts']>,
  options: TestServerOptions = {},
) => startTestServer({ ...options, server: { timeouts } });

/** Sends a text byte by byte, one every few milliseconds, until the daemon has closed the connection; gives what it said. */
function drip(port: number, head: string, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let heard = '';
  let at = 0;
  const timer = setInterval(() => {
    socket.write(text[at % text.length] ?? '');
    at += 1;
  }, 10);
  socket.on('data', (chunk) => {
    heard += String(chunk);
  });
  socket.on('error', () => undefined); // it was closed while it wrote
  socket.write(head);
  return once(socket, 'close').then(() => {
    clearInterval(timer);
    return heard;
  });
}

describe('a slow caller', () => {
  it('that sends nothing at all is let go of', async () => {
    await using daemon = await startWith({ headers_ms: 200 });
    const socket = connect(daemon.port, '127.0.0.1');
    socket.resume();
    await once(socket, 'close');
  });

  it('that sends its headers byte by byte is let go of in the same time', async () => {
    await using daemon = await startWith({ headers_ms: 300 });
    expect(await drip(daemon.port, 'GET /health HTTP/1.1\r\nHost: localhost\r\n', 'X-A: b\r\n')).toContain(
      'did not arrive in time',
    );
    expect(daemon.calls).toEqual([]);
  });

  it('that sends its body byte by byte is let go of in the same time', async () => {
    await using daemon = await startWith({ body_ms: 300 });
    const lines = [
      'POST /deploy HTTP/1.1',
      'Host: localhost',
      AUTHORIZATION,
      'Content-Type: application/json',
      'Content-Length: 100000',
    ];
    expect(await drip(daemon.port, `${lines.join('\r\n')}\r\n\r\n`, ' ')).toContain('did not arrive in time');
    expect(daemon.calls).toEqual([]);
  });

  it('whose upload stops arriving is let go of', async () => {
    const loadImages = async ({ upload }: { upload: AsyncIterable<unknown> }) => {
      for await (const _ of upload);
      return { images: [] };
    };
    await using daemon = await startWith({ upload_idle_ms: 200 }, { handlers: { loadImages } });
    const socket = connect(daemon.port, '127.0.0.1');
    const lines = [
      'POST /images HTTP/1.1',
      'Host: localhost',
      AUTHORIZATION,
      'Content-Type: application/x-tar',
      'Content-Length: 1000',
    ];
    socket.write(`${lines.join('\r\n')}\r\n\r\npart of it`);
    let heard = '';
    socket.on('data', (chunk) => {
      heard += String(chunk);
    });
    await once(socket, 'close');
    expect(heard).toContain('The upload stopped arriving');
  });

  it('that does not take its answer is let go of, and what waited for it with it', async () => {
    const gone = Promise.withResolvers<void>();
    const many = Array.from({ length: 20_000 }, () => sampleApp);
    const listApps = async ({ context }: { context: { signal: AbortSignal } }) => {
      context.signal.addEventListener('abort', () => gone.resolve());
      return many;
    };
    await using daemon = await startWith({ answer_idle_ms: 200 }, { handlers: { listApps } });
    const socket = connect(daemon.port, '127.0.0.1').pause();
    socket.on('error', () => undefined); // it is reset
    socket.write(`GET /apps HTTP/1.1\r\nHost: localhost\r\n${AUTHORIZATION}\r\n\r\n`);
    await gone.promise;
    socket.destroy();
  });

  it('may take its time between two requests', async () => {
    await using daemon = await startWith({ answer_idle_ms: 50, headers_ms: 10_000 });
    const socket = connect(daemon.port, '127.0.0.1');
    const ask = async () => {
      socket.write('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n');
      const [answer] = await once(socket, 'data');
      return String(answer).split('\r\n', 1)[0];
    };
    expect(await ask()).toBe('HTTP/1.1 200 OK');
    // Others' answers take longer than this one's connection was quiet.
    const until = performance.now() + 200;
    while (performance.now() < until) await send({ port: daemon.port }, health);
    expect(await ask()).toBe('HTTP/1.1 200 OK');
    socket.destroy();
  });
});

describe('headers', () => {
  it('are refused beyond a number, so that none of them goes unseen', async () => {
    await using daemon = await startTestServer();
    const filler = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`X-${index}`, 'x']));
    const own = 3; // Host, Authorization, Connection
    const fits = await send({ port: daemon.port }, { ...health, headers: filler(SERVER_BOUNDS.header_fields_max - own) });
    expect(fits.status).toBe(200);
    const tooMany = { ...health, headers: { ...filler(SERVER_BOUNDS.header_fields_max - own), Origin: 'http://evil.example' } };
    expect(await send({ port: daemon.port }, tooMany)).toMatchObject({
      status: 400,
      json: { message: expect.stringContaining('more than 64 fields') },
    });
  });

  it('that name two hosts are refused', async () => {
    await using daemon = await startTestServer();
    const lines = ['GET /health HTTP/1.1', 'Host: localhost', 'Host: rebound.example.com', 'Connection: close', '', ''];
    expect(await sendBytes({ port: daemon.port }, lines.join('\r\n'))).toMatch(/^HTTP\/1\.1 40[03] /);
    expect(daemon.calls).toEqual([]);
  });
});

describe('connections', () => {
  it('beyond a number are dropped, and the other listener serves on', async () => {
    await using daemon = await startTestServer();
    const sockets: Socket[] = [];
    try {
      for (let count = 0; count < SERVER_BOUNDS.connections_max; count += 1) {
        const socket = connect(daemon.port, '127.0.0.1').on('error', () => undefined);
        sockets.push(socket);
        await once(socket, 'connect');
      }
      const beyond = connect(daemon.port, '127.0.0.1').on('error', () => undefined);
      beyond.resume();
      await once(beyond, 'close');
      expect((await send({ socketPath: daemon.socketPath }, health)).status).toBe(200);
      const closed = once(sockets[0]!, 'close'); // the loop opened many
      sockets[0]!.destroy();
      await closed;
      await expect
        .poll(() =>
          send({ port: daemon.port }, health).then(
            ({ status }) => status,
            () => 'dropped',
          ),
        )
        .toBe(200);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  });

  it('are not kept for callers without a valid token', async () => {
    await using daemon = await startTestServer();
    const socket = connect(daemon.port, '127.0.0.1');
    socket.write('GET /apps HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer wrong\r\n\r\n');
    let heard = '';
    socket.on('data', (chunk) => {
      heard += String(chunk);
    });
    await once(socket, 'close');
    expect(heard).toContain('HTTP/1.1 401');
  });
});

describe('requests', () => {
  it('beyond a number at once are refused until others are done', async () => {
    const release = Promise.withResolvers<void>();
    await using daemon = await startTestServer({
      handlers: {
        listApps: async () => {
          await release.promise;
          return [];
        },
      },
    });
    const socket = connect(daemon.port, '127.0.0.1').on('error', () => undefined);
    const one = `GET /apps HTTP/1.1\r\nHost: localhost\r\n${AUTHORIZATION}\r\n\r\n`;
    socket.resume().write(one.repeat(SERVER_BOUNDS.requests_in_flight_max + 10));
    await expect.poll(() => daemon.calls.length).toBe(SERVER_BOUNDS.requests_in_flight_max);
    const refused = { status: 503, json: { message: expect.stringContaining('too many requests in hand') } };
    expect(await send({ socketPath: daemon.socketPath }, health)).toMatchObject(refused);
    release.resolve();
    await expect.poll(async () => (await send({ socketPath: daemon.socketPath }, health)).status).toBe(200);
    socket.destroy();
  });
});

describe('streams', () => {
  it('beyond a number are refused until others are closed', async () => {
    await using daemon = await startTestServer({
      streamHandlers: {
        events: async function* ({ context }) {
          yield sampleEvent;
          await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
        },
      },
    });
    const open = () =>
      new WebSocket(`ws://127.0.0.1:${daemon.port}/ws/events`, { headers: { Authorization: `Bearer ${TEST_TOKEN}` } });
    const all = Array.from({ length: SERVER_BOUNDS.streams_max }, open);
    await Promise.all(all.map((webSocket) => once(webSocket, 'message')));
    const statusOf = async () => {
      const webSocket = open().on('error', () => undefined);
      const answered = Promise.withResolvers<number>();
      webSocket.on('unexpected-response', (_request, response) => answered.resolve(response.statusCode ?? 0));
      webSocket.on('open', () => answered.resolve(101));
      const status = await answered.promise;
      webSocket.terminate();
      return status;
    };
    expect(await statusOf()).toBe(503);
    all[0]?.terminate();
    await expect.poll(statusOf).toBe(101);
    for (const webSocket of all) webSocket.terminate();
  });
});
