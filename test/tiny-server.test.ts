/** The tiny server of the fixtures, run as a program: what tests on servers rely on. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { buffer, text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';

const PROGRAM = join(import.meta.dirname, 'fixtures', 'tiny', 'server.mjs');

interface Tiny {
  url: string;
  child: ChildProcess;
  /** Exit code and signal. */
  ended: Promise<[number | null, string | null]>;
  lines: string[];
}

const started: Tiny[] = [];
afterEach(() => {
  for (const { child } of started.splice(0)) child.kill('SIGKILL');
});

/** Starts the server and waits for the line that says it listens (or would). */
async function start(environment: Record<string, string> = {}): Promise<Tiny> {
  const port = await freePort();
  const env = { TINY_VERSION: 'v1', PORT: String(port), ...environment };
  const child = spawn(process.execPath, [PROGRAM], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  // Both are arguments of the event.
  const ended = once(child, 'exit') as Promise<[number | null, string | null]>;
  const up = Promise.withResolvers<void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    if (/ listens on /.test(line)) up.resolve();
  });
  const tiny = { url: `http://127.0.0.1:${port}`, child, ended, lines };
  started.push(tiny);
  await Promise.race([up.promise, ended]);
  return tiny;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  // Listening on TCP, so an object.
  const { port } = probe.address() as AddressInfo;
  probe.close();
  return port;
}

const statusOf = async (tiny: Tiny, path: string) => (await fetch(tiny.url + path)).status;
const json = async (tiny: Tiny, path: string, init?: RequestInit) => (await fetch(tiny.url + path, init)).json();

/** A request whose answer's head has come; the body is the caller's. */
async function opened(tiny: Tiny, path: string, agent?: Agent): Promise<IncomingMessage> {
  const outgoing: ClientRequest = request(tiny.url + path, { ...(agent ? { agent } : {}) }).end();
  const [answer] = await once(outgoing, 'response');
  return answer;
}

describe('health', () => {
  it('redirects its health path', async () => {
    const tiny = await start({ TINY_HEALTH_REDIRECT: '/api/health' });
    const answer = await fetch(`${tiny.url}/api/health`, { redirect: 'manual' });
    expect([answer.status, answer.headers.get('location')]).toEqual([302, '/api/health']);
    expect(await statusOf(tiny, '/')).toBe(200);
  });

  it('flaps: every Nth request is a 500', async () => {
    const tiny = await start({ TINY_HEALTH_FLAP: '3' });
    const seen = [];
    for (let index = 0; index < 6; index++) seen.push(await statusOf(tiny, '/api/health'));
    expect(seen).toEqual([200, 200, 500, 200, 200, 500]);
    expect(await statusOf(tiny, '/')).toBe(200);
  });

  it('is 503 until the server counts as ready', async () => {
    const tiny = await start({ TINY_READY_AFTER_MS: '1500' });
    expect(await statusOf(tiny, '/api/health')).toBe(503);
    await expect.poll(() => statusOf(tiny, '/api/health'), { timeout: 10_000 }).toBe(200);
  });
});

