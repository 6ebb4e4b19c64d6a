/** Swaps under load, and beside them the same proxy's reload method: errors, bad answers and p99, in alternating runs. */
import type { ProxyType } from '../../../daemon/contract/names.ts';
import type { AgentRequest, LoadedRun, LoadTarget } from '../agent/protocol.ts';
import { countFigure, describeSpread, type Figure, type Goal, ratioFigure, spreadOf } from '../figures.ts';
import type { BenchContext } from '../suite.ts';
import { type Reference, startReference } from './reference.ts';
import { APP_PORT, FLOOR_ADDRESS, HEALTH_PATH, HTTP_PORT, type Stage, versionAfter } from './stage.ts';

/**
 * The shortest drain: whether a swap loses requests must not depend on the old release's staying, and 50 swaps with the default drain
 * would take minutes.
 */
const DRAIN_MS = 250;
const RUN_MS_MAX = 600_000;
/** Without changes nothing else happens in a longer run. */
const STEADY_SECONDS = 8;
/** Reloads have no container to start, so the same number takes less time. */
const RELOAD_PACE = 2;

interface Round {
  steady: LoadedRun;
  swaps: LoadedRun;
  churn: LoadedRun | null;
  reload_steady: LoadedRun;
  reloads: LoadedRun;
}

interface Lane {
  proxy: ProxyType;
  app: string;
  /** Of the app, through its proxy. */
  load: LoadTarget;
  reference: Reference;
  reload_load: LoadTarget;
  /** Of `docker run`, as the app's own container has them. */
  flags: string[];
}

export async function measureUnderLoad(proxy: ProxyType, stage: Stage, { isQuick, say, emit }: BenchContext): Promise<void> {
  const lane = await openLane(proxy, stage);
  const plan = isQuick ? { rounds: 1, swaps: 2, seconds: 3 } : { rounds: 5, swaps: 10, seconds: STEADY_SECONDS };
  say(`${proxy}: warming up`);
  await run(stage, 'baseline', { load: lane.reload_load, seconds: 2 });
  await run(stage, 'swaps', swapRequest(stage, lane, 2));
  const rounds: Round[] = [];
  for (let index = 0; index < plan.rounds; index++) {
    const steady = await run(stage, 'baseline', { load: lane.load, seconds: plan.seconds });
    const swaps = await run(stage, 'swaps', swapRequest(stage, lane, plan.swaps));
    // It explains p99 and has no goal: every second round.
    const churn = index % 2 === 0 ? await run(stage, 'churn', churnRequest(stage, lane, swaps.changes_at_ms)) : null;
    const reload_steady = await run(stage, 'baseline', { load: lane.reload_load, seconds: plan.seconds / RELOAD_PACE });
    const reloads = await run(stage, 'reloads', reloadRequest(lane, swaps.changes_at_ms));
    const round: Round = { steady, swaps, churn, reload_steady, reloads };
    rounds.push(round);
    say(`${proxy}, round ${index + 1} of ${plan.rounds}, ${plan.swaps} changes in ${swaps.seconds.toFixed(1)} s`);
    for (const [name, result] of Object.entries<LoadedRun | null>({ ...round })) if (result) say(`  ${runLine(name, result)}`);
  }
  for (const figure of figuresOf(proxy, rounds)) emit(figure);
  const p99Line = (name: keyof Round) => `${proxy}, p99 of ${name}: ${describeSpread(p99(rounds, name), 'ms')}`;
  for (const name of ['steady', 'swaps', 'churn', 'reload_steady', 'reloads'] as const) say(p99Line(name));
}

async function openLane(proxy: ProxyType, stage: Stage): Promise<Lane> {
  const app = `bench-tiny-${proxy}`;
  const domain = `${app}.bench.test`;
  await stage.deploy({ app_name: app, image: stage.images.tiny.v1, domain, proxy, drain_ms: DRAIN_MS });
  const reference = await startReference(proxy, stage);
  return {
    proxy,
    app,
    load: { wrk: stage.wrk, url: `http://127.0.0.1:${HTTP_PORT[proxy]}/`, host: domain },
    reference,
    reload_load: { wrk: stage.wrk, url: `http://127.0.0.1:${reference.port}/`, host: reference.host },
    flags: await stage.runFlags(app),
  };
}

