import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type CallOptions, type DockerAction, DockerClient, isOlder } from './client.ts';
import { readLogs } from './logs.ts';
import { ScriptedDocker, says } from './test-docker.ts';

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

const get = (options: Partial<CallOptions> = {}) => client.call((docker) => docker.info(), { signal, ...options });

describe('DockerClient', () => {
  it.each([
    ['1.41', '/v1.41/info'],
    ['1.60', '/v1.51/info'],
  ])("speaks Docker's API %s as far as it knows it", async (ApiVersion, path) => {
    fake.versions = { ApiVersion };
    fake.answers = [says(200, '{"a":1}')];
    expect(await get()).toEqual({ a: 1 });
    expect(fake.paths).toEqual([`GET ${path}`]);
  });

  it('says what to do with a Docker that is too old or too new', async () => {
    fake.versions = { ApiVersion: '1.38' };
    await expect(get()).rejects.toThrow('needs Docker 20.10 or newer');
    fake.versions = { ApiVersion: '1.70', MinAPIVersion: '1.60' };
    await expect(get()).rejects.toThrow('upgrade it');
  });

  it("gives Docker's own words and status", async () => {
    fake.answers = [says(404, '{"message":"No such container: x"}'), says(409, '{"message":"in use"}')];
    await expect(get()).rejects.toMatchObject({ status: 404, message: 'No such container: x' });
    const load = client.stream((docker) => docker.loadImage(Readable.from(['archive'])), { signal });
    await expect(load).rejects.toMatchObject({ status: 409, message: 'in use' });
  });

  it('takes for done what was done already, which dockerode calls an error', async () => {
    fake.answers = [says(304)];
    expect(await client.call((docker) => docker.getContainer('x').start(), { signal })).toBeUndefined();
  });

  it('negotiates again when Docker was replaced by one that speaks otherwise', async () => {
    fake.answers = [says(400, '{"message":"client version 1.41 is too old. Minimum supported API version is 1.44"}')];
    await expect(get()).rejects.toThrow('too old');
    fake.versions = { ApiVersion: '1.44', MinAPIVersion: '1.44' };
    fake.answers = [says(200, '{}')];
    await get();
    expect(fake.paths.at(-1)).toBe('GET /v1.44/info');
  });

  it('says that Docker does not answer when it is down, hangs, or goes away', async () => {
    await expect(get({ deadlineMs: 50 })).rejects.toThrow('Docker did not answer in time');
    fake.answers = [(_, response) => response.destroy()];
    await expect(get()).rejects.toMatchObject({ code: 'unavailable' });
    fake.answers = [(_, response) => response.write('{"half":', () => response.destroy())];
    await expect(get()).rejects.toThrow('Docker broke off its answer');
    client = new DockerClient(join(fake.directory, 'none.sock'));
    await expect(get()).rejects.toThrow('Docker does not answer');
  });

  it('has a deadline for the whole answer, not only for its beginning', async () => {
    fake.answers = [(_, response) => response.write('{"half":')];
    await expect(get({ deadlineMs: 100 })).rejects.toThrow('Docker did not answer in time');
  });

  it("rejects with the caller's reason when he goes away, also in calls whose signal dockerode drops", async () => {
    const actions: DockerAction[] = [(docker) => docker.info(), (docker) => docker.getImage('x').inspect()];
    for (const action of actions) {
      const caller = new AbortController();
      const refused = expect(client.call(action, { signal: caller.signal })).rejects.toThrow('he went away');
      await vi.waitFor(() => expect(fake.paths.splice(0)).toHaveLength(1));
      caller.abort(new Error('he went away'));
      await refused;
    }
  });

  it('does not let a caller who goes away spoil the negotiation for the others', async () => {
    fake.answers = [says(200, '{}')];
    const [first, second] = await Promise.allSettled([get({ signal: AbortSignal.abort(new Error('gone')) }), get()]);
    expect([first.status, second.status]).toEqual(['rejected', 'fulfilled']);
  });

  it('refuses an answer that is too long', async () => {
    const piece = Buffer.alloc(1024 * 1024, 'x');
    fake.answers = [(_, response) => Readable.from(Array.from({ length: 80 }, () => piece)).pipe(response)];
    await expect(get()).rejects.toThrow('too long');
  });

  it('keeps its connection for the next call, and follows logs on others', async () => {
    let connections = 0;
    fake.server.on('connection', () => {
      connections += 1;
    });
    fake.answers = [says(200, '{}'), says(200, '{}'), (_, response) => response.write('x'), says(200, '{}')];
    await get();
    await get();
    const log = await client.stream((docker) => docker.getContainer('x').logs({ follow: true }), { signal });
    await get();
    expect(connections).toBe(2);
    log.destroy();
  });

  it('goes to its socket, wherever the environment says that Docker is', async () => {
    vi.stubEnv('DOCKER_HOST', 'ssh://elsewhere.invalid');
    fake.answers = [says(200, '{"a":1}')];
    expect(await get().finally(() => vi.unstubAllEnvs())).toEqual({ a: 1 });
  });
});

describe('calls with a stream', () => {
  it('hand on a log that is not followed before it has ended, and end it with the signal', async () => {
    const caller = new AbortController();
    const line = '2026-01-01T00:00:01.000000000Z first\n';
    fake.answers = [
      (_, response) => response.write(Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 0, 0, line.length]), Buffer.from(line)])),
    ];
    const lines = readLogs(client, 'x', { follow: false, signal: caller.signal });
    expect(await lines.next()).toMatchObject({ value: { log: 'first' } });
    caller.abort();
    expect(await lines.next()).toMatchObject({ done: true });
    expect(fake.paths[0]).toContain('timestamps=true&follow=false');
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
