/** The swap from end to end: what is done with one app on one proxy, and what must be true after each step. */
import { isDeepStrictEqual } from 'node:util';
import { expectSuccess } from '../bench/server-tools.ts';
import { nothingLost, settle } from '../chaos/fault.ts';
import { LOST_IN_RELOAD_MAX, type LoadKind, startLoad } from '../chaos/load.ts';
import { findProblems } from '../chaos/remains.ts';
import { answeringVersion, deploy, purge, swapToOther, type World } from '../chaos/world.ts';

export interface Step {
  name: string;
  /** Throws with what was wrong; resolves with why it was left out, or with nothing. */
  run(world: World): Promise<{ skipped: string } | undefined>;
}

const SWAPS = 3;
const REPLICAS = 3;
const MEMORY_LIMIT_BYTES = 256 * 1024 ** 2;

/** Before the server is rebooted. */
export const STEPS: readonly Step[] = [
  { name: 'deploy', run: async (world) => deployFirst(world) },
  { name: 'swap under load', run: async (world) => underLoad(world, () => swapRepeatedly(world)) },
  { name: 'rollback under load', run: async (world) => underLoad(world, () => rollBack(world)) },
  { name: 'scale under load', run: async (world) => underReloads(world, () => scaleUpAndDown(world), 2) },
  { name: 'memory limit', run: async (world) => limitMemory(world) },
];

/** Once it is up again. */
export const STEPS_AFTER_REBOOT: readonly Step[] = [
  { name: 'swap after the reboot', run: async (world) => underLoad(world, () => swapRepeatedly(world)) },
  { name: 'remove', run: async (world) => remove(world) },
];

async function deployFirst(world: World): Promise<undefined> {
  await deploy(world, world.stage.images.v1);
  demand('what answers', await answeringVersion(world), 'v1');
}

async function swapRepeatedly(world: World): Promise<void> {
  for (let count = 0; count < SWAPS; count += 1) await swapToOther(world);
}

async function rollBack({ stage, app }: World): Promise<void> {
  const before = await stage.client.call('getAppStatus', { params: { name: app } });
  await stage.client.call('rollback', { body: { app_name: app }, query: { wait: '1' } });
  const after = await stage.client.call('getAppStatus', { params: { name: app } });
  demand('the release that serves', after.release, before.previous_release);
}

async function scaleUpAndDown(world: World): Promise<void> {
  const { client } = world.stage;
  for (const replicas of [REPLICAS, 1]) {
    await client.call('scaleApp', { params: { name: world.app }, body: { replicas }, query: { wait: '1' } });
    demandNone(await settle(world));
    const status = await client.call('getAppStatus', { params: { name: world.app } });
    demand('the replicas that run', status.replicas, replicas);
  }
}

async function limitMemory(world: World): Promise<{ skipped: string } | undefined> {
  const { bed, images } = world.stage;
  if (bed.suite === 'sid') return { skipped: 'a sid bed has no memory controller: systemd there knows only cgroup v2' };
  const { slot } = await deploy(world, images.v2, { limits: { memory_bytes: MEMORY_LIMIT_BYTES } });
  const container = `nextdeploy-${world.app}-${slot}-0`;
  // What the kernel enforces, not what was asked for.
  const usage = await expectSuccess(bed, ['docker', 'stats', '--no-stream', '--format', '{{.MemUsage}}', container]);
  demand('the memory limit', usage.split('/')[1]?.trim(), '256MiB');
  return undefined;
}

async function remove(world: World): Promise<undefined> {
  await purge(world);
  const problems = await findProblems(world.stage);
  demandNone(problems.filter((problem) => problem.includes(world.app)));
}

/** Nothing may be lost, and the server must be in order afterwards. */
async function underLoad(
  world: World,
  work: () => Promise<void>,
  kind: LoadKind = 'saturating',
  lost_max = 0,
): Promise<undefined> {
  const load = startLoad(world.stage.bed, world.site, kind);
  try {
    await work();
    const result = await load.stop();
    if (result.failed > lost_max) demandNone(nothingLost(result));
    demandNone(await settle(world));
  } finally {
    await load.stop();
  }
}

/** New connections alone, and of those as many may be lost as so many reloads of the proxy cost. */
function underReloads(world: World, work: () => Promise<void>, reloads: number): Promise<undefined> {
  return underLoad(world, work, 'new', reloads * LOST_IN_RELOAD_MAX[world.site.proxy]);
}

function demand(what: string, found: unknown, wanted: unknown): void {
  if (!isDeepStrictEqual(found, wanted)) throw new Error(`${what}: ${String(found)} instead of ${String(wanted)}`);
}

function demandNone(problems: readonly string[]): void {
  if (problems.length > 0) throw new Error(problems.join('; '));
}
