/** The four properties of every operation, over in-memory models of the world; and that visitors are served all the while. */
import { describe, expect, it } from 'vitest';
import type { Executors, StepContext, StepResult } from './saga.ts';
import type { Step } from './steps.ts';
import { foreignContainer } from './test-container.ts';
import { createEngine, run } from './test-engine.ts';
import { runUntilWrite } from './test-life.ts';
import { prepare, SCENARIOS, snapshotOf, undisturbed, withoutFailedRelease } from './test-scenarios.ts';
import { toOperation } from './view.ts';

describe.each(SCENARIOS)('$name', (scenario) => {
  it('succeeds, without an instant in which visitors are not served', async () => {
    const parts = await prepare(scenario);
    const operation = await run(createEngine(parts.world, parts.journal), scenario.intent);
    expect(operation.state).toBe('succeeded');
    expect(operation.steps.map(({ state }) => state)).toEqual(operation.steps.map(() => 'done'));
    parts.expectSeamless();
  });

  it('unwinds from a failure at every effect, before it and after it, or goes through with it', async () => {
    const { effects, before, after } = await undisturbed(scenario);
    for (let failing = 1; failing <= effects; failing += 1) {
      const parts = await prepare(scenario);
      let count = 0;
      parts.world.hook = () => {
        parts.watch();
        count += 1;
        if (count === failing) throw new Error(`effect ${failing} fails`);
      };
      const operation = await run(createEngine(parts.world, parts.journal), scenario.intent);
      parts.expectSeamless();
      const result = snapshotOf(parts);
      if (operation.state === 'succeeded') expect(result).toEqual(after);
      else {
        expect(operation.state).toMatch(/^(failed|rolled_back)$/);
        expect(withoutFailedRelease(result, operation)).toEqual(before);
        expect(operation.error?.message).toBeTruthy();
        expect(operation.evidence?.step).toBe(operation.error?.step);
      }
    }
  });

  it('takes back all it can when something stays broken, and tells what it could not', async () => {
    const { effects, before, after } = await undisturbed(scenario);
    for (let failing = 1; failing <= effects; failing += 1) {
      const parts = await prepare(scenario);
      let count = 0;
      let broken: string | null = null;
      parts.world.hook = (effect) => {
        parts.watch();
        count += 1;
        if (count === failing) broken = effect;
        if (effect === broken) throw new Error(`${effect} is broken`);
      };
      const operation = await run(createEngine(parts.world, parts.journal), scenario.intent);
      parts.expectSeamless();
      const result = withoutFailedRelease(snapshotOf(parts), operation);
      // What a one-off command left is removed by the next start.
      for (const [name, { spec }] of parts.world.state.containers)
        if (spec.role.kind === 'hook') parts.world.state.containers.delete(name);
      if (operation.state === 'succeeded') expect(snapshotOf(parts)).toEqual(after);
      if (operation.state === 'failed' || operation.state === 'rolled_back') expect(result).toEqual(before);
      const isUnwound = parts.journal.operations[0]?.direction === 'unwind';
      if (operation.state !== 'stuck' || !isUnwound) continue;
      expect(operation.error?.message).toMatch(/failed unexpectedly.* Still there: /);
      // Containers that visitors may still be sent to have to stay.
      const { steps } = parts.journal.operations[0]!; // the scenario's own
      const directing = steps.some(({ step }) => step.name === 'switch') ? 'switch' : 'route';
      if (broken === 'remove' || steps.some(({ step, undo }) => step.name === directing && undo === 'failed')) continue;
      const containersOf = (snapshot: { world: unknown }) => (snapshot.world as { containers: unknown }).containers;
      expect(containersOf(result)).toEqual(containersOf(before));
    }
  });

  it("never touches somebody else's container that has one of its names", async () => {
    const parts = await prepare(scenario);
    const { containers } = parts.world.state;
    const idle = ['blue', 'green'].map((slot) => `nextdeploy-shop-${slot}-0`).filter((name) => !containers.has(name));
    for (const name of idle) containers.set(name, foreignContainer(name));
    const before = snapshotOf(parts);
    const operation = await run(createEngine(parts.world, parts.journal), scenario.intent);
    for (const name of idle) expect(containers.get(name)).toEqual(foreignContainer(name));
    if (operation.slot === null) expect(operation.state).toBe('succeeded');
    else expect(operation).toMatchObject({ state: 'failed', error: { message: expect.stringContaining('in the way') } });
    if (operation.slot !== null) expect(withoutFailedRelease(snapshotOf(parts), operation)).toEqual(before);
  });

  it('does the same when each step and each undo is done twice', async () => {
    const { after, before, effects } = await undisturbed(scenario);
    const parts = await prepare(scenario);
    expect((await run(createEngine(parts.world, parts.journal, twice), scenario.intent)).state).toBe('succeeded');
    expect(snapshotOf(parts)).toEqual(after);

    for (let failing = 1; failing <= effects; failing += 1) {
      const failed = await prepare(scenario);
      let count = 0;
      failed.world.hook = () => {
        count += 1;
        if (count === failing) throw new Error(`effect ${failing} fails`);
      };
      const operation = await run(createEngine(failed.world, failed.journal, twice), scenario.intent);
      const result = operation.state === 'succeeded' ? snapshotOf(failed) : withoutFailedRelease(snapshotOf(failed), operation);
      expect(result).toEqual(operation.state === 'succeeded' ? after : before);
    }
  });

  it.each(['daemon', 'machine'] as const)('is resumed or unwound when the %s dies at any point of the journal', async (what) => {
    const { commits, before, after } = await undisturbed(scenario);
    for (let cut = 1; cut <= commits; cut += 1) {
      const parts = await prepare(scenario);
      await runUntilWrite(parts, scenario.intent, cut);
      await reviveAndCheck(parts, what, before, after);
    }
  });

  it.each(['daemon', 'machine'] as const)('is resumed or unwound when the %s dies in the middle of any effect', async (what) => {
    const { effects, before, after } = await undisturbed(scenario);
    for (let cut = 1; cut <= effects; cut += 1) {
      const parts = await prepare(scenario);
      const engine = createEngine(parts.world, parts.journal);
      let count = 0;
      let closed: Promise<void> | undefined;
      parts.world.hook = () => {
        count += 1;
        if (count !== cut) return;
        closed = engine.close();
        throw new Error('cut off');
      };
      await run(engine, scenario.intent).catch(() => undefined);
      await closed;
      await reviveAndCheck(parts, what, before, after);
    }
  });
});

