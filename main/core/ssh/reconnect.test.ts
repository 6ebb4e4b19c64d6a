import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SshFailure } from './failures.ts';
import { BACKOFF, backoffDelay, nextPhase, type Phase, type PhaseEvent } from './reconnect.ts';

const down: SshFailure = { kind: 'failed', message: 'refused', isTransient: true };
const rejected: SshFailure = { kind: 'failed', message: 'wrong key', isTransient: false };
const NOW = 1_000_000;

/** Runs events through the machine, each a second after the other. */
function run(events: PhaseEvent[], start: Phase = { kind: 'disconnected' }) {
  let phase = start;
  const effects: string[] = [];
  events.forEach((event, index) => {
    const next = nextPhase(phase, event, NOW + index * 1000, 0);
    phase = next.phase;
    effects.push(next.effect.do);
  });
  return { phase, effects };
}

describe('backoffDelay', () => {
  it('doubles up to its bound', () => {
    expect([1, 2, 3, 4].map((attempt) => backoffDelay(attempt, 0))).toEqual([500, 1000, 2000, 4000]);
    expect(backoffDelay(50, 0)).toBe(BACKOFF.delay_ms_max);
  });

  it('stays within half and whole of its step, whatever the attempt and the chance', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (attempt, random) => {
        const delay = backoffDelay(attempt, random);
        expect(delay).toBeGreaterThanOrEqual(BACKOFF.delay_ms_min / 2);
        expect(delay).toBeLessThanOrEqual(BACKOFF.delay_ms_max);
      }),
    );
  });
});

describe('nextPhase', () => {
  it('connects', () => {
    const { phase, effects } = run([{ type: 'connect_requested' }, { type: 'opened' }]);
    expect(phase.kind).toBe('connected');
    expect(effects).toEqual(['open', 'nothing']);
  });

  it('stops at the first failure of a connection that never was, even a passing one', () => {
    expect(run([{ type: 'connect_requested' }, { type: 'attempt_failed', failure: down }]).phase).toEqual({
      kind: 'stopped',
      failure: down,
    });
  });

  it('comes back after a loss, waiting longer each time', () => {
    const { phase, effects } = run([
      { type: 'connect_requested' },
      { type: 'opened' },
      { type: 'lost', message: 'gone' },
      { type: 'retry_due' },
      { type: 'attempt_failed', failure: down },
      { type: 'retry_due' },
      { type: 'attempt_failed', failure: down },
    ]);
    expect(phase).toMatchObject({
      kind: 'reconnecting',
      attempt: 3,
      next_at_ms: NOW + 6000 + backoffDelay(3, 0),
      message: 'refused',
    });
    expect(effects).toEqual(['open', 'nothing', 'schedule', 'open', 'schedule', 'open', 'schedule']);
  });

  it('does not try again what only a person can mend', () => {
    const lost: PhaseEvent[] = [
      { type: 'connect_requested' },
      { type: 'opened' },
      { type: 'lost', message: '' },
      { type: 'retry_due' },
    ];
    for (const failure of [
      rejected,
      { kind: 'key_changed', offered: { type: '', blob: Buffer.alloc(0) }, known: [] } satisfies SshFailure,
    ]) {
      expect(run([...lost, { type: 'attempt_failed', failure }]).phase).toEqual({ kind: 'stopped', failure });
    }
  });

  it('gives up after its last attempt, saying so', () => {
    const waiting: Phase = { kind: 'reconnecting', attempt: BACKOFF.attempts_max, next_at_ms: 0, isTrying: true, message: '' };
    const { phase } = run([{ type: 'attempt_failed', failure: down }], waiting);
    expect(phase).toMatchObject({ kind: 'stopped', failure: { message: expect.stringContaining('Gave up') } });
  });

  it('does not start the count afresh for a connection that breaks at once', () => {
    const brief: Phase = { kind: 'connected', since_ms: NOW - 100, attempt: 6 };
    expect(run([{ type: 'lost', message: '' }], brief).phase).toMatchObject({ attempt: 7 });
    const long: Phase = { kind: 'connected', since_ms: NOW - BACKOFF.stable_ms, attempt: 6 };
    expect(run([{ type: 'lost', message: '' }], long).phase).toMatchObject({ attempt: 1 });
  });

  it('ends everything on request, and ignores what comes late', () => {
    const late: PhaseEvent[] = [{ type: 'attempt_failed', failure: down }, { type: 'retry_due' }, { type: 'lost', message: '' }];
    expect(run([{ type: 'connect_requested' }, { type: 'disconnect_requested' }, ...late]).phase).toEqual({
      kind: 'disconnected',
    });
  });

  it('connects at once when the operator does not want to wait for the next attempt', () => {
    const waiting: Phase = { kind: 'reconnecting', attempt: 5, next_at_ms: NOW + 30_000, isTrying: false, message: '' };
    expect(run([{ type: 'connect_requested' }], waiting)).toMatchObject({ phase: { kind: 'connecting' }, effects: ['open'] });
  });
});
