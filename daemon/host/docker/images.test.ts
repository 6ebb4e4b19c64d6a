import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Sealed } from '../../secrets/sealed.ts';
import { DockerClient } from './client.ts';
import { DockerImages } from './images.ts';
import { type Answer, ScriptedDocker, says } from './test-docker.ts';

const IMAGE = JSON.stringify({ Id: 'sha256:abc', RepoTags: [], Size: 1, Created: '' });
const ANONYMOUS = { credentials: null, onProgress: () => undefined };

let fake: ScriptedDocker;
let client: DockerClient;
const { signal } = new AbortController();

beforeEach(async () => {
  fake = await ScriptedDocker.start();
  client = new DockerClient(fake.socket);
});
afterEach(() => {
  client.close();
  fake.close();
});

describe('images that come', () => {
  it('send an archive as it comes and read what was loaded', async () => {
    let sent = '';
    fake.answers = [
      async (request, response) => {
        sent = await text(request);
        response.end('{"stream":"Loaded image: shop:v1\\n"}\n');
      },
      says(200, JSON.stringify({ Id: 'sha256:1', RepoTags: ['shop:v1'], Size: 1, Created: '2026-01-01T00:00:00Z' })),
    ];
    const images = await new DockerImages(client).load(Readable.from(['one', 'two']), signal);
    expect(images).toMatchObject([{ id: 'sha256:1', references: ['shop:v1'] }]);
    expect([sent, fake.paths[0]]).toEqual(['onetwo', 'POST /v1.41/images/load?quiet=true']);
  });

  it('are told of by the events that Docker remembers, those that were there before as well', async () => {
    const event = (Action: string, ID: string, timeNano: number) =>
      JSON.stringify({ Type: 'image', Action, Actor: { ID }, timeNano });
    const [first, second] = [event('load', 'sha256:1', 1_767_225_600.5e9), event('import', 'sha256:2', 1_767_225_601e9)];
    fake.answers = [says(200, `${first}\n${second}\n`)];
    const before = Date.now();
    expect(await new DockerImages(client).listArrivals(60_000, signal)).toEqual([
      { image_id: 'sha256:1', at: '2026-01-01T00:00:00.500Z' },
      { image_id: 'sha256:2', at: '2026-01-01T00:00:01.000Z' },
    ]);
    const url = new URL(fake.paths[0]?.replace('GET ', '') ?? '', 'http://docker');
    const [since, until] = ['since', 'until'].map((name) => Number(url.searchParams.get(name)) * 1000);
    expect(until).toBeGreaterThanOrEqual(before);
    expect(until).toBeLessThanOrEqual(Date.now());
    expect(since).toBeCloseTo(Number(until) - 60_000, 0);
    expect(JSON.parse(url.searchParams.get('filters') ?? '')).toEqual({ type: ['image'], event: ['load', 'import'] });
  });

  it('are told of once we have loaded them, for as long as was asked, whatever Docker has forgotten', async () => {
    let now_ms = 5_000;
    const images = new DockerImages(client, { now: () => now_ms });
    fake.answers = [says(200, '{"stream":"Loaded image: shop:v1\\n"}\n'), says(200, IMAGE)];
    await images.load(Readable.from(['archive']), signal);
    const listed = () => {
      fake.answers = [says(200, '')];
      return images.listArrivals(60_000, signal);
    };
    now_ms += 59_999;
    expect(await listed()).toEqual([{ image_id: 'sha256:abc', at: expect.any(String) }]);
    now_ms += 1;
    expect(await listed()).toEqual([]);
  });

  it.each([
    ['shop', 'fromImage=shop&tag=latest'],
    ['registry.test:5000/shop:v1', 'fromImage=registry.test%3A5000%2Fshop&tag=v1'],
    ['shop@sha256:abc', 'fromImage=shop&tag=sha256%3Aabc'],
  ])('pull %s and nothing else of its name', async (reference, query) => {
    fake.answers = [says(200, '{"status":"Pulling"}\n{"status":"done"}\n'), says(200, IMAGE), says(200, IMAGE)];
    expect(await new DockerImages(client).pull(reference, ANONYMOUS, signal)).toBe('sha256:abc');
    expect(fake.paths[0]).toBe(`POST /v1.41/images/create?${query}`);
  });

  it('send a login in its header alone, and keep it out of whatever Docker says', async () => {
    const credentials = { username: 'shop', password: new Sealed('a"secret') };
    const basic = Buffer.from('shop:a"secret').toString('base64');
    let header = '';
    fake.answers = [
      (request, response) => {
        header = String(request.headers['x-registry-auth']);
        response.writeHead(500).end(JSON.stringify({ message: `bad header Basic ${basic} of a"secret` }));
      },
    ];
    const pulling = new DockerImages(client).pull('r.test/shop:v1', { ...ANONYMOUS, credentials }, signal);
    const error = await pulling.catch((reason: unknown) => reason);
    expect(error).toMatchObject({ message: expect.stringContaining('bad header Basic [value] of [value]') });
    expect(inspect(error)).not.toMatch(/secret/);
    expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toEqual({
      username: 'shop',
      password: 'a"secret',
      serveraddress: 'r.test',
    });
    expect(fake.paths).toEqual(['POST /v1.41/images/create?fromImage=r.test%2Fshop&tag=v1']);
  });

  it('say that Docker broke off a pull, and that the caller went away', async () => {
    const breaking: Answer = (_, response) => response.write('{"status":"Pulling"}\n', () => response.destroy());
    fake.answers = [breaking];
    await expect(new DockerImages(client).pull('shop', ANONYMOUS, signal)).rejects.toThrow('Docker broke off its answer');
    const caller = new AbortController();
    const layer = '{"id":"a","status":"Waiting"}\n';
    fake.answers = [(_, response) => response.write(layer)];
    const leaving = { credentials: null, onProgress: () => caller.abort(new Error('he went away')) };
    await expect(new DockerImages(client).pull('shop', leaving, caller.signal)).rejects.toThrow('he went away');
  });
});

