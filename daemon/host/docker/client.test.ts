import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ContainerSpec } from '../../engine/ports.ts';
import { type CallOptions, type DockerAction, DockerClient, isOlder } from './client.ts';
import { DockerContainers } from './containers.ts';
import { DockerImages } from './images.ts';
import { readLogs } from './logs.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => unknown;

let directory: string;
let socket: string;
let server: Server;
let client: DockerClient;
let answers: Answer[];
let paths: string[];
let versions: { ApiVersion: string; MinAPIVersion?: string };
const { signal } = new AbortController();

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'nextdeploy-docker-'));
  socket = join(directory, 'docker.sock');
  [answers, paths, versions] = [[], [], { ApiVersion: '1.41' }];
  server = createServer((request, response) => {
    if (request.url === '/version') return void response.end(JSON.stringify(versions));
    paths.push(`${request.method} ${request.url}`);
    answers.shift()?.(request, response);
  });
  server.listen(socket);
  await once(server, 'listening');
  client = new DockerClient(socket);
});
afterEach(() => {
  client.close();
  server.closeAllConnections();
  server.close();
  rmSync(directory, { recursive: true });
});

const says =
  (status: number, body = ''): Answer =>
  (_, response) =>
    response.writeHead(status).end(body);
const get = (options: Partial<CallOptions> = {}) => client.call((docker) => docker.info(), { signal, ...options });

describe('DockerClient', () => {
  it.each([
    ['1.41', '/v1.41/info'],
    ['1.60', '/v1.51/info'],
  ])("speaks Docker's API %s as far as it knows it", async (ApiVersion, path) => {
    versions = { ApiVersion };
    answers = [says(200, '{"a":1}')];
    expect(await get()).toEqual({ a: 1 });
    expect(paths).toEqual([`GET ${path}`]);
  });

  it('says what to do with a Docker that is too old or too new', async () => {
    versions = { ApiVersion: '1.38' };
    await expect(get()).rejects.toThrow('needs Docker 20.10 or newer');
    versions = { ApiVersion: '1.70', MinAPIVersion: '1.60' };
    await expect(get()).rejects.toThrow('upgrade it');
  });

  it("gives Docker's own words and status", async () => {
    answers = [says(404, '{"message":"No such container: x"}'), says(409, '{"message":"in use"}')];
    await expect(get()).rejects.toMatchObject({ status: 404, message: 'No such container: x' });
    const load = client.stream((docker) => docker.loadImage(Readable.from(['archive'])), { signal });
    await expect(load).rejects.toMatchObject({ status: 409, message: 'in use' });
  });

  it('takes for done what was done already, which dockerode calls an error', async () => {
    answers = [says(304)];
    expect(await client.call((docker) => docker.getContainer('x').start(), { signal })).toBeUndefined();
  });

  it('negotiates again when Docker was replaced by one that speaks otherwise', async () => {
    answers = [says(400, '{"message":"client version 1.41 is too old. Minimum supported API version is 1.44"}')];
    await expect(get()).rejects.toThrow('too old');
    versions = { ApiVersion: '1.44', MinAPIVersion: '1.44' };
    answers = [says(200, '{}')];
    await get();
    expect(paths.at(-1)).toBe('GET /v1.44/info');
  });

  it('says that Docker does not answer when it is down, hangs, or goes away', async () => {
    await expect(get({ deadlineMs: 50 })).rejects.toThrow('Docker did not answer in time');
    answers = [(_, response) => response.destroy()];
    await expect(get()).rejects.toMatchObject({ code: 'unavailable' });
    answers = [(_, response) => response.write('{"half":', () => response.destroy())];
    await expect(get()).rejects.toThrow('Docker broke off its answer');
    client = new DockerClient(join(directory, 'none.sock'));
    await expect(get()).rejects.toThrow('Docker does not answer');
  });

  it('has a deadline for the whole answer, not only for its beginning', async () => {
    answers = [(_, response) => response.write('{"half":')];
    await expect(get({ deadlineMs: 100 })).rejects.toThrow('Docker did not answer in time');
  });

  it("rejects with the caller's reason when he goes away, also in calls whose signal dockerode drops", async () => {
    const actions: DockerAction[] = [(docker) => docker.info(), (docker) => docker.getImage('x').inspect()];
    for (const action of actions) {
      const caller = new AbortController();
      const refused = expect(client.call(action, { signal: caller.signal })).rejects.toThrow('he went away');
      await vi.waitFor(() => expect(paths.splice(0)).toHaveLength(1));
      caller.abort(new Error('he went away'));
      await refused;
    }
  });

  it('does not let a caller who goes away spoil the negotiation for the others', async () => {
    answers = [says(200, '{}')];
    const [first, second] = await Promise.allSettled([get({ signal: AbortSignal.abort(new Error('gone')) }), get()]);
    expect([first.status, second.status]).toEqual(['rejected', 'fulfilled']);
  });

  it('refuses an answer that is too long', async () => {
    const piece = Buffer.alloc(1024 * 1024, 'x');
    answers = [(_, response) => Readable.from(Array.from({ length: 80 }, () => piece)).pipe(response)];
    await expect(get()).rejects.toThrow('too long');
  });

  it('keeps its connection for the next call, and follows logs on others', async () => {
    let connections = 0;
    server.on('connection', () => {
      connections += 1;
    });
    answers = [says(200, '{}'), says(200, '{}'), (_, response) => response.write('x'), says(200, '{}')];
    await get();
    await get();
    const log = await client.stream((docker) => docker.getContainer('x').logs({ follow: true }), { signal });
    await get();
    expect(connections).toBe(2);
    log.destroy();
  });

  it('goes to its socket, wherever the environment says that Docker is', async () => {
    vi.stubEnv('DOCKER_HOST', 'ssh://elsewhere.invalid');
    answers = [says(200, '{"a":1}')];
    expect(await get().finally(() => vi.unstubAllEnvs())).toEqual({ a: 1 });
  });
});

