import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { CorePort } from '../../preload/contract.ts';
import type { ConnectableCore, LinkLimits } from './link.ts';
import { startWebShell, type WebShell } from './shell.ts';

/** Answers each frame with itself, and remembers its ports. */
class EchoCore implements ConnectableCore {
  readonly ports: Required<CorePort>[] = [];
  readonly frames: unknown[] = [];
  closed = 0;

  connect(port: Required<CorePort>): void {
    this.ports.push(port);
    port.onFrame((frame) => {
      this.frames.push(frame);
      port.post({ t: 'result', id: 1, value: frame });
    });
    port.onClose(() => {
      this.closed += 1;
    });
  }
}

let directory: string;
let core: EchoCore;
let shell: WebShell;
let origin: string;

async function start(limits: Partial<LinkLimits> = {}): Promise<void> {
  shell = await startWebShell({ core, rendererDirectory: directory, limits });
  origin = new URL(shell.url).origin;
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nextdeploy-web-'));
  await mkdir(join(directory, 'assets'));
  await writeFile(join(directory, 'index.html'), '<!doctype html><title>NextDeploy</title>');
  await writeFile(join(directory, 'assets/index-B4f9_x1Z.js'), 'export {};');
  core = new EchoCore();
  await start();
});

afterEach(async () => {
  await shell.close();
  await rm(directory, { recursive: true });
});

interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** Sends a path exactly as it is written, without the clean-up that `fetch` does. */
function send(path: string, options: { method?: string; headers?: Record<string, string> } = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(origin);
    const call = request({ hostname, port, path, agent: false, ...options }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    call.on('error', reject).end();
  });
}

const pathOf = (url: string) => url.slice(origin.length);

async function signIn(): Promise<string> {
  const reply = await send(pathOf(shell.createUrl()));
  return reply.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
}

function link(headers: Record<string, string>, path = '/link'): WebSocket {
  return new WebSocket(origin.replace('http', 'ws') + path, { headers: { origin, ...headers } });
}

/** The status that refused the link, or 101. */
function linkStatus(headers: Record<string, string>, path?: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = link(headers, path);
    socket.on('open', () => resolve(101));
    socket.on('unexpected-response', (_request, response) => {
      resolve(response.statusCode ?? 0);
      response.destroy();
    });
    socket.on('error', reject);
  });
}

function once<T = void>(socket: WebSocket, event: 'open' | 'close' | 'message'): Promise<T> {
  return new Promise((resolve) => {
    socket.on('error', () => undefined);
    socket.once(event, (value: T) => resolve(value));
  });
}

