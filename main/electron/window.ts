/** The console's window: sandboxed, on its own protocol, and unable to go anywhere else. */
import { BrowserWindow, type Session, screen, shell, type WebContents } from 'electron';
import type Store from 'electron-store';
import { APP_URL, externalUrl, isOwnUrl, isPermissionGranted } from './policy.ts';
import { placeWindow, WINDOW_SIZE_MIN, type WindowState } from './window-state.ts';

export type WindowStore = Store<{ window?: WindowState }>;

export interface WindowOptions {
  /** The built preload. */
  preload: string;
  store: WindowStore;
  hasDeveloperTools: boolean;
}

export function openWindow({ preload, store, hasDeveloperTools }: WindowOptions): BrowserWindow {
  const main = screen.getPrimaryDisplay();
  const screens = [main, ...screen.getAllDisplays().filter((display) => display.id !== main.id)];
  const placement = placeWindow(
    store.get('window'),
    screens.map((display) => display.workArea),
  );
  const window = new BrowserWindow({
    ...placement.bounds,
    minWidth: WINDOW_SIZE_MIN.width,
    minHeight: WINDOW_SIZE_MIN.height,
    show: false,
    title: 'NextDeploy Console',
    webPreferences: {
      preload,
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      webviewTag: false,
      spellcheck: false,
      devTools: hasDeveloperTools,
    },
  });
  if (placement.is_maximized) window.maximize();
  window.once('ready-to-show', () => window.show());
  window.on('close', () => store.set('window', { bounds: window.getNormalBounds(), is_maximized: window.isMaximized() }));
  void window.loadURL(APP_URL);
  return window;
}

/** For every page that ever is: it stays where it is, opens no window, and its links go to the system's browser. */
export function confine(contents: WebContents): void {
  contents.on('will-navigate', (event) => {
    if (!isOwnUrl(event.url)) event.preventDefault();
  });
  contents.on('will-frame-navigate', (event) => {
    if (!isOwnUrl(event.url)) event.preventDefault();
  });
  contents.on('will-redirect', (event) => {
    if (!isOwnUrl(event.url)) event.preventDefault();
  });
  contents.on('will-attach-webview', (event) => event.preventDefault());
  contents.setWindowOpenHandler(({ url }) => {
    const external = externalUrl(url);
    if (external !== null) void shell.openExternal(external);
    return { action: 'deny' };
  });
}

export function denyPermissions(session: Session): void {
  session.setPermissionRequestHandler((_contents, permission, decide, { requestingUrl }) => {
    decide(isPermissionGranted(permission, requestingUrl));
  });
  session.setPermissionCheckHandler((_contents, permission, requestingOrigin) =>
    isPermissionGranted(permission, requestingOrigin),
  );
  session.setDevicePermissionHandler(() => false);
}
