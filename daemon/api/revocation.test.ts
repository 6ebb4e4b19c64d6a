import { once } from 'node:events';
import { connect } from 'node:net';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { TokenRequest } from '../contract/access.ts';
import { Sealed } from '../secrets/sealed.ts';
import { DaemonClient, unixSocketTransport } from './client.ts';
import { send } from './test-http.ts';
import { sampleEvent, sampleOperation, startTestServer, type TestServerOptions } from './test-server.ts';
import { testTokens } from './test-tokens.ts';

const operator: TokenRequest = { name: 'ci', role: 'operator' };

/** A daemon whose tokens are made and revoked as over its API, with one token and a client that uses it. */
async function start(options: TestServerOptions = {}, request: TokenRequest = operator) {
  const { tokens } = testTokens();
  const made = tokens.create(request, 'admin');
  const daemon = await startTestServer({
    ...options,
    handlers: { revokeToken: async ({ params, context }) => tokens.revoke(params.id, context.actor), ...options.handlers },
    server: { tokens, ...options.server },
  });
  const client = new DaemonClient({ transport: unixSocketTransport(daemon.socketPath), token: new Sealed(made.token) });
  const revoke = () => daemon.client.call('revokeToken', { params: { id: made.id } });
  return {
    ...{ daemon, client, revoke, made },
    headers: { Authorization: `Bearer ${made.token}` },
    async [Symbol.asyncDispose]() {
      client.close();
      tokens.close();
      await daemon[Symbol.asyncDispose]();
    },
  };
}

/** A stream that goes on until its signal is aborted. */
async function* endless({ context }: { context: { signal: AbortSignal } }) {
  yield sampleEvent;
  await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
}

describe('revoking a token', () => {
  it('closes what its bearer has open with 4401, and leaves the streams of others', async () => {
    await using bed = await start({ streamHandlers: { events: endless } });
    const open = (headers: Record<string, string>) => new WebSocket(`ws://127.0.0.1:${bed.daemon.port}/ws/events`, { headers });
    const theirs = open(bed.headers);
    const frames: string[] = [];
    theirs.on('message', (data) => frames.push(String(data)));
    await once(theirs, 'message');
    const iterator = bed.client.stream('events');
    await iterator.next();
    const next = iterator.next().catch((error: unknown) => error);
    const others = bed.daemon.client.stream('events');
    await others.next();

    const closed = once(theirs, 'close');
    await bed.revoke();
    const [code, reason] = await closed;
    expect([code, String(reason)]).toEqual([4401, 'the token was revoked or has expired']);
    expect(JSON.parse(frames.at(-1) ?? '')).toMatchObject({ success: false, payload: { code: 'unauthorized' } });
    expect(await next).toMatchObject({ code: 'unauthorized', message: expect.stringContaining('The token ci was revoked') });

    const untouched = await Promise.race([
      others.next().then(() => 'ended'),
      bed.daemon.client.call('getVersion').then(() => 'open'),
    ]);
    expect(untouched).toBe('open');
  });

  it('cuts a peer off that takes nothing, and does not wait for its farewell', async () => {
    const gone = Promise.withResolvers<void>();
    await using bed = await start({
      streamHandlers: {
        events: async function* (request) {
          try {
            yield* endless(request);
          } finally {
            gone.resolve();
          }
        },
      },
    });
    const socket = connect(bed.daemon.port, '127.0.0.1');
    const upgrade = [
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ];
    const lines = [
      'GET /ws/events HTTP/1.1',
      'Host: localhost',
      `Authorization: ${bed.headers.Authorization}`,
      ...upgrade,
      '',
      '',
    ];
    socket.write(lines.join('\r\n'));
    await once(socket, 'data');
    const closed = once(socket, 'close');
    await bed.revoke();
    await gone.promise;
    // It answers no close frame: the daemon ends the connection by itself.
    await closed;
  });

  it('ends a wait, which names the operation; the operation goes on', async () => {
    const waiting = Promise.withResolvers<AbortSignal>();
    await using bed = await start({
      server: {
        waitForOperation: (_id, signal) => {
          waiting.resolve(signal);
          return new Promise(() => undefined);
        },
      },
    });
    const call = bed.client.call('startApp', { params: { name: 'shop' }, query: { wait: '1' } }).catch((error: unknown) => error);
    await waiting.promise;
    await bed.revoke();
    expect(await call).toMatchObject({ code: 'unauthorized', operation_id: sampleOperation.id });
  });

  it('ends an upload that is under way', async () => {
    const begun = Promise.withResolvers<void>();
    await using bed = await start({
      handlers: {
        loadImages: async ({ upload }) => {
          for await (const _ of upload) begun.resolve();
          return { images: [] };
        },
      },
    });
    const source = new PassThrough();
    source.write(Buffer.alloc(1_000));
    const upload = bed.client.upload('loadImages', source).catch((error: unknown) => error);
    await begun.promise;
    await bed.revoke();
    expect(await upload).toMatchObject({ code: 'unauthorized' });
  });

  it('keeps a request from its handler whose body was still on its way', async () => {
    await using bed = await start();
    const socket = connect(bed.daemon.port, '127.0.0.1');
    const body = JSON.stringify({ app_name: 'shop', image: 'shop:v2' });
    const head = ['POST /swap HTTP/1.1', 'Host: localhost', `Authorization: ${bed.headers.Authorization}`];
    socket.write(
      [...head, 'Content-Type: application/json', `Content-Length: ${body.length}`, '', body.slice(0, 5)].join('\r\n'),
    );
    let answer = '';
    socket.on('data', (chunk) => {
      answer += String(chunk);
    });
    // Another request with the token, on a connection made later, shows that the first has been read.
    await bed.client.call('getVersion');
    await bed.revoke();
    await expect.poll(() => answer).toContain('HTTP/1.1 401');
    socket.destroy();
    expect(bed.daemon.calls.map(({ name }) => name)).not.toContain('swap');
  });

  it('by its own bearer is answered, and is the last that it does', async () => {
    await using bed = await start({}, { name: 'boss', role: 'admin' });
    const { id } = bed.made;
    expect(await bed.client.call('revokeToken', { params: { id } })).toMatchObject({
      state: 'revoked',
      revoked_by: 'token:boss',
    });
    await expect(bed.client.call('listApps')).rejects.toMatchObject({ code: 'unauthorized' });
  });
});

describe('a token that expires', () => {
  it('closes what its bearer has open', async () => {
    const expires_at = new Date(Date.now() + 3_000).toISOString();
    await using bed = await start({ streamHandlers: { events: endless } }, { ...operator, expires_at });
    const webSocket = new WebSocket(`ws://127.0.0.1:${bed.daemon.port}/ws/events`, { headers: bed.headers });
    await once(webSocket, 'message');
    const [code] = await once(webSocket, 'close');
    expect(code).toBe(4401);
    const reply = await send({ port: bed.daemon.port }, { method: 'GET', path: '/apps', headers: bed.headers });
    expect(reply).toMatchObject({ status: 401, json: { message: expect.stringContaining(`expired at ${expires_at}`) } });
    expect(reply.headers.connection).toBe('close');
  });
});
