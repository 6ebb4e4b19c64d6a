/** Faults of the server: reboots, its proxies, its disk and its clock. */
import { setTimeout as delay } from 'node:timers/promises';
import type { StepName } from '../../daemon/contract/domain.ts';
import { engineOf } from '../bed/engine.ts';
import { bedPaths } from '../bed/paths.ts';
import { expectSuccess } from '../bench/server-tools.ts';
import { withFakeClock } from './clock.ts';
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
} from './fault.ts';
import { type Stage, until } from './stage.ts';
import { withSmallStateDisk } from './state-disk.ts';
import { answeringVersion, deploy, neighbourOf, type World } from './world.ts';

const SLOW = { env: { TINY_LISTEN_AFTER_MS: '2500' } };
/** From the order to reboot to the first answer of the app. */
const REBOOT_MS_MAX = 60_000;
/** From the start of a proxy to its answers. */
const PROXY_START_MS_MAX = 3_000;
const WATCH_MS = 4_000;
/** The last look in a watch window may take its time. */
const LATE_MS_MAX = 3_000;

export const SERVER_FAULTS: readonly Fault[] = [
  {
    name: 'proxy_killed',
    expected:
      "the proxy's sites are away until it runs again (Debian's unit does not restart it: here an operator does); the swap is undone, nothing is lost after that",
    run: proxyKilled,
  },
  {
    name: 'reboot',
    expected: 'rebooted before the switch: the old release serves before the daemon is up, within 60 s; the swap is undone',
    run: (world) => reboot(world, { at: 'probe', how: 'restart', ends: 'failed', serves: 'v1' }),
  },
  {
    name: 'reboot_after_switch',
    expected: 'rebooted after the switch: the new release serves before the daemon is up, within 60 s; the swap is finished',
    run: (world) => reboot(world, { at: 'drain', how: 'restart', ends: 'succeeded', serves: 'v2' }),
  },
  {
    name: 'power_cut',
    expected:
      'cut off before the switch without a shutdown: the old release serves before the daemon is up, within 60 s; the swap is undone',
    run: (world) => reboot(world, { at: 'probe', how: 'kill', ends: 'failed', serves: 'v1' }),
  },
  {
    name: 'state_disk_full',
    expected:
      'the disk of the state is full (a tmpfs here): the swap goes on as soon as there is room, new operations are refused saying so, nothing is lost',
    run: stateDiskFull,
  },
  {
    name: 'clock_forward',
    expected:
      'the clock jumps ahead by an hour in the watch window: the window is as long as it was, the swap succeeds, nothing is lost',
    run: (world) => clockJump(world, 3600),
  },
  {
    name: 'clock_back',
    expected:
      'the clock jumps back by an hour in the watch window: the window is as long as it was, the swap succeeds, nothing is lost',
    run: (world) => clockJump(world, -3600),
  },
];

async function proxyKilled(world: World): Promise<Observation> {
  const { stage, site } = world;
  let started_at_ms = 0;
  const { operation, load, acted_at_ms, problems } = await runEpisode(world, {
    before: SLOW,
    load: 'paced',
    at: 'probe',
    act: async ({ id }) => {
      await expectSuccess(stage.bed, ['systemctl', 'kill', '--signal=SIGKILL', '--kill-who=main', site.proxy]);
      await endOf(stage, id);
      started_at_ms = performance.now();
      await expectSuccess(stage.bed, ['systemctl', 'start', site.proxy]);
      await delay(PROXY_START_MS_MAX);
    },
  });
  const away_ms = started_at_ms - acted_at_ms;
  return {
    observed: `${describeOperation(operation)}; started again after ${(away_ms / 1000).toFixed(1)} s, ${describeOutage(load)}`,
    failed: load.failed,
    failed_max: null,
    problems: [
      ...mustEnd(operation, 'rolled_back'),
      ...lostOnlyWithin(load, acted_at_ms, away_ms + PROXY_START_MS_MAX),
      ...problems,
    ],
  };
}

interface Reboot {
  at: StepName;
  how: 'restart' | 'kill';
  ends: 'failed' | 'succeeded';
  serves: 'v1' | 'v2';
}

