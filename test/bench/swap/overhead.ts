/** `swap.overhead`: a swap on an idle machine, against `docker run` of the same image until it is healthy; alternating. */
import type { Operation } from '../../../daemon/contract/domain.ts';
import type { ProxyType } from '../../../daemon/contract/names.ts';
import type { AgentAnswer, PollTarget } from '../agent/protocol.ts';
import { describeSpread, ratioFigure, spreadOf } from '../figures.ts';
import type { BenchContext } from '../suite.ts';
import { APP_PORT, FLOOR_ADDRESS, HEALTH_PATH, HTTP_PORT, PROXIES, type Stage, versionAfter } from './stage.ts';

const MEASUREMENT_MS_MAX = 120_000;
const MARKERS = '/var/lib/nextdeploy/slots';
const GOAL = { at_most: 1.1 };

const appOf = (proxy: ProxyType) => `bench-next-${proxy}`;
const domainOf = (proxy: ProxyType) => `${appOf(proxy)}.bench.test`;

export async function measureOverhead(stage: Stage, { isQuick, say, emit }: BenchContext): Promise<void> {
  for (const proxy of PROXIES)
    await stage.deploy({ app_name: appOf(proxy), image: stage.images.next.v1, domain: domainOf(proxy), proxy });
  const flags = await stage.runFlags(appOf('caddy'));
  const floors: AgentAnswer<'floor'>[] = [];
  const swaps: Record<ProxyType, AgentAnswer<'swap'>[]> = { caddy: [], nginx: [] };
  const { rounds, quiet_ms_max } = isQuick ? { rounds: 2, quiet_ms_max: 1000 } : { rounds: 12, quiet_ms_max: 15_000 };
  for (let round = 0; round < rounds; round++) {
    const version = versionAfter(round);
    const image = stage.images.next[version];
    const run = { docker_run: [...flags, image], target: floorTarget(version), quiet_ms_max };
    const floor = await stage.agent('floor', run, MEASUREMENT_MS_MAX);
    floors.push(floor);
    // Neither proxy always comes second.
    for (const proxy of round % 2 === 0 ? PROXIES : PROXIES.toReversed()) {
      const app = { daemon: stage.daemon, app: appOf(proxy), marker_directory: `${MARKERS}/${appOf(proxy)}` };
      const request = { ...app, image, target: proxyTarget(proxy, version), quiet_ms_max };
      swaps[proxy].push(await stage.agent('swap', request, MEASUREMENT_MS_MAX));
    }
    say(`round ${round + 1} of ${rounds}: ${roundLine(floor, { caddy: swaps.caddy.at(-1), nginx: swaps.nginx.at(-1) })}`);
  }
  const floorTimes = floors.map((floor) => floor.total_ms);
  say(`docker run to first healthy answer (floor): ${describeSpread(floorTimes, 'ms')}`);
  for (const proxy of PROXIES) {
    const times = swaps[proxy].map((swap) => swap.total_ms);
    say(`swap request to the new release's first answer through ${proxy}: ${describeSpread(times, 'ms')}`);
    say(`steps of a swap behind ${proxy}: ${stepMedians(swaps[proxy].map((swap) => swap.operation))}`);
    const measured = { value: spreadOf(times).median, reference: spreadOf(floorTimes).median };
    emit(ratioFigure(`swap.overhead.${proxy}`, 'ms', measured, GOAL));
  }
}

function roundLine(floor: AgentAnswer<'floor'>, swaps: Record<ProxyType, AgentAnswer<'swap'> | undefined>): string {
  const times = PROXIES.map((proxy) => `${proxy} ${swaps[proxy]?.total_ms.toFixed(0)} ms`);
  const isQuiet = floor.is_quiet && PROXIES.every((proxy) => swaps[proxy]?.is_quiet);
  const noise = isQuiet ? '' : ' (the machine was not idle)';
  return `floor ${floor.total_ms.toFixed(0)} ms (docker run ${floor.run_ms.toFixed(0)}), swap ${times.join(', ')}${noise}`;
}

const floorTarget = (version: string): PollTarget => ({
  address: FLOOR_ADDRESS,
  port: APP_PORT,
  path: HEALTH_PATH,
  host: domainOf('caddy'),
  version,
});

const proxyTarget = (proxy: ProxyType, version: string): PollTarget => ({
  address: '127.0.0.1',
  port: HTTP_PORT[proxy],
  path: HEALTH_PATH,
  host: domainOf(proxy),
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
