/** A server with one container and every configuration of both proxies before it, each run by a proxy of its own. No daemon. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DEFAULTS } from '../../../daemon/contract/limits.ts';
import type { ProxyType } from '../../../daemon/contract/names.ts';
import { featuresOf } from '../../../daemon/proxy/caddy/features.ts';
import { type Bed, startBed } from '../../bed/bed.ts';
import { engineOf } from '../../bed/engine.ts';
import { bedPaths } from '../../bed/paths.ts';
import { waitFor } from '../../bed/run.ts';
import { buildTinyImages, saveImage } from '../../fixtures/images.ts';
import { type Agent, installAgent } from '../agent-client.ts';
import { expectSuccess, installWrk, loadImage, requireWrk, startUnit } from '../server-tools.ts';
import type { BenchContext } from '../suite.ts';
import { DOMAIN, type Instance, instanceOf, markers, type Setting, VARIANTS, type Variant } from './configurations.ts';

const DIRECTORY = '/opt/nextdeploy-bench/path';
const CONTAINER = { address: '10.213.255.240', port: 3000 };
const HEALTH_PATH = '/api/health';
export const PROXIES = ['caddy', 'nginx'] as const satisfies ProxyType[];

export interface PathStage {
  bed: Bed;
  agent: Agent;
  wrk: [string, ...string[]];
  setting: Setting;
  instances: Record<ProxyType, Record<Variant, Instance>>;
}

export const unitOf = ({ proxy, variant }: Instance) => `nextdeploy-bench-${proxy}-${variant}`;

/** Runs `work` on a fresh stage and takes it down, whatever happens. */
export async function withPathStage(context: BenchContext, work: (stage: PathStage) => Promise<void>): Promise<void> {
  const { signal, say } = context;
  await requireWrk(context);
  const bed = await startBed({ label: 'bench-path', proxies: 'both', signal, onProgress: say });
  try {
    const agent = await installAgent(bed, signal);
    const wrk = await installWrk(bed);
    await startContainer(bed, context);
    const setting: Setting = {
      directory: DIRECTORY,
      upstream: `${CONTAINER.address}:${CONTAINER.port}`,
      health_path: HEALTH_PATH,
      caddy: featuresOf((await expectSuccess(bed, ['caddy', 'version'])).replace(/^v/, '')),
      nginx: {
        has_ipv6: (await bed.exec(['cat', '/proc/net/if_inet6'])).stdout !== '',
        main: await expectSuccess(bed, ['cat', '/etc/nginx/nginx.conf']),
      },
    };
    const of = (proxy: ProxyType) => ({
      plain: instanceOf(proxy, 'plain', setting),
      ours: instanceOf(proxy, 'ours', setting),
      ours500: instanceOf(proxy, 'ours500', setting),
    });
    const instances = { caddy: of('caddy'), nginx: of('nginx') };
    const all = PROXIES.flatMap((proxy) => VARIANTS.map((variant) => instances[proxy][variant]));
    say('starting the proxies');
    await placeFiles(bed, all, setting);
    for (const instance of all) await startUnit(bed, unitOf(instance), instance.argv);
    for (const instance of all) await waitUntilServing(bed, instance);
    await work({ bed, agent, wrk, setting, instances });
  } finally {
    await bed.stop();
  }
}

async function startContainer(bed: Bed, { signal, say }: BenchContext): Promise<void> {
  const engine = engineOf(bedPaths(), bed.id);
  const { v1 } = await buildTinyImages(engine, { signal, onProgress: say });
  say(`loading ${v1}`);
  await loadImage(bed, await saveImage(engine, v1));
  const network = ['--subnet', DEFAULTS.network_subnet, '--opt', 'com.docker.network.bridge.enable_icc=false'];
  await expectSuccess(bed, ['docker', 'network', 'create', ...network, DEFAULTS.network_name]);
  const where = ['--network', DEFAULTS.network_name, '--ip', CONTAINER.address];
  await expectSuccess(bed, ['docker', 'run', '--detach', ...where, v1]);
}

async function placeFiles(bed: Bed, instances: readonly Instance[], setting: Setting): Promise<void> {
  const local = await mkdtemp(join(tmpdir(), 'nextdeploy-bench-'));
  const localOf = (path: string) => join(local, path.slice(setting.directory.length));
  try {
    for (const { path, content } of instances.flatMap(({ files }) => files)) {
      await mkdir(dirname(localOf(path)), { recursive: true });
      await writeFile(localOf(path), content);
    }
    for (const path of markers(setting)) {
      await mkdir(dirname(localOf(path)), { recursive: true });
      await writeFile(localOf(path), '');
    }
    await expectSuccess(bed, ['mkdir', '-p', setting.directory]);
    await bed.copyIn(`${local}/.`, setting.directory);
    // As the daemon keeps them: nginx's workers look for markers as www-data.
    await expectSuccess(bed, ['chmod', '-R', 'a+rX', setting.directory]);
  } finally {
    await rm(local, { recursive: true, force: true });
  }
}

async function waitUntilServing(bed: Bed, instance: Instance): Promise<void> {
  const argv = [
    'curl',
    '--fail',
    '--silent',
    '--show-error',
    '--header',
    `Host: ${DOMAIN}`,
    `http://127.0.0.1:${instance.port}/`,
  ];
  await waitFor(`the answer of ${unitOf(instance)}`, () => expectSuccess(bed, argv), { timeoutMs: 30_000 });
}
