/** What to do at start with what an earlier run of the daemon left. Pure decisions; the engine acts on them. */
import type { ObservedContainer } from './ports.ts';
import { replicaNames } from './slots.ts';
import type { AppRecord, OperationRecord } from './state.ts';
import type { StepOf } from './steps.ts';

export type Recovery =
  /** Go on where the journal ends, after starting these containers again. */
  { kind: 'resume'; restart: string[] } | { kind: 'unwind'; message: string };

const LOST = 'The daemon stopped in mid-operation and the new container did not survive; the release before it serves on.';

/**
 * For an operation that was running. The journal alone says where to go on, unless the new container has died meanwhile (a reboot: until
 * the switch Docker does not bring it back). Then the old one is the better choice as long as it runs.
 */
export function decideRecovery(record: OperationRecord, observed: readonly ObservedContainer[]): Recovery {
  const resume: Recovery = { kind: 'resume', restart: [] };
  if (record.direction === 'unwind') return resume;
  const started = record.steps.find(({ step }) => step.name === 'start');
  const switching = record.steps.find(({ step }) => step.name === 'switch');
  if (started?.state !== 'done') return resume;

  const isRunning = (name: string) => observed.some((container) => container.name === name && container.is_running);
  const { containers } = started.step as StepOf<'start'>; // found by that name
  const dead = containers.filter((plan) => !isRunning(plan.name)).map((plan) => plan.name);
  if (dead.length === 0) return resume;
  if (switching === undefined) return { kind: 'resume', restart: dead };
  if (switching.state === 'pending') return { kind: 'unwind', message: LOST };

  const { replaces } = switching.step as StepOf<'switch'>; // found by that name
  const hasNoWayBack = record.steps.some(({ step, state }) => step.on_failure === 'stuck' && state !== 'pending');
  const isOldThere = replaces.length > 0 && replaces.every((plan) => isRunning(plan.name));
  return isOldThere && !hasNoWayBack ? { kind: 'unwind', message: LOST } : { kind: 'resume', restart: dead };
}

/**
 * Our containers that no app needs: in a slot that is not live, beyond the replicas, or of a one-off command, of an app that is known and
 * idle. Containers of unknown apps are never
 * among them: if the database was lost or swapped, they are somebody's live sites.
 */
export function findOrphans(
  containers: readonly ObservedContainer[],
  apps: readonly AppRecord[],
  running: readonly Pick<OperationRecord, 'app_name'>[],
): ObservedContainer[] {
  return containers.filter((container) => {
    const app = apps.find((candidate) => candidate.name === container.app_name);
    if (!app || running.some((operation) => operation.app_name === app.name)) return false;
    if (app.slot === null || app.wanted !== 'running' || app.release !== container.release) return true;
    const { name, slot, replicas } = app;
    const live = replicaNames(name, slot, replicas);
    return container.role !== 'replica' || !live.includes(container.name);
  });
}
