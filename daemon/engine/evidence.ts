/** What is kept of a failed step for the operator (DESIGN §3): what was seen, and what its container looks like now. */
import type { Evidence } from '../contract/domain.ts';
import { DomainError } from '../contract/errors.ts';
import { LIMITS } from '../contract/limits.ts';
import { withExplanation } from './explain-exit.ts';
import type { World } from './ports.ts';
import type { Failure } from './saga.ts';
import type { OperationRecord } from './state.ts';
import type { ContainerPlan, Step } from './steps.ts';

/** Of several containers, the one that the failure is about, or else the first. Never rejects. */
export async function gatherEvidence(...parts: Parameters<typeof gather>): Promise<Evidence> {
  return withExplanation(await gather(...parts));
}

async function gather(
  operation: OperationRecord,
  step: Step,
  { message, evidence, container }: Failure,
  { containers }: Pick<World, 'containers'>,
  signal: AbortSignal,
): Promise<Evidence> {
  const nothing = { log_tail: [], exit_code: null, oom_killed: false };
  const told = { step: step.name, reason: message, probes: [], ...nothing };
  const [first] = newContainersOf(operation);
  const name = container ?? first?.name;
  if (name === undefined) return { ...told, ...evidence };
  try {
    const observed = await containers.inspect(name, signal);
    if (!observed) return { ...told, ...evidence };
    const log_tail = await containers.logTail(name, LIMITS.evidence_log_lines, signal);
    const { exit_code, oom_killed, is_running } = observed;
    return { ...told, log_tail, exit_code: is_running ? null : exit_code, oom_killed, ...evidence };
  } catch (error) {
    const detail = error instanceof DomainError ? error.message : 'the container could not be examined';
    return { ...told, log_tail: [`(${detail})`], ...evidence };
  }
}

/** Those that the operation has made; before that the slot may hold another's. */
function newContainersOf(operation: OperationRecord): readonly ContainerPlan[] {
  const made = operation.steps.find(({ step, state }) => step.name === 'create' && state === 'done');
  return made?.step.name === 'create' ? made.step.containers : [];
}
