import { describe, expect, it } from 'vitest';
import type { Operation } from '../contract/domain.ts';
import {
  type Decision,
  decideHealing,
  ESCALATION_PAUSE_MS,
  type HealingSettings,
  RECOVERY_MS,
  ROLLBACK_PAUSE_MS,
} from './healing.ts';
import { type ContainerSight, CRASH_LOOP_COUNT, LASTING_HEALTH_MS } from './healing-container.ts';
import { type AppHistory, type AppSight, afterOutage, afterPause, noteBegun } from './healing-history.ts';

const SETTINGS: HealingSettings = { app_name: 'shop', previous_release: 'r1', retries: 3, start_period_ms: 30_000 };
const LOOK_MS = 2_000;

type Container = NonNullable<ContainerSight['container']>;
const UP: Container = {
  id: 'c1',
  is_running: true,
  restart_count: 0,
  started_at: '2026-01-01T00:00:00Z',
  exit_code: null,
  oom_killed: false,
};
const DOWN: Container = { ...UP, is_running: false, exit_code: 137 };

/** An app under the eyes of the supervisor: each look is two seconds after the one before. */
class Patient {
  now_ms = 1_000_000;
  history: AppHistory | null = null;
  settings = SETTINGS;
  serving: AppSight['serving'] = { release: 'r2', slot: 'blue' };
  ended: AppSight['ended'] = null;
  readonly told: string[] = [];
  #operations = 0;

  look(...replicas: Partial<ContainerSight>[]): Decision {
    this.now_ms += LOOK_MS;
    const full = replicas.map((replica, index) => ({ name: `shop-${index}`, container: UP, probe: null, ...replica }));
    const sight = { serving: this.serving, replicas: full, ended: this.ended };
    const decision = decideHealing(this.history, sight, this.settings, this.now_ms);
    this.history = decision.history;
    this.told.push(...decision.events.map(({ kind }) => kind));
    return decision;
  }

  /** Looks until something is done; the action, and how long that took. */
  until(replica: Partial<ContainerSight>, ms = 600_000): { kind: string; after_ms: number } {
    const start = this.now_ms;
    while (this.now_ms - start < ms) {
      const { action } = this.look(replica);
      if (action.kind !== 'none') return { kind: action.kind, after_ms: this.now_ms - start };
    }
    return { kind: 'none', after_ms: ms };
  }

  /** What was decided has become an operation, and this is how it ended. */
  operate(
    kind: 'replace' | 'roll_back' | 'stop',
    state: Operation['state'],
    step: 'probe' | 'pull' | 'validate' | null = null,
  ): void {
    const id = `op-0000000${++this.#operations}`;
    this.history = noteBegun(this.history!, kind, id, this.now_ms); // it has been looked at
    this.ended = { id, state, error: step === null ? null : { message: 'it failed', step } };
    if (state !== 'succeeded') return;
    if (kind === 'roll_back') this.serving = { ...this.serving, release: 'r1' };
    this.serving = { ...this.serving, slot: this.serving.slot === 'blue' ? 'green' : 'blue' };
  }
}

const well = { probe: { healthy: true, detail: '' } };
const sick = { probe: { healthy: false, detail: 'it answered 500' } };
const up = (changes: Partial<Container>) => ({ container: { ...UP, ...changes } });

/** Probes that fail until the supervisor wants to replace the containers. */
function exhaust(patient: Patient): void {
  patient.look(well);
  for (let count = 0; count < 3; count += 1) expect(patient.until(sick).kind).toBe('restart');
  expect(patient.until(sick).kind).toBe('replace');
}

function crashLoop(patient: Patient, from = 0) {
  let last = patient.look({ ...well, ...up({ restart_count: from }) });
  for (let count = 1; count <= CRASH_LOOP_COUNT; count += 1) {
    last = patient.look({ ...well, ...up({ restart_count: from + count, started_at: `start ${from + count}` }) });
  }
  return last.action;
}

