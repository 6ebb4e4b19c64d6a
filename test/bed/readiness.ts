/** When a server is up: systemd has finished, and sshd, Docker and the proxies answer. */
import { get } from 'node:http';
import { connect } from 'node:net';
import type { Bed } from './bed.ts';
import { waitFor } from './run.ts';

const READY_MS_MAX = 90_000;

/** Units that may fail in a container without meaning anything for what runs on the server. */
const HARMLESS_UNITS: readonly string[] = [];

/** Resolves when `bed` can be used; throws with the failed units or the journal's end when that does not come within 90 s. */
export async function waitUntilReady(bed: Omit<Bed, 'stop'>, signal?: AbortSignal): Promise<void> {
  const options = { timeoutMs: READY_MS_MAX, signal };
  try {
    await Promise.all([
      waitFor('the answer of Docker', () => answers({ socketPath: bed.dockerSocket, path: '/_ping' }), options),
      ...proxySites(bed).map(({ proxy, url }) => waitFor(`the answer of ${proxy}`, () => answers(siteAt(url)), options)),
      waitFor('the greeting of sshd', () => greets(bed.ssh.port), options),
      waitFor('the end of systemd’s start', () => systemdIsUp(bed), { ...options, intervalMs: 150 }),
    ]);
  } catch (error) {
    if (signal?.aborted) throw error;
    const journal = await bed
      .exec(['journalctl', '--boot', '--no-pager', '--lines=25', '--priority=warning'], { timeoutMs: 10_000 })
      .catch(() => undefined);
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`the ${bed.suite} server did not come up: ${reason}\n${journal?.stdout ?? ''}`, { cause: error });
  }
}

function proxySites({ proxies, http, nginx }: Omit<Bed, 'stop'>): { proxy: string; url: string }[] {
  const sites = { caddy: { proxy: 'Caddy', url: http }, nginx: { proxy: 'nginx', url: nginx.http } };
  return proxies === 'both' ? [sites.caddy, sites.nginx] : [sites[proxies]];
}

const siteAt = (url: string) => ({ host: '127.0.0.1', port: new URL(url).port, path: '/' });

async function systemdIsUp(bed: Omit<Bed, 'stop'>): Promise<true | undefined> {
  const state = (await bed.exec(['systemctl', 'is-system-running'], { timeoutMs: 10_000 })).stdout.trim();
  if (state === 'running') return true;
  if (state !== 'degraded') return undefined;
  const { stdout } = await bed.exec(['systemctl', '--failed', '--plain', '--no-legend', '--no-pager'], { timeoutMs: 10_000 });
  const failed = stdout.split('\n').flatMap((line) => line.trim().split(/\s+/)[0] || []);
  const serious = failed.filter((unit) => !HARMLESS_UNITS.includes(unit));
  if (serious.length > 0) throw new Error(`failed units: ${serious.join(', ')}`);
  return true;
}

function answers(
  target: { socketPath: string; path: string } | { host: string; port: string; path: string },
): Promise<true | undefined> {
  return new Promise((resolve, reject) => {
    const request = get({ ...target, timeout: 2000, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200 ? true : undefined);
    });
    request.once('timeout', () => request.destroy(new Error('no answer within 2 s')));
    request.once('error', reject);
  });
}

/** The published port accepts before sshd listens, so only its greeting counts. */
function greets(port: number): Promise<true | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 2000 });
    socket.once('data', (data) => {
      socket.destroy();
      resolve(data.toString('latin1').startsWith('SSH-2.0-') ? true : undefined);
    });
    socket.once('timeout', () => socket.destroy(new Error('no greeting within 2 s')));
    socket.once('error', reject);
    socket.once('close', () => resolve(undefined));
  });
}
