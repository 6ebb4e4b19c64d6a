/** Which proxies a server runs, seen from this machine. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Bed, type Proxies, startBed } from './bed.ts';
import { acquireEngine } from './engine.ts';
import { waitUntilReady } from './readiness.ts';
import { containerOf } from './traces.ts';

const START_MS_MAX = 15 * 60_000; // a first run builds the server's file system
const STEP_MS_MAX = 120_000;

describe.each<[Proxies, RegExp]>([
  ['nginx', /^nginx/],
  ['both', /^Caddy/],
])('a server with proxies: %s', (proxies, first) => {
  let bed: Bed;
  beforeAll(async () => {
    bed = await startBed({ label: proxies, proxies });
  }, START_MS_MAX);
  afterAll(() => bed.stop(), STEP_MS_MAX);

  const active = async (unit: string) => (await bed.exec(['systemctl', 'is-active', unit])).stdout.trim();

  test('answers on port 80 by the first of them, and by nginx at the address named for it', async () => {
    const [main, nginx] = await Promise.all([fetch(bed.http), fetch(bed.nginx.http)]);
    expect([main.status, nginx.status]).toEqual([200, 200]);
    expect(main.headers.get('server')).toMatch(first);
    expect(nginx.headers.get('server')).toMatch(/^nginx/);
    expect(bed.nginx.http === bed.http).toBe(proxies === 'nginx');
  });

  test('runs what it says after a reboot too, and nothing else', { timeout: STEP_MS_MAX }, async () => {
    const engine = await acquireEngine({ label: 'reboot' });
    try {
      await engine.docker(['restart', await containerOf(bed.id)]);
    } finally {
      await engine.release();
    }
    await waitUntilReady(bed);
    expect(await active('caddy')).toBe(proxies === 'both' ? 'active' : 'inactive');
    expect(await active('nginx')).toBe('active');
    expect(await active('docker-registry')).toBe('inactive');
  });
});
