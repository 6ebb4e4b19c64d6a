import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Decision, decideHealing, type HealingSettings, ROLLBACK_PAUSE_MS } from './healing.ts';
import { type ContainerSight, LASTING_HEALTH_MS } from './healing-container.ts';
import { type AppHistory, type AppSight, noteBegun } from './healing-history.ts';

const LOOK_MS = 2_000;

describe('whatever is seen', () => {
  const step = fc.record({
    gap_ms: fc.integer({ min: LOOK_MS, max: 20_000 }),
    state: fc.constantFrom('well', 'well', 'sick', 'sick', 'down', 'gone'),
    crashes: fc.constantFrom(0, 0, 0, 1, 3),
    recreated: fc.constantFrom(false, false, false, true),
    wall: fc.constantFrom(0, 0, 3_600_000, -3_600_000),
    outcome: fc.constantFrom<AppSight['ended']>(
      ...(['succeeded', 'cancelled', 'stuck'] as const).map((state) => ({ id: '', state, error: null })),
      ...(['probe', 'pull', 'validate'] as const).map((name) => ({
        id: '',
        state: 'failed' as const,
        error: { message: '', step: name },
      })),
      null,
    ),
    broken: fc.boolean(),
  });
  type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;
  /** Trouble comes in stretches: single looks at random would never get far up the ladder. */
  const stretch = fc
    .tuple(step, fc.constantFrom(1, 1, 2, 5, 20, 80))
    .map(([one, count]) => Array.from({ length: count }, () => one));
  const course = fc.array(stretch, { minLength: 5, maxLength: 60 }).map((stretches) => stretches.flat());
  const settings = fc.record({
    app_name: fc.constant('shop'),
    previous_release: fc.constantFrom('r1', null),
    retries: fc.integer({ min: 1, max: 5 }),
    start_period_ms: fc.constantFrom(0, 10_000, 60_000),
  });
  /** An hour, a day or a bad clock away from where it was. */
  const wallTime = (ms: number) => new Date(Date.UTC(2026, 0, 1) + ms).toISOString();

  /** Runs the course as the supervisor would; a stop that is carried out ends it. */
  function live(steps: readonly Step[], chosen: HealingSettings, jumps = false) {
    let history: AppHistory | null = null;
    let ended: AppSight['ended'] = null;
    let serving: AppSight['serving'] = { release: 'r2', slot: 'blue' };
    let now_ms = 0;
    let wall_ms = 0;
    let count = 0;
    let starts = 0;
    let started_at = wallTime(0);
    let id = 'c0';
    const log: {
      at_ms: number;
      action: Decision['action'];
      events: Decision['events'];
      size: number;
      isQuiet: boolean;
      isBegun: boolean;
      isWell: boolean;
      /** Begun, and it has shown whether the other release is healthy. */
      isTried: boolean;
    }[] = [];
    for (const [index, { gap_ms, state, crashes, recreated, wall, outcome, broken }] of steps.entries()) {
      now_ms += gap_ms;
      wall_ms += gap_ms + (jumps ? wall : 0);
      if (recreated) id = `c${index}`;
      if (recreated || crashes > 0) started_at = `${wallTime(wall_ms)} ${++starts}`;
      count += crashes;
      const container = { id, is_running: state !== 'down', restart_count: count, started_at, exit_code: 1, oom_killed: false };
      const probe = state === 'down' ? null : { healthy: state === 'well', detail: 'no' };
      const replica: ContainerSight =
        state === 'gone' ? { name: 'a', container: null, probe: null } : { name: 'a', container, probe };
      const decision: Decision = decideHealing(history, { serving, replicas: [replica], ended }, chosen, now_ms);
      ({ history } = decision);
      const { action, events } = decision;
      const isQuiet = state === 'well' && crashes === 0 && !recreated;
      const isBegun = !broken && action.kind !== 'none' && action.kind !== 'restart';
      const isTried = isBegun && (outcome?.state === 'succeeded' || outcome?.error?.step === 'probe');
      const size = JSON.stringify(history).length;
      log.push({ at_ms: now_ms, action, events, size, isQuiet, isBegun, isTried, isWell: state === 'well' });
      if (action.kind === 'none' || action.kind === 'restart' || broken) continue;
      ended = outcome && { ...outcome, id: `op-${index}` };
      history = noteBegun(history, action.kind, `op-${index}`, now_ms);
      if (outcome?.state !== 'succeeded') continue;
      if (action.kind === 'stop') break;
      serving = {
        release: action.kind === 'roll_back' ? action.release : serving.release,
        slot: serving.slot === 'blue' ? 'green' : 'blue',
      };
    }
    return log;
  }

  type Entry = ReturnType<typeof live>[number];
  /** The most that fit in any stretch of ten minutes. */
  const most = (log: readonly Entry[], fits: (entry: Entry) => boolean) => {
    const times = log.filter(fits).map(({ at_ms }) => at_ms);
    return Math.max(0, ...times.map((start) => times.filter((at) => at >= start && at < start + ROLLBACK_PAUSE_MS).length));
  };

  /** In milliseconds, from one good look to the next. */
  const longestHealth = (log: readonly Entry[]) => {
    let longest = 0;
    let since: number | null = null;
    for (const { at_ms, isWell } of log) {
      since = isWell ? (since ?? at_ms) : null;
      longest = Math.max(longest, since === null ? 0 : at_ms - since);
    }
    return longest;
  };

  it('a healthy app is left alone', () => {
    fc.assert(
      fc.property(course, settings, (steps, chosen) => {
        for (const { action, isQuiet } of live(steps, chosen)) if (isQuiet) expect(action.kind).toBe('none');
      }),
    );
  });

  it('there are few actions in any ten minutes, and one rollback at most', () => {
    fc.assert(
      fc.property(course, settings, (steps, chosen) => {
        const log = live(steps, chosen);
        expect(most(log, ({ action, isBegun }) => isBegun && action.kind === 'roll_back')).toBeLessThanOrEqual(1);
        expect(most(log, ({ action }) => action.kind !== 'none' && action.kind !== 'restart')).toBeLessThanOrEqual(10);
        // Sixteen by the pauses alone; new containers begin with short ones again.
        expect(most(log, ({ action }) => action.kind === 'restart')).toBeLessThanOrEqual(60);
      }),
    );
  });

  it('only crashes end in a stop, and without any there is one rollback until the app has been well for long', () => {
    fc.assert(
      fc.property(course, settings, (steps, chosen) => {
        const log = live(
          steps.map((one) => ({ ...one, crashes: 0 })),
          chosen,
        );
        expect(log.filter(({ action }) => action.kind === 'stop')).toEqual([]);
        const rollbacks = log.filter(({ action, isTried }) => action.kind === 'roll_back' && isTried).map(({ at_ms }) => at_ms);
        for (const [index, at] of rollbacks.slice(1).entries()) {
          const between = log.filter(({ at_ms }) => at_ms > (rollbacks[index] ?? 0) && at_ms < at);
          expect(longestHealth(between)).toBeGreaterThanOrEqual(LASTING_HEALTH_MS);
        }
      }),
    );
  });

  it('there are few events', () => {
    fc.assert(
      fc.property(course, settings, (steps, chosen) => {
        const log = live(steps, chosen);
        const minutes = 1 + (log.at(-1)?.at_ms ?? 0) / 60_000;
        expect(log.flatMap(({ events }) => events).length).toBeLessThanOrEqual(2 * minutes);
      }),
    );
  });

  it('a jump of the wall clock changes nothing', () => {
    fc.assert(
      fc.property(course, settings, (steps, chosen) => {
        const seen = (jumps: boolean) => live(steps, chosen, jumps).map(({ action, events }) => ({ action, events }));
        expect(seen(true)).toEqual(seen(false));
      }),
    );
  });

  it('the history stays small', () => {
    fc.assert(
      fc.property(course, settings, (steps, chosen) => {
        for (const { size } of live(steps, chosen)) expect(size).toBeLessThan(1_000);
      }),
    );
  });
});