async function reviveAndCheck(
  parts: Awaited<ReturnType<typeof prepare>>,
  what: 'daemon' | 'machine',
  before: ReturnType<typeof snapshotOf>,
  after: ReturnType<typeof snapshotOf>,
) {
  const { world, journal } = parts;
  if (what === 'machine') {
    world.reboot();
    // Apps serve before the daemon is up.
    parts.watch();
    parts.expectSeamless();
  }
  world.hook = what === 'daemon' ? parts.watch : () => undefined;
  await createEngine(world, journal).recover();
  const operation = toOperation(journal.operations[0]!); // the scenario's own
  expect(operation.state).not.toBe('running');
  if (operation.state === 'succeeded') expect(snapshotOf(parts)).toEqual(after);
  else expect(withoutFailedRelease(snapshotOf(parts), operation)).toEqual(before);
  if (what === 'daemon') parts.expectSeamless();
}

function twice(executors: Executors): Executors {
  type Run = (step: Step, context: StepContext) => Promise<StepResult>;
  const again =
    (run: Run): Run =>
    async (step, context) => {
      await run(step, context);
      return run(step, context);
    };
  const wrapped = Object.entries(executors as unknown as Record<string, { do: Run; undo?: Run }>).map(([name, executor]) => [
    name,
    { do: again(executor.do), ...(executor.undo ? { undo: again(executor.undo) } : {}) },
  ]);
  return Object.fromEntries(wrapped) as Executors;
}
