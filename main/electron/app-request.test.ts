import { expect, test } from 'vitest';
import type { Asset } from '../web/assets.ts';
import { answerAppRequest } from './app-request.ts';

const page: Asset = { body: Buffer.from('<!doctype html>'), content_type: 'text/html', etag: '"1"', cache_control: 'no-cache' };
const assets = new Map([['/', page]]);
const ask = (url: string, method = 'GET', headers = {}) =>
  answerAppRequest(assets, { url, method, headers: new Headers(headers) });

test('the page comes with the content security policy, whatever follows its path', async () => {
  for (const url of ['app://console/', 'app://console/?x=1', 'app://console/#/hosts']) {
    const response = ask(url);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-security-policy')).toContain("script-src 'self'");
    expect(await response.text()).toBe('<!doctype html>');
  }
});

test.each(['app://other/', 'app://console/../../etc/passwd', 'app://console/%2e%2e/passwd', 'app://console/index.html'])(
  '%s is not found, and says so under the same policy',
  (url) => {
    const response = ask(url);
    expect(response.status).toBe(404);
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
  },
);

test('only reading is answered', async () => {
  expect(ask('app://console/', 'POST').status).toBe(405);
  expect(await ask('app://console/', 'HEAD').text()).toBe('');
  expect(ask('app://console/', 'GET', { 'if-none-match': '"1"' }).status).toBe(304);
});
