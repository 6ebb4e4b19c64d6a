/**
 * Pictures of every view, in light and dark, wide and narrow, against the scripted core:
 * `node renderer/testing/screenshots.ts [DIRECTORY] [NAME-PART …]`. Prints the directory.
 */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join, resolve, sep } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import { build, mergeConfig } from 'vite';
import { rendererConfig } from '../vite.config.ts';
import { SHOTS, type Shot } from './shots.ts';

const CHROMIUM = '/usr/bin/chromium';
const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const WIDE = { width: 1440, height: 900 };
const MEDIUM = { width: 1280, height: 800 };
const TALL = { width: 1440, height: 2100 };
const NARROW = { width: 1000, height: 760 };
const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};
/** As strict as the shells are, so that a violation is seen here first. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'";

async function main(): Promise<void> {
  const [given, ...parts] = process.argv.slice(2);
  const target = resolve(given ?? (await mkdtemp(join(tmpdir(), 'nextdeploy-views-'))));
  await mkdir(target, { recursive: true });
  const built = await mkdtemp(join(tmpdir(), 'nextdeploy-scripted-'));
  try {
    const input = resolve(import.meta.dirname, 'index.html');
    await build(mergeConfig(rendererConfig, { logLevel: 'warn', build: { outDir: built, rolldownOptions: { input } } }));
    const server = await serve(built);
    const { port } = server.address() as AddressInfo; // an IP listener's address is never a string
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_FLAGS });
    try {
      const isWanted = (name: string) => parts.length === 0 || parts.some((part) => name.includes(part));
      for (const scheme of ['light', 'dark'] as const) {
        for (const shot of SHOTS.filter(({ name }) => isWanted(`${name}-${scheme}`))) {
          const context = await browser.newContext({ viewport: viewportOf(shot), colorScheme: scheme });
          const page = await context.newPage();
          await take(page, `http://127.0.0.1:${port}`, shot, join(target, `${shot.name}-${scheme}.png`));
          await context.close();
        }
      }
    } finally {
      await browser.close();
      server.close();
    }
  } finally {
    await rm(built, { recursive: true, force: true });
  }
  console.log(target);
}

function viewportOf(shot: Shot): { width: number; height: number } {
  if (shot.isTall === true) return TALL;
  return shot.isNarrow === true ? NARROW : shot.isMedium === true ? MEDIUM : WIDE;
}

async function take(page: Page, origin: string, shot: Shot, path: string): Promise<void> {
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') console.error(`${shot.name}: ${message.text()}`);
  });
  page.on('pageerror', (error) => console.error(`${shot.name}: ${error.message}`));
  page.setDefaultTimeout(15_000);
  await page.goto(`${origin}/testing/index.html?scenario=${shot.scenario}#${shot.path}`);
  await page.locator('.nd-shell').waitFor();
  try {
    await shot.act?.(page);
  } catch (error) {
    console.error(`${shot.name}: ${String(error)}`);
  }
  await page.screenshot({ path, animations: 'disabled' });
}

async function serve(directory: string): Promise<Server> {
  const server = createServer((request, response) => {
    const path = resolve(directory, `.${new URL(request.url ?? '/', 'http://localhost').pathname}`);
    if (!path.startsWith(directory + sep)) return response.writeHead(404).end();
    return readFile(path).then(
      (body) => {
        const type = TYPES[extname(path)] ?? 'application/octet-stream';
        response.writeHead(200, { 'content-type': type, 'content-security-policy': POLICY }).end(body);
      },
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return server;
}

await main();
