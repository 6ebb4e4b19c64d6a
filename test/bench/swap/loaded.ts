/** Swaps under load, and beside them the reload method: errors, bad answers and p99, in alternating runs of the same length. */

import type { AgentRequest, LoadedRun, LoadTarget } from '../agent/protocol.ts';
import { countFigure, describeSpread, type Figure, type Goal, ratioFigure, spreadOf } from '../figures.ts';
import { expectSuccess, installWrk, startUnit } from '../server-tools.ts';
import type { BenchContext } from '../suite.ts';
import { APP_PORT, FLOOR_ADDRESS, HEALTH_PATH, type Stage, VERSIONS } from './stage.ts';

/**
 * The shortest drain: whether a swap loses requests must not depend on the old release's staying, and 50 swaps with the default drain
 * would take minutes.
 */
const APP = { name: 'bench-tiny', domain: 'tiny.bench.test', drain_ms: 250 };
const RUN_MS_MAX = 600_000;
const RELOAD = {
  port: 8480,
  admin: '127.0.0.1:20199',
  config: '/opt/nextdeploy-bench/caddy.json',
  domain: 'reload.bench.test',
  addresses: { v1: '10.213.255.251', v2: '10.213.255.252' },
};

/** Runs of the same length. */
interface Round {
  steady: LoadedRun;
  swaps: LoadedRun;
  churn: LoadedRun;
  reload_steady: LoadedRun;
  reloads: LoadedRun;
}

export async function measureUnderLoad(stage: Stage, context: BenchContext): Promise<void> {
  const { isQuick, say, emit } = context;
  await stage.deploy({ app_name: APP.name, image: stage.images.tiny.v1, domain: APP.domain, drain_ms: APP.drain_ms });
  await startReloadReference(stage);
  const flags = await stage.runFlags(APP.name);
  const wrk = await installWrk(stage.bed);
  const plan = { rounds: isQuick ? 1 : 5, swaps: isQuick ? 4 : 10 };
  say('warming up');
  await run(stage, 'baseline', { load: reloadLoad(wrk), seconds: 2 });
  let { seconds } = await run(stage, 'swaps', swapRequest(stage, wrk, plan.swaps));
  const rounds: Round[] = [];
  for (let index = 0; index < plan.rounds; index++) {
    const steady = await run(stage, 'baseline', { load: swapLoad(wrk), seconds });
    const swaps = await run(stage, 'swaps', swapRequest(stage, wrk, plan.swaps));
    seconds = swaps.seconds;
    const churn = await run(stage, 'churn', churnRequest(stage, wrk, flags, swaps.changes_at_ms));
    const reload_steady = await run(stage, 'baseline', { load: reloadLoad(wrk), seconds });
    const reloads = await run(stage, 'reloads', reloadRequest(wrk, swaps.changes_at_ms));
    const round: Round = { steady, swaps, churn, reload_steady, reloads };
    rounds.push(round);
    say(`round ${index + 1} of ${plan.rounds}, ${plan.swaps} changes in ${seconds.toFixed(1)} s`);
    for (const [name, result] of Object.entries<LoadedRun>({ ...round })) say(`  ${runLine(name, result)}`);
  }
  for (const figure of figuresOf(rounds)) emit(figure);
  say(`p99 with swaps: ${describeSpread(p99(rounds, 'swaps'), 'ms')}, without: ${describeSpread(p99(rounds, 'steady'), 'ms')}`);
  say(`p99 with Docker's work alone: ${describeSpread(p99(rounds, 'churn'), 'ms')}`);
  const reloads = describeSpread(p99(rounds, 'reloads'), 'ms');
  say(`p99 with reloads: ${reloads}, without: ${describeSpread(p99(rounds, 'reload_steady'), 'ms')}`);
}

