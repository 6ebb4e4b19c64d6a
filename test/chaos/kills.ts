/** SIGKILL of the daemon at every write of its journal, before it and after it, while the site is under load. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Operation } from '../../daemon/contract/domain.ts';
import { expectSuccess } from '../bench/server-tools.ts';
import { endOf } from './fault.ts';
import { arm, hasKilled, type KillOrder, recordWrites } from './killer.ts';
import { describeFailures, type LoadKind, type Site, startLoad } from './load.ts';
import { findProblems } from './remains.ts';
import { restartDaemon, type Stage, until } from './stage.ts';
import { type World, wrongAnswers } from './world.ts';

/** An operation that is to be killed, over and over. */
export interface Victim {
  /** Brings the app to where the operation can begin. */
  prepare(): Promise<void>;
  begin(idempotencyKey: string): Promise<Operation>;
  /** An operation that must work afterwards, whatever became of this one. */
  next(): Promise<unknown>;
  /** Where visitors are meanwhile: the app itself, or for a first deploy its neighbour. */
  site: Site;
  load: LoadKind;
  /** Requests that may fail at each kill; 0 unless said otherwise. */
  lost_max?: number;
  /** Which writes; all of them unless said otherwise. */
  isOfInterest?(write: string): boolean;
  /** Kills the recovery too; only where the operation has begun and not ended. */
  again?: boolean;
}

export interface KillResult {
  kills: number;
  writes: number;
  failed: number;
  failed_max: number;
  /** From the start of the new process to the last of it; milliseconds. */
  converged_ms: number[];
  allowed_ms: number;
  /** A line for each kill that did not end as it must. */
  problems: string[];
}

const KILLED_MS_MAX = 60_000;
const RESTARTED_MS_MAX = 20_000;
/** What the daemon has, from its start. */
const CONVERGED_MS_MAX = 5_000;
/** Where the machine is too busy for that: so many times a start of the daemon and the whole operation, without a kill in the same run. */
const UNDISTURBED_FACTOR = 2;
/** How long a case is watched at most: longer, to say how late it was. */
const WATCHED_MS_MAX = 60_000;
const POLL_MS = 50;

const PHASES = ['before', 'after'] as const satisfies KillOrder['phase'][];

export async function killAtEveryWrite(
  world: World,
  victim: Victim,
  phases: readonly KillOrder['phase'][] = PHASES,
): Promise<KillResult> {
  const { stage, app } = world;
  await victim.prepare();
  const { writes, allowed_ms } = await runWithoutKill(world, victim);
  const result: KillResult = {
    kills: 0,
    writes: writes.length,
    failed: 0,
    failed_max: 0,
    converged_ms: [],
    allowed_ms,
    problems: [],
  };
  for (const [index, write] of writes.entries()) {
    if (victim.isOfInterest?.(write) === false) continue;
    for (const phase of phases) {
      stage.signal.throwIfAborted();
      const order: KillOrder = { app, write: index + 1, phase, ...(victim.again && { again: true }) };
      const hasRecovery = !isBeforeBegin(order) && !(index === writes.length - 1 && phase === 'after');
      if (victim.again && !hasRecovery) continue;
      const outcome = await killOnce(world, victim, order, allowed_ms);
      const name = `${phase} write ${index + 1} of ${writes.length} (${write})`;
      stage.say(`  ${name}: ${[`${outcome.ended} after ${outcome.converged_ms} ms`, ...outcome.problems].join('; ')}`);
      result.kills += 1;
      result.failed += outcome.failed;
      result.failed_max += victim.lost_max ?? 0;
      result.converged_ms.push(outcome.converged_ms);
      result.problems.push(...outcome.problems.map((problem) => `${name}: ${problem}`));
    }
  }
  return result;
}

/** Under the same load: what is written, and from how long that takes how long a kill may. */
async function runWithoutKill({ stage, app }: World, victim: Victim): Promise<{ writes: string[]; allowed_ms: number }> {
  const load = startLoad(stage.bed, victim.site, victim.load);
  try {
    const start_ms = await timeOf(() => restartDaemon(stage));
    let operation_ms = 0;
    const writes = await recordWrites(stage, app, async () => {
      operation_ms = await timeOf(async () => endOf(stage, (await victim.begin(randomUUID())).id));
    });
    return { writes, allowed_ms: Math.max(CONVERGED_MS_MAX, UNDISTURBED_FACTOR * (start_ms + operation_ms)) };
  } finally {
    await load.stop();
  }
}

interface Outcome {
  ended: string;
  failed: number;
  converged_ms: number;
  problems: string[];
}

