import { Duplex, PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { DomainError } from '../contract/errors.ts';
import { Sealed } from '../secrets/sealed.ts';
import { DaemonClient, type Transport, unixSocketTransport } from './client.ts';
import { failedOperation, sampleApp, sampleLine, sampleOperation, startTestServer, TEST_TOKEN } from './test-server.ts';

const failure = async (promise: Promise<unknown>): Promise<DomainError> => {
  const error = await promise.then(
    () => new Error('it succeeded'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DomainError);
  return error as DomainError;
};

describe('a call', () => {
  it('reads an object, and reuses its connection', async () => {
    await using daemon = await startTestServer();
    let connections = 0;
    const inner = unixSocketTransport(daemon.socketPath);
    const counting: Transport = {
      connect(signal) {
        connections += 1;
        return inner.connect(signal);
      },
    };
    const client = new DaemonClient({ transport: counting, token: new Sealed(TEST_TOKEN) });
    expect(await client.call('listApps')).toEqual([sampleApp]);
    expect(await client.call('getAppStatus', { params: { name: 'shop' } })).toEqual(sampleApp);
    expect(connections).toBe(1);
    client.close();
  });

  it("works over a plain Duplex that has none of a socket's methods", async () => {
    await using daemon = await startTestServer();
    const inner = unixSocketTransport(daemon.socketPath);
    let connections = 0;
    const plain: Transport = {
      async connect(signal) {
        connections += 1;
        const socket = await inner.connect(signal);
        return Duplex.from({ readable: socket, writable: socket });
      },
    };
    const client = new DaemonClient({ transport: plain, token: new Sealed(TEST_TOKEN) });
    expect(await client.call('listApps')).toHaveLength(1);
    expect(await client.call('listApps')).toHaveLength(1);
    expect(connections).toBe(1);
    for await (const line of client.stream('logs', { params: { app: 'shop' } })) expect(line).toEqual(sampleLine);
    expect(connections).toBe(2);
    client.close();
  });

  it('returns the operation at once, or after its end with wait', async () => {
    await using daemon = await startTestServer();
    const body = { app_name: 'shop', image: 'shop:v2' };
    expect(await daemon.client.call('swap', { body })).toEqual(sampleOperation);
    expect((await daemon.client.call('swap', { body, query: { wait: '1' } })).state).toBe('succeeded');
  });

  it('throws a failed operation with its evidence', async () => {
    await using daemon = await startTestServer({ server: { waitForOperation: async () => failedOperation } });
    const error = await failure(
      daemon.client.call('swap', { body: { app_name: 'shop', image: 'shop:v2' }, query: { wait: '1' } }),
    );
    expect(error).toMatchObject({ code: 'unprocessable', operation_id: failedOperation.id, details: failedOperation.evidence });
    expect(error.message).toBe(failedOperation.error?.message);
  });
});

describe('an upload', () => {
  it('arrives whole and reports its progress', async () => {
    let received = 0;
    await using daemon = await startTestServer({
      handlers: {
        loadImages: async ({ upload }) => {
          for await (const chunk of upload) received += chunk.length;
          return { images: [] };
        },
      },
    });
    const chunk = Buffer.alloc(256 * 1024, 7);
    const progress: number[] = [];
    const source = Readable.from(Array.from({ length: 40 }, () => chunk));
    await daemon.client.upload('loadImages', source, { onProgress: (bytes) => progress.push(bytes) });
    expect(received).toBe(40 * chunk.length);
    expect(progress.at(-1)).toBe(received);
  });

  it("that the daemon refuses in the middle ends with the daemon's reason", async () => {
    await using daemon = await startTestServer({
      handlers: {
        loadImages: async ({ upload }) => {
          await upload[Symbol.asyncIterator]().next();
          throw new DomainError('unprocessable', 'This is not an image archive.');
        },
      },
    });
    const endless = new PassThrough();
    const feed = setInterval(() => endless.write(Buffer.alloc(64 * 1024)), 1);
    const error = await failure(daemon.client.upload('loadImages', endless));
    clearInterval(feed);
    expect(error).toMatchObject({ code: 'unprocessable', message: 'This is not an image archive.' });
    expect(endless.destroyed).toBe(true);
  });
});
