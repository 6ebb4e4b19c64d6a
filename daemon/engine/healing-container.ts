/** What is known of one serving container from looking at it again and again. Pure; times are monotonic milliseconds. */
import type { Inspection } from './ports.ts';

/** What one look saw of one replica. */
export interface ContainerSight {
  name: string;
  /** Null: there is no such container. */
  container: Pick<Inspection, 'id' | 'is_running' | 'restart_count' | 'started_at' | 'exit_code' | 'oom_killed'> | null;
  /** Null: not probed, because it does not run or the app has no health check. */
  probe: { healthy: boolean; detail: string } | null;
}

export interface HealthLimits {
  /** So many failed probes in a row make it unhealthy. */
  retries: number;
  /** So long after a start failures do not count, unless it has been healthy since. */
  start_period_ms: number;
}

export interface ContainerHistory {
  /** Null: it is gone. */
  id: string | null;
  /** Docker's wall clock: only ever compared for being the same. */
  started_at: string | null;
  /** Null: the next one seen is where counting begins. */
  restart_count: number | null;
  /** When we first saw this start; Docker's own time of it is by a clock that may jump. */
  start_seen_ms: number;
  has_been_healthy: boolean;
  failures: number;
  /** Looks in a row that found it not running, or gone. */
  looks_down: number;
  /** Null: not healthy at the last look. */
  healthy_since_ms: number | null;
  /** When it was healthy for the first time after our last restart of it; null: not yet. */
  back_ms: number | null;
  /** Oldest first, at most {@link CRASH_LOOP_COUNT}. */
  crashes_ms: readonly number[];
  /** By us, since it was last healthy for long. */
  restarts: number;
  restarted_ms: number | null;
  /** What was wrong last, for the operator; and how it ended when it crashed last, if it has. */
  reason: string;
  crash_reason: string | null;
}

/**
 * One look may fall between Docker stopping a container and starting it again (`docker restart`, a dockerd that shuts down and still
 * answers); two looks, at least two seconds apart, hardly ever do.
 */
const LOOKS_DOWN = 2;
/** Five in five minutes: Docker's own pauses reset after ten good seconds, so an app that lives for less than a minute gets here. */
export const CRASH_LOOP_COUNT = 5;
const CRASH_LOOP_MS = 5 * 60_000;
/** After this much health the past is forgiven; twice the window of a crash loop, so one cannot hide from it by pausing. */
export const LASTING_HEALTH_MS = 10 * 60_000;
/** A hung process is cured by one restart or two; a third says that the container is not the trouble alone. */
export const RESTARTS_BEFORE_REPLACEMENT = 3;
/** How long the proxies leave out what did not accept a connection (docs/decisions/012). */
const LEFT_OUT_MS = 3_000;
const RESTART_PAUSE_MS = 1_000;
/** Restarts that help nothing cost visitors what the app can still do for them. */
const RESTART_PAUSE_MS_MAX = 5 * 60_000;

/** Takes in one look. `crashes`: how often Docker has started it again since the look before. */
export function observeContainer(
  known: ContainerHistory | undefined,
  sight: ContainerSight,
  limits: HealthLimits,
  now_ms: number,
): { history: ContainerHistory; crashes: number } {
  const before = known ?? unknown(now_ms);
  const { container } = sight;
  if (container === null) {
    return { history: { ...markDown(before), id: null, reason: 'the container is gone' }, crashes: 0 };
  }
  const isSame = container.id === before.id && before.restart_count !== null;
  const crashes = isSame ? Math.max(0, container.restart_count - (before.restart_count ?? 0)) : 0;
  const { id, started_at, restart_count } = container;
  // A start without a grown count is Docker's own coming back, or a restart by hand: that is no crash.
  const isNewStart = id !== before.id || started_at !== before.started_at || crashes > 0;
  let history: ContainerHistory = { ...before, id, started_at, restart_count };
  if (isNewStart) {
    history = { ...history, start_seen_ms: now_ms, has_been_healthy: false, failures: 0, healthy_since_ms: null };
  }
  if (crashes > 0) {
    const reason = `it ${describeEnd(container)} and Docker started it again`;
    history = { ...addCrashes(history, crashes, now_ms), reason, crash_reason: reason };
  }
  if (!container.is_running) return { history: { ...markDown(history), reason: `it ${describeEnd(container)}` }, crashes };
  return { history: observeRunning({ ...history, looks_down: 0 }, sight.probe, limits, now_ms), crashes };
}

