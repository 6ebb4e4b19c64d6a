import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer as createNetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { DomainError } from '../contract/errors.ts';
import { authDelayMs } from './guard.ts';
import { send, sendBytes } from './test-http.ts';
import { sampleOperation, startTestServer } from './test-server.ts';
import { testTokens } from './test-tokens.ts';

const temporarySocket = () => join(tmpdir(), `nextdeploy-${randomUUID()}.sock`);

describe('the Unix socket', () => {
  it('is open to owner and group only, and gone after closing', async () => {
    const daemon = await startTestServer();
    expect(statSync(daemon.socketPath).mode & 0o777).toBe(0o660);
    await daemon[Symbol.asyncDispose]();
    expect(existsSync(daemon.socketPath)).toBe(false);
  });

  it('replaces one that a crashed daemon left behind', async () => {
    const path = temporarySocket();
    const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.send('up'))`;
    const crashed = fork('-e', [script], { execArgv: [], stdio: 'ignore', execPath: process.execPath });
    await once(crashed, 'message');
    crashed.kill('SIGKILL');
    await once(crashed, 'exit');
    expect(existsSync(path)).toBe(true);
    await using daemon = await startTestServer();
    await daemon.server.listen({ socketPath: path });
    expect((await send({ socketPath: path }, { method: 'GET', path: '/health' })).status).toBe(200);
  });

  it("of a living daemon is a conflict, and stays that daemon's", async () => {
    await using first = await startTestServer();
    await using second = await startTestServer();
    await expect(second.server.listen({ socketPath: first.socketPath })).rejects.toMatchObject({ code: 'conflict' });
    expect(await first.client.call('getHealth')).toMatchObject({ status: 'ok' });
  });

  it('never replaces a file that is not a socket', async () => {
    const path = temporarySocket();
    writeFileSync(path, 'precious');
    await using daemon = await startTestServer();
    await expect(daemon.server.listen({ socketPath: path })).rejects.toMatchObject({ code: 'conflict' });
    chmodSync(path, 0o600);
    rmSync(path);
  });
});

describe('the TCP listener', () => {
  it.each(['0.0.0.0', '::', '192.0.2.1', 'example.com', ''])('refuses to listen on %j', async (host) => {
    await using daemon = await startTestServer();
    await expect(daemon.server.listen({ host, port: 0 })).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('says that a port is in use', async () => {
    await using daemon = await startTestServer();
    const error = await daemon.server.listen({ host: '127.0.0.1', port: daemon.port }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'conflict', message: expect.stringContaining(String(daemon.port)) });
  });

  it('knows the name nextdeploy on the socket only', async () => {
    await using daemon = await startTestServer();
    const request = { method: 'GET', path: '/health', headers: { Host: 'nextdeploy' } };
    expect((await send({ socketPath: daemon.socketPath }, request)).status).toBe(200);
    expect((await send({ port: daemon.port }, request)).status).toBe(403);
    for (const host of ['127.0.0.1', 'localhost:1', '[::1]:8371']) {
      expect((await send({ port: daemon.port }, { ...request, headers: { Host: host } })).status).toBe(200);
    }
  });
});

describe('wrong tokens', () => {
  it('are answered later and later once ten came within a minute', () => {
    expect([1, 10, 11, 12, 15, 16, 40].map(authDelayMs)).toEqual([0, 0, 250, 500, 4000, 5000, 5000]);
  });

  it('count together whether unknown, revoked or expired, and hold no valid token back', async () => {
    const onAuthFailure = vi.fn();
    const { tokens, store } = testTokens();
    const valid = tokens.create({ name: 'ci', role: 'viewer' }, 'admin');
    const revoked = tokens.create({ name: 'old', role: 'viewer' }, 'admin');
    tokens.revoke(revoked.id, 'admin');
    await using daemon = await startTestServer({ server: { tokens, onAuthFailure } });
    const ask = (text: string) =>
      send({ port: daemon.port }, { method: 'GET', path: '/apps', headers: { Authorization: `Bearer ${text}` } });
    const before = store.writes;
    for (let attempt = 0; attempt < 5; attempt += 1) for (const text of ['nd_unknown', revoked.token]) await ask(text);
    expect(store.writes).toBe(before);
    const started = performance.now();
    const held = [ask('nd_unknown'), ask(revoked.token)].map((reply) => reply.then(() => performance.now() - started));
    expect((await ask(valid.token)).status).toBe(200);
    expect(performance.now() - started).toBeLessThan(200);
    for (const waited of await Promise.all(held)) expect(waited).toBeGreaterThan(240);
    expect(onAuthFailure).toHaveBeenCalledOnce();
  });

  it('raise one event and never lock a valid token out', async () => {
    const onAuthFailure = vi.fn();
    await using daemon = await startTestServer({ server: { onAuthFailure } });
    const wrong = { method: 'GET', path: '/apps', headers: { Authorization: 'Bearer wrong' } };
    for (let attempt = 0; attempt < 10; attempt += 1) await send({ port: daemon.port }, wrong);
    expect(onAuthFailure).not.toHaveBeenCalled();
    const started = performance.now();
    const held = send({ port: daemon.port }, wrong).then(() => performance.now() - started);
    await daemon.client.call('listApps');
    expect(performance.now() - started).toBeLessThan(200);
    expect(await held).toBeGreaterThan(240);
    await send({ port: daemon.port }, wrong);
    expect(onAuthFailure.mock.calls).toEqual([[{ listener: 'tcp', failures: 11 }]]);
  });
});

describe('a caller that does not play by the rules', () => {
  it.each([
    ['no HTTP at all', '\x16\x03\x01\x02\x00\x01\r\n\r\n'],
    ['headers without an end', `GET /health HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`],
    ['two lengths', 'POST /deploy HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
    [
      'a length and chunks',
      'POST /deploy HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    ],
  ])('gets the error model for %s', async (_, bytes) => {
    await using daemon = await startTestServer();
    const answer = await sendBytes({ port: daemon.port }, bytes);
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(answer).toContain('X-NextDeploy-Api: 1');
    expect(answer).toContain('"code":"invalid_request"');
    expect(await daemon.client.call('getHealth')).toMatchObject({ status: 'ok' });
  });

  it('is closed when its headers or its body never end', async () => {
    await using daemon = await startTestServer({ server: { timeouts: { headers_ms: 200, body_ms: 200 } } });
    expect(await sendBytes({ port: daemon.port }, 'GET /health HTTP/1.1\r\nHost: loc')).toContain('did not arrive in time');
    const head = 'POST /deploy HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n';
    const authorized = `${head}Authorization: Bearer a-token-for-tests-0123456789-0123456789\r\n\r\n{"a`;
    expect(await sendBytes({ port: daemon.port }, authorized)).toContain('did not arrive in time');
    expect(daemon.calls).toEqual([]);
  });

  it('gets its answer although it goes on sending an upload that nobody reads', async () => {
    await using daemon = await startTestServer({
      handlers: { loadImages: () => Promise.reject(new DomainError('unavailable', 'Docker does not answer.')) },
    });
    const body = Buffer.alloc(3 * 1024 * 1024);
    const headers = { 'Content-Type': 'application/x-tar' };
    const reply = await send({ port: daemon.port }, { method: 'POST', path: '/images', headers, body });
    expect(reply).toMatchObject({ status: 503, json: { message: 'Docker does not answer.' } });
  });

  it('may offer another protocol and is answered over this one', async () => {
    await using daemon = await startTestServer();
    const headers = { Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c', 'HTTP2-Settings': 'AAMAAABkAAQAoAAAAAIAAAAA' };
    expect((await send({ port: daemon.port }, { method: 'GET', path: '/health', headers })).status).toBe(200);
  });

  it('that hangs up in the middle of an upload ends it with an error for its reader', async () => {
    const ended = Promise.withResolvers<unknown>();
    const begun = Promise.withResolvers<void>();
    await using daemon = await startTestServer({
      handlers: {
        loadImages: async ({ upload }) => {
          try {
            for await (const _ of upload) begun.resolve();
            ended.resolve('it ended as if complete');
          } catch (error) {
            ended.resolve(error);
          }
          return { images: [] };
        },
      },
    });
    const abort = new AbortController();
    const { PassThrough } = await import('node:stream');
    const source = new PassThrough();
    source.write(Buffer.alloc(1000));
    const upload = daemon.client.upload('loadImages', source, { signal: abort.signal });
    await begun.promise;
    abort.abort(new Error('enough'));
    await expect(upload).rejects.toThrow('enough');
    expect(await ended.promise).toBeInstanceOf(DomainError);
  });
});

describe('a handler', () => {
  it('that throws the unexpected becomes a 500 without its text', async () => {
    const error = vi.fn();
    await using daemon = await startTestServer({
      handlers: { listApps: async () => Promise.reject(new Error('password=hunter2')) },
      server: { log: { info: () => undefined, warn: () => undefined, error } },
    });
    const reply = await send({ port: daemon.port }, { method: 'GET', path: '/apps' });
    expect(reply.status).toBe(500);
    expect(JSON.stringify(reply.json)).not.toContain('hunter2');
    expect(error).toHaveBeenCalledOnce();
  });

  it('whose answer breaks the contract fails in tests, and is logged and sent in production', async () => {
    const handlers = { getHealth: async () => ({ status: 'fine' }) as never };
    await using strict = await startTestServer({ handlers });
    expect((await send({ port: strict.port }, { method: 'GET', path: '/health' })).status).toBe(500);
    const error = vi.fn();
    const log = { info: () => undefined, warn: () => undefined, error };
    await using lax = await startTestServer({ handlers, server: { onContractBreach: 'log', log } });
    expect(await send({ port: lax.port }, { method: 'GET', path: '/health' })).toMatchObject({
      status: 200,
      json: { status: 'fine' },
    });
    expect(error).toHaveBeenCalledOnce();
  });

  it('hears when its caller hangs up', async () => {
    const aborted = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    await using daemon = await startTestServer({
      handlers: {
        listApps: ({ context }) => {
          begun.resolve();
          return new Promise((resolve) => {
            context.signal.addEventListener('abort', () => {
              aborted.resolve();
              resolve([]);
            });
          });
        },
      },
    });
    const caller = new AbortController();
    const call = daemon.client.call('listApps', { signal: caller.signal });
    await begun.promise;
    caller.abort();
    await expect(call).rejects.toThrow();
    await aborted.promise;
  });
});

describe('an idempotency key', () => {
  it('is passed on', async () => {
    await using daemon = await startTestServer();
    await daemon.client.call('startApp', { params: { name: 'shop' }, idempotencyKey: 'once-1' });
    expect(daemon.calls[0]?.request.context).toMatchObject({ actor: 'admin', role: 'admin', idempotency_key: 'once-1' });
  });
});

describe('closing', () => {
  it('answers those who wait for an operation, and ends soon', async () => {
    const waiting = Promise.withResolvers<void>();
    const daemon = await startTestServer({
      server: {
        waitForOperation: () => {
          waiting.resolve();
          return new Promise(() => undefined);
        },
      },
    });
    const call = daemon.client
      .call('startApp', { params: { name: sampleOperation.app_name }, query: { wait: '1' } })
      .catch((error: unknown) => error);
    await waiting.promise;
    const closed = daemon[Symbol.asyncDispose]();
    const winner = await Promise.race([closed.then(() => 'closed'), delay(2_000, 'late')]);
    expect(await call).toMatchObject({ code: 'unavailable' });
    expect(winner).toBe('closed');
  });

  it('leaves the socket alone that a successor has put in its place', async () => {
    const first = await startTestServer();
    rmSync(first.socketPath);
    const successor = createNetServer();
    await new Promise<void>((resolve) => {
      successor.listen(first.socketPath, resolve);
    });
    await first[Symbol.asyncDispose]();
    expect(existsSync(first.socketPath)).toBe(true);
    successor.close();
  });
});
