/** What of this host a container may be given: directories on the operator's list, networks of Docker's, room on Docker's disk. */
import { realpath, stat, statfs } from 'node:fs/promises';
import { z } from 'zod';
import { DomainError } from '../contract/errors.ts';
import { DAEMON_CONFIG_PATH } from '../contract/limits.ts';
import type { HostResources } from '../engine/ports.ts';
import { abortable, type DockerClient, DockerError } from './docker/client.ts';
import { isMissing } from './files.ts';

const networkSchema = z.object({
  Name: z.string(),
  Driver: z.string(),
  Attachable: z.boolean().default(false),
  Ingress: z.boolean().default(false),
  ConfigOnly: z.boolean().default(false),
});
const infoSchema = z.object({ DockerRootDir: z.string() });

/** Where containers can join in and leave again; the others are for a container's whole life, or Docker's own. */
const JOINABLE_DRIVERS = ['bridge', 'macvlan', 'ipvlan', 'overlay'];
/** Where Docker's files may be when its own word for it means nothing here. */
const LIKELY_ROOTS = ['/var/lib/docker', '/'];
/** What a service's sandbox may keep from the daemon. */
const HIDDEN = /^\/(home|root|tmp|var\/tmp|run\/user)(\/|$)/;

const ROOTS_FIELD = `\`volumes.bind_roots\` in ${DAEMON_CONFIG_PATH}`;

export interface ResourcesOptions {
  /** Absolute paths beneath which bind mounts are allowed; a socket of root's only if it is named itself. */
  bind_roots: readonly string[];
  /** The daemon's own network. */
  network: string;
}

export class DockerHostResources implements HostResources {
  readonly #client: DockerClient;
  readonly #options: ResourcesOptions;
  /** Where Docker keeps its files. Asked once: Docker starts programs of its own to answer. */
  #root: string | null = null;

  constructor(client: DockerClient, options: ResourcesOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** As things are now: who may write to a directory above the source may put a link there later. */
  async checkBind(source: string, signal: AbortSignal): Promise<void> {
    const { bind_roots } = this.#options;
    if (bind_roots.length === 0) {
      throw refused(`This server allows no bind mounts; add the directory to ${ROOTS_FIELD} and restart nextdeployd.`);
    }
    const [real, ...roots] = await abortable(Promise.all([resolve(source), ...bind_roots.map(resolve)]), signal);
    if (!real) {
      const hint = HIDDEN.test(source) ? ', or is hidden from the daemon, as /home, /root and /tmp may be' : '';
      throw refused(`${source} does not exist on this host${hint}; make it before the deploy.`);
    }
    if (!roots.some((root) => root && isBeneath(real, root))) {
      const which = real === source ? source : `${source}, which is ${real},`;
      const message = `${which} is not beneath a directory that this server allows (${bind_roots.join(', ')}); choose another, or add it to ${ROOTS_FIELD}.`;
      throw refused(message);
    }
    const stats = await abortable(stat(real), signal);
    if (stats.isSocket() && stats.uid === 0 && !roots.includes(real)) {
      throw refused(
        `${source} is a socket of root's and could hand over the host; if it must be, name it itself in ${ROOTS_FIELD}.`,
      );
    }
  }

  async checkNetwork(name: string, signal: AbortSignal): Promise<void> {
    const network = await this.#findNetwork(name, signal);
    if (network === null) {
      throw refused(`There is no Docker network ${name}; make it with \`docker network create ${name}\`, or choose another.`);
    }
    if (name === this.#options.network) {
      throw refused(`Every container is in the network ${name} already; leave it out.`);
    }
    const { Driver, Attachable, Ingress, ConfigOnly } = network;
    if (!JOINABLE_DRIVERS.includes(Driver) || Ingress || ConfigOnly) {
      throw refused(
        `A container cannot join the Docker network ${name} (driver ${Driver}) beside others; choose a bridge network.`,
      );
    }
    if (Driver === 'overlay' && !Attachable) {
      throw refused(`The overlay network ${name} takes services only; make it anew with \`--attachable\`, or choose another.`);
    }
  }

  async dockerDisk(signal: AbortSignal): Promise<{ total_bytes: number; available_bytes: number }> {
    this.#root ??= infoSchema.parse(await this.#client.call((docker) => docker.info(), { signal })).DockerRootDir;
    for (const path of [this.#root, ...LIKELY_ROOTS]) {
      const figures = await abortable(statfs(path), signal).catch((error: unknown) => {
        if (isHidden(error)) return null;
        throw error;
      });
      if (figures !== null) {
        const { bsize, blocks, bavail } = figures;
        return { total_bytes: bsize * blocks, available_bytes: bsize * bavail };
      }
    }
    throw new Error('the root directory is not there');
  }

  async #findNetwork(name: string, signal: AbortSignal): Promise<z.infer<typeof networkSchema> | null> {
    try {
      const answer = await this.#client.call((docker) => docker.getNetwork(name).inspect(), { signal });
      const network = networkSchema.parse(answer);
      // Docker takes the beginning of an id for a name, too.
      return network.Name === name ? network : null;
    } catch (error) {
      if (!(error instanceof DockerError)) throw error;
      if (error.status === 404) return null;
      throw refused(`The Docker network ${name} cannot be used: ${error.message}; choose another.`);
    }
  }
}

/** All links followed; null: nothing is there that the daemon sees. */
async function resolve(path: string): Promise<string | null> {
  try {
    return await realpath(path);
  } catch (error) {
    if (isHidden(error)) return null;
    throw error;
  }
}

function isHidden(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return isMissing(error) || ['EACCES', 'ENOTDIR', 'ELOOP'].includes(code);
}

function isBeneath(path: string, root: string): boolean {
  return path === root || path.startsWith(root.endsWith('/') ? root : `${root}/`);
}

function refused(message: string): DomainError {
  return new DomainError('unprocessable', message);
}