describe('signing in', () => {
  test('the printed link gives a strict cookie, once, and leads to the page without the token', async () => {
    const reply = await send(pathOf(shell.url));
    expect(reply.status).toBe(303);
    expect(reply.headers.location).toBe('/');
    expect(reply.headers['set-cookie']?.[0]).toMatch(/^nextdeploy-\d+=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    const cookie = reply.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
    expect(await send('/', { headers: { cookie } })).toMatchObject({ status: 200, body: expect.stringContaining('NextDeploy') });

    const again = await send(pathOf(shell.url));
    expect(again.status).toBe(403);
    expect(again.headers['set-cookie']).toBeUndefined();
  });

  test('a look at the link that is not a GET does not use it up', async () => {
    expect((await send(pathOf(shell.url), { method: 'HEAD' })).status).toBe(405);
    expect((await send(pathOf(shell.url))).status).toBe(303);
  });

  test('every file needs the cookie, and a wrong one is none', async () => {
    expect((await send('/')).status).toBe(401);
    expect((await send('/assets/index-B4f9_x1Z.js')).status).toBe(401);
    const cookie = await signIn();
    expect((await send('/', { headers: { cookie: `${cookie.slice(0, -1)}!` } })).status).toBe(401);
    expect((await send('/?token=wrong', { headers: { cookie } })).status).toBe(403);
  });

  test('two browsers each get in by a link of their own', async () => {
    const cookies = [await signIn(), await signIn()];
    const replies = await Promise.all(cookies.map((cookie) => send('/', { headers: { cookie } })));
    expect(replies.map((reply) => reply.status)).toEqual([200, 200]);
  });
});

describe('what is asked for', () => {
  test('a signed-in page of another name or origin gets nothing', async () => {
    const cookie = await signIn();
    const { port } = new URL(origin);
    expect((await send('/', { headers: { cookie, host: `evil.example:${port}` } })).status).toBe(403);
    expect((await send('/', { headers: { cookie, host: '127.0.0.1' } })).status).toBe(403);
    expect((await send('/', { headers: { cookie, origin: 'https://evil.example' } })).status).toBe(403);
    expect((await send('/', { headers: { cookie, host: `localhost:${port}` } })).status).toBe(200);
  });

  test('another name cannot use up the link', async () => {
    expect((await send(pathOf(shell.url), { headers: { host: 'evil.example' } })).status).toBe(403);
    expect((await send(pathOf(shell.url))).status).toBe(303);
  });

  test.each([
    '/../package.json',
    '/%2e%2e%2fpackage.json',
    '/..%5cpackage.json',
    '/assets/../../../etc/passwd',
    '//etc/passwd',
    '/%00',
  ])('the path %s is not found', async (path) => {
    expect((await send(path, { headers: { cookie: await signIn() } })).status).toBe(404);
  });

  test('only GET and HEAD are answered, and HEAD has no body', async () => {
    const cookie = await signIn();
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      expect(await send('/', { method, headers: { cookie } })).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
    }
    expect(await send('/', { method: 'HEAD', headers: { cookie } })).toMatchObject({ status: 200, body: '' });
  });

  test('every answer, also a refusal, carries the security headers', async () => {
    const cookie = await signIn();
    for (const reply of [await send('/'), await send('/', { headers: { cookie } }), await send('/x', { headers: { cookie } })]) {
      expect(reply.headers['content-security-policy']).toContain("default-src 'none'; script-src 'self';");
      expect(reply.headers['content-security-policy']).toContain("frame-ancestors 'none'");
      expect(reply.headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' });
    }
  });

  test('a hashed file is kept by the browser for ever, the page is asked for again', async () => {
    const headers = { cookie: await signIn() };
    const script = await send('/assets/index-B4f9_x1Z.js', { headers });
    expect(script.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    const page = await send('/', { headers });
    expect(page.headers['cache-control']).toBe('no-cache');
    expect((await send('/', { headers: { ...headers, 'if-none-match': page.headers.etag ?? '' } })).status).toBe(304);
  });

  test('headers over the limit end the connection and nothing else', async () => {
    await expect(send('/', { headers: { 'x-long': 'x'.repeat(20_000) } })).rejects.toThrow();
    expect((await send('/')).status).toBe(401);
  });
});

describe('the link', () => {
  test('carries frames both ways as JSON text', async () => {
    const socket = link({ cookie: await signIn() });
    await once(socket, 'open');
    const answer = once<Buffer>(socket, 'message');
    socket.send(JSON.stringify({ t: 'call', id: 1, name: 'console.info' }));
    expect(JSON.parse(String(await answer))).toEqual({
      t: 'result',
      id: 1,
      value: { t: 'call', id: 1, name: 'console.info' },
    });
  });

  test('is refused without the cookie, from another page, by another name, without an origin, and elsewhere', async () => {
    const cookie = await signIn();
    expect(await linkStatus({})).toBe(401);
    expect(await linkStatus({ cookie, origin: 'https://evil.example' })).toBe(403);
    expect(await linkStatus({ cookie, origin: 'null' })).toBe(403);
    expect(await linkStatus({ cookie, host: 'evil.example', origin: 'http://evil.example' })).toBe(403);
    const { port } = new URL(origin);
    expect(await linkStatus({ cookie, origin: `http://127.0.0.1:${Number(port) + 1}` })).toBe(403);
    expect(await linkStatus({ cookie }, '/other')).toBe(404);
    expect(core.ports).toHaveLength(0);
    expect(await linkStatus({ cookie })).toBe(101);
  });

  test('needs an origin, which only a browser cannot leave out', async () => {
    const socket = new WebSocket(`${origin.replace('http', 'ws')}/link`, { headers: { cookie: await signIn() } });
    const status = await new Promise((resolve) => {
      socket.on('error', () => undefined);
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode));
    });
    expect(status).toBe(403);
  });

  test.each([
    ['text that is not JSON', 'not json', 1007],
    ['a binary message', Buffer.from('{}'), 1003],
  ])('ends at %s', async (_what, message, code) => {
    const socket = link({ cookie: await signIn() });
    await once(socket, 'open');
    socket.send(message);
    expect(await once<number>(socket, 'close')).toBe(code);
    expect(core.frames).toEqual([]);
    await expect.poll(() => core.closed).toBe(1);
  });

  test('ends at a frame over the limit, which never reaches the core', async () => {
    await shell.close();
    await start({ frame_bytes_max: 1_000 });
    const socket = link({ cookie: await signIn() });
    await once(socket, 'open');
    socket.send(JSON.stringify('x'.repeat(1_000)));
    expect(await once<number>(socket, 'close')).toBe(1009);
    expect(core.frames).toEqual([]);
    expect((await send('/')).status).toBe(401);
  });

  test('is refused beyond the number of links, and free again when one ends', async () => {
    await shell.close();
    await start({ links_max: 1 });
    const cookie = await signIn();
    const first = link({ cookie });
    await once(first, 'open');
    expect(await linkStatus({ cookie })).toBe(503);
    first.close();
    await expect.poll(() => core.closed).toBe(1);
    expect(await linkStatus({ cookie })).toBe(101);
  });

  test('is cut when the page does not read, before much is held for it', async () => {
    await shell.close();
    await start({ waiting_bytes_max: 1_000_000 });
    const socket = link({ cookie: await signIn() });
    await once(socket, 'open');
    socket.pause();
    const port = core.ports.at(-1);
    let posted = 0;
    while (core.closed === 0 && posted < 200) {
      port?.post({ t: 'data', id: 1, message: 'x'.repeat(250_000) });
      posted += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    await expect.poll(() => core.closed).toBe(1);
    expect(port?.bufferedBytes()).toBeLessThan(1_500_000);
    socket.terminate();
  });

  test('ends when the page no longer answers pings', async () => {
    await shell.close();
    await start({ ping_interval_ms: 50 });
    const socket = new WebSocket(`${origin.replace('http', 'ws')}/link`, {
      headers: { origin, cookie: await signIn() },
      autoPong: false,
    });
    await once(socket, 'open');
    expect(await once<number>(socket, 'close')).toBe(1006);
    await expect.poll(() => core.closed).toBe(1);
  });
});

describe('the shell', () => {
  test('is not served on an address others can reach', async () => {
    const options = { core, rendererDirectory: directory };
    for (const host of ['0.0.0.0', '::', '192.168.1.2', 'example.com', '127.evil.example']) {
      await expect(startWebShell({ ...options, host })).rejects.toThrow('loopback only');
    }
  });

  test('says so when its port is taken', async () => {
    const { port } = new URL(origin);
    const taken = startWebShell({ core, rendererDirectory: directory, port: Number(port) });
    await expect(taken).rejects.toThrow('EADDRINUSE');
  });

  test('closing ends links, half-open requests and the listener', async () => {
    const socket = link({ cookie: await signIn() });
    await once(socket, 'open');
    const { hostname, port } = new URL(origin);
    const halfOpen = connect(Number(port), hostname);
    await new Promise((resolve) => halfOpen.once('connect', resolve));
    halfOpen.write('GET / HTTP/1.1\r\n');
    const halfOpenEnded = new Promise((resolve) => halfOpen.on('error', () => undefined).once('close', resolve));

    const closed = once<number>(socket, 'close');
    await shell.close();
    expect(await closed).toBe(1001);
    await halfOpenEnded;
    await expect.poll(() => core.closed).toBe(1);
    await expect(send('/')).rejects.toThrow('ECONNREFUSED');
    await start();
  });
});
