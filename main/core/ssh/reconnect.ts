/**
 * When a host is connected, and what happens next: a state machine as one pure function, and the back-off it uses. The session
 * (../session.ts) carries out the effects.
 */
import type { SshFailure } from './failures.ts';

export const BACKOFF = {
  delay_ms_min: 500,
  delay_ms_max: 30_000,
  /** About an hour and a half of trying; then the operator is asked. */
  attempts_max: 200,
  /** A connection that lasted less than this does not start the count afresh. */
  stable_ms: 30_000,
} as const;

export type Phase =
  | { kind: 'disconnected' }
  | { kind: 'connecting' }
  /** `attempt`: which one of a row succeeded; 0 when the operator connected. */
  | { kind: 'connected'; since_ms: number; attempt: number }
  /** Lost, and waiting for the next attempt at `next_at_ms`, or (`isTrying`) in the middle of it. */
  | { kind: 'reconnecting'; attempt: number; next_at_ms: number; isTrying: boolean; message: string }
  | { kind: 'stopped'; failure: SshFailure };

export type PhaseEvent =
  | { type: 'connect_requested' }
  | { type: 'disconnect_requested' }
  | { type: 'opened' }
  | { type: 'attempt_failed'; failure: SshFailure }
  | { type: 'lost'; message: string }
  | { type: 'retry_due' };

export type Effect = { do: 'nothing' } | { do: 'open' } | { do: 'close' } | { do: 'schedule'; delay_ms: number };

export interface Transition {
  phase: Phase;
  effect: Effect;
}

/**
 * The wait before attempt number `attempt` (from 1): doubling up to a bound, of which a random half is taken off so that consoles do not
 * all come back at once. `random` is in [0, 1).
 */
export function backoffDelay(attempt: number, random: number): number {
  const full = Math.min(BACKOFF.delay_ms_max, BACKOFF.delay_ms_min * 2 ** Math.min(attempt - 1, 20));
  return Math.round(full * (1 - random / 2));
}

/** Events that do not fit the phase (a timer that fires late, an attempt that ends after a disconnect) change nothing. */
export function nextPhase(phase: Phase, event: PhaseEvent, now_ms: number, random: number): Transition {
  switch (event.type) {
    case 'connect_requested': {
      const isBusy =
        phase.kind === 'connected' || phase.kind === 'connecting' || (phase.kind === 'reconnecting' && phase.isTrying);
      return isBusy ? stay(phase) : { phase: { kind: 'connecting' }, effect: { do: 'open' } };
    }
    case 'disconnect_requested':
      return { phase: { kind: 'disconnected' }, effect: { do: 'close' } };
    case 'opened':
      return isOpening(phase) ? connected(phase, now_ms) : { phase, effect: { do: 'close' } };
    case 'attempt_failed':
      return isOpening(phase) ? afterFailure(phase, event.failure, now_ms, random) : stay(phase);
    case 'lost':
      return phase.kind === 'connected' ? afterLoss(phase, event.message, now_ms, random) : stay(phase);
    case 'retry_due':
      return phase.kind === 'reconnecting' && !phase.isTrying
        ? { phase: { ...phase, isTrying: true }, effect: { do: 'open' } }
        : stay(phase);
  }
}

function isOpening(phase: Phase): boolean {
  return phase.kind === 'connecting' || (phase.kind === 'reconnecting' && phase.isTrying);
}

function connected(phase: Phase, now_ms: number): Transition {
  const attempt = phase.kind === 'reconnecting' ? phase.attempt : 0;
  return { phase: { kind: 'connected', since_ms: now_ms, attempt }, effect: { do: 'nothing' } };
}

function afterLoss(phase: Extract<Phase, { kind: 'connected' }>, message: string, now_ms: number, random: number): Transition {
  const wasStable = now_ms - phase.since_ms >= BACKOFF.stable_ms;
  return waitForAttempt(wasStable ? 1 : phase.attempt + 1, message, now_ms, random);
}

/** Only what may pass by itself is tried again, and only for a host that had been connected. */
function afterFailure(phase: Phase, failure: SshFailure, now_ms: number, random: number): Transition {
  const mayPass = failure.kind === 'failed' && failure.isTransient;
  if (phase.kind !== 'reconnecting' || !mayPass) return { phase: { kind: 'stopped', failure }, effect: { do: 'nothing' } };
  if (phase.attempt >= BACKOFF.attempts_max) {
    const message = `${failure.message} Gave up after ${phase.attempt} attempts; connect again when it is back.`;
    return { phase: { kind: 'stopped', failure: { ...failure, message } }, effect: { do: 'nothing' } };
  }
  return waitForAttempt(phase.attempt + 1, failure.message, now_ms, random);
}

function waitForAttempt(attempt: number, message: string, now_ms: number, random: number): Transition {
  const delay_ms = backoffDelay(attempt, random);
  return {
    phase: { kind: 'reconnecting', attempt, next_at_ms: now_ms + delay_ms, isTrying: false, message },
    effect: { do: 'schedule', delay_ms },
  };
}

const stay = (phase: Phase): Transition => ({ phase, effect: { do: 'nothing' } });
