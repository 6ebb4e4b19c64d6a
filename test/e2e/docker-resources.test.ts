/** What a real Docker says of its networks and its disk. */
import { statfs } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DockerClient } from '../../daemon/host/docker/client.ts';
import { DockerHostResources } from '../../daemon/host/resources.ts';
import { acquireEngine, type Engine, LEASE_LABEL } from '../bed/engine.ts';
import { enginePaths } from '../bed/paths.ts';

const { signal } = new AbortController();

describe('the resources of a host', () => {
  let engine: Engine;
  let client: DockerClient;
  let network: string;
  let resources: DockerHostResources;
  beforeAll(async () => {
    engine = await acquireEngine({ label: 'docker resources' });
    network = `net-${engine.leaseId}`;
    await engine.docker(['network', 'create', '--label', `${LEASE_LABEL}=${engine.leaseId}`, network]);
    client = new DockerClient(engine.socket);
    resources = new DockerHostResources(client, { bind_roots: [], network: 'nextdeploy' });
  });
  afterAll(async () => {
    client.close();
    await engine.docker(['network', 'rm', network]);
    await engine.release();
  });

  test("has networks that can be joined, and Docker's own that cannot", async () => {
    await resources.checkNetwork(network, signal);
    for (const name of ['host', 'none']) {
      await expect(resources.checkNetwork(name, signal)).rejects.toThrow(`A container cannot join the Docker network ${name}`);
    }
    await expect(resources.checkNetwork(`${network}-not`, signal)).rejects.toThrow(`There is no Docker network ${network}-not`);
    const { stdout } = await engine.docker(['network', 'inspect', '--format', '{{.Id}}', network]);
    await expect(resources.checkNetwork(stdout.slice(0, 12), signal)).rejects.toThrow('There is no Docker network');
  });

  test("has the disk that Docker's files are on", async () => {
    const { bsize, blocks } = await statfs(enginePaths(engine.paths).dataRoot);
    expect((await resources.dockerDisk(signal)).total_bytes).toBe(bsize * blocks);
  });
});
