/** Every fault, what is expected of it, and how it is run. */
import { expectSuccess } from '../bench/server-tools.ts';
import { APP_FAULTS } from './app-faults.ts';
import { DOCKER_FAULTS } from './docker-faults.ts';
import type { Fault, Observation } from './fault.ts';
import { installKiller } from './killer.ts';
import { killAtEveryWrite } from './kills.ts';
import type { Row } from './report.ts';
import { SERVER_FAULTS } from './server-faults.ts';
import { untilDaemonAnswers } from './stage.ts';
import { VICTIMS, type VictimName } from './victims.ts';
import { neighbourOf, purge, type World } from './world.ts';

const PROBLEMS_SHOWN = 5;

export const FAULTS: readonly Fault[] = [
  kill(
    'kill_first_deploy',
    'the first deploy is finished; its neighbour on the proxy loses no new connection to nginx, two at each reload of Caddy at most',
  ),
  kill('kill_deploy', 'the deploy is finished; nothing is lost'),
  kill('kill_swap', 'the swap is finished; nothing is lost'),
  kill('kill_recovery', 'killed again at the first write of its recovery, the swap is finished all the same; nothing is lost'),
  kill('kill_watched_swap', 'the watch goes on and the swap is finished; nothing is lost'),
  kill('kill_rollback', 'the rollback is finished; nothing is lost'),
  ...DOCKER_FAULTS,
  ...SERVER_FAULTS,
  ...APP_FAULTS,
];

/** Begins with no app and ends with none, whatever happens. Never throws for what the fault shows. */
export async function runFault(world: World, fault: Fault): Promise<Row> {
  const { stage, site } = world;
  stage.say(`${fault.name} with ${site.proxy}: ${fault.expected}`);
  const observation = await fault.run(world).catch((error: unknown): Observation => {
    stage.signal.throwIfAborted();
    const reason = error instanceof Error ? error.message : String(error);
    return { observed: 'it could not be carried out', failed: 0, failed_max: null, problems: [reason] };
  });
  const problems = [...observation.problems, ...(await cleanUp(world))];
  for (const problem of problems) stage.say(`  ✗ ${problem}`);
  const shown = problems.slice(0, PROBLEMS_SHOWN);
  const more = problems.length > shown.length ? [`and ${problems.length - shown.length} more`] : [];
  return {
    fault: fault.name,
    proxy: site.proxy,
    expected: fault.expected,
    observed: [observation.observed, ...shown, ...more].join('; '),
    failed: observation.failed,
    failed_max: observation.failed_max,
    ok: problems.length === 0,
  };
}

async function cleanUp(world: World): Promise<string[]> {
  try {
    // What a fault that went wrong may have left down.
    const units = ['docker', 'caddy', 'nginx', 'nextdeployd'];
    await world.stage.bed.exec(['systemctl', 'reset-failed', ...units]);
    await expectSuccess(world.stage.bed, ['systemctl', 'start', ...units], { timeoutMs: 60_000 });
    await untilDaemonAnswers(world.stage);
    await purge(world);
    await purge(neighbourOf(world));
    return [];
  } catch (error) {
    world.stage.signal.throwIfAborted();
    return [`the app could not be removed: ${error instanceof Error ? error.message : String(error)}`];
  }
}

function kill(name: VictimName, expected: string): Fault {
  return {
    name,
    expected: `${expected}; all is done within 5 s of the daemon's start, with nothing left over`,
    run: async (world) => {
      const killer = await installKiller(world.stage);
      try {
        const { kills, writes, failed, failed_max, converged_ms, allowed_ms, problems } = await killAtEveryWrite(
          world,
          VICTIMS[name](world),
        );
        const seconds = (ms: number) => (ms / 1000).toFixed(1);
        const times = `${seconds(Math.min(...converged_ms))} to ${seconds(Math.max(...converged_ms))} s`;
        const busy = allowed_ms > 5_000 ? ` (${seconds(allowed_ms)} s allowed: the machine was busy)` : '';
        return { observed: `${kills} kills at ${writes} writes, done after ${times}${busy}`, failed, failed_max, problems };
      } finally {
        await killer.remove();
      }
    },
  };
}