describe('calls with a stream', () => {
  it('hand on a log that is not followed before it has ended, and end it with the signal', async () => {
    const caller = new AbortController();
    const line = '2026-01-01T00:00:01.000000000Z first\n';
    answers = [
      (_, response) => response.write(Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 0, 0, line.length]), Buffer.from(line)])),
    ];
    const lines = readLogs(client, 'x', { follow: false, signal: caller.signal });
    expect(await lines.next()).toMatchObject({ value: { log: 'first' } });
    caller.abort();
    expect(await lines.next()).toMatchObject({ done: true });
    expect(paths[0]).toContain('timestamps=true&follow=false');
  });

  it('send an archive as it comes and read what was loaded', async () => {
    let sent = '';
    answers = [
      async (request, response) => {
        sent = await text(request);
        response.end('{"stream":"Loaded image: shop:v1\\n"}\n');
      },
      says(200, JSON.stringify({ Id: 'sha256:1', RepoTags: ['shop:v1'], Size: 1, Created: '2026-01-01T00:00:00Z' })),
    ];
    const images = await new DockerImages(client).load(Readable.from(['one', 'two']), signal);
    expect(images).toMatchObject([{ id: 'sha256:1', references: ['shop:v1'] }]);
    expect([sent, paths[0]]).toEqual(['onetwo', 'POST /v1.41/images/load?quiet=true']);
  });

  it.each([
    ['shop', 'fromImage=shop&tag=latest'],
    ['registry.test:5000/shop:v1', 'fromImage=registry.test%3A5000%2Fshop&tag=v1'],
    ['shop@sha256:abc', 'fromImage=shop&tag=sha256%3Aabc'],
  ])('pull %s and nothing else of its name', async (reference, query) => {
    answers = [says(200, '{"status":"Pulling"}\n{"status":"done"}\n')];
    await new DockerImages(client).pull(reference, signal);
    expect(paths).toEqual([`POST /v1.41/images/create?${query}`]);
  });
});

