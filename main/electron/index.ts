/** The console as a desktop app. Thin: it starts the core in a process of its own and shows the page, which talk to each other. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { app, BrowserWindow, dialog, ipcMain, Menu, safeStorage, session } from 'electron';
import Store from 'electron-store';
import { LINK_CHANNEL } from '../../preload/wire.ts';
import { loadAssets } from '../web/assets.ts';
import { consolePaths } from '../web/paths.ts';
import { CoreHost } from './core-host.ts';
import { menuTemplate } from './menu.ts';
import { isKeychainUsable, isTrustedSender } from './policy.ts';
import { registerAppScheme, serveApp } from './protocol.ts';
import { createKeychainStore, type TextStore, type ValueStore } from './secrets.ts';
import { confine, denyPermissions, openWindow, type WindowStore } from './window.ts';

const BUILT = join(import.meta.dirname, '..');

const paths = consolePaths(process.platform, process.env, homedir());
app.setPath('userData', join(paths.dataDirectory, 'electron'));
app.enableSandbox();
registerAppScheme();
app.on('web-contents-created', (_event, contents) => confine(contents));

if (app.requestSingleInstanceLock()) void app.whenReady().then(run, fail);
else app.quit();

async function run(): Promise<void> {
  const assets = await loadAssets(join(BUILT, 'renderer'));
  serveApp(assets);
  denyPermissions(session.defaultSession);
  const hasDeveloperTools = !app.isPackaged;
  Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate(process.platform, hasDeveloperTools)));

  const secrets = await openKeychain();
  const core = new CoreHost({
    entry: join(BUILT, 'electron', 'core-process.js'),
    coreArguments: { ...paths, version: app.getVersion(), hasKeychain: secrets !== null },
    secrets,
    onGivenUp: () =>
      fail(new Error('The console’s core ended several times within a minute. Start the console from a terminal to see why.')),
  });
  core.start();
  ipcMain.on(LINK_CHANNEL, (event) => {
    if (isTrustedSender(event.senderFrame)) core.connect(event.sender);
  });

  const store: WindowStore = new Store({ name: 'window' });
  const open = () => openWindow({ preload: join(BUILT, 'preload', 'index.cjs'), store, hasDeveloperTools });
  open();
  app.on('second-instance', () => focus(BrowserWindow.getAllWindows()[0] ?? open()));
  app.on('activate', () => BrowserWindow.getAllWindows().length > 0 || open());
  app.on('window-all-closed', () => process.platform === 'darwin' || app.quit());
  endCoreBeforeQuit(core);
}

function focus(window: BrowserWindow): void {
  if (window.isMinimized()) window.restore();
  window.focus();
}

function endCoreBeforeQuit(core: CoreHost): void {
  let hasEnded = false;
  app.on('will-quit', (event) => {
    if (hasEnded) return;
    event.preventDefault();
    void core.end().then(() => {
      hasEnded = true;
      app.quit();
    });
  });
}

/** The system's keychain, or null where there is none that keeps a secret. */
async function openKeychain(): Promise<TextStore | null> {
  const isAvailable = await safeStorage.isAsyncEncryptionAvailable();
  const backend = process.platform === 'linux' ? safeStorage.getSelectedStorageBackend() : '';
  if (!isKeychainUsable(process.platform, isAvailable, backend)) return null;
  const file = new Store<Record<string, string>>({ name: 'secrets' });
  const values: ValueStore = {
    get: (key) => file.get(key),
    set: (key, value) => file.set(key, value),
    delete: (key) => file.delete(key),
  };
  return createKeychainStore(
    {
      encrypt: (text) => safeStorage.encryptStringAsync(text),
      decrypt: async (encrypted) => (await safeStorage.decryptStringAsync(encrypted)).result,
    },
    values,
  );
}

function fail(error: unknown): void {
  dialog.showErrorBox('NextDeploy Console', error instanceof Error ? error.message : String(error));
  app.exit(1);
}
