import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { DomainError } from '../contract/errors.ts';
import { type Stream, streams } from '../contract/streams.ts';
import { Hub } from '../stream/hub.ts';
import { fieldsOf, send } from './test-http.ts';
import { sampleEvent, sampleLine, startTestServer, TEST_TOKEN } from './test-server.ts';

const upgrade = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
};
const headers = { Authorization: `Bearer ${TEST_TOKEN}` };

/** Never ends by itself, and says when its signal was aborted. */
function endless() {
  const ended = Promise.withResolvers<void>();
  return {
    ended: ended.promise,
    async *source({ context }: { context: { signal: AbortSignal } }) {
      yield sampleEvent;
      await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
      ended.resolve();
    },
  };
}

describe.each(Object.values(streams).map((stream): [string, Stream] => [stream.path, stream]))('%s', (path) => {
  const at = path.replace(':app', 'shop');
  it.each([
    ['no token', at, { Authorization: null }, 401],
    ['a wrong token', at, { Authorization: 'Bearer wrong' }, 401],
    ['a web page', at, { Origin: 'http://localhost' }, 403],
    ['another host', at, { Host: 'rebound.example.com' }, 403],
    ['an unknown query', `${at}?surprise=1`, {}, 400],
    ['a path below it', `${at}/deeper`, {}, 404],
    ['another version of the protocol', at, { 'Sec-WebSocket-Version': '1' }, 400],
    ['a handshake without a key', at, { 'Sec-WebSocket-Key': null }, 400],
  ])('refuses %s before the upgrade', async (_, target, extra, status) => {
    await using daemon = await startTestServer();
    for (const listener of [{ socketPath: daemon.socketPath }, { port: daemon.port }]) {
      const reply = await send(listener, { method: 'GET', path: target, headers: { ...upgrade, ...extra } });
      expect(reply.status).toBe(status);
      expect(reply.headers['x-nextdeploy-api']).toBe('1');
      expect(reply.json).toMatchObject({ success: false });
    }
    expect(await daemon.client.call('getHealth')).toMatchObject({ status: 'ok' });
  });
});

describe('the logs stream', () => {
  it('names the field it refuses', async () => {
    await using daemon = await startTestServer();
    const refused = async (path: string) =>
      fieldsOf(await send({ port: daemon.port }, { method: 'GET', path, headers: upgrade }));
    expect(await refused('/ws/logs/Shop')).toEqual(['app']);
    expect(await refused('/ws/logs/shop?tail=-1')).toEqual(['tail']);
    expect(await refused('/ws/logs/shop?tail=10001&follow=perhaps')).toEqual(['tail', 'follow']);
    expect(await refused(`/ws/logs/shop?grep=${'x'.repeat(201)}`)).toEqual(['grep']);
  });

  it('sends its frames and closes normally when it is over', async () => {
    await using daemon = await startTestServer();
    const frames: unknown[] = [];
    for await (const frame of daemon.client.stream('logs', { params: { app: 'shop' }, query: { tail: 5 } })) frames.push(frame);
    expect(frames).toEqual([sampleLine]);
  });

  it('gives the caller the error of a stream that failed, and closes with 1011', async () => {
    await using daemon = await startTestServer({
      streamHandlers: {
        logs: async function* () {
          yield sampleLine;
          throw new DomainError('not_found', 'There is no app shop.');
        },
      },
    });
    const webSocket = new WebSocket(`ws://127.0.0.1:${daemon.port}/ws/logs/shop`, { headers });
    const [code] = await once(webSocket, 'close');
    expect(code).toBe(1011);
    const read = async () => {
      for await (const frame of daemon.client.stream('logs', { params: { app: 'shop' } })) expect(frame).toEqual(sampleLine);
    };
    await expect(read()).rejects.toMatchObject({ code: 'not_found', message: 'There is no app shop.' });
  });
});

