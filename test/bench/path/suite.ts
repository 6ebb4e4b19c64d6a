/** The suite `path`: requests per second through our configurations, against the same proxy's plainest one to the same container. */
import type { ProxyType, Slot } from '../../../daemon/contract/names.ts';
import { otherSlot } from '../../../daemon/engine/state.ts';
import type { AgentAnswer, AgentRequest } from '../agent/protocol.ts';
import { describeSpread, ratioFigure, spreadOf } from '../figures.ts';
import { expectSuccess } from '../server-tools.ts';
import type { BenchContext } from '../suite.ts';
import { DOMAIN, marker, VARIANTS, type Variant } from './configurations.ts';
import { type PathStage, PROXIES, unitOf, withPathStage } from './stage.ts';

type Run = AgentAnswer<'throughput'>;
/** Each variant twice, in opposite orders: what changes slowly meanwhile concerns all alike. */
type Round = Record<Variant, [Run, Run]>;

const GOALS = { ours: { name: 'plain', at_least: 0.97 }, ours500: { name: 'routes500', at_least: 0.95 } } as const;
type Plan = Pick<AgentRequest<'throughput'>, 'seconds' | 'quiet_ms_max'>;

const RUN_MS_MAX = 120_000;

export async function measurePaths(context: BenchContext): Promise<void> {
  await withPathStage(context, async (stage) => {
    for (const proxy of PROXIES) await measureProxy(proxy, stage, context);
  });
}

async function measureProxy(proxy: ProxyType, stage: PathStage, { isQuick, say, emit }: BenchContext): Promise<void> {
  const plan = isQuick ? { rounds: 2, seconds: 1, quiet_ms_max: 500 } : { rounds: 14, seconds: 2, quiet_ms_max: 5000 };
  say(`${proxy}: warming up`);
  for (const variant of VARIANTS) await run(stage, proxy, variant, plan);
  const rounds: Round[] = [];
  for (let index = 0; index < plan.rounds; index++) {
    // Green costs a look at one marker more. The app begins on blue, and goes back to it for the next proxy.
    const slot = index % 2 === 0 ? 'blue' : 'green';
    if (index > 0) await swap(stage, slot);
    const there = await runInTurn(stage, proxy, VARIANTS, plan);
    const back = await runInTurn(stage, proxy, VARIANTS.toReversed(), plan);
    const both = (variant: Variant): [Run, Run] => [there(variant), back(variant)];
    const round: Round = { plain: both('plain'), ours: both('ours'), ours500: both('ours500') };
    rounds.push(round);
    const rates = VARIANTS.map((variant) => `${variant} ${rateOf(round[variant]).toFixed(0)}`);
    const noise = VARIANTS.every((variant) => round[variant].every(({ is_quiet }) => is_quiet))
      ? ''
      : ' (the machine was not idle)';
    say(`${proxy}, ${slot}, round ${index + 1} of ${plan.rounds}: ${rates.join(', ')} requests/s${noise}`);
  }
  if (rounds.length % 2 === 0) await swap(stage, 'blue');
  for (const variant of VARIANTS) say(describeVariant(proxy, variant, rounds));
  for (const variant of ['ours', 'ours500'] as const) {
    const rates = (name: Variant) => rounds.flatMap((round) => round[name].map((one) => one.requests_per_second));
    const measured = { value: spreadOf(rates(variant)).median, reference: spreadOf(rates('plain')).median };
    const { name, at_least } = GOALS[variant];
    emit(ratioFigure(`path.${name}.${proxy}`, 'requests/s', measured, { at_least }));
  }
}

/** As the daemon does it. */
async function swap({ bed, setting }: PathStage, to: Slot): Promise<void> {
  await expectSuccess(bed, ['mv', marker(setting, otherSlot(to)), marker(setting, to)]);
}

async function runInTurn(
  stage: PathStage,
  proxy: ProxyType,
  variants: readonly Variant[],
  plan: Plan,
): Promise<(variant: Variant) => Run> {
  const runs = new Map<Variant, Run>();
  for (const variant of variants) runs.set(variant, await run(stage, proxy, variant, plan));
  return (variant) => {
    const found = runs.get(variant);
    if (found === undefined) throw new Error(`${variant} was not measured`);
    return found;
  };
}

function run({ agent, wrk, instances }: PathStage, proxy: ProxyType, variant: Variant, plan: Plan): Promise<Run> {
  const instance = instances[proxy][variant];
  const load = { wrk, url: `http://127.0.0.1:${instance.port}/`, host: DOMAIN };
  return agent('throughput', { load, unit: unitOf(instance), ...plan }, RUN_MS_MAX);
}

const rateOf = ([first, second]: [Run, Run]) => (first.requests_per_second + second.requests_per_second) / 2;

/** With the processor time that the proxy took for each request, which depends less on what else the machine does. */
function describeVariant(proxy: ProxyType, variant: Variant, rounds: readonly Round[]): string {
  const runs = rounds.flatMap((round) => round[variant]);
  const rates = describeSpread(
    runs.map(({ requests_per_second }) => requests_per_second),
    'requests/s',
  );
  const processor = describeSpread(
    runs.map(({ processor_us_per_request }) => processor_us_per_request),
    'µs',
  );
  const ratios = describeSpread(
    rounds.map((round) => rateOf(round[variant]) / rateOf(round.plain)),
    'of plain',
  );
  return `${proxy}, ${variant}: ${rates}; ${ratios}; processor time of the proxy a request: ${processor}`;
}
