/**
 * The console's core: hosts, SSH connections, daemons and installations behind one message link, or used directly by a program.
 * Runs in any Node; the shells pass in what differs between them.
 */
import type { DaemonClient } from '../../daemon/api/client.ts';
import type { CorePort, InstallStep } from '../../preload/contract.ts';
import { callHandlers, channelHandlers, type HandlerOptions } from './calls.ts';
import { settingsFile } from './host-store.ts';
import { Hosts } from './hosts.ts';
import { installOnHost } from './installer/install-host.ts';
import type { TarballProvider } from './installer/tarball.ts';
import { serveLink } from './link.ts';
import type { CoreLog } from './log.ts';
import { memorySecretStore, type SecretStore } from './secret-store.ts';

export interface CoreOptions {
  /** Holds `hosts.json` and `settings.json`; made when it is missing. */
  dataDirectory: string;
  /** OpenSSH's own (`~/.ssh/known_hosts`), or one of the console's. */
  knownHostsFile: string;
  /** The daemon that is installed on hosts. */
  tarball: TarballProvider;
  /** Default: in memory, forgotten at the end. */
  secretStore?: SecretStore;
  log: CoreLog;
  version: string;
  shell: 'electron' | 'web';
}

export interface InstallOptions {
  onStep?: (step: InstallStep) => void;
  signal?: AbortSignal;
}

export interface Core {
  /** Serves one link (a window) until its port closes. */
  connect(port: CorePort): void;
  hosts: Hosts;
  /** The typed client of a connected host's daemon. @throws LinkError `host_unavailable` */
  client(hostId: string): DaemonClient;
  /** Installs or upgrades the daemon of a connected host; resolves when it answers. @throws DomainError with the failed step's remedy */
  install(hostId: string, options?: InstallOptions): Promise<void>;
  /** Closes every link and connection. */
  close(): void;
}

/** Reads what is stored and starts the core; connects to nothing. Throws when a stored file is damaged. */
export async function createCore(options: CoreOptions): Promise<Core> {
  const { dataDirectory, knownHostsFile, tarball, log, version, shell } = options;
  const hosts = await Hosts.open({ dataDirectory, knownHostsFile, secrets: options.secretStore ?? memorySecretStore(), log });
  const install: HandlerOptions['install'] = (hostId, onStep, signal) =>
    installOnHost({ session: hosts.session(hostId), tarball, onStep, signal });
  const handlerOptions: HandlerOptions = { hosts, settings: settingsFile(dataDirectory), install, version, shell };
  const handlers = { calls: callHandlers(handlerOptions), channels: channelHandlers(handlerOptions) };
  const links = new Set<{ close(): void }>();
  return {
    hosts,
    client: (hostId) => hosts.session(hostId).client(),
    install: (hostId, { onStep, signal } = {}) =>
      install(hostId, onStep ?? (() => undefined), signal ?? new AbortController().signal),
    connect(port) {
      const link = serveLink(port, handlers, log);
      links.add(link);
      port.onClose(() => links.delete(link));
    },
    close() {
      for (const link of links) link.close();
      links.clear();
      hosts.close();
    },
  };
}