describe('several containers that run and do not answer', () => {
  const restartedIn = ({ action }: Decision) =>
    action.kind === 'restart' ? action.containers.map(({ event }) => /shop-\d/.exec(event.message)?.[0]) : [];
  const hung = (patient: Patient) => {
    patient.look(well, well, well);
    patient.look(well, sick, sick);
    patient.look(well, sick, sick);
    return patient.look(well, sick, sick);
  };

  it('are restarted one after the other while others serve, each when the one before is back and the proxies ask it again', () => {
    const patient = new Patient();
    expect(restartedIn(hung(patient))).toEqual(['shop-1']);
    expect(restartedIn(patient.look(well, sick, sick))).toEqual([]);
    expect(restartedIn(patient.look(well, well, sick))).toEqual([]);
    expect(restartedIn(patient.look(well, well, sick))).toEqual([]);
    expect(restartedIn(patient.look(well, well, sick))).toEqual(['shop-2']);
  });

  it('get their turn although one that was restarted fails a probe now and then', () => {
    const patient = new Patient();
    patient.look(well, well, well);
    patient.look(well, sick, well);
    patient.look(well, sick, well);
    expect(restartedIn(patient.look(well, sick, well))).toEqual(['shop-1']);
    const looks = Array.from({ length: 12 }, (_, count) =>
      restartedIn(patient.look(well, count % 3 === 2 ? sick : well, count < 3 ? well : sick)),
    );
    expect(looks.flat()[0]).toBe('shop-2');
  });

  it('take turns when a restart does not help', () => {
    const patient = new Patient();
    patient.settings = { ...SETTINGS, start_period_ms: 0 };
    const first = restartedIn(hung(patient));
    const looks = Array.from({ length: 12 }, () => restartedIn(patient.look(well, sick, sick)));
    expect([first, ...looks].flat().slice(0, 3)).toEqual(['shop-1', 'shop-2', 'shop-1']);
    for (const restarted of looks) expect(restarted.length).toBeLessThanOrEqual(1);
  });

  it('are restarted together when none is left to serve', () => {
    const patient = new Patient();
    patient.look(well, well, well);
    patient.look(sick, sick, sick);
    patient.look(sick, sick, sick);
    expect(restartedIn(patient.look(sick, sick, sick))).toEqual(['shop-0', 'shop-1', 'shop-2']);
  });

  it('wait for those that are down, which are started together', () => {
    const patient = new Patient();
    const down = { container: DOWN };
    patient.look(well, well, well, well);
    patient.look(well, sick, sick, well);
    patient.look(well, sick, down, down);
    expect(restartedIn(patient.look(well, sick, down, down))).toEqual(['shop-2', 'shop-3']);
    expect(restartedIn(patient.look(well, sick, well, well))).toEqual([]);
    patient.look(well, sick, well, well);
    expect(restartedIn(patient.look(well, sick, well, well))).toEqual(['shop-1']);
  });
});

describe('a container that runs and does not answer', () => {
  it('is restarted after as many failed probes in a row as its health check allows', () => {
    const patient = new Patient();
    patient.look(well);
    expect([sick, sick, sick].map((sight) => patient.look(sight).action.kind)).toEqual(['none', 'none', 'restart']);
    expect(patient.told).toEqual(['heal.unhealthy']);
  });

  it('is left alone while its probes fail and succeed in turns', () => {
    const patient = new Patient();
    const kinds = Array.from({ length: 60 }, (_, index) => patient.look(index % 3 === 0 ? well : sick).action.kind);
    expect(new Set(kinds)).toEqual(new Set(['none']));
    expect(patient.told).toEqual([]);
  });

  it('has its start period, from when we first saw it, and not once it has been healthy', () => {
    const patient = new Patient();
    expect(patient.until(sick)).toEqual({ kind: 'restart', after_ms: SETTINGS.start_period_ms + 3 * LOOK_MS });
    const healed = up({ started_at: 'later' });
    patient.look({ ...well, ...healed });
    expect(patient.until({ ...sick, ...healed })).toEqual({ kind: 'restart', after_ms: 3 * LOOK_MS });
  });

  it('is restarted alone at first, then replaced together with the others', () => {
    const patient = new Patient();
    patient.settings = { ...SETTINGS, start_period_ms: 0, retries: 1 };
    patient.look(well, well);
    const actions = Array.from({ length: 4 }, () => patient.look(well, sick).action);
    expect(actions.map(({ kind }) => kind)).toEqual(['restart', 'restart', 'restart', 'replace']);
    expect(actions[0]).toMatchObject({ containers: [{ event: { message: expect.stringMatching(/^shop-1 /) } }] });
  });

  it('is restarted with pauses that double up to five minutes when it cannot be replaced', () => {
    const patient = new Patient();
    patient.settings = { ...SETTINGS, start_period_ms: 0, retries: 1 };
    patient.look(well);
    const times: number[] = [];
    while (times.length < 12) if (patient.look(sick).action.kind === 'restart') times.push(patient.now_ms);
    const pauses = times.slice(1).map((at, index) => at - (times[index] ?? 0));
    expect(pauses.slice(0, 8)).toEqual([2_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000]);
    for (const pause of pauses.slice(9)) expect(pause).toBe(300_000);
  });

  it('says which restart it is and why', () => {
    const patient = new Patient();
    patient.look(well);
    for (let count = 0; count < 2; count += 1) patient.look(sick);
    const { events, action } = patient.look(sick);
    expect(events).toMatchObject([
      { message: 'shop is not healthy: shop-0: it answered 500', level: 'warning', app_name: 'shop' },
    ]);
    const event = { kind: 'heal.restarted', message: 'shop-0 was restarted (1 of 3): it answered 500' };
    expect(action).toMatchObject({ kind: 'restart', containers: [{ id: 'c1', event }] });
  });
});