function observeRunning(
  history: ContainerHistory,
  probe: ContainerSight['probe'],
  limits: HealthLimits,
  now_ms: number,
): ContainerHistory {
  if (probe === null || probe.healthy) {
    const healthy_since_ms = history.healthy_since_ms ?? now_ms;
    const healthy = { ...history, failures: 0, has_been_healthy: true, healthy_since_ms, back_ms: history.back_ms ?? now_ms };
    return now_ms - healthy_since_ms < LASTING_HEALTH_MS
      ? healthy
      : { ...healthy, crashes_ms: [], restarts: 0, restarted_ms: null };
  }
  const isStarting = !history.has_been_healthy && now_ms - history.start_seen_ms < limits.start_period_ms;
  const unhealthy = { ...history, healthy_since_ms: null };
  // Why it has started again says more than that it is not up yet.
  if (isStarting) return unhealthy;
  return { ...unhealthy, failures: Math.min(history.failures + 1, limits.retries), reason: probe.detail };
}

/** Healthy at the last look. */
export function isWell(history: ContainerHistory): boolean {
  return history.healthy_since_ms !== null;
}

/** As far as can be told: a failed probe or two may be nothing. */
export function mayServe(history: ContainerHistory, limits: Pick<HealthLimits, 'retries'>): boolean {
  return isWell(history) || (history.has_been_healthy && !isUnhealthy(history, limits));
}

/** We have restarted it, and the proxies do not send it anybody again yet. */
export function isComingBack(history: ContainerHistory, limits: Pick<HealthLimits, 'retries'>, now_ms: number): boolean {
  const { restarted_ms, back_ms } = history;
  if (restarted_ms === null || isUnhealthy(history, limits)) return false;
  // By its first health alone: one that fails a probe now and then would keep the others from their turn for ever.
  return back_ms === null || now_ms - back_ms < LEFT_OUT_MS;
}

/** It does not run, beyond doubt. */
export function isDown({ looks_down }: ContainerHistory): boolean {
  return looks_down >= LOOKS_DOWN;
}

/** Beyond doubt: so often in a row that something is to be done. */
export function isUnhealthy(history: ContainerHistory, { retries }: Pick<HealthLimits, 'retries'>): boolean {
  return isDown(history) || history.failures >= retries;
}

export function isGone(history: ContainerHistory): boolean {
  return history.id === null && isDown(history);
}

export function isCrashLooping(history: ContainerHistory, now_ms: number): boolean {
  const { crashes_ms } = history;
  return crashes_ms.length >= CRASH_LOOP_COUNT && crashes_ms.every((at) => now_ms - at < CRASH_LOOP_MS);
}

/** Whether the pause since our last restart of it is over. */
export function mayRestart({ restarts, restarted_ms }: ContainerHistory, now_ms: number): boolean {
  if (restarted_ms === null) return true;
  return now_ms - restarted_ms >= Math.min(RESTART_PAUSE_MS * 2 ** (restarts - 1), RESTART_PAUSE_MS_MAX);
}

/** We restart it now. That is no crash: what its health depends on may be down, and then no restart helps. */
export function afterRestart(history: ContainerHistory, now_ms: number): ContainerHistory {
  return { ...startingAgain(history, now_ms), restarts: history.restarts + 1, restarted_ms: now_ms };
}

/** Nothing that was seen just now is held against it, and it has its start period again. */
export function startingAgain(history: ContainerHistory, now_ms: number): ContainerHistory {
  const clean = { failures: 0, looks_down: 0, healthy_since_ms: null, back_ms: null, has_been_healthy: false };
  return { ...history, ...clean, restart_count: null, start_seen_ms: now_ms };
}

function unknown(now_ms: number): ContainerHistory {
  return {
    id: null,
    started_at: null,
    restart_count: null,
    start_seen_ms: now_ms,
    has_been_healthy: false,
    failures: 0,
    looks_down: 0,
    healthy_since_ms: null,
    back_ms: null,
    crashes_ms: [],
    restarts: 0,
    restarted_ms: null,
    reason: '',
    crash_reason: null,
  };
}

function markDown(history: ContainerHistory): ContainerHistory {
  return { ...history, looks_down: Math.min(history.looks_down + 1, LOOKS_DOWN), healthy_since_ms: null, failures: 0 };
}

function addCrashes(history: ContainerHistory, count: number, now_ms: number): ContainerHistory {
  const added = Array.from({ length: Math.min(count, CRASH_LOOP_COUNT) }, () => now_ms);
  return { ...history, crashes_ms: [...history.crashes_ms, ...added].slice(-CRASH_LOOP_COUNT) };
}

function describeEnd({ oom_killed, exit_code, is_running }: NonNullable<ContainerSight['container']>): string {
  if (oom_killed) return 'ran out of memory and was killed';
  // Of one that runs again Docker no longer tells it.
  return exit_code === null || (is_running && exit_code === 0) ? 'ended' : `ended with exit code ${exit_code}`;
}
