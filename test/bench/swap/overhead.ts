/** `swap.overhead`: a swap on an idle machine, against `docker run` of the same image until it is healthy; alternating. */
import type { Operation } from '../../../daemon/contract/domain.ts';
import type { AgentAnswer, PollTarget } from '../agent/protocol.ts';
import { describeSpread, ratioFigure, spreadOf } from '../figures.ts';
import type { BenchContext } from '../suite.ts';
import { APP_PORT, FLOOR_ADDRESS, HEALTH_PATH, type Stage, VERSIONS } from './stage.ts';

const APP = { name: 'bench-next', domain: 'next.bench.test' };
const MEASUREMENT_MS_MAX = 120_000;

export async function measureOverhead(stage: Stage, { isQuick, say, emit }: BenchContext): Promise<void> {
  const images = stage.images.next;
  await stage.deploy({ app_name: APP.name, image: images.v1, domain: APP.domain });
  const flags = await stage.runFlags(APP.name);
  const floors: AgentAnswer<'floor'>[] = [];
  const swaps: AgentAnswer<'swap'>[] = [];
  const rounds = isQuick ? 3 : 12;
  for (let round = 0; round < rounds; round++) {
    // The app begins with v1, so the first round goes to v2.
    const version = VERSIONS[(round + 1) % 2] ?? 'v1';
    const image = images[version];
    const floor = await stage.agent('floor', { docker_run: [...flags, image], target: floorTarget(version) }, MEASUREMENT_MS_MAX);
    const request = { daemon: stage.daemon, app: APP.name, image, target: proxyTarget(version) };
    const swap = await stage.agent('swap', request, MEASUREMENT_MS_MAX);
    floors.push(floor);
    swaps.push(swap);
    const noise = floor.is_quiet && swap.is_quiet ? '' : ' (the machine was not idle)';
    const times = `floor ${floor.total_ms.toFixed(0)} ms (docker run ${floor.run_ms.toFixed(0)}), swap ${swap.total_ms.toFixed(0)} ms`;
    say(`round ${round + 1} of ${rounds}: ${times}${noise}`);
  }
  const times = { swap: swaps.map((swap) => swap.total_ms), floor: floors.map((floor) => floor.total_ms) };
  say(`swap request to the new release's first answer: ${describeSpread(times.swap, 'ms')}`);
  say(`docker run to first healthy answer (floor): ${describeSpread(times.floor, 'ms')}`);
  say(`steps of a swap: ${stepMedians(swaps.map((swap) => swap.operation))}`);
  const measured = { value: spreadOf(times.swap).median, reference: spreadOf(times.floor).median };
  emit(ratioFigure('swap.overhead.caddy', 'ms', measured, { at_most: 1.25 }));
}

const floorTarget = (version: string): PollTarget => ({
  address: FLOOR_ADDRESS,
  port: APP_PORT,
  path: HEALTH_PATH,
  host: APP.domain,
  version,
});

const proxyTarget = (version: string): PollTarget => ({
  address: '127.0.0.1',
  port: 80,
  path: HEALTH_PATH,
  host: APP.domain,
  version,
});

/** Where the time goes: each step's median, in the order of the operation. */
function stepMedians(operations: readonly Operation[]): string {
  const steps = operations[0]?.steps.map((step) => step.name) ?? [];
  return steps
    .map((name) => {
      const durations = operations.flatMap((operation) => operation.steps.filter((step) => step.name === name).map(durationMs));
      const known = durations.filter((duration) => duration !== null);
      return known.length === 0 ? name : `${name} ${spreadOf(known).median.toFixed(0)} ms`;
    })
    .join(', ');
}

function durationMs({ started_at, ended_at }: Operation['steps'][number]): number | null {
  return started_at === null || ended_at === null ? null : Date.parse(ended_at) - Date.parse(started_at);
}
