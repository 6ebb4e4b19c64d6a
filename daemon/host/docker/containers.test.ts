import { text } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ContainerSpec } from '../../engine/ports.ts';
import { SecretFiles } from '../secret-files.ts';
import { ModelPlaces } from '../test-secret-places.ts';
import { DockerClient } from './client.ts';
import { DockerContainers } from './containers.ts';
import { type Answer, ScriptedDocker, says } from './test-docker.ts';

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
  const remove = () => new DockerContainers(client, 'nextdeploy', SECRET_FILES).remove(target, 1_000, signal);

  it('goes by its id once its labels have shown that it is ours', async () => {
    fake.answers = [found(labels('shop', 'op-2')), says(204), says(204)];
    await remove();
    expect(fake.paths).toEqual([
      'GET /v1.41/containers/nextdeploy-shop-blue-0/json',
      'POST /v1.41/containers/abc/stop?t=1',
      'DELETE /v1.41/containers/abc?force=true&v=true',
    ]);
  });

  it('forgets the secrets of one that somebody else has removed', async () => {
    const places = new ModelPlaces();
    places.put({ container: target.name, app_name: 'shop', release: 'r1', uid: 1000 });
    fake.answers = [says(404, '{"message":"No such container"}')];
    const files = new SecretFiles('/nonexistent', places);
    await new DockerContainers(client, 'nextdeploy', files).remove(target, 1_000, signal);
    expect(places.list()).toEqual([]);
  });

  it.each([
    ["somebody else's of that name", {}],
    ["another app's", labels('blog', 'op-2')],
    ["another operation's", labels('shop', 'op-1')],
  ])('leaves %s alone', async (_, its) => {
    fake.answers = [found(its)];
    await remove();
    expect(fake.paths).toEqual(['GET /v1.41/containers/nextdeploy-shop-blue-0/json']);
  });
});

const SECRET_FILES = new SecretFiles('/dev/shm/nextdeploy-none', new ModelPlaces());
const SPEC: ContainerSpec = {
  name: 'shop-blue-0',
  app_name: 'shop',
  release: 'r1',
  slot: 'blue',
  operation_id: 'op',
  role: { kind: 'replica', replica: 0 },
  image_id: 'sha256:1',
  address: '10.213.0.2',
  command: null,
  env: { PASSWORD: 'secret' },
  secrets: { inject: 'env', values: new Map() },
  ports: [3000],
  limits: {},
  volumes: [],
  networks: [],
  user: null,
  read_only_root: false,
  capabilities: [],
  stop_signal: null,
  drain_ms: 0,
  stop_timeout_ms: 1_000,
  log: { file_bytes_max: 10_000_000, files: 3 },
};

describe('creating a container', () => {
  it('sends its environment in the body alone: addresses end up in logs', async () => {
    let body = '';
    fake.answers = [
      async (request, response) => {
        body = await text(request);
        response.writeHead(201).end('{"Id":"1"}');
      },
    ];
    await new DockerContainers(client, 'nextdeploy', SECRET_FILES).create(SPEC, signal);
    expect(fake.paths).toEqual(['POST /v1.41/containers/create?name=shop-blue-0']);
    expect(JSON.parse(body)).toMatchObject({ Image: 'sha256:1', Env: ['PASSWORD=secret'] });
  });

  it('does not make one whose memory limit Docker has dropped', async () => {
    const made = { Id: 'abc', Name: '/shop-blue-0', State: { Running: false, ExitCode: 0, Pid: 0 }, Config: {} };
    const inspected = (Memory: number) => says(200, JSON.stringify({ ...made, HostConfig: { Memory } }));
    const containers = new DockerContainers(client, 'nextdeploy', SECRET_FILES);
    const limited = { ...SPEC, limits: { memory_bytes: 64 * 1024 ** 2 } };
    fake.answers = [says(201, '{"Id":"abc"}'), inspected(64 * 1024 ** 2)];
    await containers.create(limited, signal);
    fake.answers = [says(201, '{"Id":"abc"}'), inspected(0), says(204)];
    await expect(containers.create(limited, signal)).rejects.toThrow('This host cannot limit the memory of containers');
    expect(fake.paths.at(-1)).toBe('DELETE /v1.41/containers/abc?force=true&v=true');
  });

  it("keeps the environment's values out of what Docker says went wrong, in creating and in starting", async () => {
    const quoting = says(500, '{"message":"invalid environment variable: PASSWORD=secret"}');
    const inspected = {
      Id: 'abc',
      Name: '/shop-blue-0',
      State: { Running: false, ExitCode: 0, Pid: 0 },
      Config: { Env: ['PASSWORD=secret'] },
    };
    const containers = new DockerContainers(client, 'nextdeploy', SECRET_FILES);
    const failure = (action: Promise<unknown>) => action.catch((error: unknown) => error);
    fake.answers = [quoting];
    const created = await failure(containers.create(SPEC, signal));
    fake.answers = [quoting, says(200, JSON.stringify(inspected))];
    const started = await failure(containers.start('shop-blue-0', signal));
    for (const error of [created, started]) {
      expect(error).toMatchObject({ message: expect.stringContaining('PASSWORD=[value]') });
      expect(inspect(error)).not.toContain('secret');
    }
  });
});

describe('a container that is not there any more, or a Docker that is not', () => {
  const gone = says(404, '{"message":"No such container: shop-blue-0"}');
  const broken: Answer = (_, response) => response.writeHead(200).write('{"Stat', () => response.destroy());
  const ended: Answer = (_, response) => response.writeHead(200).end();

  it.each([
    ['setRestart', gone, 'not_found', /shop-blue-0 is gone/],
    ['waitForExit', gone, 'not_found', /shop-blue-0 is gone/],
    ['waitForExit', broken, 'unavailable', /Docker broke off its answer/],
    ['waitForExit', ended, 'unavailable', /Docker broke off its answer/],
    ['logTail', broken, 'unavailable', /Docker broke off its answer/],
  ] as const)('is told by %s as what it is', async (call, answer, code, message) => {
    const containers = new DockerContainers(client, 'nextdeploy', SECRET_FILES);
    const calls = {
      setRestart: () => containers.setRestart('shop-blue-0', true, signal),
      waitForExit: () => containers.waitForExit('shop-blue-0', signal),
      logTail: () => containers.logTail('shop-blue-0', 10, signal),
    };
    fake.answers = [answer];
    await expect(calls[call]()).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });
});
