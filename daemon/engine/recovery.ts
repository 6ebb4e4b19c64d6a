/** What to do at start with what an earlier run of the daemon left. Decisions alone; the engine acts on them. */
import { hasWayBack } from './journal.ts';
import type { Journal, ObservedContainer } from './ports.ts';
import { replicaNames } from './slots.ts';
import type { AppRecord, OperationRecord } from './state.ts';
import type { StepOf } from './steps.ts';

export type Recovery =
  /** Go on where the journal ends, after starting these containers again. */
  { kind: 'resume'; restart: string[] } | { kind: 'unwind'; message: string };

const LOST = 'The daemon stopped in mid-operation and the new containers did not survive';

/**
 * For an operation that was running. The journal alone says where to go on, unless new containers have died meanwhile (a reboot: until they
 * serve, Docker does not bring them back). Then what was there before is the better choice, as long as it is there.
 */
export function decideRecovery(record: OperationRecord, observed: readonly ObservedContainer[]): Recovery {
  const started = record.steps.find(({ step }) => step.name === 'start');
  if (record.direction === 'unwind' || started?.state !== 'done') return { kind: 'resume', restart: [] };

  const isRunning = (name: string) => observed.some((container) => container.name === name && container.is_running);
  const { containers } = started.step as StepOf<'start'>; // found by that name
  const dead = containers.filter((plan) => !isRunning(plan.name)).map((plan) => plan.name);
  if (dead.length === 0) return { kind: 'resume', restart: [] };
  return isBetterUndone(record, isRunning)
    ? { kind: 'unwind', message: `${LOST}; what was there before serves on.` }
    : { kind: 'resume', restart: dead };
}

/** Of one whose new containers are dead. */
function isBetterUndone(record: OperationRecord, isRunning: (name: string) => boolean): boolean {
  if (!hasWayBack(record)) return false;
  const { steps } = record;
  const isProbed = steps.some(({ step, state }) => step.name === 'probe' && state === 'done');
  const switching = steps.find(({ step }) => step.name === 'switch');
  // In scaling, the others serve; started again before the probe, the new ones are asked anew.
  if (switching === undefined) return isProbed;
  const { replaces } = switching.step as StepOf<'switch'>; // found by that name
  if (switching.state === 'pending') return isProbed || replaces !== null;
  return replaces?.containers.every((plan) => isRunning(plan.name)) ?? false;
}

/** So far back an operation that got stuck matters, unless the app was brought up since. */
const HISTORY = 20;

/** Whether proxy and page are as kept of the app: an operation that got stuck may have left them otherwise. */
export function isAsKept(app_name: string, journal: Pick<Journal, 'listOperations'>): boolean {
  for (const { state, steps } of journal.listOperations({ app_name, limit: HISTORY })) {
    if (state === 'stuck') return false;
    // A bring-up has told the proxy anew.
    if (state === 'succeeded' && steps.some(({ step }) => step.name === 'switch' && step.to.marker !== 'stopped')) return true;
  }
  return true;
}

/**
 * A container of the app that an operation made of which nothing is kept, where its own containers are not there: the database was restored
 * from an older copy, and what the app seems not to need is what serves it. Null: none. With its own containers there, the other one is left
 * of an earlier app of that name.
 */
export function findForgotten(
  app: AppRecord,
  containers: readonly ObservedContainer[],
  journal: Pick<Journal, 'getOperation'>,
): ObservedContainer | null {
  const replicas = containers.filter(({ app_name, role }) => app_name === app.name && role === 'replica');
  if (replicas.some(({ release, slot }) => release === app.release && slot === app.slot)) return null;
  return replicas.find(({ operation_id }) => journal.getOperation(operation_id) === null) ?? null;
}

export function describeOlderRecord({ name }: AppRecord, { release, operation_id }: ObservedContainer): string {
  const remedy = `Restore the newer database, or deploy ${name} anew, which may interrupt it`;
  return `The database is older than what runs: ${name} has a container of ${release}, and nothing is known of the operation that made it (${operation_id}). ${name} is left as it is. ${remedy}.`;
}

/**
 * Our containers that no app needs: in a slot that is not live, beyond the replicas, or of a one-off command, of an app that is known and
 * idle. Containers of unknown apps are never among them, nor those of apps with forgotten ones: if the database was lost or swapped, they are
 * somebody's live sites.
 */
export function findOrphans(
  containers: readonly ObservedContainer[],
  apps: readonly AppRecord[],
  running: readonly Pick<OperationRecord, 'app_name'>[],
  journal: Pick<Journal, 'getOperation'>,
): ObservedContainer[] {
  return containers.filter((container) => {
    const app = apps.find((candidate) => candidate.name === container.app_name);
    if (!app || running.some((operation) => operation.app_name === app.name)) return false;
    if (findForgotten(app, containers, journal) !== null) return false;
    if (app.slot === null || app.wanted !== 'running' || app.release !== container.release) return true;
    const { name, slot, replicas } = app;
    const live = replicaNames(name, slot, replicas);
    return container.role !== 'replica' || !live.includes(container.name);
  });
}
