/** Steps that hang and heed no signal: the operation comes to its end all the same, and what comes too late changes nothing. */
import { describe, expect, it } from 'vitest';
import type { StepName } from '../contract/domain.ts';
import type { Intent } from './engine.ts';
import type { World } from './ports.ts';
import type { Executors, StepContext, StepResult } from './saga.ts';
import { type Step, UNDOABLE } from './steps.ts';
import { createEngine, deploying, engineOver, run, signal, startApp, swapping } from './test-engine.ts';
import { ModelJournal } from './test-journal.ts';
import { ModelWorld } from './test-world.ts';

type Run = (step: Step, context: StepContext) => Promise<StepResult>;
type Pair = { do: Run; undo?: Run };

const hook = { command: ['migrate'], timeout_ms: 5_000 };
const deploy = deploying('shop:v2', { domain: 'new.test', pre_switch: hook, post_switch: hook, watch_ms: 3_000 });

/** An operation with each kind of step, how it ends when that step hangs, and after how many seconds the step is given up. */
const CASES = {
  validate: [deploy, 'failed', 30],
  pull: [deploy, 'failed', 900],
  pre_switch: [deploy, 'failed', 35],
  create: [deploy, 'failed', 100],
  start: [deploy, 'failed', 60],
  probe: [deploy, 'failed', 95],
  route: [deploy, 'failed', 60],
  switch: [deploy, 'failed', 90],
  verify: [deploy, 'rolled_back', 120],
  post_switch: [deploy, 'rolled_back', 35],
  watch: [deploy, 'rolled_back', 38],
  drain: [deploy, 'stuck', 60],
  retire: [deploy, 'stuck', 70],
  scale: [{ kind: 'scale', replicas: 2 }, 'failed', 60],
  maintain: [{ kind: 'maintenance', to: { message: 'Soon.' } }, 'failed', 30],
  stop: [{ kind: 'stop' }, 'stuck', 70],
  remove: [{ kind: 'remove' }, 'stuck', 60],
} as const satisfies Record<StepName, readonly [Intent, string, number]>;

/** Its executors, of which one is another. */
function replace(executors: Executors, name: StepName, change: (pair: Pair) => Pair): Executors {
  return { ...executors, [name]: change(executors[name] as unknown as Pair) }; // the map's type pairs names with steps
}

/** Runs that never end by themselves. */
function hanging() {
  const runs: PromiseWithResolvers<StepResult>[] = [];
  const hang = () => {
    const run = Promise.withResolvers<StepResult>();
    runs.push(run);
    return run.promise;
  };
  return { runs, hang };
}

/** Lets time pass until it has settled. */
async function passUntil<T>(promise: Promise<T>, { clock }: Pick<ModelWorld, 'clock'>): Promise<T> {
  let isSettled: boolean = false;
  const settle = () => {
    isSettled = true;
  };
  promise.then(settle, settle);
  for (;;) {
    await new Promise(setImmediate);
    if (isSettled) return promise;
    clock.passToNextTimer();
  }
}

describe.each(Object.entries(CASES))('a step that hangs: %s', (name, [intent, state, seconds]) => {
  const kind = name as StepName;

  it(`ends as ${state} by its deadline, whatever its result is later`, async () => {
    const { world, journal } = await startApp();
    const before = world.snapshot();
    const { runs, hang } = hanging();
    const engine = createEngine(world, journal, (all) => replace(all, kind, (pair) => ({ ...pair, do: hang })));
    const operation = await passUntil(run(engine, intent), world);
    const message = `${kind} took longer than ${seconds} s.`;
    expect(operation).toMatchObject({ state, error: { step: kind, message: expect.stringContaining(message) } });
    if (state !== 'stuck') expect(world.snapshot()).toEqual(before);
    expect(runs).toHaveLength(state === 'stuck' ? 6 : 1);

    const kept = [world.snapshot(), journal.snapshot(), journal.getOperation(operation.id)];
    for (const [index, { resolve, reject }] of runs.entries()) {
      if (index % 2 === 1) reject(new Error('too late'));
      else resolve({ detail: 'too late', changes: [{ kind: 'app_removed', app_name: 'shop' }] });
    }
    await new Promise(setImmediate);
    expect([world.snapshot(), journal.snapshot(), journal.getOperation(operation.id)]).toEqual(kept);
  });

  if (!(name in UNDOABLE)) return;

  it('ends as stuck when it is its undo that hangs', async () => {
    const { world, journal } = await startApp();
    const { runs, hang } = hanging();
    const failing = (pair: Pair): Pair => ({
      do: async (step, context) => {
        await pair.do(step, context);
        throw new Error('no');
      },
      undo: hang,
    });
    const engine = createEngine(world, journal, (all) => replace(all, kind, failing));
    const operation = await passUntil(run(engine, intent), world);
    const message = expect.stringMatching(new RegExp(`Still there: .*could not be undone: ${kind} took longer than \\d+ s`));
    expect(operation).toMatchObject({ state: 'stuck', error: { step: kind, message } });
    expect(runs).toHaveLength(6);
  });
});

