/** The daemon's view of images on a real Docker, with a private registry. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Layer } from '../../daemon/contract/domain.ts';
import { DomainError } from '../../daemon/contract/errors.ts';
import { DockerClient } from '../../daemon/host/docker/client.ts';
import { DockerImages } from '../../daemon/host/docker/images.ts';
import { Sealed } from '../../daemon/secrets/sealed.ts';
import { acquireEngine, type Engine, LEASE_LABEL } from '../bed/engine.ts';
import { ACCOUNT, type LocalRegistry, startLocalRegistry } from '../bed/local-registry.ts';
import { buildForeignImage } from '../fixtures/registry-images.ts';

const { signal } = new AbortController();
const GOOD = { username: ACCOUNT.username, password: new Sealed(ACCOUNT.password) };
const BAD = { username: ACCOUNT.username, password: new Sealed('not the password') };
const ZEROS = `sha256:${'0'.repeat(64)}`;
const LAYER_BYTES = 4_000_000;

let engine: Engine;
let registry: LocalRegistry;
let client: DockerClient;
let images: DockerImages;
let folder: string;
/** Three layers, under a name of this run alone. */
let local: string;
let id: string;
let foreign: { image: string; architecture: string };

const docker = async (...argv: string[]) => (await engine.docker(argv)).stdout.trim();
const idOf = (name: string) => docker('image', 'inspect', '--format', '{{.Id}}', name);
const at = (reference: string) => `${registry.address}/${reference}`;
const wish = (reference: string, pinned_image_id: string | null = null, pull: 'missing' | 'always' = 'missing') => ({
  reference,
  pinned_image_id,
  pull,
});
const pull = async (reference: string, credentials: typeof GOOD | null = GOOD) => {
  const seen: Layer[][] = [];
  const pulled = await images.pull(reference, { credentials, onProgress: (layers) => seen.push(layers) }, signal);
  return { pulled, seen };
};
const refused = async (action: Promise<unknown>): Promise<string> => {
  const error = await action.then(
    () => new Error('it was not refused'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof DomainError)) throw error;
  expect(inspect(error, { depth: 10 })).not.toMatch(/of the shop|not the password/);
  return error.message;
};

async function buildLayers(name: string): Promise<void> {
  const context = await mkdtemp(join(tmpdir(), 'nextdeploy-layers-'));
  try {
    for (const file of ['a', 'b', 'c']) await writeFile(join(context, file), randomBytes(LAYER_BYTES));
    const lines = [
      'FROM scratch',
      'COPY a /',
      'COPY b /',
      'COPY c /',
      `LABEL ${LEASE_LABEL}=${engine.leaseId}`,
      'CMD ["/a"]',
      '',
    ];
    await engine.docker(['build', '--quiet', '--force-rm', '--tag', name, '--file', '-', context], { input: lines.join('\n') });
  } finally {
    await rm(context, { recursive: true });
  }
}

/** Everything that is here under the registry's address, and what was made for this run. */
async function forgetImages(): Promise<void> {
  const names = (await docker('images', '--digests', '--format', '{{.Repository}} {{.Tag}} {{.Digest}}')).split('\n');
  for (const line of names.filter((text) => text.startsWith(registry.address))) {
    const [repository, tag, digest] = line.split(' ');
    if (digest !== '<none>') await engine.attempt(['rmi', `${repository}@${digest}`]);
    if (tag !== '<none>') await engine.attempt(['rmi', `${repository}:${tag}`]);
  }
}

beforeAll(async () => {
  engine = await acquireEngine({ label: 'docker images' });
  registry = await startLocalRegistry(engine);
  client = new DockerClient(engine.socket);
  images = new DockerImages(client);
  folder = await mkdtemp(join(tmpdir(), 'nextdeploy-images-'));
  local = `nextdeploy-run-${engine.leaseId}:v1`;
  await buildLayers(local);
  id = await idOf(local);
  foreign = await buildForeignImage(engine);
  await registry.push(foreign.image, 'shop/foreign:1.0');
}, 300_000);
afterAll(async () => {
  client.close();
  await forgetImages();
  await engine.attempt(['rmi', local]);
  await registry.stop();
  await rm(folder, { recursive: true });
  await engine.release();
});

/** Pushes the image and leaves nothing of it here but the registry's copy. */
async function onlyInRegistry(reference: string): Promise<string> {
  const digest = await registry.push(local, reference);
  await docker('save', '--output', join(folder, 'image.tar'), local);
  await docker('rmi', local);
  return digest;
}
async function bringBack(): Promise<void> {
  await forgetImages();
  await docker('load', '--input', join(folder, 'image.tar'));
}

