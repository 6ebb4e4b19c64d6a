/** What every answer of a shell says to the browser. Pure, and the same for the web shell and Electron's `app://`. */

/** The headers of every answer; see {@link contentSecurityPolicy} for `connect`. */
export function securityHeaders(connect: readonly string[] = []): Record<string, string> {
  return {
    'content-security-policy': contentSecurityPolicy(connect),
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(), microphone=(), geolocation=(), usb=(), serial=(), hid=(), payment=()',
  };
}

/**
 * The content security policy of the console's page. No script but the built files, no inline script, no `eval`, nothing from
 * elsewhere. Inline styles stay allowed: Mantine, uPlot and xterm.js place `<style>` elements and no secret can leave by one,
 * since images, fonts and connections are limited to the shell itself.
 *
 * `connect` names what the page may connect to besides its own origin, such as `ws://127.0.0.1:4711`.
 * Source: https://www.w3.org/TR/CSP3/
 */
function contentSecurityPolicy(connect: readonly string[]): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self' data:",
    `connect-src ${["'self'", ...connect].join(' ')}`,
    "manifest-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
