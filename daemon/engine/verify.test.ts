import { describe, expect, it } from 'vitest';
import { healthCheckSchema } from '../contract/configuration.ts';
import type { VerifyAnswer } from './ports.ts';
import { StepFailure } from './saga.ts';
import type { StepOf } from './steps.ts';
import { deploying, signal, startApp } from './test-engine.ts';
import { ModelWorld } from './test-world.ts';
import { verifyThroughProxy } from './verify.ts';

const STEP: StepOf<'verify'> = {
  name: 'verify',
  on_failure: 'unwind',
  proxy: 'nginx',
  sites: [{ domain: 'shop.test', tls: 'off', is_new: false }],
  path: '/health',
  status: { min: 200, max: 299 },
  slot: 'green',
  verify_key: 'a'.repeat(32),
};

const answer = (changes: Partial<VerifyAnswer>): VerifyAnswer => ({
  ...{ status: 200, slot: 'green', failure: 'none', detail: 'the body' },
  ...changes,
});

/** The line for the timeline, or the reason. `answers`: one after the other, the last one again and again. */
async function verdict(answers: readonly VerifyAnswer[], step: StepOf<'verify'> = STEP) {
  const world = new ModelWorld().ports();
  let count = 0;
  const verify = async () => answers[Math.min(count++, answers.length - 1)]!; // never empty
  const parts = { clock: world.clock, prober: { ...world.prober, verify } };
  const result = await verifyThroughProxy(step, parts, signal).catch((error: unknown) => error);
  const passed_ms = world.clock.monotonicMs();
  if (typeof result === 'string') return { says: result, isGood: true, passed_ms };
  if (!(result instanceof StepFailure)) throw result;
  return { says: result.message, isGood: false, passed_ms };
}

describe('verifyThroughProxy', () => {
  const range = { min: 200, max: 299 };
  it.each([
    [200, range, true],
    [204, range, true],
    [308, range, true],
    [404, range, false],
    [401, range, false],
    [500, range, false],
    [503, range, false],
    [401, { min: 401, max: 401 }, true],
    [200, { min: 401, max: 401 }, false],
    [404, null, true],
    [499, null, true],
    [500, null, false],
  ])('of %i, where %o is healthy, says: %s', async (status, healthy, isGood) => {
    const { says, ...rest } = await verdict([answer({ status })], { ...STEP, status: healthy });
    expect(rest).toMatchObject({ isGood });
    if (isGood) expect(says).toBe(`shop.test answers ${status} from green`);
    else expect(says).toBe(`The new release answers ${status} through the proxy for shop.test/health: the body`);
  });

  it.each([
    [{ slot: null, status: 200 }, 'Another site of the proxy answers for shop.test (HTTP 200).'],
    [{ slot: 'blue', status: 200 }, 'The proxy still answers from blue.'],
    [{ status: null, slot: null, failure: 'timeout' }, 'shop.test did not answer through the proxy: the body.'],
    [
      { status: null, slot: null, failure: 'connect' },
      'The proxy does not accept connections: the body. See `systemctl status nginx`.',
    ],
    [
      { status: null, slot: null, failure: 'tls' },
      'The proxy has no certificate for shop.test: the body. Check that its DNS points here and that ports 80 and 443 are open, or set tls to off.',
    ],
  ] as const)('of %o says what is wrong', async (changes, says) => {
    expect(await verdict([answer(changes)])).toMatchObject({ isGood: false, says });
  });

  it('goes on with a step of an earlier version, which knows of no range', async () => {
    const { status: _, ...earlier } = STEP;
    expect(await verdict([answer({ status: 404 })], earlier)).toMatchObject({ isGood: true });
    expect(await verdict([answer({ status: 500 })], earlier)).toMatchObject({ isGood: false });
  });

  it('asks again for a while, for longer where a certificate has to be ordered first', async () => {
    const old = answer({ slot: 'blue' });
    expect(await verdict([old, old, answer({})])).toMatchObject({ isGood: true, passed_ms: 200 });
    expect(await verdict([old])).toMatchObject({ isGood: false, passed_ms: 3_000 });
    const sites = [{ domain: 'shop.test', tls: 'auto' as const, is_new: true }];
    expect(await verdict([old], { ...STEP, sites })).toMatchObject({ isGood: false, passed_ms: 60_000 });
  });

  it('asks for every site', async () => {
    const sites = ['shop.test', 'www.test'].map((domain) => ({ domain, tls: 'off' as const, is_new: false }));
    expect((await verdict([answer({})], { ...STEP, sites })).says).toBe(
      'shop.test answers 200 from green, www.test answers 200 from green',
    );
  });

  it.each([
    [
      { kind: 'http', path: '/up', status: { min: 200, max: 204 } },
      { path: '/up', status: { min: 200, max: 204 } },
    ],
    [{ kind: 'tcp' }, { path: '/', status: null }],
    [{ kind: 'none' }, { path: '/', status: null }],
  ])('of a release with the health check %o asks for %o', async (health, asked) => {
    const { perform, journal } = await startApp();
    await perform(deploying('shop:v2', { health: healthCheckSchema.parse(health) }));
    const step = journal.operations[0]?.steps.find((one) => one.step.name === 'verify')?.step;
    expect(step).toMatchObject(asked);
  });
});