function figuresOf(rounds: readonly Round[]): Figure[] {
  const errors = (name: keyof Round) => rounds.reduce((sum, round) => sum + round[name].wrk.socket_errors_total, 0);
  const non2xx = (name: keyof Round) => rounds.reduce((sum, round) => sum + round[name].wrk.non_2xx, 0);
  const p99Figure = (name: string, changed: keyof Round, steady: keyof Round, goal: Goal | null) => {
    const measured = { value: spreadOf(p99(rounds, changed)).median, reference: spreadOf(p99(rounds, steady)).median };
    return ratioFigure(name, 'ms', measured, goal);
  };
  const none = { at_most: 0 };
  return [
    countFigure('swap.errors.caddy', 'requests', { value: errors('swaps'), reference: errors('reloads') }, none),
    countFigure('swap.non2xx.caddy', 'requests', { value: non2xx('swaps'), reference: non2xx('reloads') }, none),
    p99Figure('swap.p99.caddy', 'swaps', 'steady', { at_most: 1.5 }),
    p99Figure('churn.p99.caddy', 'churn', 'steady', null),
    countFigure('reload.errors.caddy', 'requests', { value: errors('reloads'), reference: errors('reload_steady') }, null),
    countFigure('reload.non2xx.caddy', 'requests', { value: non2xx('reloads'), reference: non2xx('reload_steady') }, null),
    p99Figure('reload.p99.caddy', 'reloads', 'reload_steady', null),
  ];
}

const p99 = (rounds: readonly Round[], name: keyof Round) => rounds.map((round) => round[name].wrk.latency_p99_ms);

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

const swapLoad = (wrk: LoadTarget['wrk']): LoadTarget => ({ wrk, url: 'http://127.0.0.1/', host: APP.domain });
const reloadLoad = (wrk: LoadTarget['wrk']): LoadTarget => ({
  wrk,
  url: `http://127.0.0.1:${RELOAD.port}/`,
  host: RELOAD.domain,
});

/** An app is at v1 when it is deployed and after each even number of changes. */
const versionAfter = (change: number) => VERSIONS[(change + 1) % 2] ?? 'v1';

function swapRequest(stage: Stage, wrk: LoadTarget['wrk'], count: number): AgentRequest<'swaps'> {
  const versions = Array.from({ length: count }, (_, index) => versionAfter(index));
  const images = versions.map((version) => stage.images.tiny[version]);
  const check = { address: '127.0.0.1', port: 80, path: HEALTH_PATH, host: APP.domain };
  return { load: swapLoad(wrk), daemon: stage.daemon, app: APP.name, images, versions, check };
}

/** What of a swap's p99 is Docker's: the same container run, stopped and removed at the same moments, while nothing changes. */
function churnRequest(stage: Stage, wrk: LoadTarget['wrk'], flags: string[], at_ms: number[]): AgentRequest<'churn'> {
  const target = { address: FLOOR_ADDRESS, port: APP_PORT, path: HEALTH_PATH, host: APP.domain, version: 'v1' };
  return { load: swapLoad(wrk), at_ms, docker_run: [...flags, stage.images.tiny.v1], target };
}

function reloadRequest(wrk: LoadTarget['wrk'], at_ms: number[]): AgentRequest<'reloads'> {
  const versions = at_ms.map((_, index) => versionAfter(index));
  return {
    load: reloadLoad(wrk),
    admin: `http://${RELOAD.admin}/config/apps/http/servers/bench/routes/0/handle/0/upstreams`,
    at_ms,
    versions,
    upstreams: versions.map((version) => `${RELOAD.addresses[version]}:${APP_PORT}`),
    check: { address: '127.0.0.1', port: RELOAD.port, path: HEALTH_PATH, host: RELOAD.domain },
  };
}

/**
 * The usual way: both releases run, and a second Caddy is told over its API which one to use. Same program, and the connection settings
 * of the daemon's renderer (daemon/proxy/caddy/render.ts).
 */
async function startReloadReference({ bed, images }: Stage): Promise<void> {
  for (const version of VERSIONS) {
    const where = ['--network', 'nextdeploy', '--ip', RELOAD.addresses[version]];
    await expectSuccess(bed, ['docker', 'run', '--detach', ...where, images.tiny[version]]);
  }
  await expectSuccess(bed, ['tee', RELOAD.config], { input: JSON.stringify(reloadConfig()) });
  await startUnit(bed, 'nextdeploy-bench-caddy', ['caddy', 'run', '--config', RELOAD.config]);
}

function reloadConfig(): object {
  const transport = { protocol: 'http', keep_alive: { idle_timeout: '4s', max_idle_conns_per_host: 256 } };
  const upstreams = [{ dial: `${RELOAD.addresses.v1}:${APP_PORT}` }];
  const routes = [{ handle: [{ handler: 'reverse_proxy', transport, upstreams }] }];
  const server = { listen: [`127.0.0.1:${RELOAD.port}`], automatic_https: { disable: true }, routes };
  return { admin: { listen: RELOAD.admin, config: { persist: false } }, apps: { http: { servers: { bench: server } } } };
}