describe('the end', () => {
  it('comes N ms after the start when it is to crash', async () => {
    const tiny = await start({ TINY_CRASH_AFTER_MS: '100' });
    expect(await tiny.ended).toEqual([1, null]);
  });

  it('comes with the asked code', async () => {
    const tiny = await start();
    await expect(fetch(`${tiny.url}/exit?code=7`)).rejects.toThrow();
    expect(await tiny.ended).toEqual([7, null]);
  });

  it('on SIGTERM waits for open answers, accepts nothing new, and closes idle connections', async () => {
    const tiny = await start();
    const agent = new Agent({ keepAlive: true });
    const idle = await opened(tiny, '/', agent);
    await text(idle);
    const download = await opened(tiny, '/download?bytes=300000&rate=1000000');
    const body = buffer(download);
    tiny.child.kill('SIGTERM');
    await expect.poll(() => fetch(tiny.url).then(String, () => 'refused')).toBe('refused');
    expect((await body).length).toBe(300_000);
    expect(await tiny.ended).toEqual([0, null]);
    agent.destroy();
  });

  it('on SIGTERM tells WebSockets that it goes, and ends events that have no end', async () => {
    const tiny = await start();
    const socket = new WebSocket(`${tiny.url.replace('http', 'ws')}/ws`);
    await once(socket, 'open');
    const closed = once(socket, 'close');
    const events = text(await opened(tiny, '/events'));
    tiny.child.kill('SIGTERM');
    expect((await closed)[0]).toBe(1001);
    expect(await events).toMatch(/^id: 1\ndata: v1\n\n/);
    expect(await tiny.ended).toEqual([0, null]);
  });

  it('does not come by SIGTERM when it is to ignore it', async () => {
    const tiny = await start({ TINY_IGNORE_SIGTERM: '1' });
    tiny.child.kill('SIGTERM');
    await expect.poll(() => tiny.lines).toContain('tiny v1 ignores SIGTERM');
    expect(await statusOf(tiny, '/')).toBe(200);
  });
});

describe('streams', () => {
  it('a download has its length, its contents and its rate', async () => {
    const tiny = await start();
    const began = performance.now();
    const body = await buffer(await opened(tiny, '/download?bytes=200000&rate=500000'));
    expect(performance.now() - began).toBeGreaterThan(300);
    expect(body.length).toBe(200_000);
    expect(body.every((byte, index) => byte === index % 251)).toBe(true);
  });

  it('events are numbered, and end after their count', async () => {
    const tiny = await start();
    const events = await text(await opened(tiny, '/events?count=3&interval_ms=10'));
    expect(events).toBe('id: 1\ndata: v1\n\nid: 2\ndata: v1\n\nid: 3\ndata: v1\n\n');
  });

  it('a WebSocket gets back what it sends', async () => {
    const tiny = await start();
    const socket = new WebSocket(`${tiny.url.replace('http', 'ws')}/ws`);
    await once(socket, 'open');
    socket.send('hello');
    expect(String((await once(socket, 'message'))[0])).toBe('hello');
    socket.close();
  });
});

describe('posts', () => {
  it('are counted by their id once they are whole, in the answer and in a file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tiny-posts-'));
    try {
      const tiny = await start({ TINY_POSTS_FILE: join(folder, 'posts') });
      const post = (id: string, body: string) => json(tiny, `/posts?id=${id}`, { method: 'POST', body });
      expect(await post('a', 'xyz')).toEqual({ id: 'a', times: 1, bytes: 3, version: 'v1' });
      expect(await post('b', '')).toMatchObject({ times: 1, bytes: 0 });
      expect(await post('a', 'x')).toMatchObject({ times: 2 });
      const cut = request(`${tiny.url}/posts?id=cut`, { method: 'POST', headers: { 'content-length': 100 } });
      cut.on('error', () => undefined);
      await new Promise((resolve) => cut.write('only this', resolve));
      cut.destroy();
      expect(await json(tiny, '/posts')).toEqual({ version: 'v1', received: 3, bytes: 4, repeated: 1, ids: { a: 2, b: 1 } });
      expect(await readFile(join(folder, 'posts'), 'utf8')).toBe('a v1 3\nb v1 0\na v1 1\n');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('memory', () => {
  it('is taken when asked, and held', async () => {
    const tiny = await start({ TINY_MEMORY_BYTES: '40000000' });
    await expect.poll(() => tiny.lines).toContain('tiny v1 holds 41943040 bytes');
    expect(await json(tiny, '/memory?bytes=60000000')).toEqual({ bytes: 62_914_560, version: 'v1' });
    const status = await readFile(`/proc/${tiny.child.pid}/status`, 'utf8');
    expect(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1])).toBeGreaterThan(60_000);
  });
});
