/**
 * What to do about an app whose containers are not well (DESIGN §4, auto-heal): restart a container, replace them all, roll back, stop.
 * Pure; times are monotonic milliseconds.
 *
 * Docker itself starts a process again that has ended (`unless-stopped`), so that apps never depend on the daemon. Left to do is what
 * Docker does not: restart what runs and does not answer, start what was stopped, and end what cannot be cured that way.
 */
import type { Operation } from '../contract/domain.ts';
import type { Slot } from '../contract/names.ts';
import {
  afterRestart,
  type ContainerHistory,
  type ContainerSight,
  type HealthLimits,
  isCrashLooping,
  isGone,
  isUnhealthy,
  isWell,
  LASTING_HEALTH_MS,
  mayRestart,
  observeContainer,
  RESTARTS_BEFORE_REPLACEMENT,
  startingAgain,
} from './healing-container.ts';
import { type HealingEvent, healingEvents as tell } from './healing-events.ts';

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

export interface HealingSettings extends HealthLimits {
  app_name: string;
  /** A release that has served before and can be gone back to. */
  previous_release: string | null;
}

export type Escalation = 'replace' | 'roll_back' | 'stop';

export interface AppHistory {
  serving: Serving;
  /** By name; only those of the last look. */
  containers: Readonly<Record<string, ContainerHistory>>;
  /** From the first trouble until it is told that the app has recovered. */
  incident: { opened_ms: number } | null;
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
  rolled_back_ms: number | null;
}

export type HealingAction =
  | { kind: 'none' }
  | { kind: 'restart'; containers: { id: string; event: HealingEvent }[] }
  | { kind: 'replace' | 'stop'; event: HealingEvent }
  | { kind: 'roll_back'; release: string; event: HealingEvent };

export interface Decision {
  history: AppHistory;
  action: HealingAction;
  /** To tell now. The event of an action is told once it is done. */
  events: HealingEvent[];
}

/** A second one so soon would walk back through releases that served well, for a trouble that is not theirs. */
export const ROLLBACK_PAUSE_MS = 10 * 60_000;
/**
 * Between two of replace, roll back and stop, doubled each time: one that could not be carried out (the proxy is down) is tried again, and does
 * not fill the journal.
 */
export const ESCALATION_PAUSE_MS = 60_000;
const ESCALATION_PAUSE_MS_MAX = 60 * 60_000;
/** How long an app has to be well until that is told, doubled with each relapse: one that flaps does not flood the events. */
export const RECOVERY_MS = 30_000;
/** Steps whose failure shows that the release is sick; and those that show that no containers of it can be made (its image is gone). */
const SICK_STEPS: ReadonlySet<string> = new Set(['probe', 'watch']);
const MAKING_STEPS: ReadonlySet<string> = new Set(['pull', 'create', 'start']);
const NONE: HealingAction = { kind: 'none' };

/** `history` null: at the first look. The app must be idle and wanted running. */
export function decideHealing(history: AppHistory | null, sight: AppSight, settings: HealingSettings, now_ms: number): Decision {
  const { observed, crashed } = observe(settle(history, sight), sight, settings, now_ms);
  const containers = Object.entries(observed.containers);
  const isAllWell = containers.every(([, container]) => isWell(container));
  if (isAllWell && crashed.size === 0) return recover(observed, settings, now_ms);

  const unhealthy = containers.filter(([, container]) => isUnhealthy(container, settings));
  const looping = containers.filter(
    ([name, container]) => (crashed.has(name) || !isWell(container)) && isCrashLooping(container, now_ms),
  );
  const reasons = [
    ...containers.filter(([name]) => crashed.has(name)).map(([name, { crash_reason }]) => [name, crash_reason ?? ''] as const),
    ...unhealthy.map(([name, { reason }]) => [name, reason] as const),
  ];
  const { history: told, events } = openIncident(observed, reasons[0], settings, now_ms);
  const escalation = escalate(told, unhealthy, looping, settings, now_ms);
  if (escalation && isEscalationDue(told, now_ms)) {
    const escalated = { ...told, escalations: told.escalations + 1, escalated_ms: now_ms };
    return { history: escalated, action: escalation, events };
  }
  const due = unhealthy.filter(([, container]) => container.id !== null && mayRestart(container, now_ms));
  if (due.length === 0) return { history: told, action: NONE, events };
  const restarted = due.map(([name, container]) => [name, afterRestart(container, now_ms)] as const);
  const next = { ...told, containers: { ...told.containers, ...Object.fromEntries(restarted) } };
  const actions = due.map(([name, container]) => ({
    id: container.id ?? name,
    event: tell.restarted(settings.app_name, name, container),
  }));
  return { history: next, action: { kind: 'restart', containers: actions }, events };
}

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
  };
}

