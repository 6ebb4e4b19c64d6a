/** The renderer over the scripted core, built and served to a browser of its own: for pictures, and for tests of the views. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join, resolve, sep } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { build, mergeConfig } from 'vite';
import { rendererConfig } from '../vite.config.ts';
import type { ScenarioName } from './scenarios.ts';

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
const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};
/** As strict as the shells are, so that a violation is seen here first. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'";

export interface ScriptedConsole {
  browser: Browser;
  /** Each load of it is a world of its own, whose operations go on `pace` times faster than it is pleasant to watch. */
  urlOf(scenario: ScenarioName, path: string, pace?: number): string;
  close(): Promise<void>;
}

export async function startScriptedConsole(): Promise<ScriptedConsole> {
  const built = await mkdtemp(join(tmpdir(), 'nextdeploy-scripted-'));
  const remove = () => rm(built, { recursive: true, force: true });
  try {
    const input = resolve(import.meta.dirname, 'index.html');
    await build(mergeConfig(rendererConfig, { logLevel: 'warn', build: { outDir: built, rolldownOptions: { input } } }));
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_FLAGS });
    const server = await serve(built);
    const { port } = server.address() as AddressInfo; // an IP listener's address is never a string
    return {
      browser,
      urlOf: (scenario, path, pace = 1) =>
        `http://127.0.0.1:${port}/testing/index.html?scenario=${scenario}&pace=${pace}#${path}`,
      async close() {
        await browser.close();
        server.close();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function serve(directory: string): Promise<Server> {
  const server = createServer((request, response) => {
    const path = resolve(directory, `.${new URL(request.url ?? '/', 'http://localhost').pathname}`);
    if (!path.startsWith(directory + sep)) return response.writeHead(404).end();
    return readFile(path).then(
      (body) => {
        const type = TYPES[extname(path)] ?? 'application/octet-stream';
        response
          .writeHead(200, { 'content-type': type, 'content-security-policy': POLICY, 'cache-control': 'max-age=600' })
          .end(body);
      },
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return server;
}