describe('a container that does not run', () => {
  it('is started at the second look, not at the first: Docker may be about to', () => {
    const patient = new Patient();
    const down = { container: DOWN };
    expect([down, down].map((sight) => patient.look(sight).action.kind)).toEqual(['none', 'restart']);
    expect(patient.told).toEqual(['heal.unhealthy']);
  });

  it('is not taken for crashed when Docker or somebody has started it again', () => {
    const patient = new Patient();
    patient.look(well, well);
    for (let count = 0; count < 20; count += 1) {
      const { action } = patient.look({ ...well, ...up({ started_at: `start ${count}` }) }, well);
      expect(action.kind).toBe('none');
    }
    expect(patient.told).toEqual([]);
  });

  it('is replaced when it is gone, since nothing can be restarted', () => {
    const patient = new Patient();
    patient.look(well);
    expect([1, 2].map(() => patient.look({ container: null }).action.kind)).toEqual(['none', 'replace']);
  });

  it('of which the memory ran out is told so', () => {
    const patient = new Patient();
    patient.look(well);
    const { events } = patient.look({ ...well, ...up({ restart_count: 1, oom_killed: true, exit_code: 0 }) });
    expect(events[0]?.message).toBe(
      'shop is not healthy: shop-0: it ran out of memory and was killed and Docker started it again',
    );
  });
});

describe('a crash loop', () => {
  it('is rolled back to the release before', () => {
    expect(crashLoop(new Patient())).toMatchObject({
      kind: 'roll_back',
      release: 'r1',
      event: { kind: 'heal.rolling_back', level: 'error', message: expect.stringContaining('r2 keeps crashing: it ended') },
    });
  });

  it('is told with how it ended, not with what was seen of it while it started again', () => {
    const patient = new Patient();
    patient.settings = { ...SETTINGS, start_period_ms: 0 };
    const looks = [0, 1, 2, 3, 4, 5].map((restart_count) => patient.look({ ...sick, ...up({ restart_count, exit_code: 3 }) }));
    expect(looks[1]?.events).toMatchObject([{ message: expect.stringContaining('exit code 3 and Docker started it again') }]);
    expect(looks[5]?.action).toMatchObject({
      event: { message: expect.stringContaining('keeps crashing: it ended with exit code 3') },
    });
  });

  it('of an app without an earlier release stops it and says what to do', () => {
    const patient = new Patient();
    patient.settings = { ...SETTINGS, previous_release: null };
    const message = expect.stringMatching(/no earlier release to go back to.*nextdeploy logs shop/);
    expect(crashLoop(patient)).toMatchObject({ kind: 'stop', event: { kind: 'heal.stopping', message } });
  });

  it('soon after a rollback stops the app, and later rolls back again', () => {
    const patient = new Patient();
    crashLoop(patient);
    patient.operate('roll_back', 'succeeded');
    patient.settings = { ...SETTINGS, previous_release: 'r0' };
    expect(crashLoop(patient, 10).kind).toBe('stop');
    patient.operate('stop', 'failed', 'validate');
    patient.now_ms += ROLLBACK_PAUSE_MS;
    expect(crashLoop(patient, 20).kind).toBe('roll_back');
  });

  it('is none when the same crashes are spread over a longer time', () => {
    const patient = new Patient();
    for (let count = 0; count < 20; count += 1) {
      expect(patient.look({ ...well, ...up({ restart_count: count }) }).action.kind).toBe('none');
      patient.now_ms += 75_000;
    }
  });

  it('is seen in an app without a health check', () => {
    const patient = new Patient();
    patient.look(up({}));
    const looks = [1, 2, 3, 4, 5].map((restart_count) => patient.look(up({ restart_count })).action.kind);
    expect(looks).toEqual(['none', 'none', 'none', 'none', 'roll_back']);
  });
});

