/** Cancelling and keeping, at every moment of every operation. */
import { describe, expect, it } from 'vitest';
import type { Operation } from '../contract/domain.ts';
import { createEngine, deploying, engineOver, run, signal, swapping } from './test-engine.ts';
import { ModelJournal } from './test-journal.ts';
import { Life } from './test-life.ts';
import { prepare, SCENARIOS, snapshotOf, undisturbed, withoutFailedRelease } from './test-scenarios.ts';
import { ModelWorld } from './test-world.ts';

type Parts = Awaited<ReturnType<typeof prepare>>;

/** Calls `act` at the moment `count` of those in which something happens. */
function at(count: number, { world, watch }: Parts, act: () => void): void {
  let seen = 0;
  const look = () => {
    watch();
    seen += 1;
    if (seen === count) act();
  };
  world.hook = look;
  world.onLook = look;
}

const settle = async <T>(promise: Promise<T>) =>
  promise.then(
    (value) => ({ value }),
    (reason: unknown) => ({ reason }),
  );

describe.each(SCENARIOS)('$name', (scenario) => {
  it('is undone without a trace when somebody cancels it, or goes through with it and says why', async () => {
    const { before, after, moments } = await undisturbed(scenario);
    const states = new Set<string>();
    for (let moment = 1; moment <= moments; moment += 1) {
      const parts = await prepare(scenario);
      const engine = createEngine(parts.world, parts.journal);
      const { id: earlier } = parts.journal.operations[0] ?? { id: null };
      const orders: Promise<unknown>[] = [];
      at(moment, parts, () => {
        const { id } = parts.journal.operations[0] ?? { id: null };
        if (id !== null && id !== earlier) orders.push(settle(engine.cancel(id, 'somebody', signal)));
      });
      const operation = await run(engine, scenario.intent);
      parts.expectSeamless();
      const [order] = (await Promise.all(orders)) as ({ value?: { id: string }; reason?: unknown } | undefined)[];
      states.add(operation.state);
      if (operation.state === 'succeeded') {
        expect(snapshotOf(parts)).toEqual(after);
        if (order !== undefined) expect(order.reason).toMatchObject({ code: 'conflict', operation_id: operation.id });
        continue;
      }
      expect(operation).toMatchObject({ state: 'cancelled', error: { message: 'Cancelled by somebody.' }, evidence: null });
      expect(order?.value).toMatchObject({ id: operation.id });
      expect(withoutFailedRelease(snapshotOf(parts), operation)).toEqual(before);
    }
    const isOneWay = ['stop', 'remove'].includes(scenario.intent.kind);
    if (isOneWay) expect([...states]).toEqual(['succeeded']);
    else if (scenario.intent.kind !== 'maintenance') expect([...states].sort()).toEqual(['cancelled', 'succeeded']);
  });

  it('is undone or goes on when the daemon dies just after somebody has cancelled it', async () => {
    const { before, after, moments } = await undisturbed(scenario);
    for (let moment = 1; moment <= moments; moment += 1) {
      const parts = await prepare(scenario);
      const life = new Life(parts.world, parts.journal);
      const engine = engineOver(life.world, life.journal);
      // The order is lost with the daemon, or on disk already.
      let writes = moment % 2;
      at(moment, parts, () => {
        const { id } = parts.journal.operations[0] ?? { id: '' };
        void settle(engine.cancel(id, 'somebody', signal));
        parts.journal.beforeCommit = () => {
          if (writes-- > 0) return;
          life.end();
          throw new Error('the daemon dies');
        };
      });
      await Promise.race([settle(run(engine, scenario.intent)), life.death]);
      parts.journal.beforeCommit = () => undefined;
      at(0, parts, () => undefined);
      if (life.isOver) await createEngine(parts.world, parts.journal).recover();
      parts.expectSeamless();
      const [operation] = parts.journal.operations;
      if (!operation) throw new Error('no operation');
      expect(operation.state).toMatch(/^(succeeded|cancelled)$/);
      if (operation.state === 'succeeded') expect(snapshotOf(parts)).toEqual(after);
      else expect(withoutFailedRelease(snapshotOf(parts), operation)).toEqual(before);
    }
  });
});

