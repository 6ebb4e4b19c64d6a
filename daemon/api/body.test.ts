import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../contract/limits.ts';
import { UploadBody } from './body.ts';
import { send } from './test-http.ts';
import { startTestServer } from './test-server.ts';

/** An upload whose bytes the test writes. */
function upload(limits: { bytesMax?: number; timeout_ms?: number } = {}) {
  const wire = new PassThrough({ highWaterMark: 1_000 });
  const abort = new AbortController();
  // Of a request only what any readable stream has is used.
  const request = wire as unknown as IncomingMessage;
  const body = new UploadBody(request, { bytesMax: 10_000, timeout_ms: 5_000, ...limits, signal: abort.signal });
  return { wire, body, abort };
}

const readAll = async (body: UploadBody) => {
  let size = 0;
  for await (const chunk of body) size += (chunk as Buffer).length;
  return size;
};

describe('the body of an upload', () => {
  it('is what was sent', async () => {
    const { wire, body } = upload();
    wire.write(Buffer.alloc(4_000));
    wire.end(Buffer.alloc(6_000));
    expect(await readAll(body)).toBe(10_000);
  });

  it('ends with an error at the first byte over the limit', async () => {
    const { wire, body } = upload({ bytesMax: 5_000 });
    wire.end(Buffer.alloc(5_001));
    await expect(readAll(body)).rejects.toMatchObject({ code: 'payload_too_large' });
  });

  it('ends with an error when nothing arrives for too long, and not while its reader takes its time', async () => {
    const stalled = upload({ timeout_ms: 30 });
    stalled.wire.write('begun');
    await expect(readAll(stalled.body)).rejects.toMatchObject({ code: 'invalid_request' });
    const slow = upload({ timeout_ms: 30, bytesMax: 1_000_000 });
    slow.wire.end(Buffer.alloc(200_000));
    let size = 0;
    for await (const chunk of slow.body) {
      size += (chunk as Buffer).length;
      if (size < 100_000) await new Promise((resolve) => setTimeout(resolve, 40));
    }
    expect(size).toBe(200_000);
  });

  it('ends with an error, never as if whole, when the caller hangs up', async () => {
    const { wire, body, abort } = upload();
    wire.write('begun');
    const reading = readAll(body);
    abort.abort();
    await expect(reading).rejects.toThrow();
    expect(wire.destroyed).toBe(false);
  });

  it('is not taken from the wire before it is read', async () => {
    const { wire, body } = upload({ bytesMax: 1_000_000 });
    let hasRoom: boolean = true;
    while (hasRoom) hasRoom = wire.write(Buffer.alloc(100));
    expect(body.readableLength).toBe(0);
    wire.end();
    expect(await readAll(body)).toBeGreaterThan(900);
  });

  it('over the limit by its own word is refused before a byte is read', async () => {
    await using daemon = await startTestServer();
    const headers = { 'Content-Type': 'application/x-tar', 'Content-Length': String(LIMITS.image_archive_bytes_max + 1) };
    const reply = await send({ port: daemon.port }, { method: 'POST', path: '/images', headers, body: 'tar' });
    expect(reply.status).toBe(413);
    expect(daemon.calls).toEqual([]);
  });
});

describe('the body of a deploy', () => {
  it('with 10 MB of variables is refused by its size, before it is parsed or even read whole', async () => {
    await using daemon = await startTestServer();
    const env = Object.fromEntries(Array.from({ length: 160 }, (_, index) => [`BIG_${index}`, 'x'.repeat(64 * 1024)]));
    const body = JSON.stringify({ app_name: 'shop', image: 'shop:v1', env });
    expect(body.length).toBeGreaterThan(10 * 1024 ** 2);
    for (const chunked of [false, true]) {
      const reply = await send({ port: daemon.port }, { method: 'POST', path: '/deploy', body, chunked });
      expect(reply.status).toBe(413);
      expect(reply.json).toMatchObject({
        message: `The body is larger than the ${LIMITS.request_body_bytes_max} bytes allowed here, most likely for its field "env"; send a smaller one.`,
        payload: { code: 'payload_too_large', details: [{ field: 'env', message: expect.stringContaining('most likely') }] },
      });
    }
    expect(daemon.calls).toEqual([]);
  });

  it('is refused the same where it is to be waited for, and another request without a guess', async () => {
    await using daemon = await startTestServer();
    const body = 'x'.repeat(LIMITS.request_body_bytes_max + 1);
    const post = (path: string) => send({ port: daemon.port }, { method: 'POST', path, body });
    expect((await post('/deploy?wait=1')).json).toMatchObject({ payload: { details: [{ field: 'env' }] } });
    expect((await post('/rollback')).json).toMatchObject({
      message: `The body is larger than the ${LIMITS.request_body_bytes_max} bytes allowed here; send a smaller one.`,
      payload: { code: 'payload_too_large' },
    });
  });
});
