import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DockerClient, isOlder } from './client.ts';

let directory: string;
let socket: string;
let server: Server;
let answers: { status: number; body: string }[];
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
    const answer = answers.shift();
    if (answer) response.writeHead(answer.status).end(answer.body);
  });
  server.listen(socket);
  await once(server, 'listening');
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
  rmSync(directory, { recursive: true });
});

const get = (client: DockerClient, options = {}) => client.json({ method: 'GET', path: '/info', signal, ...options });

describe('DockerClient', () => {
  it.each([
    ['1.41', '/v1.41/info'],
    ['1.60', '/v1.51/info'],
  ])("speaks Docker's API %s as far as it knows it", async (ApiVersion, path) => {
    versions = { ApiVersion };
    answers = [{ status: 200, body: '{"a":1}' }];
    const client = new DockerClient(socket);
    expect(await get(client)).toEqual({ a: 1 });
    expect(paths).toEqual([`GET ${path}`]);
    client.close();
  });

  it('says what to do with a Docker that is too old or too new', async () => {
    versions = { ApiVersion: '1.38' };
    await expect(get(new DockerClient(socket))).rejects.toThrow('needs Docker 20.10 or newer');
    versions = { ApiVersion: '1.70', MinAPIVersion: '1.60' };
    await expect(get(new DockerClient(socket))).rejects.toThrow('upgrade it');
  });

  it("gives Docker's own words and status", async () => {
    answers = [{ status: 404, body: '{"message":"No such container: x"}' }];
    await expect(get(new DockerClient(socket))).rejects.toMatchObject({ status: 404, message: 'No such container: x' });
  });

  it('negotiates again when Docker was replaced by one that speaks otherwise', async () => {
    const client = new DockerClient(socket);
    answers = [{ status: 400, body: '{"message":"client version 1.41 is too old. Minimum supported API version is 1.44"}' }];
    await expect(get(client)).rejects.toThrow('too old');
    versions = { ApiVersion: '1.44', MinAPIVersion: '1.44' };
    answers = [{ status: 200, body: '{}' }];
    await get(client);
    expect(paths.at(-1)).toBe('GET /v1.44/info');
  });

  it('says that Docker does not answer when it is down, hangs, or goes away', async () => {
    await expect(get(new DockerClient(join(directory, 'none.sock')))).rejects.toMatchObject({ code: 'unavailable' });
    await expect(get(new DockerClient(socket), { deadlineMs: 50 })).rejects.toThrow('Docker did not answer in time');
  });

  it("rejects with the caller's reason when he goes away", async () => {
    const caller = new AbortController();
    const answer = get(new DockerClient(socket), { signal: caller.signal });
    await once(server, 'request');
    caller.abort(new Error('he went away'));
    await expect(answer).rejects.toThrow('he went away');
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