/** Draws the conclusion from an operation of ours that has ended, and forgets what is not there any more. */
function settle(history: AppHistory | null, { serving, ended }: AppSight): AppHistory {
  if (history === null) return begin(serving, null);
  const { pending, rolled_back_ms } = history;
  const isSameRelease = history.serving.release === serving.release;
  if (pending === null) return isSameRelease && history.serving.slot === serving.slot ? history : begin(serving, rolled_back_ms);
  const { incident, incidents, escalations, escalated_ms } = history;
  const anew = { ...begin(serving, rolled_back_ms), incident, incidents, escalations, escalated_ms };
  const isEnded = ended?.id === pending.operation_id;
  const hasSucceeded = isEnded && ended.state === 'succeeded';
  if (pending.kind !== 'replace') return hasSucceeded ? { ...anew, escalations: 0, escalated_ms: null } : anew;
  if (!isSameRelease) return begin(serving, rolled_back_ms);
  if (hasSucceeded) return { ...anew, replaced: 'done' };
  const kept = { ...history, serving, pending: null };
  const step = isEnded && ended.state !== 'cancelled' ? (ended.error?.step ?? '') : '';
  if (SICK_STEPS.has(step)) return { ...kept, replaced: 'failed', escalated_ms: null };
  return MAKING_STEPS.has(step) ? { ...kept, replaced: 'impossible' } : kept;
}

function observe(
  history: AppHistory,
  sight: AppSight,
  settings: HealingSettings,
  now_ms: number,
): { observed: AppHistory; crashed: Set<string> } {
  const seen = sight.replicas.map((replica) => {
    return [replica.name, observeContainer(history.containers[replica.name], replica, settings, now_ms)] as const;
  });
  const containers = Object.fromEntries(seen.map(([name, { history: container }]) => [name, container]));
  const crashed = new Set(seen.filter(([, { crashes }]) => crashes > 0).map(([name]) => name));
  const isAllWell = crashed.size === 0 && Object.values(containers).every(isWell);
  const healthy_since_ms = isAllWell ? (history.healthy_since_ms ?? now_ms) : null;
  return { observed: { ...history, containers, healthy_since_ms }, crashed };
}

function openIncident(
  history: AppHistory,
  first: readonly [container: string, reason: string] | undefined,
  { app_name }: HealingSettings,
  now_ms: number,
) {
  if (history.incident !== null || first === undefined) return { history, events: [] };
  const opened = { ...history, incident: { opened_ms: now_ms }, incidents: history.incidents + 1 };
  return { history: opened, events: [tell.unhealthy(app_name, ...first)] };
}

function recover(history: AppHistory, settings: HealingSettings, now_ms: number): Decision {
  const healthy_ms = now_ms - (history.healthy_since_ms ?? now_ms);
  const { incident } = history;
  const needed_ms = Math.min(RECOVERY_MS * 2 ** (history.incidents - 1), LASTING_HEALTH_MS);
  const isOver = incident !== null && healthy_ms >= needed_ms;
  const closed: AppHistory = isOver ? { ...history, incident: null } : history;
  const events = isOver ? [tell.recovered(settings.app_name, now_ms - healthy_ms - incident.opened_ms)] : [];
  const hasLasted = healthy_ms >= LASTING_HEALTH_MS;
  const forgiven: AppHistory = hasLasted
    ? { ...closed, incidents: 0, replaced: 'no', escalations: 0, escalated_ms: null }
    : closed;
  return { history: forgiven, action: NONE, events };
}

type Named = readonly (readonly [name: string, ContainerHistory])[];

/** What the trouble has come to; null: restarts may still cure it. */
function escalate(
  history: AppHistory,
  unhealthy: Named,
  looping: Named,
  settings: HealingSettings,
  now_ms: number,
): Exclude<HealingAction, { kind: 'none' | 'restart' }> | null {
  const incurable = unhealthy.filter(([, { restarts }]) => restarts >= RESTARTS_BEFORE_REPLACEMENT);
  const gone = unhealthy.filter(([, container]) => isGone(container));
  const hasFailedAnew = history.replaced === 'failed' ? unhealthy : history.replaced === 'done' ? incurable : [];
  const sick = looping[0] ?? hasFailedAnew[0];
  const incurableOrGone = gone[0] ?? incurable[0];
  const { app_name, previous_release } = settings;
  const isTooSoon = history.rolled_back_ms !== null && now_ms - history.rolled_back_ms < ROLLBACK_PAUSE_MS;
  const target = isTooSoon ? null : previous_release;
  if (sick) {
    const why = looping.length > 0 ? 'keeps crashing' : 'is not healthy with new containers either';
    const reason = (looping.length > 0 ? sick[1].crash_reason : null) ?? sick[1].reason;
    if (target === null) return { kind: 'stop', event: tell.stopping(app_name, why, reason, isTooSoon) };
    return rollBack(settings, history.serving.release, target, why, reason);
  }
  if (!incurableOrGone) return null;
  if (history.replaced === 'impossible' && target !== null) {
    return rollBack(settings, history.serving.release, target, 'cannot be brought up again', incurableOrGone[1].reason);
  }
  return { kind: 'replace', event: tell.replacing(app_name, ...incurableOrGone) };
}

function rollBack({ app_name }: HealingSettings, from: string, to: string, why: string, reason: string) {
  return { kind: 'roll_back' as const, release: to, event: tell.rollingBack(app_name, why, reason, { from, to }) };
}

function isEscalationDue({ escalations, escalated_ms }: AppHistory, now_ms: number): boolean {
  if (escalated_ms === null) return true;
  return now_ms - escalated_ms >= Math.min(ESCALATION_PAUSE_MS * 2 ** (escalations - 1), ESCALATION_PAUSE_MS_MAX);
}

function mapContainers(history: AppHistory, change: (container: ContainerHistory) => ContainerHistory): AppHistory {
  const containers = Object.entries(history.containers).map(([name, container]) => [name, change(container)] as const);
  return { ...history, containers: Object.fromEntries(containers), healthy_since_ms: null };
}
