/** Wires the certificates of the sites with the proxies, files and programs of this host. */
import { join } from 'node:path';
import type { Log } from './api/log.ts';
import { Certificates } from './certs/certificates.ts';
import type { ReloadingProxy } from './certs/ports.ts';
import type { Config } from './config.ts';
import type { ProxyType } from './contract/names.ts';
import type { NewEvent } from './engine/ports.ts';
import type { RouteModel } from './engine/state.ts';
import { findUser } from './host/accounts.ts';
import { CertbotProgram } from './host/certbot.ts';
import { createCaddyCertificates } from './host/certificate-caddy.ts';
import { CertificateFiles } from './host/certificate-files.ts';
import { findsIssuer } from './host/certificate-roots.ts';
import { createServedCertificates } from './host/certificate-served.ts';
import { systemClock } from './host/clock.ts';
import { findServiceUser } from './host/service-run.ts';
import type { Store } from './host/store.ts';

export interface CertificateWiring {
  store: Store;
  proxies: Record<ProxyType, ReloadingProxy>;
  /** All that are kept. */
  listRoutes(): RouteModel[];
  publishEvent(event: Omit<NewEvent, 'ts'>): void;
  log: Log;
  /** The daemon stops. */
  stopping: AbortSignal;
}

/** What certbot on the daemon's behalf writes, its account with the authority among it. */
export function certbotDirectory({ state_directory }: Pick<Config, 'state_directory'>): string {
  return join(state_directory, 'acme-account');
}

export function createCertificates(
  config: Config,
  { store, proxies, listRoutes, publishEvent, log, stopping }: CertificateWiring,
): Certificates {
  const { directory, challenge_directory, acme_directory = null, acme_ca_root = null, email = null } = config.certificates;
  const { caddy, nginx } = config.proxy;
  return new Certificates({
    files: new CertificateFiles({
      directory,
      findOwner: async (service) => findUser(await findServiceUser(service, stopping)),
    }),
    askServed: createServedCertificates({ caddy: caddy.https_port, nginx: nginx.https_port }),
    caddy: createCaddyCertificates({ admin: caddy.admin, service: caddy.service }),
    certbot: new CertbotProgram({
      directory: certbotDirectory(config),
      webroot: challenge_directory,
      ...{ acme_directory, acme_ca_root, email },
    }),
    store: store.certificates,
    proxies,
    services: { caddy: caddy.service, nginx: nginx.service },
    listRoutes,
    findsIssuer,
    publishEvent,
    clock: systemClock,
    warn: (details, message) => log.warn(details, message),
    stopping,
  });
}