function figuresOf(proxy: ProxyType, rounds: readonly Round[]): Figure[] {
  const total = (name: keyof Round, count: (result: LoadedRun) => number) =>
    rounds.reduce((sum, round) => sum + (round[name] ? count(round[name]) : 0), 0);
  const errors = (name: keyof Round) => total(name, ({ wrk }) => wrk.socket_errors_total);
  const non2xx = (name: keyof Round) => total(name, ({ wrk }) => wrk.non_2xx);
  const p99Figure = (name: string, changed: keyof Round, steady: keyof Round, goal: Goal | null) => {
    const measured = { value: spreadOf(p99(rounds, changed)).median, reference: spreadOf(p99(rounds, steady)).median };
    return ratioFigure(`${name}.p99.${proxy}`, 'ms', measured, goal);
  };
  const none = { at_most: 0 };
  const errorsOf = { value: errors('swaps'), reference: errors('reloads') };
  const non2xxOf = { value: non2xx('swaps'), reference: non2xx('reloads') };
  return [
    countFigure(`swap.errors.${proxy}`, 'requests', errorsOf, none),
    countFigure(`swap.non2xx.${proxy}`, 'requests', non2xxOf, none),
    p99Figure('swap', 'swaps', 'steady', { at_most: 1.5 }),
    p99Figure('churn', 'churn', 'steady', null),
    countFigure(`reload.errors.${proxy}`, 'requests', { value: errorsOf.reference, reference: errors('reload_steady') }, null),
    countFigure(`reload.non2xx.${proxy}`, 'requests', { value: non2xxOf.reference, reference: non2xx('reload_steady') }, null),
    p99Figure('reload', 'reloads', 'reload_steady', null),
  ];
}

function p99(rounds: readonly Round[], name: keyof Round): number[] {
  return rounds.flatMap((round) => round[name]?.wrk.latency_p99_ms ?? []);
}

function runLine(name: string, { wrk }: LoadedRun): string {
  const { connect, read, write, timeout } = wrk.socket_errors;
  const lost = `${wrk.socket_errors_total} socket errors (connect ${connect}, read ${read}, write ${write}, timeout ${timeout})`;
  const rate = `${wrk.requests_per_second.toFixed(0)} requests/s`;
  return `${name.padEnd(13)} ${rate}, p50 ${wrk.latency_p50_ms} ms, p99 ${wrk.latency_p99_ms} ms, ${lost}, ${wrk.non_2xx} non-2xx`;
}

type LoadedCall = 'baseline' | 'swaps' | 'churn' | 'reloads';

function run<C extends LoadedCall>(stage: Stage, call: C, request: AgentRequest<C>): Promise<LoadedRun> {
  return stage.agent(call, request, RUN_MS_MAX);
}

function swapRequest(stage: Stage, { proxy, app, load }: Lane, count: number): AgentRequest<'swaps'> {
  const versions = Array.from({ length: count }, (_, index) => versionAfter(index));
  const images = versions.map((version) => stage.images.tiny[version]);
  const check = { address: '127.0.0.1', port: HTTP_PORT[proxy], path: HEALTH_PATH, host: load.host };
  return { load, daemon: stage.daemon, app, images, versions, check };
}

/** What of a swap's p99 is Docker's: the same container run, stopped and removed at the same moments, while nothing changes. */
function churnRequest(stage: Stage, { load, flags }: Lane, at_ms: number[]): AgentRequest<'churn'> {
  const target = { address: FLOOR_ADDRESS, port: APP_PORT, path: HEALTH_PATH, host: load.host, version: 'v1' };
  return { load, at_ms, docker_run: [...flags, stage.images.tiny.v1], target };
}

function reloadRequest({ reload_load, reference }: Lane, at_ms: number[]): AgentRequest<'reloads'> {
  const versions = at_ms.map((_, index) => versionAfter(index));
  const { port, host } = reference;
  return {
    load: reload_load,
    at_ms: at_ms.map((moment) => moment / RELOAD_PACE),
    versions,
    reloads: versions.map((version) => reference.reloadTo(version)),
    check: { address: '127.0.0.1', port, path: HEALTH_PATH, host },
  };
}