describe('checking an image', () => {
  const wish = { reference: 'r.test/shop:v1', pinned_image_id: null, pull: 'missing' } as const;
  const none = says(404, '{"message":"No such image"}');
  const check = () => {
    const platform = { os: 'linux', architecture: 'amd64' };
    return new DockerImages(client, { registry_deadline_ms: 200, platform }).check(wish, null, signal);
  };

  it('of one that is here gives its content id, and asks no registry', async () => {
    const image = { Id: 'sha256:abc', Size: 1, Created: '', Architecture: 'amd64', Os: 'linux' };
    fake.answers = [says(200, JSON.stringify(image))];
    expect(await check()).toBe('sha256:abc');
    expect(fake.paths).toEqual(['GET /v1.41/images/r.test/shop%3Av1/json']);
  });

  it('does not wait longer for a registry than it is worth', async () => {
    fake.answers = [none, () => undefined];
    await expect(check()).rejects.toThrow(
      'The image r.test/shop:v1 does not exist on this host, and its registry r.test cannot be reached (timeout: no answer in 0.2 s).',
    );
    expect(fake.paths[1]).toBe('GET /v1.41/distribution/r.test/shop%3Av1/json');
  });

  it('finds one platform among several, and passes over attestations', async () => {
    const platforms = (...names: string[]) =>
      says(
        200,
        JSON.stringify({
          Platforms: names.map((architecture) => ({ architecture, os: architecture === 'unknown' ? architecture : 'linux' })),
        }),
      );
    fake.answers = [none, platforms('arm64', 'amd64', 'unknown')];
    expect(await check()).toBeNull();
    fake.answers = [none, platforms('arm64', 's390x', 'unknown')];
    await expect(check()).rejects.toThrow('is made for linux/arm64, linux/s390x, but this host is linux/amd64');
    fake.answers = [none, platforms()];
    await check();
  });

  it('leaves to the pull what it does not understand', async () => {
    fake.answers = [none, says(500, '{"message":"something new"}')];
    await check();
  });
});
