import { describe, expect, it } from 'vitest';
import { healthCheckSchema } from '../contract/configuration.ts';
import type { ProbeOutcome, World } from './ports.ts';
import { waitUntilHealthy } from './probe.ts';
import { ProbeLog } from './probe-log.ts';
import { StepFailure } from './saga.ts';
import type { StepOf } from './steps.ts';
import { signal } from './test-engine.ts';
import { ModelWorld } from './test-world.ts';

const STEP: StepOf<'probe'> = {
  name: 'probe',
  on_failure: 'unwind',
  containers: [{ name: 'shop', address: '10.213.0.16', port: 3000 }],
  health: healthCheckSchema.parse({ kind: 'http', path: '/health', timeout_ms: 1_000, deadline_ms: 5_000 }),
};

const outcome = (changes: Partial<ProbeOutcome> = {}): ProbeOutcome => ({
  at: '2026-01-01T00:00:00.000Z',
  target: 'http://10.213.0.16:3000/health',
  healthy: false,
  status: null,
  duration_ms: 1,
  detail: 'connection refused',
  is_refused: true,
  is_endless: false,
  ...changes,
});

function world(probe: (count: number) => ProbeOutcome, changes: Partial<World['containers']> = {}): World {
  const ports = new ModelWorld().ports();
  let count = 0;
  return {
    ...ports,
    containers: { ...ports.containers, waitForExit: () => new Promise<never>(() => undefined), ...changes },
    prober: { ...ports.prober, probe: async () => probe(++count) },
  };
}

async function failure(parts: World): Promise<StepFailure> {
  const error = await waitUntilHealthy(STEP, parts, signal).catch((reason: unknown) => reason);
  if (!(error instanceof StepFailure)) throw error;
  return error;
}

describe('waitUntilHealthy', () => {
  it('asks again soon while nothing listens, so that little is added to the start of the app', async () => {
    const parts = world((count) => (count <= 40 ? outcome() : outcome({ healthy: true, status: 200, detail: 'ok' })));
    const before = parts.clock.now().getTime();
    expect(await waitUntilHealthy(STEP, parts, signal)).toBe('HTTP 200 after 41 probes');
    expect(parts.clock.now().getTime() - before).toBe(40 * 20);
  });

  it('asks at the interval once something answers, and gives up at the deadline with the last answer', async () => {
    const parts = world(() => outcome({ status: 500, detail: 'broken', is_refused: false }));
    const { message, evidence } = await failure(parts);
    expect(message).toBe('The release was not healthy within 5 s: GET /health: it answered 500.');
    expect(evidence.probes).toEqual([expect.objectContaining({ status: 500, detail: 'broken (11 times)' })]);
  });

  const loop = { status: 302, detail: 'redirects in a loop: /health → /login → /health', is_refused: false, is_endless: true };

  it('does not wait for its deadline when the health path redirects in a loop, and names both', async () => {
    const parts = world(() => outcome(loop));
    const { message, field, evidence } = await failure(parts);
    expect(message).toBe(
      'The release is not healthy: GET /health: redirects in a loop: /health → /login → /health. Choose a path that the app answers itself.',
    );
    expect(field).toBe('health.path');
    expect(evidence.probes).toEqual([expect.objectContaining({ detail: `${loop.detail} (3 times)` })]);
    expect(parts.clock.monotonicMs()).toBe(2 * 500);
  });

  it('bears with a loop that an app shows while it starts', async () => {
    const good = outcome({ healthy: true, status: 200, detail: 'ok' });
    const busy = outcome({ status: 503, detail: 'starting', is_refused: false });
    const answers = [outcome(loop), outcome(loop), busy, outcome(loop), outcome(loop), good];
    const parts = world((count) => answers[count - 1] ?? good);
    expect(await waitUntilHealthy(STEP, parts, signal)).toBe('HTTP 200 after 6 probes');
  });

  it('fails at once when the container ends, with its exit state', async () => {
    const parts = world(() => outcome(), { waitForExit: async () => ({ exit_code: 3, oom_killed: false }) });
    const { message, evidence } = await failure(parts);
    expect(message).toContain('exit code 3');
    expect(evidence).toMatchObject({ exit_code: 3, oom_killed: false });
  });

  it.each([
    { listening: [], says: /listens on no port at all/ },
    { listening: [{ address: '0.0.0.0', port: 8080 }], says: /it listens on 8080: set `ports`/ },
    { listening: [{ address: '127.0.0.1', port: 3000 }], says: /loopback address only/ },
  ])('says where the app listens instead: $says', async ({ listening, says }) => {
    const parts = world(() => outcome(), { listening: async () => listening });
    const { message } = await failure(parts);
    expect(message).toMatch(/^Nothing listens on port 3000 of the container within 5 s;/);
    expect(message).toMatch(says);
  });

  it('takes a release without a health check for good when it does not end at once', async () => {
    const step: StepOf<'probe'> = { ...STEP, health: { kind: 'none' } };
    expect(
      await waitUntilHealthy(
        step,
        world(() => outcome()),
        signal,
      ),
    ).toContain('without a health check');
  });
});

describe('ProbeLog', () => {
  it('counts equal results and keeps the first and the last ones within its bound', () => {
    const log = new ProbeLog(4);
    const { is_refused: _, is_endless: __, ...result } = outcome();
    for (let index = 0; index < 100; index += 1) log.add({ ...result, detail: `answer ${index}` });
    for (let index = 0; index < 5; index += 1) log.add({ ...result, detail: 'the end' });
    const details = log.results().map(({ detail }) => detail);
    expect(details).toHaveLength(4);
    expect(details[0]).toBe('answer 0');
    expect(details.at(-1)).toBe('the end (5 times)');
  });
});
