/**
 * `npm start`: the console for daily use. The desktop app where Electron's runtime is there or can be fetched, else the web shell in
 * this process, whose link is printed. `--web` asks for the web shell, `--desktop` for nothing else than the desktop app.
 */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { createCore } from '../main/core/core.ts';
import type { CoreLog } from '../main/core/log.ts';
import { consolePaths } from '../main/web/paths.ts';
import { startWebShell } from '../main/web/shell.ts';
import { buildRenderer } from './build.ts';
import { buildDaemonTarball } from './dist.ts';
import { downloadElectron, findElectron } from './electron-runtime.ts';
import { startElectron } from './electron-start.ts';

const ROOT = join(import.meta.dirname, '..');
const DOWNLOAD_WAIT_MS_MAX = 20_000;

const write = (level: string) => (message: string, fields?: Record<string, unknown>) =>
  console.error(`${level}: ${message}`, fields ?? '');
const consoleLog: CoreLog = { info: () => undefined, warn: write('warning'), error: write('error') };

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort(new Error('stopped')));

process.exitCode = await main().catch((error: unknown) => {
  if (stop.signal.aborted) return 0;
  console.error(error instanceof Error ? error.message : error);
  return 1;
});

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { web: { type: 'boolean' }, desktop: { type: 'boolean' } } });
  const electron = values.web === true ? null : await obtainElectron();
  if (electron !== null) return (await startElectron(electron, { log: console.log, signal: stop.signal })).ended;
  if (values.desktop === true) throw new Error('There is no desktop app without Electron’s runtime.');
  return runWebShell();
}

async function obtainElectron(): Promise<string | null> {
  const found = await findElectron();
  if (found !== null) return found;
  console.log(`Electron’s runtime is not here; fetching it (${DOWNLOAD_WAIT_MS_MAX / 1000} s at most) …`);
  const fetched = await downloadElectron(DOWNLOAD_WAIT_MS_MAX, stop.signal);
  if (fetched === null) {
    console.log('It could not be fetched, so the console opens in a browser. To try again without haste: npx install-electron');
  }
  return fetched;
}

async function runWebShell(): Promise<number> {
  const rendererDirectory = await buildRenderer(console.log, stop.signal);
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const core = await createCore({
    ...consolePaths(process.platform, process.env, homedir()),
    tarball: (architecture) => buildDaemonTarball({ arch: architecture }),
    log: consoleLog,
    version,
    shell: 'web',
  });
  try {
    const shell = await startWebShell({ core, rendererDirectory });
    console.log(`\nNextDeploy Console: ${shell.url}\nThe link works once. Press Enter for another, Ctrl-C to end.\n`);
    openInBrowser(shell.url);
    const keys = createInterface({ input: process.stdin }).on('line', () => console.log(shell.createUrl()));
    await new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve(), { once: true }));
    keys.close();
    await shell.close();
  } finally {
    core.close();
  }
  return 0;
}

/** Where there is a screen; elsewhere the operator follows the link. */
function openInBrowser(url: string): void {
  const opener = process.platform === 'darwin' ? 'open' : 'xdg-open';
  const hasScreen = process.platform === 'darwin' || Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);
  if (!hasScreen) return;
  const child = spawn(opener, [url], { stdio: 'ignore', detached: true });
  child.once('error', () => undefined); // the link is on the screen already
  child.unref();
}
