/** Waits until the containers of a slot answer, and says precisely what was seen if they do not. */
import type { HealthCheck } from '../contract/configuration.ts';
import type { ProbeResult } from '../contract/domain.ts';
import { LIMITS } from '../contract/limits.ts';
import type { ExitState, World } from './ports.ts';
import { ProbeLog } from './probe-log.ts';
import { StepFailure } from './saga.ts';
import type { ContainerPlan, StepOf } from './steps.ts';

type ActiveCheck = Exclude<HealthCheck, { kind: 'none' }>;

/** While nothing listens yet, asking is cheap, and what is waited here is added to every swap. */
const REFUSED_PAUSE_MS = 20;
/** One answer may be that of an app which is not ready yet. */
const ENDLESS_MAX = 3;
/** A container without a health check must at least not end at once. */
const SETTLE_MS = 1_000;

/** Resolves with one line for the timeline when all containers are healthy. Throws {@link StepFailure} with probes and exit state. */
export async function waitUntilHealthy(
  step: Pick<StepOf<'probe'>, 'containers' | 'health'>,
  world: World,
  signal: AbortSignal,
): Promise<string> {
  const log = new ProbeLog(LIMITS.probes_in_evidence_max);
  const stop = new AbortController();
  const scope = AbortSignal.any([signal, stop.signal]);
  try {
    const details = step.containers.map((plan) =>
      raceExit(plan, world, log, scope, () => probeOne(plan, step.health, world, log, scope)),
    );
    return (await Promise.all(details)).join(', ');
  } finally {
    stop.abort();
  }
}

async function raceExit<T>(
  plan: ContainerPlan,
  world: World,
  log: ProbeLog,
  signal: AbortSignal,
  body: () => Promise<T>,
): Promise<T> {
  const exited = world.containers.waitForExit(plan.name, signal).then(
    (exit): never => {
      throw new StepFailure(exitReason(exit), { ...exit, probes: log.results() }, { container: plan.name });
    },
    (error: unknown): Promise<never> => {
      if (signal.aborted) throw error;
      // Docker went away while it was asked, and the container may live on: then the probes alone decide.
      return new Promise(() => undefined);
    },
  );
  const healthy = body();
  // The loser of the race ends with the scope; its rejection is no news.
  exited.catch(() => undefined);
  healthy.catch(() => undefined);
  return Promise.race([healthy, exited]);
}

function exitReason(exit: ExitState): string {
  if (exit.oom_killed) return 'The container ran out of memory and was killed before it was healthy.';
  return `The container ended with exit code ${exit.exit_code ?? 'unknown'} before it was healthy; its last log lines say why.`;
}

async function probeOne(
  plan: ContainerPlan,
  health: HealthCheck,
  world: World,
  log: ProbeLog,
  signal: AbortSignal,
): Promise<string> {
  const { clock, prober } = world;
  if (health.kind === 'none') {
    await clock.sleep(SETTLE_MS, signal);
    return 'running, without a health check';
  }
  const deadline = clock.monotonicMs() + health.deadline_ms;
  let endless = 0;
  for (let count = 1; ; count += 1) {
    const { is_refused, is_endless, ...result } = await prober.probe(plan, health, signal);
    log.add(result);
    endless = is_endless ? endless + 1 : 0;
    if (endless === ENDLESS_MAX) throw endlessRedirects(plan, health, result, log);
    if (result.healthy)
      return `${result.detail === '' ? 'healthy' : describe(result)} after ${count} ${count === 1 ? 'probe' : 'probes'}`;
    const left = deadline - clock.monotonicMs();
    if (left <= 0) throw await unhealthy(plan, health, result, is_refused, world, log, signal);
    await clock.sleep(Math.min(is_refused ? Math.min(REFUSED_PAUSE_MS, health.interval_ms) : health.interval_ms, left), signal);
  }
}

function describe(result: ProbeResult): string {
  return result.status === null ? 'open' : `HTTP ${result.status}`;
}

/** Waiting for the deadline would not make it better (docs/decisions/014). */
function endlessRedirects({ name }: ContainerPlan, health: ActiveCheck, { detail }: ProbeResult, log: ProbeLog): StepFailure {
  const path = health.kind === 'http' ? health.path : '';
  const message = `The release is not healthy: GET ${path}: ${detail}. Choose a path that the app answers itself.`;
  return new StepFailure(message, { probes: log.results() }, { container: name, field: 'health.path' });
}

async function unhealthy(
  plan: ContainerPlan,
  health: ActiveCheck,
  last: ProbeResult,
  isRefused: boolean,
  world: World,
  log: ProbeLog,
  signal: AbortSignal,
): Promise<StepFailure> {
  const within = `within ${health.deadline_ms / 1000} s`;
  const evidence = { probes: log.results() };
  if (isRefused) {
    const listening = await world.containers.listening(plan.name, signal).catch(() => []);
    return new StepFailure(
      `Nothing listens on port ${plan.port} of the container ${within}; ${whereItListens(plan.port, listening)}`,
      evidence,
      { container: plan.name },
    );
  }
  const what = health.kind === 'http' ? `GET ${health.path}` : `TCP port ${plan.port}`;
  const answered = last.status === null ? last.detail : `it answered ${last.status}`;
  return new StepFailure(`The release was not healthy ${within}: ${what}: ${answered}.`, evidence, { container: plan.name });
}

function whereItListens(port: number, listening: readonly { address: string; port: number }[]): string {
  const onLoopback = listening.some((socket) => socket.port === port && /^(127\.|::1$)/.test(socket.address));
  if (onLoopback) return 'the app listens on its loopback address only: let it listen on 0.0.0.0.';
  const ports = [...new Set(listening.map((socket) => socket.port))].slice(0, 5);
  if (ports.length === 0) return 'it listens on no port at all. Its last log lines may say why.';
  return `it listens on ${ports.join(', ')}: set \`ports\`, or let the app use the PORT variable.`;
}