describe('a replacement', () => {
  it('whose containers were not healthy leads to a rollback as soon as the old ones are seen to be sick still', () => {
    const patient = new Patient();
    exhaust(patient);
    patient.operate('replace', 'failed', 'probe');
    expect(patient.until(sick)).toMatchObject({ kind: 'roll_back' });
  });

  it('whose containers were not healthy is forgotten when the old ones have recovered meanwhile', () => {
    const patient = new Patient();
    exhaust(patient);
    patient.operate('replace', 'failed', 'probe');
    expect(patient.until(well, LASTING_HEALTH_MS + LOOK_MS).kind).toBe('none');
    expect(patient.until(sick).kind).toBe('restart');
  });

  it('that something else prevented is tried again, later each time', () => {
    const patient = new Patient();
    patient.settings = { ...SETTINGS, start_period_ms: 90_000 };
    exhaust(patient);
    const pauses = [1, 2, 3].map(() => {
      patient.operate('replace', 'failed', 'validate');
      const start = patient.now_ms;
      while (patient.until(sick).kind !== 'replace') expect(patient.now_ms - start).toBeLessThan(3_600_000);
      return patient.now_ms - start;
    });
    for (const [index, pause] of pauses.entries()) expect(pause).toBeGreaterThanOrEqual(ESCALATION_PAUSE_MS * 2 ** index);
  });

  it('that cannot be made, its image being gone, leads to a rollback and never to a stop', () => {
    const patient = new Patient();
    const kinds = ['pull', 'pull'].map((_, index) => {
      exhaust(patient);
      patient.operate('replace', 'failed', 'pull');
      let { kind } = patient.until(sick);
      while (kind === 'restart') kind = patient.until(sick).kind;
      patient.settings = { ...SETTINGS, previous_release: null };
      patient.history = null;
      return `${index} ${kind}`;
    });
    expect(kinds).toEqual(['0 roll_back', '1 replace']);
  });

  it('that helped for a while only is not repeated: the release is sick', () => {
    const patient = new Patient();
    exhaust(patient);
    patient.operate('replace', 'succeeded');
    const fresh = (changes: object) => ({ ...changes, ...up({ id: 'c2' }) });
    patient.look(fresh(well));
    const kinds = Array.from({ length: 4 }, () => patient.until(fresh(sick)).kind);
    expect(kinds).toEqual(['restart', 'restart', 'restart', 'roll_back']);
  });
});

