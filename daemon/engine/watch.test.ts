/** The watch window: what ends it, and what it goes back to. */
import { describe, expect, it } from 'vitest';
import { type HealthCheck, healthCheckSchema } from '../contract/configuration.ts';
import type { Operation } from '../contract/domain.ts';
import { createEngine, run, signal, startApp, swapping } from './test-engine.ts';
import type { ModelWorld } from './test-world.ts';

const OLD = 'nextdeploy-shop-blue-0';
const NEW = 'nextdeploy-shop-green-0';
const WATCH_MS = 60_000;

type Parts = Awaited<ReturnType<typeof start>>;

const start = (health: HealthCheck = healthCheckSchema.parse({ kind: 'http' })) => startApp({ watch_ms: WATCH_MS, health });

/** Calls `act` with the number of each look at the new container in the window. */
function onLook({ world, journal }: Parts, act: (look: number) => void): void {
  let looks = 0;
  world.onLook = (what) => {
    const steps = journal.operations[0]?.steps ?? [];
    if (what !== 'inspect' || !steps.some(({ step, state }) => step.name === 'watch' && state === 'running')) return;
    looks += 1;
    act(looks);
  };
}

const swap = ({ world, journal }: Parts) => run(createEngine(world, journal), swapping('shop:v2'));

function expectOldServes({ world, journal }: Parts, operation: Operation): void {
  expect(operation.state).toBe('rolled_back');
  expect(world.serving('shop')).toMatchObject({ release: 'r1' });
  expect([...world.state.containers.keys()]).toEqual([OLD]);
  expect(journal.getRelease('shop', 'r1')?.state).toBe('live');
  expect(journal.getRelease('shop', 'r2')).toMatchObject({ state: 'failed', end_reason: operation.error?.message });
  expect(journal.getApp('shop')).toMatchObject({ release: 'r1', slot: 'blue', last_error: operation.error?.message });
}

describe('the watch window', () => {
  it('ends when its time has passed, and the old release goes', async () => {
    const parts = await start();
    const began = parts.world.clock.monotonicMs();
    const operation = await swap(parts);
    expect(operation.steps.find(({ name }) => name === 'watch')?.detail).toBe('healthy for 60 s');
    expect(parts.world.clock.monotonicMs() - began).toBeGreaterThanOrEqual(WATCH_MS);
    expect([...parts.world.state.containers.keys()]).toEqual([NEW]);
  });

  it.each([
    { how: 'crashes and is started again', act: (world: ModelWorld) => world.crash(NEW), says: 'crashed after' },
    { how: 'is stopped', act: (world: ModelWorld) => world.halt(NEW), says: 'ended with exit code 137 after' },
    { how: 'is removed', act: (world: ModelWorld) => world.destroy(NEW), says: 'was removed after' },
  ])('brings the old release back when the new one $how, with evidence', async ({ act, says }) => {
    const parts = await start();
    onLook(parts, (look) => {
      if (look === 3) act(parts.world);
    });
    const operation = await swap(parts);
    expectOldServes(parts, operation);
    expect(operation.error).toMatchObject({ step: 'watch', message: expect.stringContaining(`${NEW} ${says} the switch`) });
    expect(operation.evidence).toMatchObject({ step: 'watch', reason: operation.error?.message });
    expect(operation.evidence?.probes.length).toBeGreaterThan(0);
  });

  it('brings it back when the new one runs out of memory', async () => {
    const parts = await start();
    onLook(parts, (look) => {
      if (look !== 2) return;
      Object.assign(parts.world.state.containers.get(NEW)!, { is_kept: false }); // made by the swap
      parts.world.crash(NEW, { exit_code: 137, oom_killed: true });
    });
    const operation = await swap(parts);
    expectOldServes(parts, operation);
    expect(operation.error?.message).toContain('ran out of memory');
    expect(operation.evidence).toMatchObject({ oom_killed: true, exit_code: 137 });
  });

  it('brings it back after as many failed probes in a row as the health check allows, and not before', async () => {
    const parts = await start(healthCheckSchema.parse({ kind: 'http', retries: 3 }));
    let failing = 0;
    // Two, a good one, and then three.
    onLook(parts, (look) => {
      failing = [2, 3, 5, 6, 7].includes(look) ? failing + 1 : failing;
      if ([2, 3, 5, 6, 7].includes(look)) parts.world.broken.add('sha256:2');
      else parts.world.broken.clear();
    });
    const operation = await swap(parts);
    expectOldServes(parts, operation);
    expect(failing).toBe(5);
    expect(operation.error?.message).toBe(`${NEW} failed 3 probes in a row after the switch: it answered 500.`);
    expect(operation.evidence?.probes.at(-1)).toMatchObject({ healthy: false, status: 500 });
  });

  it('does not take it for a crash that Docker was restarted, and gives the app its start period then', async () => {
    const parts = await start(healthCheckSchema.parse({ kind: 'http', start_period_ms: 10_000 }));
    const { world } = parts;
    onLook(parts, (look) => {
      if (look === 3) {
        world.isDockerDown = true;
        world.broken.add('sha256:2').add('sha256:1');
      }
      if (look === 9) {
        world.isDockerDown = false;
        world.clock.jump(-3_600_000);
        world.reboot();
      }
      if (look === 13) world.broken.clear();
    });
    expect((await swap(parts)).state).toBe('succeeded');
    expect(world.serving('shop')).toMatchObject({ release: 'r2' });
  });

  it('does not wait for ever for an app that does not come back after that', async () => {
    const parts = await start(healthCheckSchema.parse({ kind: 'http', start_period_ms: 10_000 }));
    onLook(parts, (look) => {
      if (look !== 3) return;
      parts.world.reboot();
      parts.world.broken.add('sha256:2');
    });
    expectOldServes(parts, await swap(parts));
  });

  it.each([-3_600_000, 3_600_000])('takes as long as ever when the wall clock jumps by %i ms', async (jump) => {
    const parts = await start();
    const began = parts.world.clock.monotonicMs();
    onLook(parts, (look) => {
      if (look === 5) parts.world.clock.jump(jump);
    });
    expect((await swap(parts)).state).toBe('succeeded');
    const took = parts.world.clock.monotonicMs() - began;
    expect(took).toBeGreaterThanOrEqual(WATCH_MS);
    expect(took).toBeLessThan(WATCH_MS + 10_000);
  });
});

