/** What both parts of the suite stand on: a server with the daemon, the fixture images loaded, and the measuring program. */
import { Readable } from 'node:stream';
import { DaemonClient, unixSocketTransport } from '../../../daemon/api/client.ts';
import { DAEMON_SOCKET_PATH } from '../../../daemon/contract/limits.ts';
import type { ProxyType } from '../../../daemon/contract/names.ts';
import type { RouteBodyInput } from '../../../daemon/contract/routes.ts';
import { type Bed, startBed } from '../../bed/bed.ts';
import { engineOf } from '../../bed/engine.ts';
import { installDaemon } from '../../bed/install-daemon.ts';
import { keepImages } from '../../bed/keep-images.ts';
import { bedPaths } from '../../bed/paths.ts';
import { buildFixtureImages, buildTinyImages, type FixtureImages, saveImage } from '../../fixtures/images.ts';
import type { DaemonAccess } from '../agent/protocol.ts';
import { type Agent, installAgent } from '../agent-client.ts';
import { expectSuccess, installWrk, requireWrk } from '../server-tools.ts';
import type { BenchContext } from '../suite.ts';
import { mirroredRunArguments } from './mirror.ts';

export const APP_PORT = 3000;
/** Of containers beside the engine's own: at the far end of the daemon's network, where no slot of a bench's few apps is. */
export const FLOOR_ADDRESS = '10.213.255.250';
export const HEALTH_PATH = '/api/health';
export const PROXIES = ['caddy', 'nginx'] as const satisfies ProxyType[];
/** Where they listen in a bed with both. */
export const HTTP_PORT: Record<ProxyType, number> = { caddy: 80, nginx: 8080 };
export const VERSIONS = ['v1', 'v2'] as const satisfies (keyof FixtureImages)[];

/** An app is at v1 when it is deployed and after each even number of changes. */
export const versionAfter = (change: number) => VERSIONS[(change + 1) % 2] ?? 'v1';

export interface Stage {
  bed: Bed;
  agent: Agent;
  /** How to run it in the server. */
  wrk: [string, ...string[]];
  /** As the measuring program in the server reaches the daemon. */
  daemon: DaemonAccess;
  images: { next: FixtureImages; tiny: FixtureImages };
  /** Deploys with the fixtures' health path, without TLS and without a watch window; resolves when the operation has succeeded. */
  deploy(request: RouteBodyInput<'deploy'> & { proxy: ProxyType }): Promise<void>;
  /** Arguments for `docker run` as the app's own container has them, at `FLOOR_ADDRESS`. */
  runFlags(app: string): Promise<string[]>;
}

/** Runs `work` on a fresh stage and takes it down, whatever happens. */
export async function withStage(context: BenchContext, work: (stage: Stage) => Promise<void>): Promise<void> {
  const { signal, say } = context;
  await requireWrk(context);
  const bed = await startBed({ label: 'bench-swap', proxies: 'both', signal, onProgress: say });
  try {
    say('installing the daemon');
    const { token } = await installDaemon(bed);
    const client = new DaemonClient({ transport: unixSocketTransport(bed.daemonSocket), token: { open: () => token } });
    try {
      const images = await loadImages(bed, client, context);
      const agent = await installAgent(bed, signal);
      const wrk = await installWrk(bed);
      const deploy: Stage['deploy'] = async (request) => {
        say(`deploying ${request.image} as ${request.app_name}`);
        const body = { ...request, tls: 'off' as const, health: { kind: 'http' as const, path: HEALTH_PATH }, watch_ms: 0 };
        await client.call('deploy', { body, query: { wait: '1' }, signal });
      };
      await work({
        bed,
        agent,
        wrk,
        daemon: { socket: DAEMON_SOCKET_PATH, token },
        images,
        deploy,
        runFlags: (app) => runFlags(bed, app),
      });
    } finally {
      client.close();
    }
  } finally {
    await bed.stop();
  }
}

async function loadImages(bed: Bed, client: DaemonClient, { signal, say }: BenchContext): Promise<Stage['images']> {
  const engine = engineOf(bedPaths(), bed.id);
  const options = { signal, onProgress: say };
  const images = { next: await buildFixtureImages(engine, options), tiny: await buildTinyImages(engine, options) };
  for (const image of [...Object.values(images.next), ...Object.values(images.tiny)]) {
    say(`loading ${image}`);
    await client.upload('loadImages', Readable.from(await saveImage(engine, image)), { signal });
    await keepImages(bed, [image]);
  }
  return images;
}

async function runFlags(bed: Bed, app: string): Promise<string[]> {
  const filter = ['--filter', `label=nextdeploy.app=${app}`, '--format', '{{.ID}}'];
  const container = (await expectSuccess(bed, ['docker', 'ps', ...filter])).trim();
  return mirroredRunArguments(await expectSuccess(bed, ['docker', 'inspect', container]), FLOOR_ADDRESS);
}
