import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { downFrameSchema } from '../../preload/contract.ts';

const ROOT = join(import.meta.dirname, '../..');
const CHROMIUM = '/usr/bin/chromium';
const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const START_WAIT_MS_MAX = 120_000;

let home: string;
let console_: ChildProcess;
let url: string;
let browser: Browser;
let context: BrowserContext;
let page: Page;
/** Frames of the core, as they came over the link. */
const received: string[] = [];
/** What the browser complained about: refused by the policy, or failed. */
const complaints: string[] = [];

/** `npm start -- --web` of an operator whose home is empty; resolves with the link that it prints. */
async function startConsole(): Promise<string> {
  console_ = spawn(process.execPath, [join(ROOT, 'scripts/start.ts'), '--web'], {
    env: { ...process.env, HOME: home, XDG_CONFIG_HOME: join(home, '.config'), DISPLAY: '', WAYLAND_DISPLAY: '' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  return nextLink(console_);
}

async function nextLink(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('the console has no output');
  const lines = createInterface({ input: child.stdout, signal: AbortSignal.timeout(START_WAIT_MS_MAX) });
  for await (const line of lines) {
    const link = /http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]+/.exec(line)?.[0];
    if (link !== undefined) return link;
  }
  throw new Error('the console ended without printing its link');
}

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'nextdeploy-shells-'));
  url = await startConsole();
  browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_FLAGS });
  context = await browser.newContext();
  page = await context.newPage();
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('websocket', (link) => link.on('framereceived', ({ payload }) => received.push(String(payload))));
  await page.goto(url);
});

afterAll(async () => {
  await browser.close();
  console_.kill('SIGKILL');
  await rm(home, { recursive: true, force: true });
});

test('the printed link opens the console, whose page reaches the core and hides the token', async () => {
  await page.getByRole('button', { name: 'Add host' }).first().waitFor();
  await expect.poll(() => received.map((text) => downFrameSchema.parse(JSON.parse(text)).t)).toContain('result');
  expect(new URL(page.url()).search).toBe('');
  expect(await context.cookies()).toEqual([expect.objectContaining({ httpOnly: true, sameSite: 'Strict' })]);
});

test('a reload finds the session, and the page keeps to its own content security policy', async () => {
  await page.reload();
  await page.getByRole('button', { name: 'Add host' }).first().waitFor();
  expect(complaints).toEqual([]);
});

test('the link lets no second browser in', async () => {
  const other = await browser.newContext();
  const response = await (await other.newPage()).goto(url);
  expect(response?.status()).toBe(403);
  await other.close();
});

test('a page on another port of this machine gets neither file nor link, although the browser sends it the cookie', async () => {
  const cookies: string[] = [];
  const foreign: Server = createServer((request, response) => {
    cookies.push(request.headers.cookie ?? '');
    response.setHeader('content-type', 'text/html').end('<!doctype html><title>another program</title>');
  });
  foreign.listen(0, '127.0.0.1');
  await once(foreign, 'listening');
  try {
    const attacker = await context.newPage();
    await attacker.goto(`http://127.0.0.1:${(foreign.address() as AddressInfo).port}/`);
    expect(cookies[0]).toContain('nextdeploy-'); // cookies do not know ports: the shell must not rest on them alone
    const { origin, host } = new URL(url);
    const outcome = await attacker.evaluate(
      async ([target, authority]) => {
        const link = new WebSocket(`ws://${authority}/link`);
        const linked = new Promise((resolve) => {
          link.onopen = () => resolve('open');
          link.onclose = () => resolve('refused');
        });
        const frame = document.createElement('iframe');
        frame.src = `${target}/`;
        document.body.append(frame);
        const framed = new Promise((resolve) => {
          frame.onload = () => resolve(frame.contentDocument === null ? 'refused' : 'readable');
        });
        const opaque = await fetch(`${target}/`, { mode: 'no-cors', credentials: 'include' }).then(
          () => 'answered',
          () => 'refused',
        );
        return { link: await linked, frame: await framed, fetch: opaque };
      },
      [origin, host] as const,
    );
    expect(outcome).toEqual({ link: 'refused', frame: 'refused', fetch: 'refused' });
    await attacker.close();
  } finally {
    foreign.close();
  }
});

test('Enter prints a link for another browser', async () => {
  const another = nextLink(console_);
  console_.stdin?.write('\n');
  const other = await browser.newContext();
  const response = await (await other.newPage()).goto(await another);
  expect(response?.status()).toBe(200);
  await other.close();
});

test('Ctrl-C ends the console cleanly, and nothing listens any more', async () => {
  const ended = once(console_, 'exit');
  console_.kill('SIGINT');
  expect(await ended).toEqual([0, null]);
  await expect(fetch(new URL(url).origin)).rejects.toThrow();
});
