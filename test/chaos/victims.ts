/** The operations that are killed: a first deploy, one on a running app, a swap, one in its watch window, a rollback. */
import type { Victim } from './kills.ts';
import { LOST_IN_RELOAD_MAX } from './load.ts';
import { type Deploy, deploy, deployBody, neighbourOf, otherImage, purge, swapToOther, type World } from './world.ts';

/** Long enough to be killed in, short enough to be over within what the daemon has to come back. */
const WATCH_MS = 1_500;

export const VICTIMS = {
  kill_first_deploy: (world) => {
    const { client, images } = world.stage;
    const neighbour = neighbourOf(world);
    return {
      prepare: async () => {
        await purge(world);
        await ensureDeployed(neighbour);
      },
      begin: (idempotencyKey) => client.call('deploy', { body: deployBody(world, images.v1), idempotencyKey }),
      next: () => deploy(world, images.v2),
      // The new route makes the proxy reload, once more when the daemon was killed meanwhile.
      site: neighbour.site,
      load: 'new',
      lost_max: 2 * LOST_IN_RELOAD_MAX[world.site.proxy],
    };
  },
  kill_deploy: (world) => ({
    ...swapVictim(world),
    begin: async (idempotencyKey) => {
      const body = deployBody(world, await otherImage(world), { env: { CHAOS: idempotencyKey } });
      return world.stage.client.call('deploy', { body, idempotencyKey });
    },
  }),
  kill_swap: (world) => swapVictim(world),
  kill_recovery: (world) => ({ ...swapVictim(world), again: true }),
  kill_watched_swap: (world) => ({
    ...swapVictim(world, { watch_ms: WATCH_MS }),
    isOfInterest: (write) => write === 'watch' || write === 'drain',
  }),
  kill_rollback: (world) => ({
    ...swapVictim(world),
    prepare: async () => {
      await ensureDeployed(world);
      const { previous_release } = await statusOf(world);
      if (previous_release === null) await swapToOther(world);
    },
    begin: (idempotencyKey) => world.stage.client.call('rollback', { body: { app_name: world.app }, idempotencyKey }),
  }),
} as const satisfies Record<string, (world: World) => Victim>;
export type VictimName = keyof typeof VICTIMS;

function swapVictim(world: World, configuration: Deploy = {}): Victim {
  return {
    prepare: () => ensureDeployed(world, configuration),
    begin: async (idempotencyKey) =>
      world.stage.client.call('swap', { body: { app_name: world.app, image: await otherImage(world) }, idempotencyKey }),
    next: () => swapToOther(world),
    site: world.site,
    load: 'saturating',
  };
}

async function ensureDeployed(world: World, configuration: Deploy = {}): Promise<void> {
  const { client, images } = world.stage;
  const isThere = (await client.call('listApps')).some(({ name, release }) => name === world.app && release !== null);
  if (!isThere) await deploy(world, images.v1, configuration);
}

function statusOf({ stage, app }: World) {
  return stage.client.call('getAppStatus', { params: { name: app } });
}