/** The daemon stops at that look in the window, and a new one takes over after `act`. */
async function restartAt(parts: Parts, at: number, act: () => void) {
  const engine = createEngine(parts.world, parts.journal);
  onLook(parts, (look) => {
    if (look === at) void engine.close();
  });
  await expect(run(engine, swapping('shop:v2'))).rejects.toThrow('The daemon is stopping');
  parts.world.onLook = () => undefined;
  act();
  const stopped = parts.world.clock.monotonicMs();
  const next = createEngine(parts.world, parts.journal);
  const end = next.waitFor(parts.journal.operations[0]!.id, signal); // the swap
  await next.recover();
  return { operation: await end, leftMs: parts.world.clock.monotonicMs() - stopped };
}

describe('a restart of the daemon in the watch window', () => {
  it('goes on with the rest of it', async () => {
    const parts = await start();
    const { operation, leftMs } = await restartAt(parts, 31, () => parts.world.clock.pass(10_000));
    expect(operation.state).toBe('succeeded');
    expect(leftMs).toBeGreaterThanOrEqual(19_000);
    expect(leftMs).toBeLessThan(25_000);
  });

  it('ends it at once when all of it has passed meanwhile, after a last look', async () => {
    const parts = await start();
    const { operation, leftMs } = await restartAt(parts, 31, () => parts.world.clock.pass(600_000));
    expect(operation.state).toBe('succeeded');
    expect(leftMs).toBeLessThan(2_000);
  });

  it('finds out that the new release has crashed meanwhile, and brings the old one back', async () => {
    const parts = await start();
    const { operation } = await restartAt(parts, 31, () => {
      parts.world.crash(NEW);
      parts.world.clock.pass(600_000);
    });
    expectOldServes(parts, operation);
  });

  it.each([-3_600_000, 3_600_000])('gets the whole window or a last look when the wall clock jumps by %i ms', async (jump) => {
    const parts = await start();
    const { operation, leftMs } = await restartAt(parts, 31, () => parts.world.clock.jump(jump));
    expect(operation.state).toBe('succeeded');
    expect(leftMs).toBeLessThan(WATCH_MS + 5_000);
  });

  it('brings the old release back when the machine went down and the new one did not come up again', async () => {
    const parts = await start();
    const { operation } = await restartAt(parts, 31, () => parts.world.halt(NEW));
    expectOldServes(parts, operation);
    expect(operation.error?.message).toContain('did not survive');
  });
});

