/** One-off commands in a container of the new image, such as migrations: never begun twice, even across a restart of the daemon. */
import { isDeepStrictEqual } from 'node:util';
import { DomainError } from '../contract/errors.ts';
import { LIMITS } from '../contract/limits.ts';
import type { ContainerSpec, ExitState, World } from './ports.ts';
import { type StepContext, StepFailure, type StepResult } from './saga.ts';
import type { OperationRecord } from './state.ts';
import type { StepOf } from './steps.ts';

const RETRY_MS = 500;

/** Runs the command, or waits for the one that an earlier run of the daemon began; its container stays until the operation has ended. */
export async function runHook(
  { template, container: name, hook }: StepOf<'pre_switch'>,
  secrets: ContainerSpec['secrets'],
  { containers, clock }: Pick<World, 'containers' | 'clock'>,
  { output, signal, report }: StepContext,
): Promise<StepResult> {
  const { image_id } = output;
  if (image_id === undefined) throw new Error('the image has not been pulled yet');
  const role = { kind: 'hook', hook: name.endsWith('post-switch') ? 'post_switch' : 'pre_switch' } as const;
  await containers.create({ ...template, name, address: null, image_id, role, secrets, command: hook.command }, signal);
  const made = await containers.inspect(name, signal);
  if (made !== null && !made.is_running && made.started_at === null) await containers.start(name, signal);
  const started = clock.monotonicMs();
  const ended = new AbortController();
  const shown = showOutput(name, { containers, clock, report }, AbortSignal.any([signal, ended.signal]));
  const exit = await waitWithin(name, clock.timeout(hook.timeout_ms), { containers, clock }, signal).finally(() => ended.abort());
  await shown;
  // How it ended is known: that Docker has gone away since makes no other end of it.
  const lines = await containers.logTail(name, LIMITS.hook_output_lines, signal).catch(() => []);
  signal.throwIfAborted();
  const command = hook.command.join(' ');
  if (exit === null) {
    throw new StepFailure(`\`${command}\` did not end within ${hook.timeout_ms / 1000} s.`, { log_tail: lines });
  }
  if (exit.exit_code === 0) {
    const seconds = ((clock.monotonicMs() - started) / 1000).toFixed(1);
    return { detail: `\`${command}\` succeeded in ${seconds} s`, output: { lines } };
  }
  const why = exit.oom_killed ? 'ran out of memory' : `ended with exit code ${exit.exit_code ?? 'unknown'}`;
  throw new StepFailure(`\`${command}\` ${why}; its last lines say more.`, { ...exit, log_tail: lines });
}

/** Reports its last lines once a second, where there are others; until it is aborted. Never rejects: the end comes with all of them. */
async function showOutput(
  name: string,
  { containers, clock, report }: Pick<World, 'containers' | 'clock'> & Pick<StepContext, 'report'>,
  signal: AbortSignal,
): Promise<void> {
  let last: readonly string[] = [];
  for (;;) {
    await clock.sleep(LIMITS.progress_interval_ms, signal).catch(() => undefined);
    if (signal.aborted) return;
    const tail = await containers.logTail(name, LIMITS.hook_progress_lines, signal).catch(() => null);
    if (signal.aborted) return;
    const lines = tail?.map((line) => line.slice(0, LIMITS.hook_progress_line_characters)) ?? last;
    if (isDeepStrictEqual(lines, last)) continue;
    last = lines;
    report({ lines: [...lines] });
  }
}

const REMOVAL_DEADLINE_MS = 10_000;
const REMOVAL_ATTEMPTS = 2;

/**
 * Of an operation that has ended: its commands' containers stay until then, so that none is run twice. What cannot be removed is told, and is
 * an orphan of the next start.
 */
export async function removeHooks(
  { id, app_name, steps }: OperationRecord,
  { containers, clock }: Pick<World, 'containers' | 'clock'>,
  stopping: AbortSignal,
  onFailure: (error: unknown, container: string) => void,
): Promise<void> {
  for (const { step, state, undo } of steps) {
    const isHook = step.name === 'pre_switch' || step.name === 'post_switch';
    if (!isHook || state === 'skipped' || undo === 'done') continue;
    const target = { name: step.container, app_name, operation_id: id };
    for (let count = 1; count <= REMOVAL_ATTEMPTS; count += 1) {
      try {
        await containers.remove(target, 0, AbortSignal.any([stopping, clock.timeout(REMOVAL_DEADLINE_MS)]));
        break;
      } catch (error) {
        if (stopping.aborted) return;
        if (count === REMOVAL_ATTEMPTS) onFailure(error, step.container);
      }
    }
  }
}

/** Null: the time is up. */
async function waitWithin(
  name: string,
  timeout: AbortSignal,
  { containers, clock }: Pick<World, 'containers' | 'clock'>,
  signal: AbortSignal,
): Promise<ExitState | null> {
  const either = AbortSignal.any([signal, timeout]);
  for (;;) {
    try {
      return await containers.waitForExit(name, either);
    } catch (error) {
      // Docker went away while it was asked: what has been begun may live on, and is not to be cut off for that.
      const isAway = error instanceof DomainError && error.code === 'unavailable';
      if (!either.aborted && !isAway) throw error;
    }
    await clock.sleep(RETRY_MS, either).catch(() => undefined);
    signal.throwIfAborted();
    if (timeout.aborted) return null;
  }
}
