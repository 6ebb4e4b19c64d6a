/** What the supervisor knows of an app between two looks, and what its own operations have taught it. Pure; times are monotonic milliseconds. */
import type { Operation } from '../contract/domain.ts';
import type { Slot } from '../contract/names.ts';
import { type ContainerHistory, type ContainerSight, startingAgain } from './healing-container.ts';

/** Another one means that somebody has put new containers in place of those that are known. */
export interface Serving {
  release: string;
  slot: Slot;
}

/** What one look saw of an app that no operation is working on. */
export interface AppSight {
  serving: Serving;
  /** One per replica that there should be. */
  replicas: readonly ContainerSight[];
  /** How the operation ended that {@link noteBegun} told of; null: none was begun, or nothing is known of it any more. */
  ended: Pick<Operation, 'id' | 'state' | 'error'> | null;
}

export type Escalation = 'replace' | 'roll_back' | 'stop';

export interface AppHistory {
  serving: Serving;
  /** By name; only those of the last look. */
  containers: Readonly<Record<string, ContainerHistory>>;
  /** From the first trouble until it is told that the app has recovered. `is_given_up`: it is told that nothing has helped. */
  incident: { opened_ms: number; is_given_up: boolean } | null;
  /** Incidents since it was last healthy for long. */
  incidents: number;
  healthy_since_ms: number | null;
  /**
   * Whether the containers were replaced since the app was last healthy for long. `failed`: new ones of this release were not healthy.
   * `impossible`: there could be none.
   */
  replaced: 'no' | 'done' | 'failed' | 'impossible';
  pending: { kind: Escalation; operation_id: string } | null;
  /** Since the app was last healthy for long. */
  escalations: number;
  escalated_ms: number | null;
  /** When a rollback was begun last. */
  rolled_back_ms: number | null;
  /** Whether an earlier release was tried since the app was last healthy for long. */
  rolled_back: boolean;
}

/** Steps whose failure shows that the release is sick; and those that show that no containers of it can be made (its image is gone). */
const SICK_STEPS: ReadonlySet<string> = new Set(['probe', 'watch']);
const MAKING_STEPS: ReadonlySet<string> = new Set(['pull', 'create', 'start']);

/** The action has become this operation. */
export function noteBegun(history: AppHistory, kind: Escalation, operation_id: string, now_ms: number): AppHistory {
  return { ...history, pending: { kind, operation_id }, rolled_back_ms: kind === 'roll_back' ? now_ms : history.rolled_back_ms };
}

/** After a time in which Docker did not answer: its containers may have been started again with it. */
export function afterOutage(history: AppHistory, now_ms: number): AppHistory {
  return mapContainers(history, (container) => startingAgain(container, now_ms));
}

/** After a time in which nobody looked: what Docker has counted meanwhile says nothing about now. */
export function afterPause(history: AppHistory): AppHistory {
  return mapContainers(history, (container) => ({ ...container, restart_count: null }));
}

function begin(serving: Serving, rolled_back_ms: number | null): AppHistory {
  return {
    serving,
    containers: {},
    incident: null,
    incidents: 0,
    healthy_since_ms: null,
    replaced: 'no',
    pending: null,
    escalations: 0,
    escalated_ms: null,
    rolled_back_ms,
    rolled_back: false,
  };
}

/** Draws the conclusion from an operation of ours that has ended, and forgets what is not there any more. */
export function settle(history: AppHistory | null, { serving, ended }: AppSight): AppHistory {
  if (history === null) return begin(serving, null);
  const { pending, rolled_back_ms } = history;
  const isSameRelease = history.serving.release === serving.release;
  if (pending === null) return isSameRelease && history.serving.slot === serving.slot ? history : begin(serving, rolled_back_ms);
  const { incident, incidents, escalations, escalated_ms, rolled_back } = history;
  const anew = { ...begin(serving, rolled_back_ms), incident, incidents, escalations, escalated_ms, rolled_back };
  const isEnded = ended?.id === pending.operation_id;
  const hasSucceeded = isEnded && ended.state === 'succeeded';
  const step = isEnded && ended.state !== 'cancelled' ? (ended.error?.step ?? '') : '';
  if (pending.kind !== 'replace') {
    // A rollback brings new containers, too.
    if (hasSucceeded) return { ...anew, replaced: 'done', rolled_back: true, escalations: 0, escalated_ms: null };
    return { ...anew, replaced: history.replaced, rolled_back: rolled_back || SICK_STEPS.has(step) };
  }
  if (!isSameRelease) return begin(serving, rolled_back_ms);
  if (hasSucceeded) return { ...anew, replaced: 'done' };
  const kept = { ...history, serving, pending: null };
  // What that calls for, a rollback, need not wait.
  if (SICK_STEPS.has(step))
    return { ...kept, replaced: 'failed', escalated_ms: history.replaced === 'failed' ? escalated_ms : null };
  return MAKING_STEPS.has(step) ? { ...kept, replaced: 'impossible' } : kept;
}

function mapContainers(history: AppHistory, change: (container: ContainerHistory) => ContainerHistory): AppHistory {
  const containers = Object.entries(history.containers).map(([name, container]) => [name, change(container)] as const);
  return { ...history, containers: Object.fromEntries(containers), healthy_since_ms: null };
}