describe('a stream', () => {
  it('stops its source when the reader leaves', async () => {
    const { source, ended } = endless();
    await using daemon = await startTestServer({ streamHandlers: { events: source } });
    for await (const frame of daemon.client.stream('events')) {
      expect(frame).toEqual(sampleEvent);
      break;
    }
    await ended;
  });

  it('ends quietly for a reader whose signal is aborted, whether open or not', async () => {
    await using daemon = await startTestServer({ streamHandlers: { events: endless().source } });
    const abort = new AbortController();
    for await (const _ of daemon.client.stream('events', { signal: abort.signal })) abort.abort();
    for await (const _ of daemon.client.stream('events', { signal: abort.signal })) throw new Error('it was aborted before');
  });

  it('lets go of its connection when the signal is aborted, even if nobody reads on', async () => {
    const { source, ended } = endless();
    await using daemon = await startTestServer({ streamHandlers: { events: source } });
    const abort = new AbortController();
    await daemon.client.stream('events', { signal: abort.signal }).next();
    abort.abort();
    await ended;
  });

  it('is closed with 1001 when the daemon stops, which the client says', async () => {
    const daemon = await startTestServer({ streamHandlers: { events: endless().source } });
    const webSocket = new WebSocket(`ws://127.0.0.1:${daemon.port}/ws/events`, { headers });
    await once(webSocket, 'message');
    const iterator = daemon.client.stream('events');
    await iterator.next();
    const next = iterator.next().catch((error: unknown) => error);
    const [[code]] = await Promise.all([once(webSocket, 'close'), daemon[Symbol.asyncDispose]()]);
    expect(code).toBe(1001);
    expect(await next).toMatchObject({ code: 'unavailable', message: expect.stringContaining('stopping') });
  });

  it('reads its source no faster than the peer takes the frames', async () => {
    let produced = 0;
    await using daemon = await startTestServer({
      streamHandlers: {
        logs: async function* () {
          for (;;) {
            produced += 1;
            yield { ...sampleLine, log: 'x'.repeat(10_000) };
          }
        },
      },
    });
    const webSocket = new WebSocket(`ws://127.0.0.1:${daemon.port}/ws/logs/shop`, { headers });
    await once(webSocket, 'message');
    webSocket.pause();
    let before = -1;
    await expect
      .poll(
        () => {
          const isStill = produced === before;
          before = produced;
          return isStill;
        },
        { interval: 100 },
      )
      .toBe(true);
    expect(produced * 10_000).toBeLessThan(32 * 1024 * 1024);
    webSocket.terminate();
  });

  it('says how much a slow reader lost', async () => {
    const hub = new Hub<typeof sampleEvent>();
    await using daemon = await startTestServer({
      streamHandlers: { events: ({ context }) => hub.subscribe({ signal: context.signal, buffer_max: 10 }) },
    });
    const webSocket = new WebSocket(`ws://127.0.0.1:${daemon.port}/ws/events`, { headers });
    await once(webSocket, 'open');
    await expect.poll(() => hub.subscriberCount).toBe(1);
    const frames: { seq?: number; dropped?: number }[] = [];
    webSocket.on('message', (data) => frames.push(JSON.parse(String(data))));
    const total = 500;
    // One burst: the pump cannot run between two of them, so the subscriber's buffer overflows.
    for (let seq = 1; seq <= total; seq += 1) hub.publish({ ...sampleEvent, seq });
    await expect.poll(() => frames.at(-1)?.seq).toBe(total);
    const lost = frames.reduce((sum, frame) => sum + (frame.dropped ?? 0), 0);
    expect(lost).toBeGreaterThan(0);
    expect(frames.filter((frame) => frame.seq !== undefined).length + lost).toBe(total);
    webSocket.terminate();
  });

  it('is closed when its peer sends more than it may', async () => {
    await using daemon = await startTestServer({ streamHandlers: { events: endless().source } });
    const webSocket = new WebSocket(`ws://127.0.0.1:${daemon.port}/ws/events`, { headers });
    await once(webSocket, 'message');
    webSocket.send('ignored');
    webSocket.send('x'.repeat(5_000));
    const [code] = await once(webSocket, 'close');
    expect(code).toBe(1009);
  });

  it('of a peer that is gone without a word is ended', async () => {
    const { source, ended } = endless();
    await using daemon = await startTestServer({
      streamHandlers: { events: source },
      server: { timeouts: { ping_ms: 50 } },
    });
    const socket = connect(daemon.port, '127.0.0.1');
    const lines = Object.entries({ Host: 'localhost', ...headers, ...upgrade }).map(([name, value]) => `${name}: ${value}`);
    socket.write(['GET /ws/events HTTP/1.1', ...lines, '', ''].join('\r\n'));
    const [first] = await once(socket, 'data');
    expect(String(first)).toContain('101 Switching Protocols');
    // It reads nothing and answers no ping from here on.
    socket.pause();
    await Promise.race([ended, delay(5_000).then(() => Promise.reject(new Error('the stream still runs')))]);
    socket.destroy();
  });
});
