/**
 * What to do about an app whose containers are not well (DESIGN §4, auto-heal): restart a container, replace them all, roll back, stop.
 * Pure; times are monotonic milliseconds.
 *
 * Docker itself starts a process again that has ended (`unless-stopped`), so that apps never depend on the daemon. Left to do is what
 * Docker does not: restart what runs and does not answer, start what was stopped, and end what cannot be cured that way.
 *
 * Only a crash loop ends in a stop. An app that runs and is not healthy may wait for what it shares with others, such as a database: new
 * containers are tried once and an earlier release once, then it stays up, is restarted now and then, and is well when that is back.
 */
import {
  afterRestart,
  type ContainerHistory,
  type HealthLimits,
  isComingBack,
  isCrashLooping,
  isDown,
  isGone,
  isUnhealthy,
  isWell,
  LASTING_HEALTH_MS,
  mayRestart,
  mayServe,
  observeContainer,
  RESTARTS_BEFORE_REPLACEMENT,
} from './healing-container.ts';
import { type HealingEvent, healingEvents as tell } from './healing-events.ts';
import { type AppHistory, type AppSight, settle } from './healing-history.ts';

export interface HealingSettings extends HealthLimits {
  app_name: string;
  /** A release that has served before and can be gone back to. */
  previous_release: string | null;
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
  const opened = openIncident(observed, reasons[0], settings, now_ms);
  const escalation = escalate(opened.history, unhealthy, looping, settings, now_ms);
  if (escalation && isEscalationDue(opened.history, now_ms)) {
    const { history: told, events } = opened;
    const escalated = { ...told, escalations: told.escalations + 1, escalated_ms: now_ms };
    return { history: escalated, action: escalation, events };
  }
  const { history: told, events } = giveUp(opened, unhealthy, settings);
  const due = dueForRestart(containers, unhealthy, settings, now_ms);
  if (due.length === 0) return { history: told, action: NONE, events };
  const restarted = due.map(([name, container]) => [name, afterRestart(container, now_ms)] as const);
  const next = { ...told, containers: { ...told.containers, ...Object.fromEntries(restarted) } };
  const actions = due.map(([name, container]) => ({
    id: container.id ?? name,
    event: tell.restarted(settings.app_name, name, container),
  }));
  return { history: next, action: { kind: 'restart', containers: actions }, events };
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

type Told = Pick<Decision, 'history' | 'events'>;

function openIncident(
  history: AppHistory,
  first: readonly [container: string, reason: string] | undefined,
  { app_name }: HealingSettings,
  now_ms: number,
): Told {
  if (history.incident !== null || first === undefined) return { history, events: [] };
  const opened = { ...history, incident: { opened_ms: now_ms, is_given_up: false }, incidents: history.incidents + 1 };
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
    ? { ...closed, incidents: 0, replaced: 'no', escalations: 0, escalated_ms: null, rolled_back: false }
    : closed;
  return { history: forgiven, action: NONE, events };
}

type Named = readonly (readonly [name: string, ContainerHistory])[];

/** What the trouble has come to; null: restarts may still cure it, or nothing else can. */
function escalate(
  history: AppHistory,
  unhealthy: Named,
  looping: Named,
  settings: HealingSettings,
  now_ms: number,
): Exclude<HealingAction, { kind: 'none' | 'restart' }> | null {
  const { app_name } = settings;
  const { release } = history.serving;
  const isTooSoon = history.rolled_back_ms !== null && now_ms - history.rolled_back_ms < ROLLBACK_PAUSE_MS;
  const earlier = isTooSoon ? null : settings.previous_release;
  const crashing = looping[0];
  if (crashing) {
    const [why, reason] = ['keeps crashing', crashing[1].crash_reason ?? crashing[1].reason];
    if (earlier === null) return { kind: 'stop', event: tell.stopping(app_name, why, reason, isTooSoon) };
    return rollBack(settings, release, earlier, why, reason);
  }
  const target = history.rolled_back ? null : earlier;
  const sick = sickAnew(history, unhealthy);
  if (sick && target !== null) {
    return rollBack(settings, release, target, 'is not healthy with new containers either', sick[1].reason);
  }
  const gone = unhealthy.find(([, container]) => isGone(container));
  const lost = gone ?? (sick ? undefined : unhealthy.find(isIncurable));
  if (!lost) return null;
  if (history.replaced === 'impossible' && target !== null) {
    return rollBack(settings, release, target, 'cannot be brought up again', lost[1].reason);
  }
  return { kind: 'replace', event: tell.replacing(app_name, ...lost) };
}

/**
 * Those that are down, and what runs one after the other, so that the others serve meanwhile; all of them where none is left to serve.
 * `all` and `unhealthy`: of the app.
 */
function dueForRestart(all: Named, unhealthy: Named, limits: HealthLimits, now_ms: number): Named {
  const due = unhealthy.filter(([, container]) => container.id !== null && mayRestart(container, now_ms));
  if (!all.some(([, container]) => mayServe(container, limits))) return due;
  const down = due.filter(([, container]) => isDown(container));
  if (down.length > 0 || all.some(([, container]) => isComingBack(container, limits, now_ms))) return down;
  const restartedAt = ([, { restarted_ms }]: Named[number]) => restarted_ms ?? Number.NEGATIVE_INFINITY;
  return due.toSorted((a, b) => Math.sign(restartedAt(a) - restartedAt(b)) || 0).slice(0, 1);
}

/** One that is not healthy although new containers were made, or could not be, because they were not healthy. */
function sickAnew({ replaced }: AppHistory, unhealthy: Named): Named[number] | undefined {
  if (replaced === 'failed') return unhealthy[0];
  return replaced === 'done' ? unhealthy.find(isIncurable) : undefined;
}

function isIncurable([, { restarts }]: Named[number]): boolean {
  return restarts >= RESTARTS_BEFORE_REPLACEMENT;
}

/** Tells once that neither new containers nor an earlier release have helped. */
function giveUp({ history, events }: Told, unhealthy: Named, { app_name, previous_release }: HealingSettings): Told {
  const { incident, rolled_back } = history;
  const sick = sickAnew(history, unhealthy);
  const isTold = incident === null || incident.is_given_up;
  if (isTold || !sick || !(rolled_back || previous_release === null)) return { history, events };
  const event = tell.givenUp(app_name, sick[0], sick[1].reason, rolled_back);
  return { history: { ...history, incident: { ...incident, is_given_up: true } }, events: [...events, event] };
}

function rollBack({ app_name }: HealingSettings, from: string, to: string, why: string, reason: string) {
  return { kind: 'roll_back' as const, release: to, event: tell.rollingBack(app_name, why, reason, { from, to }) };
}

function isEscalationDue({ escalations, escalated_ms }: AppHistory, now_ms: number): boolean {
  if (escalated_ms === null) return true;
  return now_ms - escalated_ms >= Math.min(ESCALATION_PAUSE_MS * 2 ** (escalations - 1), ESCALATION_PAUSE_MS_MAX);
}