describe('pulling', () => {
  test('gives the content id of the tag, and the layers with their bytes while it lasts', async () => {
    const digest = await onlyInRegistry('shop/web:1.0');
    try {
      const { pulled, seen } = await pull(at('shop/web:1.0'));
      expect(pulled).toBe(id);
      expect(seen.length).toBeGreaterThan(1);
      const last = seen.at(-1) ?? [];
      expect(last.map(({ state }) => state)).toEqual(['done', 'done', 'done']);
      expect(last.every((layer) => layer.current_bytes === layer.total_bytes && layer.current_bytes >= LAYER_BYTES)).toBe(true);
      expect(await images.find(at('shop/web:1.0'), signal)).toBe(id);
      expect(await images.find(at(`shop/web:1.0@${digest}`), signal)).toBe(id);
      expect(await images.find(at(`shop/web@${ZEROS}`), signal)).toBeNull();
      expect((await images.list(signal)).find((image) => image.id === id)?.references).toContain(at('shop/web:1.0'));
    } finally {
      await bringBack();
    }
  });

  test('by digest takes exactly that, whatever the tag points to', async () => {
    const digest = await onlyInRegistry('shop/pinned:1.0');
    try {
      await registry.push(foreign.image, 'shop/pinned:1.0');
      const { pulled } = await pull(at(`shop/pinned:1.0@${digest}`));
      expect(pulled).toBe(id);
      const [listed] = (await images.list(signal)).filter((image) => image.id === id);
      expect(listed?.references).toEqual([at(`shop/pinned@${digest}`)]);
    } finally {
      await bringBack();
    }
  });

  test('says whether credentials, name, digest, platform or registry is wrong, and never the password', async () => {
    const { address } = registry;
    expect(await refused(pull(at('shop/foreign:1.0'), null))).toBe(
      `The image ${at('shop/foreign:1.0')} cannot be pulled: its registry ${address} asks for a login. Give user and password in \`registry\`, or run \`docker login ${address}\` as root on the server.`,
    );
    expect(await refused(pull(at('shop/foreign:1.0'), BAD))).toContain(
      `its registry ${address} refuses the user or password in \`registry\``,
    );
    expect(await refused(pull(at('shop/foreign:9')))).toContain(`its registry ${address} has no tag 9 of ${at('shop/foreign')}`);
    expect(await refused(pull(at('shop/nothing:1')))).toContain(`has no tag 1 of ${at('shop/nothing')}`);
    expect(await refused(pull(at(`shop/foreign@${ZEROS}`)))).toContain(`has no digest ${ZEROS}`);
    expect(await refused(pull(at('shop/foreign:1.0')))).toContain(`is made for linux/${foreign.architecture}, but this host is`);
    expect(await refused(pull('127.0.0.1:1/shop:v1', null))).toContain('its registry 127.0.0.1:1 cannot be reached');
  });

  test('ends with the signal', async () => {
    const stopping = new AbortController();
    await onlyInRegistry('shop/aborted:1.0');
    try {
      const options = { credentials: GOOD, onProgress: () => stopping.abort(new Error('stopping')) };
      await expect(images.pull(at('shop/aborted:1.0'), options, stopping.signal)).rejects.toThrow('stopping');
    } finally {
      await bringBack();
    }
  });

  test("uses the host's own docker login where the request has none", async () => {
    const login_file = join(folder, 'config.json');
    const auth = Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString('base64');
    await writeFile(login_file, JSON.stringify({ auths: { [registry.address]: { auth } } }));
    const logged = new DockerImages(client, { login_file, platform: { os: 'linux', architecture: foreign.architecture } });
    const options = { credentials: null, onProgress: () => undefined };
    expect(await logged.pull(at('shop/foreign:1.0'), options, signal)).toBe(await idOf(foreign.image));
    const wrong = Buffer.from(`${ACCOUNT.username}:not the password`).toString('base64');
    await writeFile(login_file, JSON.stringify({ auths: { [registry.address]: { auth: wrong } } }));
    expect(await refused(logged.pull(at('shop/foreign:1.0'), options, signal))).toContain('that `docker login');
    await forgetImages();
  });
});

