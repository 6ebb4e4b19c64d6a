/** What goes wrong, on a real server: releases that are no good, and a daemon that is killed. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { DaemonClient } from '../../daemon/api/client.ts';
import type { Bed } from '../bed/bed.ts';
import { sharedBed } from '../bed/shared.ts';
import { startWrk } from '../load/wrk.ts';
import { deploy, entryOf, failureOf, tracesOf, until, visit } from './engine-harness.ts';
import { placeForeignSite } from './foreign-site.ts';

let bed: Bed;
let client: DaemonClient;
let images: { v1: string; v2: string };
const APPS = ['eng-shop', 'eng-other', 'eng-worker'];
const SHOP = 'eng-shop';
const DOMAIN = 'shop.test';

beforeAll(async () => {
  ({ bed, client, images } = await sharedBed());
});

afterEach(async () => {
  for (const { name } of await client.call('listApps')) {
    if (APPS.includes(name)) await client.call('removeApp', { params: { name }, query: { wait: 'true', purge: 'true' } });
  }
});

afterAll(() => client?.close());

const version = async (domain = DOMAIN) => (await visit(bed, domain)).body.trim();
const status = (name = SHOP) => client.call('getAppStatus', { params: { name } });

describe('a release that is no good', () => {
  const bad = [
    {
      what: 'has an image that does not exist',
      image: '127.0.0.1:9/missing:v9',
      env: {},
      step: 'validate',
      says: /does not exist on this host/,
    },
    { what: 'ends at once', env: { TINY_EXIT: '3' }, step: 'probe', says: /exit code 3/ },
    { what: 'never opens its port', env: { TINY_NO_LISTEN: '1' }, step: 'probe', says: /Nothing listens on port 3000/ },
    { what: 'listens on another port', env: {}, ports: [4000], image: 'eng-fixed-port', step: 'probe', says: /listens on 3000/ },
    { what: 'answers 500 on its health path', env: { TINY_HEALTH: '500' }, step: 'probe', says: /answered 500/ },
    {
      what: 'redirects its health path in a loop',
      env: { TINY_HEALTH_REDIRECT: '/api/health' },
      step: 'probe',
      says: /redirects to itself.*health\.path/,
    },
  ];

  beforeAll(async () => {
    // An image that ignores PORT, as some do.
    const dockerfile = `FROM ${images.v2}\nCMD ["node", "--import", "data:text/javascript,process.env.PORT=3000", "server.mjs"]\n`;
    const { code, stderr } = await bed.exec(['docker', 'build', '--tag', 'eng-fixed-port', '-'], { input: dockerfile });
    if (code !== 0) throw new Error(stderr);
  });

  it.each(bad)(
    'that $what is never served, with evidence, and nothing stays behind',
    async ({ what: _, step, says, ...request }) => {
      await deploy(client, { app_name: SHOP, image: images.v1, domain: DOMAIN });
      const before = await tracesOf(bed, SHOP);
      const load = startWrk({ url: `${bed.http}/`, host: DOMAIN, connections: 4, seconds_max: 120, is_paced: true });
      const { error, evidence } = await failureOf(
        deploy(client, { app_name: SHOP, domain: DOMAIN, image: images.v2, ...request }),
      );
      const result = await load.stop();

      expect(error).toMatchObject({ code: 'unprocessable', message: expect.stringMatching(says) });
      expect(evidence.step).toBe(step);
      if (step === 'probe') {
        expect(evidence.log_tail.join('\n')).toContain('tiny v2 starts');
        expect(evidence.probes.length).toBeGreaterThan(0);
      }
      expect({ errors: result.socket_errors_total, non_2xx: result.non_2xx }).toEqual({ errors: 0, non_2xx: 0 });
      expect(await tracesOf(bed, SHOP)).toEqual(before);
      expect(await status()).toMatchObject({ status: 'running', release: 'r1', last_error: error.message });
    },
  );

  it('as the first of an app leaves no container, route or marker, and the next attempt works', async () => {
    const request = { app_name: SHOP, image: images.v1, domain: DOMAIN };
    await failureOf(deploy(client, { ...request, env: { TINY_EXIT: '1' } }));
    expect(await tracesOf(bed, SHOP)).toEqual([]);
    expect(await status()).toMatchObject({ status: 'error', release: null });
    expect((await deploy(client, request)).release).toBe('r2');
    expect(await version()).toBe('v1');
  });

  it("leaves somebody else's container of that name, with its data, alone", async () => {
    const name = `nextdeploy-${SHOP}-blue-0`;
    await bed.exec(['docker', 'run', '--detach', '--name', name, '--volume', '/data', images.v1]);
    try {
      const format = '{{.Id}} {{.State.Running}} {{range .Mounts}}{{.Name}}{{end}}';
      const look = async () => (await bed.exec(['docker', 'inspect', '--format', format, name])).stdout.trim();
      const before = await look();
      expect(before).toMatch(/^[0-9a-f]{64} true [0-9a-f]{64}$/);
      const { error } = await failureOf(deploy(client, { app_name: SHOP, image: images.v1 }));
      expect(error.message).toContain('that NextDeploy did not make is in the way');
      expect(await look()).toBe(before);
    } finally {
      await bed.exec(['docker', 'rm', '--force', '--volumes', name]);
    }
  });

  it('while Caddy is stopped is refused before anything happens', async () => {
    await bed.exec(['systemctl', 'stop', 'caddy']);
    try {
      const { error } = await failureOf(deploy(client, { app_name: SHOP, image: images.v1, domain: DOMAIN }));
      expect(error.message).toContain('Caddy does not run');
      const [operation] = await client.call('listOperations', { query: { app_name: SHOP } });
      expect(operation?.state).toBe('failed');
      expect(await tracesOf(bed, SHOP)).toEqual([]);
    } finally {
      await bed.exec(['systemctl', 'start', 'caddy']);
    }
  });

  it('for a domain of another app is refused before anything happens', async () => {
    await deploy(client, { app_name: SHOP, image: images.v1, domain: DOMAIN });
    const { error } = await failureOf(deploy(client, { app_name: 'eng-other', image: images.v1, domain: DOMAIN }));
    expect(error.message).toContain(SHOP);
    expect(await tracesOf(bed, 'eng-other')).toEqual([]);
  });

  it.each(['caddy', 'nginx'] as const)(
    "for a domain of the operator's own site in %s is refused before anything happens, and his site goes on",
    async (proxy) => {
      const foreign = await placeForeignSite(bed, proxy);
      try {
        const request = { app_name: 'eng-other', image: images.v1, domain: 'other.test', aliases: [foreign.domain], proxy };
        const { error, evidence } = await failureOf(deploy(client, request));
        expect(error.message).toMatch(/operators-own\.test.*\(field "aliases\.0"\)$/);
        expect(evidence.step).toBe('validate');
        expect((await visit(bed, foreign.domain, '/', {}, entryOf(bed, proxy))).body).toBe('v1\n');
        expect(await foreign.countReloads()).toBe(0);
        expect(await tracesOf(bed, 'eng-other')).toEqual([]);
      } finally {
        await foreign.remove();
      }
    },
  );
});

describe('a daemon that is killed', () => {
  it.each(['start', 'probe', 'drain'] as const)(
    'during %s finishes the swap when it is back, and nothing is lost meanwhile',
    async (during) => {
      await deploy(client, {
        app_name: SHOP,
        image: images.v1,
        domain: DOMAIN,
        drain_ms: 5_000,
        env: { TINY_LISTEN_AFTER_MS: '700' },
      });
      const load = startWrk({ url: `${bed.http}/`, host: DOMAIN, connections: 8, seconds_max: 120, is_paced: true });
      const { id } = await client.call('swap', { body: { app_name: SHOP, image: images.v2 } });
      const read = () => client.call('getOperation', { params: { id } });
      await until(during, read, ({ steps }) => steps.some(({ name, state }) => name === during && state === 'running'));
      await bed.exec(['systemctl', 'kill', '--signal=SIGKILL', 'nextdeployd.service']);
      const operation = await until('the end', read, ({ state }) => state !== 'running', 60_000);
      const result = await load.stop();

      expect(operation).toMatchObject({ state: 'succeeded', release: 'r2' });
      expect({ errors: result.socket_errors_total, non_2xx: result.non_2xx }).toEqual({ errors: 0, non_2xx: 0 });
      expect(await version()).toBe('v2');
      expect((await tracesOf(bed, SHOP)).filter((line) => line.startsWith('nextdeploy-'))).toEqual([
        `nextdeploy-${SHOP}-green-0 running`,
      ]);
      // systemd counts restarts; the next kill of this test is not a crash loop.
      await bed.exec(['systemctl', 'reset-failed', 'nextdeployd.service']);
    },
  );
});