describe('removing a container', () => {
  const target = { name: 'nextdeploy-shop-blue-0', app_name: 'shop', operation_id: 'op-2' };
  const found = (labels: Record<string, string>): Answer =>
    says(
      200,
      JSON.stringify({
        Id: 'abc',
        Name: '/nextdeploy-shop-blue-0',
        State: { Running: true, ExitCode: 0, Pid: 1 },
        Config: { Labels: labels },
      }),
    );
  const labels = (app: string, operation: string) => ({
    'nextdeploy.app': app,
    'nextdeploy.release': 'r1',
    'nextdeploy.slot': 'blue',
    'nextdeploy.operation': operation,
  });
  const remove = () => new DockerContainers(client, 'nextdeploy').remove(target, 1_000, signal);

  it('goes by its id once its labels have shown that it is ours', async () => {
    answers = [found(labels('shop', 'op-2')), says(204), says(204)];
    await remove();
    expect(paths).toEqual([
      'GET /v1.41/containers/nextdeploy-shop-blue-0/json',
      'POST /v1.41/containers/abc/stop?t=1',
      'DELETE /v1.41/containers/abc?force=true&v=true',
    ]);
  });

  it.each([
    ["somebody else's of that name", {}],
    ["another app's", labels('blog', 'op-2')],
    ["another operation's", labels('shop', 'op-1')],
  ])('leaves %s alone', async (_, its) => {
    answers = [found(its)];
    await remove();
    expect(paths).toEqual(['GET /v1.41/containers/nextdeploy-shop-blue-0/json']);
  });
});

const SPEC: ContainerSpec = {
  name: 'shop-blue-0',
  app_name: 'shop',
  release: 'r1',
  slot: 'blue',
  operation_id: 'op',
  replica: 0,
  image_id: 'sha256:1',
  address: '10.213.0.2',
  env: { PASSWORD: 'secret' },
  port: 3000,
  ports: [3000],
  stop_timeout_ms: 1_000,
};

describe('creating a container', () => {
  it('sends its environment in the body alone: addresses end up in logs', async () => {
    let body = '';
    answers = [
      async (request, response) => {
        body = await text(request);
        response.writeHead(201).end('{"Id":"1"}');
      },
    ];
    await new DockerContainers(client, 'nextdeploy').create(SPEC, signal);
    expect(paths).toEqual(['POST /v1.41/containers/create?name=shop-blue-0']);
    expect(JSON.parse(body)).toMatchObject({ Image: 'sha256:1', Env: ['PASSWORD=secret'] });
  });

  it("keeps the environment's values out of what Docker says went wrong, in creating and in starting", async () => {
    const quoting = says(500, '{"message":"invalid environment variable: PASSWORD=secret"}');
    const inspected = {
      Id: 'abc',
      Name: '/shop-blue-0',
      State: { Running: false, ExitCode: 0, Pid: 0 },
      Config: { Env: ['PASSWORD=secret'] },
    };
    const containers = new DockerContainers(client, 'nextdeploy');
    const failure = (action: Promise<unknown>) => action.catch((error: unknown) => error);
    answers = [quoting];
    const created = await failure(containers.create(SPEC, signal));
    answers = [quoting, says(200, JSON.stringify(inspected))];
    const started = await failure(containers.start('shop-blue-0', signal));
    for (const error of [created, started]) {
      expect(error).toMatchObject({ message: expect.stringContaining('PASSWORD=[value]') });
      expect(inspect(error)).not.toContain('secret');
    }
  });
});

describe('isOlder', () => {
  it('compares versions as numbers', () => {
    expect(isOlder('1.9', '1.41')).toBe(true);
    expect(isOlder('1.41', '1.9')).toBe(false);
    expect(isOlder('1.41', '1.41')).toBe(false);
    expect(isOlder('1.41', '2.0')).toBe(true);
  });
});