describe('a step that hangs', () => {
  it('is done when it ends soon after its deadline', async () => {
    const { world, journal } = await startApp();
    const late = (pair: Pair): Pair => ({
      ...pair,
      do: async (step, context) => {
        await new Promise<void>((resolve) => context.signal.addEventListener('abort', () => resolve()));
        return pair.do(step, context);
      },
    });
    const engine = createEngine(world, journal, (all) => replace(all, 'maintain', late));
    expect((await passUntil(run(engine, CASES.maintain[0]), world)).state).toBe('succeeded');
  });

  it('can be cancelled', async () => {
    const { world, journal } = await startApp();
    const { runs, hang } = hanging();
    const engine = createEngine(world, journal, (all) => replace(all, 'pull', (pair) => ({ ...pair, do: hang })));
    const ended = run(engine, swapping('shop:v2'));
    await expect.poll(() => runs.length).toBe(1);
    const began = world.clock.monotonicMs();
    await passUntil(engine.cancel(journal.operations[0]!.id, 'somebody', signal), world); // it runs
    expect((await ended).state).toBe('cancelled');
    expect(world.clock.monotonicMs() - began).toBeLessThanOrEqual(60_000);
  });

  it('does not keep the daemon from stopping, and is begun again by the next one', async () => {
    const { world, journal } = await startApp();
    const { runs, hang } = hanging();
    const engine = createEngine(world, journal, (all) => replace(all, 'maintain', (pair) => ({ ...pair, do: hang })));
    const ended = run(engine, CASES.maintain[0]).catch((error: unknown) => error);
    await expect.poll(() => runs.length).toBe(1);
    await passUntil(engine.close(), world);
    expect(await ended).toMatchObject({ code: 'unavailable' });
    await createEngine(world, journal).recover();
    expect(journal.operations[0]?.state).toBe('succeeded');
  });
});

describe('what comes back after its step was given up', () => {
  /** The engine over a world in which the first call of one effect hangs. */
  async function withHanging(app: 'none' | 'live', part: 'containers' | 'markers', method: string) {
    const { world, journal } = app === 'live' ? await startApp() : { world: new ModelWorld(), journal: new ModelJournal() };
    world.state.images.set('shop:v1', 'sha256:1');
    const ports = world.ports();
    const first = Promise.withResolvers<void>();
    let isHung: boolean = false;
    const slow = new Proxy(ports[part] as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>, {
      get: (target, key) => {
        const call = target[String(key)]!; // the engine asks for what there is
        if (key !== method || isHung) return call;
        return async (...args: unknown[]) => {
          isHung = true;
          const result = await call(...args);
          await first.promise;
          return result;
        };
      },
    });
    const engine = engineOver({ ...ports, [part]: slow } as World, journal);
    const comeBack = async () => {
      expect(isHung).toBe(true);
      first.resolve();
      for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate);
    };
    return { world, engine, comeBack };
  }

  it('does not switch any more', async () => {
    const { world, engine, comeBack } = await withHanging('live', 'containers', 'setRestart');
    expect(await passUntil(run(engine, swapping('shop:v2')), world)).toMatchObject({
      state: 'failed',
      error: { step: 'switch' },
    });
    const before = world.snapshot();
    await comeBack();
    expect(world.snapshot()).toEqual(before);
    expect(world.state.markers.get('shop')).toBe('blue');
  });

  it('does not begin to route any more', async () => {
    const { world, engine, comeBack } = await withHanging('none', 'markers', 'read');
    expect(await passUntil(run(engine, deploying('shop:v1')), world)).toMatchObject({
      state: 'failed',
      error: { step: 'route' },
    });
    await comeBack();
    expect([world.state.markers.size, world.state.routes.size]).toEqual([0, 0]);
  });

  it('sets no marker that was found to be wrong', async () => {
    const { world, engine, comeBack } = await withHanging('live', 'markers', 'read');
    world.state.markers.set('shop', 'green');
    expect(await passUntil(run(engine, swapping('shop:v2')), world)).toMatchObject({
      state: 'failed',
      error: { message: expect.stringMatching(/^The marker of the app cannot be set/) },
    });
    await comeBack();
    expect(world.state.markers.get('shop')).toBe('green');
  });
});
