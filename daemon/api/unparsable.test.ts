import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { sendBytes } from './test-http.ts';
import { sampleApp, startTestServer, TEST_TOKEN } from './test-server.ts';

const GET_APPS = `GET /apps HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${TEST_TOKEN}\r\n\r\n`;
const statusesIn = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);

describe('bytes that are no request', () => {
  it('are refused at once where nothing came before them', async () => {
    await using daemon = await startTestServer();
    expect(statusesIn(await sendBytes({ port: daemon.port }, 'what?\r\n\r\n'))).toEqual(['400']);
  });

  it('are refused after the answers of the requests before them, whose refusal it would seem to be', async () => {
    const reached = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const listApps = async () => {
      reached.resolve();
      await release.promise;
      return [sampleApp];
    };
    await using daemon = await startTestServer({ handlers: { listApps } });
    const heard = sendBytes({ port: daemon.port }, `${GET_APPS}${GET_APPS}what?\r\n\r\n${'x'.repeat(1_000)}`);
    await reached.promise;
    release.resolve();
    expect(statusesIn(await heard)).toEqual(['200', '200', '400']);
  });

  it('are refused at once where they are part of a request', async () => {
    await using daemon = await startTestServer();
    const head = `POST /deploy HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${TEST_TOKEN}\r\nContent-Type: application/json\r\n`;
    expect(statusesIn(await sendBytes({ port: daemon.port }, `${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n`))).toEqual([
      '400',
    ]);
    expect(daemon.calls).toEqual([]);
  });

  it('after a request that its caller does not wait for cost nothing more', async () => {
    const gone = Promise.withResolvers<void>();
    const listApps = ({ context }: { context: { signal: AbortSignal } }) =>
      new Promise<never>((_, reject) => {
        context.signal.addEventListener('abort', () => {
          reject(context.signal.reason);
          gone.resolve();
        });
      });
    await using daemon = await startTestServer({ handlers: { listApps } });
    const socket = connect(daemon.port, '127.0.0.1').on('error', () => undefined);
    socket.write(`${GET_APPS}what?\r\n\r\n`);
    await expect.poll(() => daemon.calls.length).toBe(1);
    socket.destroy();
    await gone.promise;
  });
});