async function killOnce(world: World, victim: Victim, order: KillOrder, allowed_ms: number): Promise<Outcome> {
  const { stage } = world;
  await victim.prepare();
  const load = startLoad(stage.bed, victim.site, victim.load);
  const problems: string[] = [];
  try {
    const before = await lastOperation(world);
    const killed_ms = await startOfDaemon(stage);
    await arm(stage, order);
    // The answer is lost when the daemon dies first.
    await victim.begin(randomUUID()).catch(() => undefined);
    await until('the kill', async () => hasKilled(stage) || undefined, KILLED_MS_MAX);
    const converged_ms = await convergence(world, killed_ms, allowed_ms, problems);
    const last = await lastOperation(world);
    const ended = last?.id === before?.id ? null : last;
    if (ended !== null && ended.state !== 'succeeded') problems.push(`${ended.kind} ${ended.state}: ${ended.error?.message}`);
    // Killed before its own begin was on the disk, it has never been; later it must not be forgotten.
    if (ended === null && !isBeforeBegin(order)) problems.push('the journal knows nothing of the operation');
    problems.push(...(await wrongAnswers(world)));
    const { failed, failures } = await load.stop();
    if (failed > (victim.lost_max ?? 0)) problems.push(`${failed} requests failed: ${describeFailures(failures)}`);
    problems.push(...(await nextOperation(victim)));
    return { ended: ended === null ? 'never begun' : ended.state, failed, converged_ms, problems };
  } finally {
    await load.stop();
  }
}

const isBeforeBegin = ({ write, phase }: KillOrder) => write === 1 && phase === 'before';

/** Waits until nothing is running or left over; how long that took from the start of the process after the one that began at `killed_ms`. */
async function convergence(
  { stage }: World,
  killed_ms: number | undefined,
  allowed_ms: number,
  problems: string[],
): Promise<number> {
  // systemd may not have seen yet that the old one is dead.
  const restart = async () => {
    const started_ms = await startOfDaemon(stage);
    return started_ms === killed_ms ? undefined : started_ms;
  };
  const started_ms = await until('the restart', restart, RESTARTED_MS_MAX);
  const deadline = performance.now() + WATCHED_MS_MAX;
  // When it came to each state, for evidence.
  const seen: string[] = [];
  let last = '';
  for (;;) {
    // Cheap first: looking at everything takes processor time from what is being waited for.
    const left = await unended(stage)
      .then(async (running) => (running.length > 0 ? running : findProblems(stage)))
      .catch((error: unknown) => [`the daemon: ${String(error)}`]);
    const elapsed_ms = Math.round(monotonicMs() - started_ms);
    const state = left[0] ?? 'done';
    if (state !== last) seen.push(`${elapsed_ms} ms: ${state.slice(0, 80)}`);
    last = state;
    if (left.length === 0) {
      if (elapsed_ms > allowed_ms)
        problems.push(`it took ${elapsed_ms} ms of the ${allowed_ms.toFixed(0)} allowed (${seen.join(', ')})`);
      return elapsed_ms;
    }
    if (performance.now() > deadline) {
      problems.push(...left);
      return elapsed_ms;
    }
    await delay(POLL_MS);
  }
}

async function unended({ client }: Stage): Promise<string[]> {
  const operations = await client.call('listOperations', { query: { state: 'running', limit: 10 } });
  return operations.map(({ kind, steps }) => `${kind} is in ${steps.find(({ state }) => state === 'running')?.name}`);
}

/** Of CLOCK_MONOTONIC, which the server has from this machine. Undefined while systemd waits. */
async function startOfDaemon({ bed }: Pick<Stage, 'bed'>): Promise<number | undefined> {
  const shown = await expectSuccess(bed, [
    'systemctl',
    'show',
    'nextdeployd',
    '--property=ActiveState,ExecMainStartTimestampMonotonic',
  ]);
  const microseconds = Number(/Monotonic=(\d+)/.exec(shown)?.[1] ?? 0);
  return shown.includes('ActiveState=active') ? microseconds / 1000 : undefined;
}

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

const monotonicMs = () => Number(process.hrtime.bigint() / 1_000_000n);

async function lastOperation({ stage, app }: World): Promise<Operation | null> {
  const [last] = await stage.client.call('listOperations', { query: { app_name: app, limit: 1 } });
  return last ?? null;
}

async function nextOperation(victim: Victim): Promise<string[]> {
  try {
    await victim.next();
    return [];
  } catch (error) {
    return [`the next operation: ${error instanceof Error ? error.message : String(error)}`];
  }
}
