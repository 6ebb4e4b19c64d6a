/** The installer at work on a host of the console: over its session's connection, probed through a tunnel of a fresh login. */
import { DaemonClient } from '../../../daemon/api/client.ts';
import { DomainError } from '../../../daemon/contract/errors.ts';
import type { InstallStep } from '../../../preload/contract.ts';
import { readDaemonAccess } from '../daemon-access.ts';
import type { HostSession } from '../session.ts';
import type { SshConnection } from '../ssh/connection.ts';
import { Tunnel } from '../tunnel.ts';
import { installDaemon } from './install.ts';
import type { TarballProvider } from './tarball.ts';

const PROBE_MS_MAX = 30_000;
const PROBE_INTERVAL_MS = 250;

export interface HostInstallOptions {
  session: HostSession;
  tarball: TarballProvider;
  onStep(step: InstallStep): void;
  signal: AbortSignal;
}

/** Resolves when the daemon answers and the session knows it. @throws DomainError with the failed step's remedy, LinkError when not connected */
export async function installOnHost({ session, tarball, onStep, signal }: HostInstallOptions): Promise<void> {
  const ssh = session.ssh();
  try {
    const plan = await installDaemon({ ssh, tarball, onStep, signal, probe: (version, abort) => probe(session, version, abort) });
    // Only a new login is in the group that may use the daemon's socket.
    if (plan.needsNewLogin) await session.renew();
  } finally {
    await session.refreshDaemon();
  }
}

async function probe(session: HostSession, version: string, signal: AbortSignal): Promise<string> {
  const ssh = await session.openSecond(signal);
  try {
    return await waitForVersion(ssh, version, signal);
  } finally {
    ssh.close();
  }
}

async function waitForVersion(ssh: SshConnection, version: string, signal: AbortSignal): Promise<string> {
  const access = await readDaemonAccess(ssh, signal);
  if (access.kind !== 'found') throw new DomainError('unprocessable', access.message);
  const client = new DaemonClient({ transport: new Tunnel(ssh, access.socketPath), token: access.token });
  const deadline = performance.now() + PROBE_MS_MAX;
  let last = 'it did not answer';
  try {
    while (performance.now() < deadline) {
      signal.throwIfAborted();
      try {
        const answer = await client.call('getVersion', { signal, timeout_ms: 5_000 });
        if (answer.version === version) return answer.version;
        last = `version ${answer.version} answers instead`;
      } catch (error) {
        last = error instanceof Error ? error.message : String(error);
      }
      // Nothing tells when a service begins to listen.
      await new Promise((resolve) => setTimeout(resolve, PROBE_INTERVAL_MS));
    }
  } finally {
    client.close();
  }
  throw new DomainError('unprocessable', `Version ${version} did not come up within ${PROBE_MS_MAX / 1000} s: ${last}`);
}
