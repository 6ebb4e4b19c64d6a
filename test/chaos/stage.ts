/** What chaos, soak and matrix stand on: a server with both proxies, the daemon installed, the tiny images loaded, and a client for it. */
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { DaemonClient, unixSocketTransport } from '../../daemon/api/client.ts';
import type { ProxyType } from '../../daemon/contract/names.ts';
import { type Bed, type Suite, startBed } from '../bed/bed.ts';
import { engineOf } from '../bed/engine.ts';
import { installDaemon } from '../bed/install-daemon.ts';
import { keepImages } from '../bed/keep-images.ts';
import { bedPaths } from '../bed/paths.ts';
import { installPackages, missingPackages } from '../bed/prerequisites.ts';
import { expectSuccess } from '../bench/server-tools.ts';
import { buildTinyImages, type FixtureImages, saveImage } from '../fixtures/images.ts';

export const PROXY_NAMES = ['caddy', 'nginx'] as const satisfies ProxyType[];

export interface Stage {
  bed: Bed;
  client: DaemonClient;
  images: FixtureImages;
  signal: AbortSignal;
  say(line: string): void;
}

export interface StageOptions {
  label: string;
  suite?: Suite;
  signal: AbortSignal;
  say(line: string): void;
}

const DAEMON_MS_MAX = 30_000;
const POLL_MS = 25;

/** Runs `work` on a server of its own and takes it down, also when the signal aborts. Rejects with what `work` threw, or the signal's reason. */
export async function withStage<T>(options: StageOptions, work: (stage: Stage) => Promise<T>): Promise<T> {
  const { label, suite = 'bookworm', signal, say } = options;
  const missing = await missingPackages([{ name: 'wrk', package: 'wrk' }]);
  if (missing.length > 0) await installPackages(missing, { signal, onProgress: say });
  const bed = await startBed({ label, suite, proxies: 'both', signal, onProgress: say });
  try {
    return await unlessAborted(signal, workOn(bed, options, work));
  } finally {
    await bed.stop();
  }
}

async function workOn<T>(bed: Bed, { signal, say }: StageOptions, work: (stage: Stage) => Promise<T>): Promise<T> {
  say('installing the daemon');
  const { token } = await installDaemon(bed);
  const client = new DaemonClient({ transport: unixSocketTransport(bed.daemonSocket), token: { open: () => token } });
  try {
    const images = await loadTinyImages(bed, client, signal, say);
    return await work({ bed, client, images, signal, say });
  } finally {
    client.close();
  }
}

async function loadTinyImages(
  bed: Bed,
  client: DaemonClient,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<FixtureImages> {
  const engine = engineOf(bedPaths(), bed.id);
  const images = await buildTinyImages(engine, { signal, onProgress: say });
  for (const image of [images.v1, images.v2]) {
    await client.upload('loadImages', Readable.from(await saveImage(engine, image)), { signal });
  }
  await keepImages(bed, [images.v1, images.v2]);
  return images;
}

/** Restarts the daemon and waits for its answer; earlier restarts do not count against it. */
export async function restartDaemon({ bed, client }: Pick<Stage, 'bed' | 'client'>): Promise<void> {
  await expectSuccess(bed, ['systemctl', 'daemon-reload']);
  await bed.exec(['systemctl', 'reset-failed', 'nextdeployd']);
  await expectSuccess(bed, ['systemctl', 'restart', 'nextdeployd']);
  await untilDaemonAnswers({ client });
}

export function untilDaemonAnswers({ client }: Pick<Stage, 'client'>, timeout_ms = DAEMON_MS_MAX): Promise<unknown> {
  return until('an answer of the daemon', async () => client.call('getHealth', { timeout_ms: 2_000 }), timeout_ms);
}

/** Polls until `read` gives a value; what it throws counts as "not yet" and is told at the deadline. */
export async function until<T>(what: string, read: () => Promise<T | undefined>, timeout_ms: number): Promise<T> {
  const deadline = performance.now() + timeout_ms;
  let last: unknown;
  for (;;) {
    try {
      const seen = await read();
      if (seen !== undefined) return seen;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) {
      const why = last instanceof Error ? `: ${last.message}` : '';
      throw new Error(`${what} did not come within ${timeout_ms / 1000} s${why}`, { cause: last });
    }
    await delay(POLL_MS);
  }
}

/** This machine's path of a file in the server's /run/nextdeploy. */
export function inRunDirectory(bed: Bed, name: string): string {
  return join(dirname(bed.daemonSocket), name);
}

/** Goes on at once when aborted: what `work` does on the server ends with the server. */
async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    work.catch(() => undefined);
  }
}
