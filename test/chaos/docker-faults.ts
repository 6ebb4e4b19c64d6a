/** Faults of Docker, of its disk and of its images. */
import { Readable } from 'node:stream';
import { engineOf } from '../bed/engine.ts';
import { bedPaths } from '../bed/paths.ts';
import { expectSuccess } from '../bench/server-tools.ts';
import { saveImage } from '../fixtures/images.ts';
import {
  describeOperation,
  describeOutage,
  endOf,
  type Fault,
  lostOnlyWithin,
  mustEnd,
  nothingLost,
  type Observation,
  runEpisode,
  settle,
  swapAgain,
} from './fault.ts';
import { startLoad } from './load.ts';
import { restartDaemon, type Stage } from './stage.ts';
import { deploy, purge, swapToOther, type World } from './world.ts';

const DOCKER_SETTINGS = '/etc/docker/daemon.json';
/** Without live-restore: Docker ends the containers, itself, and starts both again. */
const COLD_RESTART_MS_MAX = 10_000;
/** Of Docker's whole disk in memory: the base image twice, as a load needs it, and some room. */
const DISK_MEGABYTES = 600;
/** The new release is in its probe that long. */
const SLOW = { env: { TINY_LISTEN_AFTER_MS: '2500' } };

export const DOCKER_FAULTS: readonly Fault[] = [
  {
    name: 'docker_restart',
    expected:
      'with live-restore, as the installer sets it, containers outlive a restart of dockerd: the swap is finished or undone, nothing is lost',
    run: async (world) => {
      const { operation, load, problems } = await runEpisode(world, {
        before: SLOW,
        load: 'saturating',
        at: 'probe',
        act: () => restartDocker(world.stage),
      });
      return {
        observed: describeOperation(operation),
        failed: load.failed,
        failed_max: 0,
        problems: [...mustEnd(operation, 'succeeded', 'failed'), ...nothingLost(load), ...problems],
      };
    },
  },
  {
    name: 'docker_restart_cold',
    expected:
      'without live-restore the apps stop with dockerd: requests are lost for at most 10 s, then the app serves again; the swap is finished or undone',
    run: (world) =>
      withDockerSettings(world.stage, '{}\n', async () => {
        const episode = await runEpisode(world, {
          before: SLOW,
          load: 'paced',
          at: 'probe',
          act: () => restartDocker(world.stage),
        });
        const { operation, load, acted_at_ms, problems } = episode;
        return {
          observed: `${describeOperation(operation)}; ${describeOutage(load)}`,
          failed: load.failed,
          failed_max: null,
          problems: [
            ...mustEnd(operation, 'succeeded', 'failed'),
            ...lostOnlyWithin(load, acted_at_ms, COLD_RESTART_MS_MAX),
            ...problems,
          ],
        };
      }),
  },
  {
    name: 'docker_disk_full',
    expected:
      "Docker's disk is full (a tmpfs here): swaps and uploads are refused saying so, the app serves on; with room again swaps succeed, nothing is lost",
    run: dockerDiskFull,
  },
  {
    name: 'image_removed',
    expected:
      'the image of the release to go back to is gone: the rollback fails saying so, the live one serves on, nothing is lost',
    run: imageRemoved,
  },
  {
    name: 'image_removed_in_swap',
    expected:
      'the new image is removed again and again while it is deployed: the deploy is finished or fails saying so, nothing is lost',
    run: imageRemovedInSwap,
  },
];

async function restartDocker({ bed }: Stage): Promise<void> {
  // Restarts follow each other faster than systemd's limit for crash loops allows.
  await bed.exec(['systemctl', 'reset-failed', 'docker.socket', 'docker']);
  await expectSuccess(bed, ['systemctl', 'restart', 'docker'], { timeoutMs: 120_000 });
}

async function withDockerSettings<T>(stage: Stage, text: string, work: () => Promise<T>): Promise<T> {
  const before = (await stage.bed.exec(['cat', DOCKER_SETTINGS])).stdout;
  await expectSuccess(stage.bed, ['tee', DOCKER_SETTINGS], { input: text });
  await restartDocker(stage);
  try {
    return await work();
  } finally {
    await expectSuccess(stage.bed, ['tee', DOCKER_SETTINGS], { input: before === '' ? '{}\n' : before });
    await restartDocker(stage);
  }
}

