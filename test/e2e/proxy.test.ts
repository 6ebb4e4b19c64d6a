/** What both proxies must do alike, on a real server: real Caddy and nginx, real containers, the daemon's own drivers. */
import { afterAll, beforeAll, describe } from 'vitest';
import { describeChanging } from './proxy/changing.ts';
import { describeOptions } from './proxy/options.ts';
import { describeSecure } from './proxy/secure.ts';
import { ProxyServer } from './proxy/server.ts';
import { describeServing } from './proxy/serving.ts';

const START_MS_MAX = 15 * 60_000; // a first run builds the server's file system

let server: ProxyServer;
beforeAll(async () => {
  server = await ProxyServer.start();
}, START_MS_MAX);
afterAll(() => server?.bed.stop());

describe.each(['caddy', 'nginx'] as const)('%s', (proxy) => {
  describe('serving', () => describeServing(proxy, () => server));
  describe('certificates', () => describeSecure(proxy, () => server));
  describe('options', () => describeOptions(proxy, () => server));
  describe('changing', () => describeChanging(proxy, () => server));
});