describe('an app that runs and waits for what others share, such as a database', () => {
  const HOURS = 6 * 60 * 60_000;

  /** What is done in six hours in which no release can be healthy, and how its operations end. */
  function outage(patient: Patient, rollback: 'failed' | 'succeeded') {
    const done: string[] = [];
    const end = patient.now_ms + HOURS;
    let count = 1;
    while (patient.now_ms < end) {
      const { action } = patient.look({ ...sick, ...up({ id: `c${count}` }) });
      if (action.kind === 'none') continue;
      done.push(action.kind);
      if (action.kind === 'replace') patient.operate('replace', 'failed', 'probe');
      if (action.kind === 'roll_back') patient.operate('roll_back', rollback, rollback === 'failed' ? 'probe' : null);
      if (action.kind === 'roll_back' && rollback === 'succeeded') count += 1;
    }
    return done;
  }

  it.each(['failed', 'succeeded'] as const)('is never stopped, also if the rollback has %s', (rollback) => {
    const patient = new Patient();
    patient.look(well);
    const done = outage(patient, rollback);
    expect(done.filter((kind) => kind !== 'restart')).toEqual(['replace', 'roll_back']);
    expect(done.length).toBeLessThan(HOURS / (4 * 60_000));
    expect(patient.told).toEqual(['heal.unhealthy', 'heal.unhealthy']);
    patient.settings = { ...SETTINGS, previous_release: 'r0' };
    expect(outage(patient, rollback)).not.toContain('roll_back');
    while (patient.told.length < 3) patient.look(well);
    expect(patient.told.at(-1)).toBe('heal.recovered');
  });

  it('is not stopped either when it has no earlier release, and it is told what to look at', () => {
    const patient = new Patient();
    patient.settings = { ...SETTINGS, previous_release: null };
    exhaust(patient);
    patient.operate('replace', 'failed', 'probe');
    let events: Decision['events'] = [];
    while (events.length === 0) ({ events } = patient.look(sick));
    expect(events).toMatchObject([
      { kind: 'heal.unhealthy', level: 'error', message: expect.stringMatching(/stays up.*database/) },
    ]);
    expect(outage(patient, 'failed').filter((kind) => kind !== 'restart')).toEqual([]);
  });

  it('may be rolled back again once it has been well for long', () => {
    const patient = new Patient();
    patient.look(well);
    outage(patient, 'failed');
    const end = patient.now_ms + LASTING_HEALTH_MS;
    while (patient.now_ms <= end) patient.look(well);
    expect(outage(patient, 'failed').filter((kind) => kind !== 'restart')).toEqual(['replace', 'roll_back']);
  });

  it('gets new containers when it loses them, however much has been tried', () => {
    const patient = new Patient();
    patient.look(well);
    outage(patient, 'failed');
    expect(patient.until({ container: null }, 24 * HOURS).kind).toBe('replace');
  });

  it('is stopped when it crashes again and again all the same', () => {
    const patient = new Patient();
    patient.look(well);
    outage(patient, 'failed');
    patient.settings = { ...SETTINGS, previous_release: null };
    expect(crashLoop(patient)).toMatchObject({ kind: 'stop' });
  });
});

describe('the history', () => {
  it('tells once of an incident and once of its end, and takes longer to trust an app that relapses', () => {
    const patient = new Patient();
    const waits = [1, 2, 3].map(() => {
      patient.look(well);
      patient.until(sick);
      const start = patient.now_ms;
      while (patient.told.at(-1) !== 'heal.recovered') patient.look({ ...well, ...up({ started_at: 'again' }) });
      return patient.now_ms - start;
    });
    expect(waits).toEqual([RECOVERY_MS, 2 * RECOVERY_MS, 4 * RECOVERY_MS].map((ms) => ms + LOOK_MS));
    expect(patient.told).toEqual(Array.from({ length: 3 }, () => ['heal.unhealthy', 'heal.recovered']).flat());
  });

  it('starts anew when somebody has put other containers in place', () => {
    const patient = new Patient();
    patient.settings = { ...SETTINGS, start_period_ms: 0 };
    patient.look(well);
    for (let count = 0; count < 3; count += 1) patient.until(sick);
    patient.serving = { release: 'r3', slot: 'green' };
    expect(patient.until({ ...sick, ...up({ id: 'c3' }) }).kind).toBe('restart');
  });

  it('starts anew, too, when a replacement has been followed by another release', () => {
    const patient = new Patient();
    exhaust(patient);
    patient.operate('replace', 'succeeded');
    patient.serving = { release: 'r3', slot: 'blue' };
    expect(Array.from({ length: 4 }, () => patient.until(sick).kind)).toEqual(['restart', 'restart', 'restart', 'replace']);
  });

  it('gives a container its start period again that somebody has restarted', () => {
    const patient = new Patient();
    patient.look(well);
    const restarted = { ...sick, ...up({ started_at: 'by hand' }) };
    expect(patient.until(restarted)).toEqual({ kind: 'restart', after_ms: SETTINGS.start_period_ms + 3 * LOOK_MS });
  });

  it('gives every container its start period again after Docker was away', () => {
    const patient = new Patient();
    patient.look(well);
    patient.look(sick);
    patient.look(sick);
    patient.history = afterOutage(patient.history!, patient.now_ms); // it has been looked at
    expect(patient.until({ ...sick, ...up({ restart_count: 9 }) }).after_ms).toBeGreaterThan(SETTINGS.start_period_ms);
  });

  it('counts nothing that happened while nobody looked', () => {
    const patient = new Patient();
    patient.look(well);
    patient.history = afterPause(patient.history!); // it has been looked at
    expect(patient.look({ ...well, ...up({ restart_count: 50 }) }).action.kind).toBe('none');
    expect(patient.look({ ...well, ...up({ restart_count: 51 }) }).events).toHaveLength(1);
  });
});
