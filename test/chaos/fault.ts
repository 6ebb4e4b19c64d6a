/** What a fault is, and the episode most of them are: a swap under load in which something happens. */
import type { Operation, StepName } from '../../daemon/contract/domain.ts';
import { isTerminal } from '../../daemon/contract/rules.ts';
import { describeFailures, type LoadKind, type LoadResult, startLoad } from './load.ts';
import { findProblems } from './remains.ts';
import { type Stage, until } from './stage.ts';
import { type Deploy, deploy, deployBody, otherImage, swapToOther, type World, wrongAnswers } from './world.ts';

export interface Observation {
  observed: string;
  failed: number;
  /** Null: some may fail, and they were judged by when they did. */
  failed_max: number | null;
  /** Empty: as expected. */
  problems: string[];
}

export interface Fault {
  name: string;
  /** One sentence. */
  expected: string;
  /** Begins with no app on the server; what it leaves is removed for it. */
  run(world: World): Promise<Observation>;
}

export interface Episode {
  /** The app as it serves before; its first release has the image v1. */
  before?: Deploy;
  /** What the new release is: a deploy with this configuration. Absent: a swap. */
  change?: Deploy;
  load: LoadKind;
  /** Done as soon as this step runs; what follows goes on meanwhile. */
  at?: StepName;
  act?(operation: Operation): Promise<void>;
}

export interface EpisodeResult {
  operation: Operation;
  load: LoadResult;
  /** When `act` began, by `performance.now()`. */
  acted_at_ms: number;
  /** Of what was left over or contradicts itself, and of the next operation. */
  problems: string[];
}

const OPERATION_MS_MAX = 120_000;
const SETTLED_MS_MAX = 15_000;

/** Deploys, begins a swap under load, acts in it, waits for its end and for a settled server, and swaps once more. */
export async function runEpisode(world: World, { before, change, load: kind, at, act }: Episode): Promise<EpisodeResult> {
  const { stage } = world;
  await deploy(world, stage.images.v1, before);
  const load = startLoad(stage.bed, world.site, kind);
  try {
    const begun = await begin(world, change);
    if (at !== undefined) await untilStep(stage, begun.id, at);
    const acted_at_ms = performance.now();
    await act?.(begun);
    const operation = await endOf(stage, begun.id);
    const settled = await settle(world);
    const result = await load.stop();
    const next = await swapAgain(world);
    return { operation, load: result, acted_at_ms, problems: [...settled, ...next] };
  } finally {
    await load.stop();
  }
}

async function begin(world: World, change: Deploy | undefined): Promise<Operation> {
  const { client } = world.stage;
  const image = await otherImage(world);
  if (change === undefined) return client.call('swap', { body: { app_name: world.app, image } });
  return client.call('deploy', { body: deployBody(world, image, change) });
}

async function untilStep({ client }: Stage, id: string, name: StepName): Promise<void> {
  const isThere = async () => {
    const { state, steps } = await client.call('getOperation', { params: { id } });
    const step = steps.find((candidate) => candidate.name === name);
    if (state !== 'running' && step?.state !== 'running') throw new Error(`the operation ${state} before it came to ${name}`);
    return step?.state === 'running' || undefined;
  };
  await until(`the step ${name}`, isThere, OPERATION_MS_MAX);
}

/** The operation once it has ended, also when the daemon is away meanwhile. */
export function endOf({ client }: Stage, id: string): Promise<Operation> {
  const read = async () => {
    const operation = await client.call('getOperation', { params: { id } });
    return isTerminal(operation) ? operation : undefined;
  };
  return until('the end of the operation', read, OPERATION_MS_MAX);
}

/**
 * What still contradicts itself when there was time to settle; also whether visitors get the release that is said to be live. Its health may
 * be as old as the daemon keeps an answer, so the first good look may be too early.
 */
export async function settle(world: World): Promise<string[]> {
  let problems: string[] = [];
  const isClean = async () => {
    problems = await findProblems(world.stage);
    if (problems.length === 0) problems = await wrongAnswers(world);
    return problems.length === 0 || undefined;
  };
  return until('a settled server', isClean, SETTLED_MS_MAX).then(
    () => [],
    (error: unknown) => (problems.length > 0 ? problems : [String(error)]),
  );
}

export async function swapAgain(world: World): Promise<string[]> {
  try {
    await swapToOther(world);
    return [];
  } catch (error) {
    return [`the next swap: ${error instanceof Error ? error.message : String(error)}`];
  }
}

/** Nothing may have failed. */
export function nothingLost({ failed, failures }: LoadResult): string[] {
  return failed === 0 ? [] : [`${failed} requests failed: ${describeFailures(failures)}`];
}

/** Only requests may have failed that were under way at some time from `from_ms` on and for `span_ms`; by `performance.now()`. */
export function lostOnlyWithin({ failures }: LoadResult, from_ms: number, span_ms: number): string[] {
  const outside = failures.filter(({ asked_ms, failed_ms }) => failed_ms < from_ms || asked_ms > from_ms + span_ms);
  if (outside.length === 0) return [];
  const times = outside.map(({ asked_ms }) => `${((asked_ms - from_ms) / 1000).toFixed(1)} s`);
  return [
    `${outside.length} requests failed outside of the ${span_ms / 1000} s allowed, the last asked at ${times.at(-1)}: ${describeFailures(outside)}`,
  ];
}

/** `requests lost for 1.2 s (ECONNREFUSED ×14), others waited up to 0.4 s`: by when they came, however long they waited for their failure. */
export function describeOutage({ failures, slowest_ms }: LoadResult): string {
  const waited = `waited up to ${(slowest_ms / 1000).toFixed(1)} s`;
  if (failures.length === 0) return `nothing lost, requests ${waited}`;
  const asked = failures.map(({ asked_ms }) => asked_ms);
  const span_ms = Math.max(...asked) - Math.min(...asked);
  return `requests lost for ${(span_ms / 1000).toFixed(1)} s (${describeFailures(failures)}), others ${waited}`;
}

export function describeOperation({ kind, state, error }: Operation): string {
  return error === null ? `${kind} ${state}` : `${kind} ${state}: ${error.message}`;
}

/** In one of these states, and with a reason that an operator can do something with. */
export function mustEnd({ state, error }: Operation, ...states: Operation['state'][]): string[] {
  return [
    ...(states.includes(state) ? [] : [`it should have ended ${states.join(' or ')}`]),
    ...(error?.message.includes('unexpectedly') ? ['its message does not say what happened'] : []),
  ];
}