async function reboot(world: World, { at, how, ends, serves }: Reboot): Promise<Observation> {
  const { bed } = world.stage;
  let served_at_ms = 0;
  const seen: string[] = [];
  const { operation, load, acted_at_ms, problems } = await runEpisode(world, {
    before: { ...SLOW, drain_ms: 5_000 },
    load: 'paced',
    at,
    act: async () => {
      // Without it, so that what serves serves by itself.
      await expectSuccess(bed, ['systemctl', 'disable', '--quiet', 'nextdeployd']);
      await bootAnew(world.stage, how);
      const version = await until('an answer of the app', () => appAnswer(world), REBOOT_MS_MAX);
      served_at_ms = performance.now();
      const daemon = (await bed.exec(['systemctl', 'is-active', 'nextdeployd'])).stdout.trim();
      if (version !== serves) seen.push(`${version} served after the reboot instead of ${serves}`);
      if (daemon !== 'inactive') seen.push(`the daemon was ${daemon} when the app served first`);
      await expectSuccess(bed, ['systemctl', 'enable', '--quiet', '--now', 'nextdeployd']);
    },
  });
  const away_ms = served_at_ms - acted_at_ms;
  return {
    observed: `${describeOperation(operation)}; served again after ${(away_ms / 1000).toFixed(1)} s, without the daemon`,
    failed: load.failed,
    failed_max: null,
    problems: [...seen, ...mustEnd(operation, ends), ...lostOnlyWithin(load, acted_at_ms, away_ms + 1_000), ...problems],
  };
}

async function bootAnew({ bed }: Stage, how: Reboot['how']): Promise<void> {
  const container = `nextdeploy-bed-${bed.id}`;
  const engine = engineOf(bedPaths(), bed.id);
  if (how === 'restart') await engine.docker(['restart', '--time', '60', container], { timeoutMs: 90_000 });
  else {
    await engine.docker(['kill', container]);
    await engine.docker(['start', container]);
  }
}

async function appAnswer(world: World): Promise<string | undefined> {
  const answer = await answeringVersion(world);
  return /^v[12]$/.test(answer) ? answer : undefined;
}

async function stateDiskFull(world: World): Promise<Observation> {
  const { stage } = world;
  return withSmallStateDisk(world, async (disk) => {
    let refusal = '';
    const { operation, load, problems } = await runEpisode(world, {
      before: SLOW,
      load: 'saturating',
      at: 'probe',
      act: async () => {
        await disk.fill();
        refusal = await deploy(neighbourOf(world), stage.images.v1).then(
          () => 'accepted',
          (error: unknown) => (error instanceof Error ? error.message : String(error)),
        );
        // Longer than the swap would have taken.
        await delay(5_000);
        await disk.clear();
      },
    });
    return {
      observed: `${describeOperation(operation)}; a deploy meanwhile: ${refusal}`,
      failed: load.failed,
      failed_max: 0,
      problems: [
        ...mustEnd(operation, 'succeeded'),
        ...(/space/i.test(refusal) ? [] : ['the deploy meanwhile was not refused for want of space']),
        ...nothingLost(load),
        ...problems,
      ],
    };
  });
}

async function clockJump(world: World, seconds: number): Promise<Observation> {
  return withFakeClock(world.stage, async (clock) => {
    const { operation, load, problems } = await runEpisode(world, {
      before: { watch_ms: WATCH_MS },
      load: 'saturating',
      at: 'watch',
      act: async () => {
        await delay(WATCH_MS / 4);
        await clock.jump(seconds);
      },
    });
    // By the daemon's own clock, which jumped in between.
    const watch = operation.steps.find(({ name }) => name === 'watch');
    const watched_ms = Date.parse(watch?.ended_at ?? '') - Date.parse(watch?.started_at ?? '') - seconds * 1000;
    const isKept = watched_ms >= WATCH_MS && watched_ms < WATCH_MS + LATE_MS_MAX;
    return {
      observed: `${describeOperation(operation)}, watched for ${(watched_ms / 1000).toFixed(1)} s`,
      failed: load.failed,
      failed_max: 0,
      problems: [
        ...mustEnd(operation, 'succeeded'),
        ...(isKept ? [] : [`the window of ${WATCH_MS / 1000} s took ${(watched_ms / 1000).toFixed(1)} s`]),
        ...nothingLost(load),
        ...problems,
      ],
    };
  });
}
