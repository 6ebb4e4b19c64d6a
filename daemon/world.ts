/** Everything the engine touches on this host, wired by the configuration. */

import type { LocalPorts } from './api/service-routes.ts';
import { type CertificateWiring, createCertificates } from './certificates.ts';
import type { Certificates } from './certs/certificates.ts';
import { CertifiedProxy } from './certs/certified-proxy.ts';
import type { Config } from './config.ts';
import type { ProxyType } from './contract/names.ts';
import type { PinnedSecrets, World } from './engine/ports.ts';
import { createCaddyMachine } from './host/caddy-machine.ts';
import { systemClock } from './host/clock.ts';
import { Docker } from './host/docker.ts';
import { isListening, lookAtPort } from './host/local-ports.ts';
import { MarkerFiles } from './host/markers.ts';
import { createNginxMachine } from './host/nginx-machine.ts';
import { NetworkProber } from './host/prober.ts';
import type { SecretFiles } from './host/secret-files.ts';
import { HostConnections } from './host/sockets.ts';
import { CaddyDriver } from './proxy/caddy/driver.ts';
import { NginxDriver } from './proxy/nginx/driver.ts';

export interface Host {
  docker: Docker;
  world: World;
  proxies: { caddy: CaddyDriver; nginx: NginxDriver };
  certificates: Certificates;
}

/** What is on the disk, or in memory, and not Docker's or a proxy's. */
interface State {
  /** Holds a directory per app with its marker. */
  slots_directory: string;
  secrets: PinnedSecrets;
  secret_files: SecretFiles;
  certificates: Omit<CertificateWiring, 'proxies' | 'stopping'>;
}

/** SSH's usual port, whether or not it is answered just now. */
const SSH_PORT = 22;

/** What routes to ports may lead to. */
export function localPorts({ listen, proxy }: Config): LocalPorts {
  const owners = new Map([
    [SSH_PORT, 'SSH'],
    [listen.port, 'the daemon'],
  ]);
  const { caddy, nginx } = proxy;
  for (const port of [caddy.http_port, caddy.https_port, Number(caddy.admin.split(':')[1])]) owners.set(port, 'Caddy');
  // Where both are there, who has it does not matter: a route to it leads back to itself.
  for (const port of [nginx.http_port, nginx.https_port]) if (!owners.has(port)) owners.set(port, 'nginx');
  return { ownerOf: (port) => owners.get(port) ?? null, look: lookAtPort, isListening };
}

/** Touches nothing yet. `stopping` ends what is no single caller's, such as a reload. */
export function createHost(config: Config, state: State, stopping: AbortSignal): Host {
  const { slots_directory, secrets, secret_files } = state;
  const docker = new Docker({ ...config.docker, bind_roots: config.volumes.bind_roots, secret_files });
  const { caddy, nginx } = config.proxy;
  const settings = { certificates: config.certificates };
  const proxies = {
    caddy: new CaddyDriver({ ...caddy, ...settings }, createCaddyMachine(caddy.admin, caddy.service), stopping),
    nginx: new NginxDriver({ ...nginx, ...settings }, createNginxMachine(nginx.service), stopping),
  };
  const certificates = createCertificates(config, { ...state.certificates, proxies, stopping });
  const listener = (proxy: ProxyType) => {
    const { http_port, https_port } = config.proxy[proxy];
    return { host: '127.0.0.1', http_port, https_port };
  };
  const world: World = {
    containers: docker.containers,
    images: docker.images,
    resources: docker.resources,
    markers: new MarkerFiles(slots_directory),
    proxies: {
      caddy: new CertifiedProxy(proxies.caddy, certificates),
      nginx: new CertifiedProxy(proxies.nginx, certificates),
    },
    prober: new NetworkProber({ caddy: listener('caddy'), nginx: listener('nginx') }),
    connections: new HostConnections(),
    secrets,
    clock: systemClock,
  };
  return { docker, world, proxies, certificates };
}
