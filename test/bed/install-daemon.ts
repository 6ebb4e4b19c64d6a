import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { DaemonClient, unixSocketTransport } from '../../daemon/api/client.ts';
import type { Sealed } from '../../daemon/secrets/sealed.ts';
import { type Core, createCore } from '../../main/core/core.ts';
import { readDaemonAccess } from '../../main/core/daemon-access.ts';
import type { TarballProvider } from '../../main/core/installer/tarball.ts';
import { buildDaemonTarball } from '../../scripts/dist.ts';
import type { Bed } from './bed.ts';
import { waitFor } from './run.ts';

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };

const READY_MS_MAX = 30_000;

/**
 * Installs the daemon in a bed as an operator does: over SSH, by the console's own installer. In a bed with both proxies nginx is not on
 * its usual ports, and the daemon is told so. Resolves when the daemon answers.
 */
export async function installDaemon(
  bed: Pick<Bed, 'ssh' | 'daemonSocket' | 'proxies' | 'exec'>,
  tarball: TarballProvider = (arch) => buildDaemonTarball({ arch }),
): Promise<{ socket: string; token: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'nextdeploy-install-'));
  let core: Core | undefined;
  try {
    const version = 'bed';
    const knownHostsFile = join(directory, 'known_hosts');
    core = await createCore({ dataDirectory: directory, knownHostsFile, tarball, log: SILENT, version, shell: 'web' });
    const id = await connectToBed(core, bed);
    await core.install(id);
    const access = await readDaemonAccess(core.hosts.session(id).ssh(), AbortSignal.timeout(30_000));
    if (access.kind !== 'found') throw new Error(`the daemon was installed but cannot be used: ${access.message}`);
    if (bed.proxies === 'both') await tellPortsOfNginx(bed, access.token);
    return { socket: bed.daemonSocket, token: access.token.open() };
  } finally {
    core?.close();
    await rm(directory, { recursive: true, force: true });
  }
}

async function tellPortsOfNginx(bed: Pick<Bed, 'daemonSocket' | 'exec'>, token: Sealed): Promise<void> {
  const file = '/etc/nextdeploy/config.yml';
  const configuration = parseDocument((await bed.exec(['cat', file])).stdout);
  configuration.setIn(['proxy', 'nginx'], { http_port: 8080, https_port: 8443 });
  await bed.exec(['tee', file], { input: configuration.toString() });
  const restart = await bed.exec(['systemctl', 'restart', 'nextdeployd'], { timeoutMs: READY_MS_MAX });
  if (restart.code !== 0) throw new Error(`the daemon does not restart: ${restart.stderr}`);
  const client = new DaemonClient({ transport: unixSocketTransport(bed.daemonSocket), token });
  try {
    await waitFor('the answer of the daemon', () => client.call('getVersion'), { timeoutMs: READY_MS_MAX });
  } finally {
    client.close();
  }
}

/** Adds the bed as a host and connects, trusting the key it shows: a bed's keys are as new as the bed. Returns the host's id. */
export async function connectToBed(core: Core, bed: Pick<Bed, 'ssh'>): Promise<string> {
  const { host: address, port, user, key } = bed.ssh;
  const { id } = await core.hosts.add({ name: 'bed', address, port, user, auth: { kind: 'key', path: key } });
  const { connection } = await core.hosts.connect(id);
  if (connection.kind !== 'key_unknown')
    throw new Error(`a new server must be unknown, but the connection is ${connection.kind}`);
  const trusted = await core.hosts.trust(id, connection.offered.sha256);
  if (trusted.connection.kind !== 'connected') throw new Error(`the connection is ${JSON.stringify(trusted.connection)}`);
  return id;
}
