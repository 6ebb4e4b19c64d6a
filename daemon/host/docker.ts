/** Docker as the daemon sees it: containers and images for the engine, logs, and the network that the slots stand on. */
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { DomainError } from '../contract/errors.ts';
import { automaticRange, parseSubnet } from '../engine/slots.ts';
import { DockerClient, DockerError } from './docker/client.ts';
import { type BeforeRemoval, DockerContainers } from './docker/containers.ts';
import { DockerImages } from './docker/images.ts';
import { KeptLogs } from './docker/kept-logs.ts';
import { readLogs } from './docker/logs.ts';
import { DockerHostResources } from './resources.ts';
import type { SecretFiles } from './secret-files.ts';

const NETWORK_LABEL = 'nextdeploy.network';
const networkSchema = z.object({
  IPAM: z.object({ Config: z.array(z.object({ Subnet: z.string().optional() })).nullish() }),
});
const versionSchema = z.object({ Version: z.string() });

export interface DockerOptions {
  socket: string;
  network: { name: string; subnet: string };
  /** Absolute paths beneath which containers may be given directories of the host. */
  bind_roots: readonly string[];
  /** Of the docker client whose logins to registries serve requests without credentials; default: that of the daemon's user. */
  login_file?: string;
  secret_files: SecretFiles;
}

export class Docker {
  readonly containers: DockerContainers;
  readonly images: DockerImages;
  readonly resources: DockerHostResources;
  /** Of containers that are there, and the last lines of those that were removed. */
  readonly logs: KeptLogs;
  readonly #client: DockerClient;
  readonly #network: DockerOptions['network'];

  constructor({ socket, network, bind_roots, secret_files, login_file = loginFile() }: DockerOptions) {
    this.#client = new DockerClient(socket);
    this.#network = network;
    this.logs = new KeptLogs({ readLogs: (containerId, options) => readLogs(this.#client, containerId, options) });
    const keepLogs: BeforeRemoval = ({ id, app_name, release, slot }, signal) =>
      this.logs.keep(app_name, { container_id: id, release, slot }, signal);
    this.containers = new DockerContainers(this.#client, network.name, secret_files, keepLogs);
    this.images = new DockerImages(this.#client, { login_file });
    this.resources = new DockerHostResources(this.#client, { bind_roots, network: network.name });
  }

  /** Docker's version. Throws `unavailable`. */
  async version(signal: AbortSignal): Promise<string> {
    return versionSchema.parse(await this.#client.call((docker) => docker.version(), { signal, deadlineMs: 3_000 })).Version;
  }

  /**
   * Makes the app network if it is not there: fixed subnet, no traffic between containers, and Docker's own choice of addresses kept
   * away from the slots'. Throws when a network of that name has another subnet, or the subnet is in use.
   */
  async ensureNetwork(signal: AbortSignal): Promise<void> {
    const { name, subnet } = this.#network;
    const found = await this.#inspectNetwork(signal);
    if (found) {
      const actual = found.IPAM.Config?.[0]?.Subnet;
      if (actual === subnet) return;
      const message = `The Docker network ${name} has the subnet ${actual ?? 'of another kind'}, but the configuration says ${subnet}; change docker.network in the configuration.`;
      throw new DomainError('unavailable', message);
    }
    const { gateway, range } = automaticRange(parseSubnet(subnet));
    const body = {
      Name: name,
      CheckDuplicate: true,
      Driver: 'bridge',
      Labels: { [NETWORK_LABEL]: 'apps' },
      Options: { 'com.docker.network.bridge.enable_icc': 'false' },
      IPAM: { Driver: 'default', Config: [{ Subnet: subnet, Gateway: gateway, IPRange: range }] },
    };
    try {
      await this.#client.call((docker) => docker.createNetwork(body), { signal });
    } catch (cause) {
      if (!(cause instanceof DockerError)) throw cause;
      if (cause.status === 409) return; // made by somebody else at this moment
      const message = `Docker cannot make the app network ${name} with ${subnet}: ${cause.message}. Set docker.network.subnet to a free private network.`;
      throw new DomainError('unavailable', message, { cause });
    }
  }

  close(): void {
    this.#client.close();
  }

  async #inspectNetwork(signal: AbortSignal): Promise<z.infer<typeof networkSchema> | null> {
    try {
      return networkSchema.parse(
        await this.#client.call((docker) => docker.getNetwork(this.#network.name).inspect(), { signal }),
      );
    } catch (error) {
      if (error instanceof DockerError && error.status === 404) return null;
      throw error;
    }
  }
}

/** Where `docker login` puts what it is told; HOME of a service is another. */
function loginFile(): string {
  return join(userInfo().homedir, '.docker', 'config.json');
}
