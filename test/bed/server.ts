/** Makes and starts the container that is a server: keys, network, ports, shared folders. */

import { mkdir, readFile } from 'node:fs/promises';
import { createServer as createListener } from 'node:net';
import { join } from 'node:path';
import { type Engine, LEASE_LABEL, leaseDirectory } from './engine.ts';
import { OPERATOR, type Suite } from './rootfs-recipe.ts';
import { BED_PORT_NAMES, type BedPorts, dockerOptions, type HostCgroups, serverArguments } from './server-arguments.ts';
import { makeKeys, packFiles, type ServerFile } from './server-files.ts';
import { type Proxies, proxyFiles } from './server-proxies.ts';

/** What must be known to use or remove a server; kept as bed.json in its run directory. */
export interface ServerRecord {
  id: string;
  label: string;
  suite: Suite;
  proxies: Proxies;
  container: string;
  user: string;
  /** Path of the private key's file. */
  key: string;
  ports: BedPorts;
  mounts: { daemon: string; docker: string };
  createdAt: string;
}

export interface ServerRequest {
  suite: Suite;
  label: string;
  proxies: Proxies;
  image: string;
  signal?: AbortSignal | undefined;
}

const PORT_TRIES_MAX = 5;

/** Starts a server on a network of its own. Everything carries the engine's lease, so the lease's end removes it. */
export async function createServer(engine: Engine, request: ServerRequest): Promise<ServerRecord> {
  const id = engine.leaseId;
  const runDirectory = leaseDirectory(engine);
  const network = `nextdeploy-bed-${id}`;
  const mounts = { daemon: join(runDirectory, 'nextdeploy'), docker: join(runDirectory, 'docker') };
  for (const folder of Object.values(mounts)) await mkdir(folder, { mode: 0o755 });
  const bridge = ['--opt', `com.docker.network.bridge.name=nd-${id}`];
  const [keys] = await Promise.all([
    makeKeys(runDirectory, request.signal),
    engine.docker(['network', 'create', '--label', `${LEASE_LABEL}=${id}`, ...bridge, network], { signal: request.signal }),
  ]);
  const description = { id, suite: request.suite, hostname: hostname(request.label, id), image: request.image, network, mounts };
  const { suite, label, proxies } = request;
  const files = [...keys.files, ...proxyFiles(proxies)];
  const { container, ports } = await startOnFreePorts(engine, description, files, request.signal);
  return {
    id,
    label,
    suite,
    proxies,
    container,
    user: OPERATOR.name,
    key: keys.privateKey,
    ports,
    mounts,
    createdAt: new Date().toISOString(),
  };
}

function hostname(label: string, id: string): string {
  const slug = label
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40);
  return slug === '' ? `bed-${id}` : `${slug}-${id}`;
}

type PortlessDescription = Omit<Parameters<typeof serverArguments>[0], 'ports'>;

/**
 * Docker would choose the ports itself, but others at each restart. So the kernel chooses, we name them; should somebody take one in the
 * moment between, we try again.
 */
async function startOnFreePorts(
  engine: Engine,
  description: PortlessDescription,
  files: readonly ServerFile[],
  signal?: AbortSignal,
): Promise<{ container: string; ports: BedPorts }> {
  const cgroups = await hostCgroups();
  for (let attempt = 1; ; attempt++) {
    const ports = await freePorts();
    const { stdout } = await engine.docker(['create', ...serverArguments({ ...description, ports }, cgroups)], { signal });
    const container = stdout.trim();
    const options = { path: '/etc/default/docker', mode: 0o644, content: dockerOptions(cgroups, container) };
    await engine.docker(['cp', '--archive', '-', `${container}:/`], { input: await packFiles([...files, options]), signal });
    try {
      await engine.docker(['start', container], { signal });
      return { container, ports };
    } catch (error) {
      const portTaken = error instanceof Error && /address already in use|port is already allocated/.test(error.message);
      if (!portTaken || attempt >= PORT_TRIES_MAX) throw error;
      await engine.docker(['rm', '--force', '--volumes', container]);
    }
  }
}

async function hostCgroups(): Promise<HostCgroups> {
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n').map((line) => line.split(' '));
  const hierarchies = mounts.flatMap(([, target, type]) => (type?.startsWith('cgroup') && target ? [target] : []));
  if (hierarchies.includes('/sys/fs/cgroup')) return { version: 2 };
  const root = '/sys/fs/cgroup/';
  return { version: 1, hierarchies: hierarchies.filter((path) => path.startsWith(root)).map((path) => path.slice(root.length)) };
}

async function freePorts(): Promise<BedPorts> {
  const listeners = BED_PORT_NAMES.map(() => createListener());
  try {
    const ports = await Promise.all(listeners.map(listenAnywhere));
    if (ports.includes(0)) throw new Error('the kernel gave no free port on 127.0.0.1');
    // One port for each name, in their order.
    return Object.fromEntries(BED_PORT_NAMES.map((name, index) => [name, ports[index]])) as BedPorts;
  } finally {
    await Promise.all(listeners.map((listener) => new Promise((resolve) => listener.close(resolve))));
  }
}

function listenAnywhere(listener: ReturnType<typeof createListener>): Promise<number> {
  return new Promise((resolve, reject) => {
    listener.once('error', reject);
    listener.listen({ host: '127.0.0.1', port: 0, exclusive: true }, () => {
      const address = listener.address();
      resolve(typeof address === 'object' && address ? address.port : 0);
    });
  });
}
