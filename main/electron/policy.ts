/** What the window may load, open and ask for. Pure: every decision of the Electron shell about a URL or a permission is here. */

export const APP_SCHEME = 'app';
/** The page's origin; a standard scheme has a host, and there is one. */
const APP_ORIGIN = `${APP_SCHEME}://console`;
export const APP_URL = `${APP_ORIGIN}/`;

const EXTERNAL_URL_LENGTH_MAX = 2048;

/** Whether a URL is a page or file of the console itself. */
export function isOwnUrl(url: string): boolean {
  const parsed = parseUrl(url);
  return (
    parsed !== null && `${parsed.protocol}//${parsed.host}` === APP_ORIGIN && parsed.username === '' && parsed.password === ''
  );
}

/**
 * The URL to hand to the system's browser for a link that was clicked, or null. Web pages only, and `http` among them: an app
 * without TLS has such a URL. Everything else (`file:`, `smb:`, `javascript:`, custom schemes) can start programs.
 */
export function externalUrl(url: string): string | null {
  if (url.length > EXTERNAL_URL_LENGTH_MAX) return null;
  const parsed = parseUrl(url);
  if (parsed === null || (parsed.protocol !== 'https:' && parsed.protocol !== 'http:')) return null;
  return parsed.username === '' && parsed.password === '' ? parsed.href : null;
}

/** Copying a log line or a fingerprint is all that the console asks a browser for. */
export function isPermissionGranted(permission: string, requestingUrl: string): boolean {
  return permission === 'clipboard-sanitized-write' && isOwnUrl(requestingUrl);
}

/** Whether a message came from the console's page itself, and not from a frame in it or a page it was led to. */
export function isTrustedSender(frame: { url: string; parent: unknown } | null): boolean {
  return frame !== null && frame.parent === null && isOwnUrl(frame.url);
}

/**
 * Whether secrets may be given to Electron's `safeStorage`. On Linux without a keychain it falls back to `basic_text`, a key that
 * everyone knows, while it still says that encryption is available.
 */
export function isKeychainUsable(platform: string, isEncryptionAvailable: boolean, backend: string): boolean {
  if (!isEncryptionAvailable) return false;
  return platform !== 'linux' || (backend !== 'basic_text' && backend !== 'unknown');
}

function parseUrl(url: string): URL | null {
  return URL.canParse(url) ? new URL(url) : null;
}
