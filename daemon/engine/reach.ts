/** Where an app is reached, slot by slot, as an operation on it goes on: what the prefixes of other sites lead to. */
import type { Slot } from '../contract/names.ts';
import type { Journal } from './ports.ts';
import { upstreamsOf } from './routing.ts';
import { slotAddress } from './slots.ts';
import { type AppRecord, isSlot, type OperationRecord, otherSlot, type RouteModel, type StepRecord } from './state.ts';
import type { ContainerPlan, StepOf } from './steps.ts';
import type { PlanSettings } from './templates.ts';

type Upstreams = RouteModel['upstreams'];

/**
 * Null for an app of which nothing serves or served. While a release is being switched to, each slot is what stands there: whichever of them
 * the marker says, it is there. Goes by what the journal says alone, so that it is the same before and after a crash.
 */
export function reachOf(
  name: string,
  journal: Pick<Journal, 'getApp' | 'getRelease' | 'listOperations'>,
  settings: PlanSettings,
): Upstreams | null {
  const app = journal.getApp(name);
  const [operation] = journal.listOperations({ app_name: name, state: 'running', limit: 1 });
  const found = operation ? stepOf(operation.steps, 'switch') : null;
  const switched = app && operation && found && switchUnderWay(app, found, operation, settings);
  if (switched) return switched;
  // What is being taken back is kept of the app until it has been.
  const isGoingBack = found !== null && (found.record.undo === 'running' || found.record.undo === 'failed');
  const serving = isGoingBack ? found.step.from : app;
  const live = serving?.release ? journal.getRelease(name, serving.release) : null;
  if (!app || !live) return null;
  const replicas = isGoingBack ? found.step.from.replicas : replicasOf(app, operation);
  return upstreamsOf(app, live.configuration, replicas, settings);
}

/** Null: it has not begun, is being taken back, or what came of it is what is kept of the app. */
function switchUnderWay(
  app: AppRecord,
  { record, step }: { record: StepRecord; step: StepOf<'switch'> },
  { steps }: OperationRecord,
  settings: PlanSettings,
): Upstreams | null {
  const isOver = steps.some((one) => one.step.name === 'retire' && one.state !== 'pending');
  if (!isStanding(record) || isOver) return null;
  const { to, from, containers, replaces } = step;
  if (!isSlot(to.marker) || containers.length === 0) return null;
  const other = otherSlot(to.marker);
  const old = isSlot(from.marker) && replaces !== null ? replaces.containers : mirrored(app, other, containers, settings);
  return { [to.marker]: addressesOf(containers), [other]: addressesOf(old) } as Upstreams; // the two slots that there are
}

function replicasOf(app: AppRecord, operation: OperationRecord | undefined): number {
  const found = operation ? stepOf(operation.steps, 'scale') : null;
  if (found === null || found.record.state === 'pending') return app.replicas;
  return isStanding(found.record) ? found.step.to : found.step.from;
}

/** It was begun, and is not being taken back. */
const isStanding = ({ state, undo }: StepRecord) => state !== 'pending' && state !== 'skipped' && undo === 'none';

function stepOf<N extends 'switch' | 'scale'>(
  steps: readonly StepRecord[],
  name: N,
): { record: StepRecord; step: StepOf<N> } | null {
  const record = steps.find(({ step }) => step.name === name);
  return record ? { record, step: record.step as StepOf<N> } : null; // found by that name
}

/** The same containers in the other slot. */
function mirrored(app: AppRecord, slot: Slot, containers: readonly ContainerPlan[], { subnet }: PlanSettings): ContainerPlan[] {
  return containers.map((plan, replica) => ({ ...plan, address: slotAddress(subnet, app.index, slot, replica) }));
}

function addressesOf(containers: readonly ContainerPlan[]): string[] {
  return containers.map(({ address, port }) => `${address}:${port}`);
}
