import type { Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, vi } from 'vitest';
import type { ScriptedCall } from '../../renderer/testing/scripted-bridge.ts';
import { type ScriptedConsole, startScriptedConsole } from '../../renderer/testing/scripted-console.ts';

const WAIT_MS_MAX = 15_000;
/** Fast, yet so slow that a pull can be cancelled. */
const PACE = 4;

interface ScriptedWindow {
  scriptedCalls: ScriptedCall[];
}

export interface ConsolePage {
  page(): Page;
  /** Goes to a path of the console, and forgets what was asked of the core before. */
  open(path: string): Promise<void>;
  /** The changes that were asked of the daemon since, in order: the route, and whom and what it was asked with. */
  changes(): Promise<object[]>;
  dialog(): Locator;
  button(name: string | RegExp): Locator;
  inDialog(name: string): Locator;
}

/**
 * The console in a real browser over the scripted core, for the tests of one file. They share a page, for a load costs more
 * than all else; each acts on something of its own, or leaves it as the next expects it. What the browser complains about
 * fails the test in which it did.
 */
export function sharedConsole(): ConsolePage {
  let scripted: ScriptedConsole;
  let page: Page;
  const complaints: string[] = [];

  beforeAll(async () => {
    vi.stubEnv('NODE_ENV', 'production'); // as the console is built that people use
    scripted = await startScriptedConsole();
    const context = await scripted.browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce' });
    page = await context.newPage();
    page.setDefaultTimeout(WAIT_MS_MAX);
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(scripted.urlOf('full', '/', PACE));
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') await page.reload(); // so that one failure stays one
    expect(complaints.splice(0)).toEqual([]);
  });
  afterAll(async () => {
    await scripted.close();
    vi.unstubAllEnvs();
  });

  const dialog = () => page.getByRole('dialog');
  return {
    page: () => page,
    async open(path) {
      const [, , host = '', , app = host] = path.split('/');
      await page.evaluate((hash) => {
        window.location.hash = hash;
        (window as unknown as ScriptedWindow).scriptedCalls.length = 0;
      }, path);
      await page.getByRole('heading', { name: app, level: 1, exact: true }).waitFor();
    },
    async changes() {
      const calls = await page.evaluate(() => (window as unknown as ScriptedWindow).scriptedCalls);
      const asked = calls.filter(({ name }) => name === 'daemon').map(({ input }) => input as { host: string; route: string });
      return asked.filter(({ route }) => !/^(get|list)/.test(route)).map(({ host: _host, ...rest }) => rest);
    },
    dialog,
    button: (name) => page.getByRole('button', { name, exact: true }),
    inDialog: (name) => dialog().getByRole('button', { name, exact: true }),
  };
}