const ID = 'op-00000002';

/** A swap whose `act` is called once when the step is reached. */
async function swapUntil(name: string, act: () => void, changes: Parameters<typeof deploying>[1] = {}) {
  const world = new ModelWorld();
  world.state.images.set('shop:v1', 'sha256:1').set('shop:v2', 'sha256:2');
  const journal = new ModelJournal();
  await run(createEngine(world, journal), deploying('shop:v1', changes));
  const engine = createEngine(world, journal);
  let isDone = false;
  const look = () => {
    const isThere = journal.getOperation(ID)?.steps.some(({ step, state }) => step.name === name && state === 'running');
    if (isDone || isThere !== true) return;
    isDone = true;
    act();
  };
  world.hook = look;
  world.onLook = look;
  return { world, journal, engine, swap: () => run(engine, swapping('shop:v2')) };
}

const stepsOf = ({ steps }: Operation) => Object.fromEntries(steps.map(({ name, state }) => [name, state]));

describe('cancelling', () => {
  it('goes back from the watch window to the old release, which was kept warm', async () => {
    let order: Promise<Operation> | undefined;
    const parts = await swapUntil('watch', () => {
      expect(parts.world.serving('shop')).toMatchObject({ release: 'r2' });
      order = parts.engine.cancel(ID, 'somebody', signal);
    });
    const operation = await parts.swap();
    expect(operation).toMatchObject({ state: 'cancelled', error: { step: 'watch' } });
    expect(stepsOf(operation)).toMatchObject({ watch: 'failed', switch: 'undone', create: 'undone', drain: 'skipped' });
    expect(await order).toMatchObject({ id: ID, state: 'running' });
    expect(parts.world.serving('shop')).toMatchObject({ release: 'r1' });
    expect(parts.journal.getRelease('shop', 'r1')?.state).toBe('live');
    expect(parts.journal.getRelease('shop', 'r2')).toMatchObject({ state: 'failed', end_reason: 'Cancelled by somebody.' });
    expect(parts.journal.events.at(-2)).toMatchObject({ kind: 'operation.ended', level: 'warning' });
  });

  it.each(['drain', 'retire'])('is refused once %s has begun, with what to do', async (name) => {
    let order: Promise<unknown> | undefined;
    const parts = await swapUntil(name, () => {
      order = settle(parts.engine.cancel(ID, 'somebody', signal));
    });
    expect((await parts.swap()).state).toBe('succeeded');
    const reason = { code: 'conflict', operation_id: ID, message: expect.stringContaining('roll back when it has ended') };
    expect(await order).toEqual({ reason: expect.objectContaining(reason) });
  });

  it('is refused the second time, and for what has ended or is not known', async () => {
    const orders: Promise<unknown>[] = [];
    const parts = await swapUntil('probe', () => {
      orders.push(settle(parts.engine.cancel(ID, 'somebody', signal)));
      const stop = parts.world.hook;
      parts.world.hook = (effect, phase) => {
        stop(effect, phase);
        if (effect === 'remove' && phase === 'begun') orders.push(settle(parts.engine.cancel(ID, 'somebody else', signal)));
      };
    });
    expect((await parts.swap()).state).toBe('cancelled');
    const [first, second] = await Promise.all(orders);
    expect(first).toEqual({ value: expect.objectContaining({ id: ID }) });
    expect(second).toEqual({ reason: expect.objectContaining({ message: expect.stringContaining('being undone already') }) });
    await expect(parts.engine.cancel(ID, 'somebody', signal)).rejects.toThrow('it has ended');
    await expect(parts.engine.cancel('op-00000009', 'somebody', signal)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('twice at the same instant is one cancellation', async () => {
    const orders: Promise<unknown>[] = [];
    const parts = await swapUntil('probe', () => {
      for (const who of ['one', 'two']) orders.push(settle(parts.engine.cancel(ID, who, signal)));
    });
    expect(await parts.swap()).toMatchObject({ state: 'cancelled', error: { message: 'Cancelled by one.' } });
    for (const order of await Promise.all(orders)) expect(order).toEqual({ value: expect.objectContaining({ id: ID }) });
  });

  it('is answered when the daemon stops before it takes effect', async () => {
    let order: Promise<unknown> | undefined;
    const parts = await swapUntil('probe', () => {
      order = settle(parts.engine.cancel(ID, 'somebody', signal));
      void parts.engine.close();
      throw new Error('cut off');
    });
    await expect(parts.swap()).rejects.toThrow('The daemon is stopping');
    expect(await order).toEqual({ reason: expect.objectContaining({ code: 'unavailable' }) });
  });

  it('is refused with a word about why while recovery has not come to the operation yet', async () => {
    const parts = await swapUntil('probe', () => void parts.engine.close());
    await expect(parts.swap()).rejects.toThrow('The daemon is stopping');
    const next = createEngine(parts.world, parts.journal);
    await expect(next.cancel(ID, 'somebody', signal)).rejects.toThrow('does not run at this moment');
    await next.recover();
    expect(parts.journal.getOperation(ID)?.state).toBe('succeeded');
  });

  it('gives up what waits: a command that hangs, and its container with it', async () => {
    let order: Promise<Operation> | undefined;
    const parts = await swapUntil('pre_switch', () => undefined, {});
    parts.world.hanging.add('migrate');
    parts.world.onLook = (what) => {
      if (what === 'wait') order ??= parts.engine.cancel(ID, 'somebody', signal);
    };
    const hooked = deploying('shop:v2', { pre_switch: { command: ['migrate'], timeout_ms: 60_000 } });
    expect((await run(parts.engine, hooked)).state).toBe('cancelled');
    await order;
    expect([...parts.world.state.containers.keys()]).toEqual(['nextdeploy-shop-blue-0']);
  });
});

describe('keeping', () => {
  it('ends the watch window, and the old release goes', async () => {
    let order: Promise<Operation> | undefined;
    const parts = await swapUntil(
      'watch',
      () => {
        order = parts.engine.keep(ID, 'somebody', signal);
      },
      { watch_ms: 3_600_000 },
    );
    const began = parts.world.clock.monotonicMs();
    const operation = await parts.swap();
    expect(operation.state).toBe('succeeded');
    expect(operation.steps.find(({ name }) => name === 'watch')?.detail).toBe('kept by somebody');
    expect(stepsOf(await order!)).toMatchObject({ watch: 'done', drain: 'running' }); // ordered above
    expect(parts.world.clock.monotonicMs() - began).toBeLessThan(10_000);
    expect([...parts.world.state.containers.keys()]).toEqual(['nextdeploy-shop-green-0']);
  });

  it.each(['probe', 'drain'])('is refused in %s: there is no window', async (name) => {
    let order: Promise<unknown> | undefined;
    const parts = await swapUntil(name, () => {
      order = settle(parts.engine.keep(ID, 'somebody', signal));
    });
    await parts.swap();
    expect(await order).toEqual({ reason: expect.objectContaining({ code: 'conflict' }) });
    await expect(parts.engine.keep(ID, 'somebody', signal)).rejects.toThrow('it has ended');
  });

  it('is too late for a release that turned out to be sick at the same moment', async () => {
    let order: Promise<unknown> | undefined;
    const parts = await swapUntil('watch', () => {
      parts.world.crash('nextdeploy-shop-green-0');
      parts.world.crash('nextdeploy-shop-green-0');
      order = settle(parts.engine.keep(ID, 'somebody', signal));
    });
    expect((await parts.swap()).state).toBe('rolled_back');
    expect(await order).toEqual({
      reason: expect.objectContaining({ message: expect.stringContaining('being undone already') }),
    });
  });
});
