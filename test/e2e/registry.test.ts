/** Images from a private registry on a real server: what is seen of a pull, what is refused before it, and what becomes of the password. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { DaemonClient } from '../../daemon/api/client.ts';
import type { DaemonEvent, Layer, Operation } from '../../daemon/contract/domain.ts';
import type { Bed } from '../bed/bed.ts';
import { acquireEngine, type Engine } from '../bed/engine.ts';
import { type Registry, startRegistry } from '../bed/registry.ts';
import { sharedBed } from '../bed/shared.ts';
import { buildTinyImages } from '../fixtures/images.ts';
import { buildForeignImage, buildLayeredImage, LAYERS } from '../fixtures/registry-images.ts';
import { type Deploy, deploy, failureOf, tracesOf, until, visit } from './engine-harness.ts';

const APP = 'reg-shop';
const DOMAIN = 'reg.test';
const name = { name: APP };
const PASSWORD = 'Swordfish-%71-of-the-registry';
const WRONG = 'Swordfish-%72-of-nobody';
const ZEROS = `sha256:${'0'.repeat(64)}`;

let bed: Bed;
let client: DaemonClient;
let images: { v1: string; v2: string };
let engine: Engine;
let registry: Registry;
let foreign: { image: string; architecture: string };
let login: { username: string; password: string };

beforeAll(async () => {
  ({ bed, client, images } = await sharedBed());
  engine = await acquireEngine({ label: 'registry images' });
  registry = await startRegistry(bed, { user: 'shop', password: PASSWORD });
  login = { username: registry.user, password: registry.password };
  const tiny = await buildTinyImages(engine);
  foreign = await buildForeignImage(engine);
  await registry.push(tiny.v1, 'shop/web:1.0');
  await registry.push(foreign.image, 'shop/foreign:1.0');
  await registry.push(await buildLayeredImage(engine), 'shop/layered:1.0');
});

afterEach(async () => {
  const apps = await client.call('listApps');
  if (apps.some((app) => app.name === APP))
    await client.call('removeApp', { params: name, query: { wait: 'true', purge: 'true' } });
});

afterAll(async () => {
  const pulled = (await client.call('listImages')).flatMap(({ references }) => references);
  for (const reference of pulled.filter((one) => one.startsWith(registry.address))) await bed.exec(['docker', 'rmi', reference]);
  client.close();
  await registry.stop();
  await engine.release();
});

const at = (reference: string) => `${registry.address}/${reference}`;
const base = (image: string): Deploy => ({ app_name: APP, image, domain: DOMAIN, registry: login });
const answer = async () => (await visit(bed, DOMAIN)).body.trim();
const pullOf = ({ steps }: Operation) => steps.find((step) => step.name === 'pull');

describe('a pull', () => {
  it('with the credentials of the request is seen layer by layer, in events and in the operation', async () => {
    const seen: DaemonEvent[] = [];
    const listening = new AbortController();
    const opened = Promise.withResolvers<void>();
    const reading = (async () => {
      const stream = client.stream('events', { signal: listening.signal, onOpen: opened.resolve });
      for await (const event of stream) if ('kind' in event && event.app_name === APP) seen.push(event);
    })();
    await opened.promise;

    const { id } = await client.call('deploy', { body: { ...base(at('shop/layered:1.0')), watch_ms: 0 } });
    const looks: Layer[][] = [];
    const look = async () => {
      const operation = await client.call('getOperation', { params: { id } });
      looks.push(pullOf(operation)?.layers ?? []);
      return operation;
    };
    const operation = await until('the end', look, ({ state }) => state !== 'running', 60_000);
    expect(operation).toMatchObject({ state: 'succeeded', release: 'r1' });
    expect(await answer()).toBe('v1');
    expect(pullOf(operation)).toMatchObject({ detail: expect.stringMatching(/^pulled [0-9a-f]{12}$/), layers: null });

    await expect.poll(() => seen.map(({ kind }) => kind), { timeout: 30_000 }).toContain('operation.ended');
    listening.abort();
    await reading;
    const told = seen.flatMap((event) => (event.operation && pullOf(event.operation)?.layers) ?? []);
    const [sizes, polled] = [told, looks.flat()].map((layers) => new Set(layers.map(({ current_bytes }) => current_bytes)));
    expect(sizes?.size).toBeGreaterThan(LAYERS.count);
    expect(polled?.size).toBeGreaterThan(1);
    const whole = looks.findLast((layers) => layers.length > 0) ?? [];
    expect(whole.length).toBeGreaterThanOrEqual(LAYERS.count);
    expect(new Set(told.map(({ state }) => state))).toContain('downloading');
    expect(seen.map(({ message }) => message)).toContainEqual(
      expect.stringMatching(/^deploy of reg-shop: pulled \d+ of \d+ layers$/),
    );
  });

  it('by digest takes exactly that image', async () => {
    const digest = await registry.push(images.v2, 'shop/web:2.0');
    await registry.push(images.v1, 'shop/web:2.0');
    const operation = await deploy(client, base(at(`shop/web@${digest}`)));
    expect(await answer()).toBe('v2');
    expect(operation.image).toBe(at(`shop/web@${digest}`));
  });

  it('of a tag that has moved takes place where it is asked for, and not before', async () => {
    await registry.push(images.v1, 'shop/moving:1');
    await deploy(client, base(at('shop/moving:1')));
    await registry.push(images.v2, 'shop/moving:1');
    const missing = await deploy(client, base(at('shop/moving:1')));
    expect(pullOf(missing)?.detail).toMatch(/already on the host as .*, not pulled/);
    expect(await answer()).toBe('v1');
    const always = await deploy(client, { ...base(at('shop/moving:1')), pull: 'always' });
    expect(pullOf(always)?.detail).toMatch(/^pulled /);
    expect(await answer()).toBe('v2');
    // The release before has its own image still.
    await client.call('rollback', { query: { wait: 'true' }, body: { app_name: APP } });
    expect(await answer()).toBe('v1');
  });
});

describe('what cannot be pulled', () => {
  it('is refused before anything has happened, with the reason and the field', async () => {
    await deploy(client, base(at('shop/web:1.0')));
    const state = async () => [
      await tracesOf(bed, APP),
      (await client.call('getAppStatus', { params: name })).release,
      new Map((await client.call('listImages')).map(({ id, references }) => [id, new Set(references)])),
    ];
    const before = await state();
    const wrong = { username: 'shop', password: WRONG };
    const refusals = [
      [{ image: at('shop/web:9'), registry: wrong }, 'refuses the user or password in `registry`'],
      [{ image: at('shop/web:9'), registry: undefined }, 'asks for a login. Give user and password in `registry`'],
      [{ image: at('shop/web:9') }, 'has no tag 9 of'],
      [{ image: at('shop/nothing:1') }, 'has no tag 1 of'],
      [{ image: at(`shop/web@${ZEROS}`) }, `has no digest ${ZEROS}`],
      [{ image: at(`shop/web:1.0@${ZEROS}`) }, `on this host has another digest than ${ZEROS}`],
      [{ image: at('shop/foreign:1.0') }, `is made for linux/${foreign.architecture}, but this host is linux/`],
      [{ image: '127.0.0.1:1/shop/web:1.0' }, 'its registry 127.0.0.1:1 cannot be reached'],
      [{ image: at('shop/web:1.0'), pull: 'always', registry: wrong }, 'refuses the user or password in `registry`'],
    ] as const;
    for (const [part, reason] of refusals) {
      const { error, evidence } = await failureOf(deploy(client, { ...base(''), ...part } as Deploy));
      expect(error).toMatchObject({ code: 'unprocessable', message: expect.stringContaining(reason) });
      expect(error.message).toMatch(/\(field "image"\)$/);
      expect(evidence).toMatchObject({ step: 'validate', probes: [] });
    }
    expect(await state()).toEqual(before);
    expect(await answer()).toBe('v1');
  });
});

describe('the password', () => {
  it('is nowhere', async () => {
    await deploy(client, base(at('shop/web:1.0')));
    const secrets = [PASSWORD, WRONG, ...[PASSWORD, WRONG].map((one) => Buffer.from(`shop:${one}`).toString('base64'))];
    const told = JSON.stringify([
      await client.call('listEvents', { query: { limit: 1_000 } }),
      await client.call('listOperations', { query: { limit: 200 } }),
      await client.call('listReleases', { params: name }),
    ]);
    for (const secret of secrets) expect(told).not.toContain(secret);
    const file = '/run/sought';
    await bed.exec(['tee', file], { input: `${secrets.join('\n')}\n` });
    const places = {
      files: 'cat /var/lib/nextdeploy/nextdeploy.db* /etc/nextdeploy/*',
      slots: 'find /var/lib/nextdeploy/slots /etc/caddy/nextdeploy -type f -exec cat {} + ; echo and nothing else',
      journal: 'journalctl --no-pager --output=verbose',
      containers: 'docker inspect $(docker ps --all --quiet)',
      images: 'docker inspect $(docker images --quiet | sort --unique)',
      login: 'cat /root/.docker/config.json 2>&1',
      daemon: 'cd /proc/$(systemctl show --property=MainPID --value nextdeployd) && cat cmdline environ',
    };
    for (const [place, command] of Object.entries(places)) {
      const count = async (pattern: string) =>
        Number((await bed.exec(['sh', '-c', `{ ${command}; } | grep --text --count ${pattern}`], { timeoutMs: 60_000 })).stdout);
      expect({ place, lines: await count("''") }).not.toEqual({ place, lines: 0 });
      expect({ place, found: await count(`--fixed-strings --file=${file}`) }).toEqual({ place, found: 0 });
    }
    await bed.exec(['rm', file]);
  });
});