describe('an old release that dies in the watch window', () => {
  it('is no reason to do anything while the new one is well', async () => {
    const parts = await start();
    onLook(parts, (look) => {
      if (look === 3) parts.world.destroy(OLD);
    });
    expect((await swap(parts)).state).toBe('succeeded');
    expect([...parts.world.state.containers.keys()]).toEqual([NEW]);
  });

  it('is started again and asked before visitors are sent back to it', async () => {
    const parts = await start();
    const { world } = parts;
    onLook(parts, (look) => {
      if (look === 3) world.halt(OLD);
      if (look === 5) world.crash(NEW);
    });
    const order: string[] = [];
    world.hook = (effect, phase) => {
      if (phase === 'begun' && ['start', 'probe', 'writeMarker'].includes(effect)) order.push(effect);
    };
    expectOldServes(parts, await swap(parts));
    expect(order.slice(-3)).toEqual(['start', 'probe', 'writeMarker']);
  });

  it.each([
    ['is gone', (world: ModelWorld) => world.destroy(OLD)],
    [
      'cannot be started',
      (world: ModelWorld) => {
        world.halt(OLD);
        world.unstartable.add(OLD);
      },
    ],
    [
      'does not answer when it is started again',
      (world: ModelWorld) => {
        world.halt(OLD);
        world.broken.add('sha256:1');
      },
    ],
  ])(
    'is nothing to go back to when it %s: the sick release stays, which may recover, and the operation tells',
    async (_, die) => {
      const parts = await start();
      const { world, journal } = parts;
      onLook(parts, (look) => {
        if (look === 3) die(world);
        if (look === 5) world.crash(NEW);
      });
      const operation = await swap(parts);
      expect(operation).toMatchObject({ state: 'stuck', error: { step: 'watch' } });
      expect(operation.error?.message).toMatch(
        /crashed.* Still there: .*the marker of shop.*cannot serve any more.*Deploy a release that works/,
      );
      expect(world.serving('shop')).toMatchObject({ release: 'r2' });
      expect(journal.getApp('shop')).toMatchObject({ release: 'r2', slot: 'green' });
      expect(journal.getRelease('shop', 'r2')?.state).toBe('live');
      // What is left of the old one goes with the next start, and the next operation begins from here.
      world.unstartable.clear();
      world.broken.clear();
      await createEngine(world, journal).recover();
      expect([...world.state.containers.keys()]).toEqual([NEW]);
      expect((await run(createEngine(world, journal), { kind: 'rollback', release: undefined, code_only: false })).state).toBe(
        'succeeded',
      );
      expect(world.serving('shop')).toMatchObject({ release: 'r1' });
    },
  );

  it('keeps visitors at those of several that are left', async () => {
    const parts = await start();
    const { world, journal } = parts;
    await run(createEngine(world, journal), { kind: 'scale', replicas: 2 });
    onLook(parts, (look) => {
      if (look === 3) world.destroy('nextdeploy-shop-blue-1');
      if (look === 5) world.crash(NEW);
    });
    expect((await swap(parts)).state).toBe('rolled_back');
    expect(journal.getApp('shop')).toMatchObject({ release: 'r1', slot: 'blue' });
  });
});

describe('the evidence of a failed window', () => {
  it('is of the container that is sick, of several', async () => {
    const parts = await start();
    await run(createEngine(parts.world, parts.journal), { kind: 'scale', replicas: 3 });
    onLook(parts, (look) => {
      if (look === 4) parts.world.crash('nextdeploy-shop-green-2');
    });
    const operation = await swap(parts);
    expect(operation).toMatchObject({ state: 'rolled_back', evidence: { log_tail: ['log of nextdeploy-shop-green-2'] } });
  });
});
