import { describe, expect, test } from 'vitest';
import { externalUrl, isKeychainUsable, isOwnUrl, isPermissionGranted, isTrustedSender } from './policy.ts';

describe('the window stays on the console’s page', () => {
  test.each(['app://console/', 'app://console/#/hosts/shop', 'app://console/assets/index-B4f9_x1Z.js'])(
    '%s is its own',
    (url) => {
      expect(isOwnUrl(url)).toBe(true);
    },
  );

  test.each([
    'app://other/',
    'app://console.evil.example/',
    'app://console:1/',
    'app://user@console/',
    'file:///etc/passwd',
    'https://console/',
    'javascript:alert(1)',
    'about:blank',
    'not a url',
    '',
  ])('%j is not', (url) => {
    expect(isOwnUrl(url)).toBe(false);
  });
});

describe('a clicked link', () => {
  test.each([
    ['https://shop.example.com/cart?a=1#b', 'https://shop.example.com/cart?a=1#b'],
    ['http://shop.test', 'http://shop.test/'],
    ['HTTPS://EXAMPLE.com', 'https://example.com/'],
  ])('%s opens in the browser', (url, expected) => {
    expect(externalUrl(url)).toBe(expected);
  });

  test.each([
    'file:///usr/bin/calculator',
    'smb://server/share',
    'javascript:alert(1)',
    'vscode://file/etc/passwd',
    'data:text/html,x',
    'https://user:password@example.com/',
    `https://example.com/${'x'.repeat(2048)}`,
    'nonsense',
  ])('%s goes nowhere', (url) => {
    expect(externalUrl(url)).toBeNull();
  });
});

test('the page may write text to the clipboard and nothing else', () => {
  expect(isPermissionGranted('clipboard-sanitized-write', 'app://console/')).toBe(true);
  expect(isPermissionGranted('clipboard-sanitized-write', 'https://evil.example/')).toBe(false);
  for (const permission of ['clipboard-read', 'media', 'notifications', 'geolocation', 'usb', 'openExternal', 'unknown']) {
    expect(isPermissionGranted(permission, 'app://console/')).toBe(false);
  }
});

test('messages count only from the page itself', () => {
  const page = { url: 'app://console/', parent: null };
  expect(isTrustedSender(page)).toBe(true);
  expect(isTrustedSender({ ...page, parent: page })).toBe(false);
  expect(isTrustedSender({ ...page, url: 'https://evil.example/' })).toBe(false);
  expect(isTrustedSender(null)).toBe(false);
});

test.each([
  ['linux', true, 'gnome_libsecret', true],
  ['linux', true, 'kwallet6', true],
  ['linux', true, 'basic_text', false],
  ['linux', true, 'unknown', false],
  ['linux', false, 'gnome_libsecret', false],
  ['darwin', true, '', true],
  ['win32', false, '', false],
])('on %s with encryption %s and backend "%s", secrets go to the keychain: %s', (platform, isAvailable, backend, expected) => {
  expect(isKeychainUsable(platform, isAvailable, backend)).toBe(expected);
});
