import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { _electron, type ElectronApplication, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Bridge } from '../../preload/contract.ts';
import { buildDesktop } from '../../scripts/build.ts';
import { findElectron } from '../../scripts/electron-runtime.ts';

/** The page's window, in code that runs in it. */
type PageWindow = { nextdeploy: Bridge };

const ROOT = join(import.meta.dirname, '../..');
const SKIP_REASON =
  'Electron’s runtime is not on this machine (node node_modules/electron/install.js fetches it); the desktop app was NOT tested';

const executable = await findElectron();
// Where the runtime was to be there, its absence is a failure and not a reason to look away.
const isSkipped = executable === null && process.env.NEXTDEPLOY_ELECTRON_REQUIRED !== '1';

let home: string;
let app: ElectronApplication;
let page: Page;

beforeAll(async () => {
  if (isSkipped) return;
  if (executable === null) throw new Error(SKIP_REASON);
  await buildDesktop(console.log);
  home = await mkdtemp(join(tmpdir(), 'nextdeploy-desktop-'));
  app = await _electron.launch({ executablePath: executable, args: [ROOT], cwd: ROOT, env: environment() });
  page = await app.firstWindow();
  await page.getByRole('button', { name: 'Add host' }).first().waitFor();
});

afterAll(async () => {
  if (isSkipped) return;
  await app.close();
  await rm(home, { recursive: true, force: true });
});

/** This process's variables, with a home of its own: the operator's hosts are none of a test's business. */
function environment(): Record<string, string> {
  const inherited = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { ...Object.fromEntries(inherited), HOME: home, XDG_CONFIG_HOME: join(home, '.config') };
}

function desktopTest(name: string, body: () => Promise<void>): void {
  test(name, async (context) => {
    if (isSkipped) context.skip(SKIP_REASON);
    await body();
  });
}

desktopTest('the page is served by the app itself and reaches the core', async () => {
  expect(new URL(page.url()).origin).toBe('app://console');
  const frame = await page.evaluate(
    () =>
      new Promise((resolve) => {
        const { nextdeploy } = window as unknown as PageWindow;
        nextdeploy.onFrame((down) => down.id === 1_000_000 && resolve(down));
        nextdeploy.post({ t: 'call', id: 1_000_000, name: 'console.info' });
      }),
  );
  expect(frame).toMatchObject({ t: 'result', value: { shell: 'electron' } });
});

desktopTest('the page has the bridge and nothing of Node or Electron', async () => {
  const found = await page.evaluate(() => ({
    bridge: Object.keys((window as unknown as PageWindow).nextdeploy),
    others: ['require', 'process', 'module', 'Buffer', 'electron', 'ipcRenderer'].filter((name) => name in globalThis),
  }));
  expect(found).toEqual({ bridge: ['post', 'onFrame', 'onLink'], others: [] });
});

desktopTest('code from a string does not run, and nothing is fetched from elsewhere', async () => {
  const outcome = await page.evaluate(async () => {
    // Out of the debugger's own call, which the policy does not bind.
    const evaluated = await new Promise((resolve) => {
      setTimeout(() => {
        try {
          resolve(new Function('return "ran"')());
        } catch {
          resolve('refused');
        }
      });
    });
    return {
      evaluated,
      fetched: await fetch('https://example.com/').then(
        () => 'answered',
        () => 'refused',
      ),
    };
  });
  expect(outcome).toEqual({ evaluated: 'refused', fetched: 'refused' });
});

desktopTest('the window goes nowhere, opens no other, and hands only web links to the system', async () => {
  await app.evaluate(({ shell }) => {
    const opened: string[] = [];
    Object.assign(globalThis, { opened });
    shell.openExternal = async (url) => void opened.push(url);
  });
  const windows = await page.evaluate(() =>
    ['https://shop.example/', 'file:///etc/passwd'].map((url) => window.open(url) === null),
  );
  expect(windows).toEqual([true, true]);
  await expect.poll(() => app.evaluate(() => (globalThis as { opened?: string[] }).opened)).toEqual(['https://shop.example/']);

  const refused = app.evaluate(
    ({ BrowserWindow }) =>
      new Promise((resolve) => {
        const contents = BrowserWindow.getAllWindows()[0]?.webContents;
        contents?.once('will-navigate', (event) => setImmediate(() => resolve(event.defaultPrevented)));
      }),
  );
  await page.evaluate(() => {
    setTimeout(() => window.location.assign('https://example.com/'));
  });
  expect(await refused).toBe(true);
  expect(new URL(page.url()).origin).toBe('app://console');
  expect(app.windows()).toHaveLength(1);
});

desktopTest('a page whose core died is told so, and gets a fresh one', async () => {
  const links = page.evaluate(
    () =>
      new Promise<boolean[]>((resolve) => {
        const seen: boolean[] = [];
        (window as unknown as PageWindow).nextdeploy.onLink((isOpen) => {
          seen.push(isOpen);
          if (isOpen) resolve(seen);
        });
      }),
  );
  const killed = await app.evaluate(({ app: electron }) => {
    const core = electron.getAppMetrics().find((metric) => metric.name === 'NextDeploy core');
    return core === undefined ? false : process.kill(core.pid, 'SIGKILL');
  });
  expect(killed).toBe(true);
  expect(await links).toEqual([false, true]);
});
