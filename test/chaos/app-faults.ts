/** Faults of the new release itself. */
import { setTimeout as delay } from 'node:timers/promises';
import {
  describeOperation,
  describeOutage,
  type Episode,
  type EpisodeResult,
  type Fault,
  lostOnlyWithin,
  mustEnd,
  nothingLost,
  type Observation,
  runEpisode,
} from './fault.ts';
import { startLoad } from './load.ts';
import { until } from './stage.ts';
import { deploy, type World } from './world.ts';

const MEMORY_LIMIT_BYTES = 64 * 1024 ** 2;
const MEMORY_WANTED = String(200 * 1024 ** 2);
/** From the first sign of sickness in the watch window to the marker's return: a look a second, and the daemon's own work. */
const SWITCHED_BACK_MS_MAX = 3_000;
const LOOP_ENDED_MS_MAX = 90_000;

export const APP_FAULTS: readonly Fault[] = [
  {
    name: 'oom',
    expected:
      'the new release is killed for its memory before it is healthy: the swap fails saying so, the old one serves on, nothing is lost',
    run: (world) =>
      harmless(world, {
        change: {
          env: { TINY_MEMORY_BYTES: MEMORY_WANTED, TINY_READY_AFTER_MS: '8000' },
          limits: { memory_bytes: MEMORY_LIMIT_BYTES },
        },
        judge: ({ operation }) => [
          ...mustEnd(operation, 'failed'),
          ...(operation.evidence?.oom_killed === true ? [] : ['the evidence does not say that it ran out of memory']),
        ],
      }),
  },
  {
    name: 'oom_watched',
    expected: 'the new release is killed for its memory after the switch: rolled back, requests lost for at most 3 s',
    run: (world) =>
      sickAfterSwitch(world, {
        env: { TINY_MEMORY_BYTES: MEMORY_WANTED, TINY_MEMORY_AFTER_MS: '2500' },
        limits: { memory_bytes: MEMORY_LIMIT_BYTES },
        watch_ms: 15_000,
      }),
  },
  {
    name: 'crash_loop',
    expected:
      'the new release crashes again and again after the switch: rolled back in its watch window, requests lost for at most 3 s',
    run: (world) => sickAfterSwitch(world, { env: { TINY_CRASH_AFTER_MS: '2000' }, watch_ms: 15_000 }),
  },
  {
    name: 'crash_loop_unwatched',
    expected: 'without a watch window the supervisor goes back to the last good release within 90 s; nothing is lost after that',
    run: crashLoopUnwatched,
  },
  {
    name: 'slow_start',
    expected: 'the new release needs 6 s: the swap waits for it and succeeds, nothing is lost',
    run: (world) =>
      harmless(world, {
        change: { env: { TINY_LISTEN_AFTER_MS: '3000', TINY_READY_AFTER_MS: '6000' } },
        judge: ({ operation }) => mustEnd(operation, 'succeeded'),
      }),
  },
  {
    name: 'flapping_probe',
    expected:
      'every second probe fails, never as many in a row as it takes: the swap succeeds, nobody restarts or rolls back, nothing is lost',
    run: flappingProbe,
  },
];

interface Harmless extends Pick<Episode, 'change'> {
  judge(result: EpisodeResult): string[];
}

async function harmless(world: World, { change, judge }: Harmless): Promise<Observation> {
  const result = await runEpisode(world, { load: 'saturating', ...(change && { change }) });
  const { operation, load, problems } = result;
  return {
    observed: describeOperation(operation),
    failed: load.failed,
    failed_max: 0,
    problems: [...judge(result), ...nothingLost(load), ...problems],
  };
}

async function sickAfterSwitch(world: World, change: Episode['change']): Promise<Observation> {
  const { operation, load, problems } = await runEpisode(world, { load: 'paced', ...(change && { change }) });
  const first_ms = load.failures[0]?.failed_ms ?? 0;
  return {
    observed: `${describeOperation(operation)}; ${describeOutage(load)}`,
    failed: load.failed,
    failed_max: null,
    problems: [...mustEnd(operation, 'rolled_back'), ...lostOnlyWithin(load, first_ms, SWITCHED_BACK_MS_MAX), ...problems],
  };
}

async function crashLoopUnwatched(world: World): Promise<Observation> {
  const { client, images, bed } = world.stage;
  const good = await deploy(world, images.v1);
  const load = startLoad(bed, world.site, 'paced');
  try {
    const sick = await deploy(world, images.v2, { env: { TINY_CRASH_AFTER_MS: '1500' } });
    const switched_ms = performance.now();
    const problems = await until('the return of the good release', () => isBack(world, good.release), LOOP_ENDED_MS_MAX).then(
      (): string[] => [],
      (error: unknown) => [String(error)],
    );
    const back_ms = performance.now() - switched_ms;
    await delay(3_000);
    const result = await load.stop();
    const { status } = await client.call('getAppStatus', { params: { name: world.app } });
    if (status !== 'running') problems.push(`the app is ${status}`);
    return {
      observed: `${sick.release} served ${(back_ms / 1000).toFixed(1)} s; ${describeOutage(result)}`,
      failed: result.failed,
      failed_max: null,
      problems: [...problems, ...lostOnlyWithin(result, switched_ms - 2_000, back_ms + 2_000)],
    };
  } finally {
    await load.stop();
  }
}

async function isBack({ stage, app }: World, release: string | null): Promise<true | undefined> {
  const seen = await stage.client.call('getAppStatus', { params: { name: app } });
  return (seen.release === release && seen.operation_id === null) || undefined;
}

async function flappingProbe(world: World): Promise<Observation> {
  const { stage } = world;
  await deploy(world, stage.images.v1);
  const load = startLoad(stage.bed, world.site, 'saturating');
  try {
    const [newest] = await stage.client.call('listEvents', { query: { limit: 1 } });
    const operation = await deploy(world, stage.images.v2, { env: { TINY_HEALTH_FLAP: '2' }, watch_ms: 5_000 });
    // Long enough for the supervisor to look several times.
    await delay(10_000);
    const result = await load.stop();
    const events = await stage.client.call('listEvents', { query: { app_name: world.app, limit: 200, after: newest?.seq ?? 0 } });
    const healed = events.filter(({ kind }) => kind.startsWith('heal.')).map(({ message }) => message);
    const { release } = await stage.client.call('getAppStatus', { params: { name: world.app } });
    const left = release === operation.release ? [] : [`${release} serves instead of ${operation.release}`];
    return {
      observed: `${describeOperation(operation)}, still ${release} 10 s later`,
      failed: result.failed,
      failed_max: 0,
      problems: [...nothingLost(result), ...healed.map((message) => `healed: ${message}`), ...left],
    };
  } finally {
    await load.stop();
  }
}