describe('checking', () => {
  const check = (reference: string, credentials: typeof GOOD | null = GOOD, pinned: string | null = null) =>
    images.check(wish(reference, pinned), credentials, signal);

  test('takes an image that is here as it is, by name, by its own id, or by the id of a release', async () => {
    await check(local, null);
    await check(`${local}@${id}`, null);
    await check('gone.invalid/shop:v1', null, id);
  });

  test('asks the registry for one that is not, and changes nothing', async () => {
    const digest = await registry.push(local, 'shop/checked:1.0');
    await check(at('shop/checked:1.0'));
    await check(at(`shop/checked:1.0@${digest}`));
    await check(at(`shop/checked@${digest}`));
    expect(await images.find(at('shop/checked:1.0'), signal)).toBeNull();
  });

  test('says why it cannot be had, and how to have it', async () => {
    const { address } = registry;
    const here = `The image ${at('shop/foreign:1.0')} does not exist on this host, and`;
    expect(await refused(check(at('shop/foreign:1.0'), null))).toContain(`${here} its registry ${address} asks for a login.`);
    expect(await refused(check(at('shop/foreign:1.0'), BAD))).toContain(
      `${here} its registry ${address} refuses the user or password`,
    );
    expect(await refused(check(at('shop/foreign:9')))).toContain(`has no tag 9 of ${at('shop/foreign')}`);
    expect(await refused(check(at(`shop/foreign:1.0@${ZEROS}`)))).toContain(`has no digest ${ZEROS}`);
    expect(await refused(check(at('shop/foreign:1.0')))).toContain(`is made for linux/${foreign.architecture}`);
    expect(await refused(check('127.0.0.1:1/shop:v1'))).toContain('cannot be reached');
  });

  test('refuses one for another processor that is here', async () => {
    expect(await refused(check(foreign.image, null))).toContain(`docker build --platform linux/`);
  });

  test('tells a digest that does not match the tag from an image that is not here', async () => {
    const reference = at(`shop/matched:1.0@${ZEROS}`);
    await docker('tag', local, at('shop/matched:1.0'));
    expect(await refused(check(reference))).toContain(
      `The image ${at('shop/matched:1.0')} on this host has another digest than ${ZEROS}, and its registry`,
    );
    await docker('rmi', at('shop/matched:1.0'));
  });

  test('says of a release that its image is gone', async () => {
    const message = await refused(check(at('shop/none:1.0'), GOOD, ZEROS));
    expect(message).toContain(
      `The image of this release (${at('shop/none:1.0')}, 000000000000) is not on this host any more, and`,
    );
  });

  test('asks the registry also for one that is here when it is to be pulled always', async () => {
    await docker('tag', local, at('shop/never:1'));
    const always = wish(at('shop/never:1'), null, 'always');
    expect(await refused(images.check(always, GOOD, signal))).toContain('is to be pulled, and its registry');
    await docker('rmi', at('shop/never:1'));
  });
});

describe('removing', () => {
  const other = () => `nextdeploy-other-${engine.leaseId}:v1`;
  const build = async (name: string) => {
    const archive = pack();
    archive.entry({ name: 'a' }, randomBytes(64));
    archive.finalize();
    // tar-stream's types do not say that it yields buffers; it does.
    const input = archive as AsyncIterable<Buffer>;
    await engine.docker(['import', '--change', 'CMD ["/a"]', '-', name], { input });
    return idOf(name);
  };

  test('takes the names it is given and the image with them, also twice', async () => {
    const made = await build(other());
    await docker('tag', made, at('shop/other:1'));
    expect(await images.remove(made, [other(), at('shop/other:1')], signal)).toBe(true);
    expect(await images.find(made, signal)).toBeNull();
    expect(await images.remove(made, [other()], signal)).toBe(true);
  });

  test('leaves an image that somebody named otherwise or uses, with all its names', async () => {
    const made = await build(other());
    await docker('tag', made, at('shop/somebody:1'));
    expect(await images.remove(made, [other()], signal)).toBe(false);
    expect(await images.find(other(), signal)).toBe(made);
    await docker('rmi', at('shop/somebody:1'));

    const container = await docker('create', '--label', `${LEASE_LABEL}=${engine.leaseId}`, made);
    expect(await images.remove(made, [other()], signal)).toBe(false);
    expect(await images.find(other(), signal)).toBe(made);
    await docker('rm', container);
    expect(await images.remove(made, [other()], signal)).toBe(true);
  });

  test('leaves an image that another one was built on, with all its names', async () => {
    const made = await build(other());
    await docker('tag', made, at('shop/parent:1'));
    const child = `nextdeploy-child-${engine.leaseId}:v1`;
    const label = `LABEL ${LEASE_LABEL}=${engine.leaseId}`;
    await engine.docker(['build', '--quiet', '--tag', child, '-'], { input: `FROM ${other()}\n${label}\n` });
    const names = [other(), at('shop/parent:1')];
    expect(await images.remove(made, names, signal)).toBe(false);
    for (const name of names) expect(await images.find(name, signal)).toBe(made);
    await docker('rmi', child);
    expect(await images.remove(made, names, signal)).toBe(true);
    expect(await images.find(made, signal)).toBeNull();
  });

  test('does not take a name that points to another image by now', async () => {
    const first = await build(other());
    const second = await build(other());
    expect(await images.remove(first, [other()], signal)).toBe(true);
    expect(await images.find(first, signal)).toBeNull();
    expect(await images.find(other(), signal)).toBe(second);
    expect(await images.remove(second, [other()], signal)).toBe(true);
  });

  test('removes what was pulled with its digest', async () => {
    await onlyInRegistry('shop/removed:1');
    try {
      await pull(at('shop/removed:1'));
      expect(await images.remove(id, [at('shop/removed:1')], signal)).toBe(true);
      expect(await images.find(id, signal)).toBeNull();
    } finally {
      await bringBack();
    }
  });
});