async function dockerDiskFull(world: World): Promise<Observation> {
  const { stage } = world;
  return withSmallDockerDisk(stage, async () => {
    await deploy(world, stage.images.v1);
    const load = startLoad(stage.bed, world.site, 'saturating');
    try {
      await expectSuccess(stage.bed, ['sh', '-c', 'dd if=/dev/zero of=/var/lib/docker/filler bs=64K 2>/dev/null || true']);
      const refused = await reasonOf(swapToOther(world));
      const upload = await reasonOf(loadImage(stage, stage.images.v2));
      const problems = [
        ...(/space|full|disk/i.test(refused ?? '') ? [] : [`the swap says nothing of space: ${refused ?? 'it succeeded'}`]),
        ...(/space|full|disk/i.test(upload ?? '') ? [] : [`the upload says nothing of space: ${upload ?? 'it succeeded'}`]),
        ...(await settle(world)),
      ];
      await expectSuccess(stage.bed, ['rm', '/var/lib/docker/filler']);
      // For want of space the daemon removes images that no release needs, and an upload that failed is asked for again.
      await loadImage(stage, stage.images.v2);
      problems.push(...(await swapAgain(world)));
      const result = await load.stop();
      return {
        observed: `swap: ${refused}; upload: ${upload}`,
        failed: result.failed,
        failed_max: 0,
        problems: [...problems, ...nothingLost(result)],
      };
    } finally {
      await load.stop();
      await purge(world);
    }
  });
}

/** Docker with an empty, small disk in memory and the tiny images on it; afterwards its own again. */
async function withSmallDockerDisk<T>(stage: Stage, work: () => Promise<T>): Promise<T> {
  const { bed, images } = stage;
  // Its bridge would stay, and Docker with another disk does not know it for its own.
  const stop = 'docker network rm nextdeploy; systemctl reset-failed docker.socket docker; systemctl stop docker.socket docker';
  const start = 'systemctl start docker.socket docker';
  const mount = `mount -t tmpfs -o size=${DISK_MEGABYTES}m tmpfs /var/lib/docker`;
  await expectSuccess(bed, ['sh', '-ec', `${stop}; ${mount}; ${start}`], { timeoutMs: 120_000 });
  try {
    // It sets up its network at its start.
    await restartDaemon(stage);
    await loadImage(stage, images.v1);
    await loadImage(stage, images.v2);
    return await work();
  } finally {
    await expectSuccess(bed, ['sh', '-ec', `${stop}; umount --lazy /var/lib/docker; ${start}`], { timeoutMs: 120_000 });
    await restartDaemon(stage);
  }
}

async function loadImage({ bed, client, signal }: Stage, image: string): Promise<void> {
  const engine = engineOf(bedPaths(), bed.id);
  await client.upload('loadImages', Readable.from(await saveImage(engine, image)), { signal });
}

async function imageRemoved(world: World): Promise<Observation> {
  const { bed, client, images } = world.stage;
  const image = await copyOf(world.stage, images.v1, 'chaos-old:v1');
  await deploy(world, image);
  await deploy(world, images.v2);
  const load = startLoad(bed, world.site, 'saturating');
  try {
    await expectSuccess(bed, ['docker', 'rmi', '--force', image]);
    const failure = await reasonOf(client.call('rollback', { body: { app_name: world.app }, query: { wait: '1' } }));
    const settled = await settle(world);
    const result = await load.stop();
    const next = await swapAgain(world);
    return {
      observed: `rollback: ${failure ?? 'succeeded'}`,
      failed: result.failed,
      failed_max: 0,
      problems: [
        ...(/no longer on this host|not .*host|does not exist/i.test(failure ?? '')
          ? []
          : ['the rollback does not say that the image is gone']),
        ...nothingLost(result),
        ...settled,
        ...next,
      ],
    };
  } finally {
    await load.stop();
  }
}

async function imageRemovedInSwap(world: World): Promise<Observation> {
  const { bed, client, images } = world.stage;
  const image = await copyOf(world.stage, images.v2, 'chaos-new:v2');
  await deploy(world, images.v1);
  const load = startLoad(bed, world.site, 'saturating');
  const remove = 'while true; do docker rmi --force chaos-new:v2 >/dev/null 2>&1; done';
  try {
    const { id } = await client.call('swap', { body: { app_name: world.app, image } });
    const loop = bed.exec(['timeout', '5', 'sh', '-c', remove]);
    const operation = await endOf(world.stage, id);
    await loop;
    const settled = await settle(world);
    const result = await load.stop();
    const next = await swapAgain(world);
    return {
      observed: describeOperation(operation),
      failed: result.failed,
      failed_max: 0,
      problems: [...mustEnd(operation, 'succeeded', 'failed'), ...nothingLost(result), ...settled, ...next],
    };
  } finally {
    await load.stop();
  }
}

/** The same program under an image of its own: what is done to it concerns no other. */
async function copyOf({ bed }: Stage, image: string, name: string): Promise<string> {
  await expectSuccess(bed, ['docker', 'build', '--quiet', '--tag', name, '-'], { input: `FROM ${image}\nLABEL chaos=${name}\n` });
  return name;
}

/** Null when it succeeded. */
async function reasonOf(work: Promise<unknown>): Promise<string | null> {
  return work.then(
    () => null,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}
