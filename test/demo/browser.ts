/** A real browser for tests: Debian's headless Chromium with a profile of its own. */
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';

export interface TestBrowser {
  page: Page;
  /** Messages of the page's console that are errors, and exceptions nobody caught. */
  complaints: string[];
  /** Keeps a picture of the page as `<name>-<scheme>.png`. */
  picture(name: string, scheme?: 'light' | 'dark'): Promise<void>;
  close(): Promise<void>;
}

export interface BrowserOptions {
  /** For the profile; removed by its owner. */
  directory: string;
  /** Where pictures go; none are taken without it. */
  pictures?: string | undefined;
  viewport?: { width: number; height: number };
}

const CHROMIUM = '/usr/bin/chromium';
/** As root in a container there is no sandbox, and nothing may be fetched from its maker. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const ACTION_MS_MAX = 20_000;

export async function openBrowser(options: BrowserOptions): Promise<TestBrowser> {
  const context: BrowserContext = await chromium.launchPersistentContext(join(options.directory, 'chromium'), {
    executablePath: CHROMIUM,
    args: FLAGS,
    headless: true,
    viewport: options.viewport ?? { width: 1440, height: 900 },
    colorScheme: 'light',
    // The run's own signal handling takes the browser down in order.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  });
  context.setDefaultTimeout(ACTION_MS_MAX);
  const page = context.pages()[0] ?? (await context.newPage());
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  return {
    page,
    complaints,
    picture: (name, scheme = 'light') => takePicture(page, options.pictures, name, scheme),
    close: () => context.close(),
  };
}

async function takePicture(page: Page, directory: string | undefined, name: string, scheme: 'light' | 'dark'): Promise<void> {
  if (directory === undefined) return;
  await page.emulateMedia({ colorScheme: scheme });
  await page.screenshot({ path: join(directory, `${name}-${scheme}.png`) });
  await page.emulateMedia({ colorScheme: 'light' });
}
