import { describe, expect, it } from 'vitest';
import type { ObservedContainer } from './ports.ts';
import { decideRecovery, findOrphans } from './recovery.ts';
import type { OperationRecord } from './state.ts';
import { createEngine, deploying, run, signal, swapping } from './test-engine.ts';
import { ModelJournal } from './test-journal.ts';
import { ModelWorld } from './test-world.ts';

/** The record of a swap from blue to green that got as far as the step named. */
async function swapUntil(last: string): Promise<OperationRecord> {
  const world = new ModelWorld();
  world.state.images.set('shop:v1', 'sha256:1').set('shop:v2', 'sha256:2');
  const journal = new ModelJournal();
  await run(createEngine(world, journal), deploying('shop:v1'));
  const engine = createEngine(world, journal);
  await engine.begin('shop', swapping('shop:v2'), { actor: 'test', idempotency: null, signal });
  const [fresh] = journal.operations;
  if (!fresh) throw new Error('no operation');
  const end = fresh.steps.findIndex(({ step }) => step.name === last);
  const stateAt = (index: number) => (index < end ? 'done' : index === end ? 'running' : 'pending');
  await engine.close();
  return { ...fresh, steps: fresh.steps.map((step, index) => ({ ...step, state: stateAt(index) })) };
}

const container = (slot: 'blue' | 'green', is_running = true): ObservedContainer => ({
  id: slot,
  name: `nextdeploy-shop-${slot}-0`,
  app_name: 'shop',
  release: slot === 'blue' ? 'r1' : 'r2',
  slot,
  operation_id: 'op-x',
  role: 'replica',
  is_running,
});

describe('decideRecovery', () => {
  const resume = { kind: 'resume', restart: [] };

  it.each(['pull', 'create', 'start'])('resumes at %s, whatever is there', async (at) => {
    expect(decideRecovery(await swapUntil(at), [container('blue')])).toEqual(resume);
  });

  it.each(['probe', 'switch', 'verify', 'drain'])('resumes at %s while the new container runs', async (at) => {
    expect(decideRecovery(await swapUntil(at), [container('blue'), container('green')])).toEqual(resume);
  });

  it.each(['probe', 'switch', 'verify'])('unwinds at %s when only the old container has survived', async (at) => {
    expect(decideRecovery(await swapUntil(at), [container('blue'), container('green', false)])).toMatchObject({ kind: 'unwind' });
  });

  it('starts the new container again when there is no old one to go back to', async () => {
    const again = { kind: 'resume', restart: ['nextdeploy-shop-green-0'] };
    expect(decideRecovery(await swapUntil('verify'), [container('green', false)])).toEqual(again);
    expect(decideRecovery(await swapUntil('drain'), [container('blue'), container('green', false)])).toEqual(again);
  });
});

describe('findOrphans', () => {
  const apps = async () => {
    const journal = new ModelJournal();
    const world = new ModelWorld();
    world.state.images.set('shop:v1', 'sha256:1');
    await run(createEngine(world, journal), deploying('shop:v1'));
    return journal.listApps();
  };

  it('finds what stands in the slot that is not live, and nothing of a busy app', async () => {
    expect(findOrphans([container('blue'), container('green')], await apps(), [])).toEqual([container('green')]);
    expect(findOrphans([container('green')], await apps(), [{ app_name: 'shop' }])).toEqual([]);
  });

  it('never finds containers of an app that is not known: they may be live sites of a lost database', () => {
    expect(findOrphans([container('blue'), container('green')], [], [])).toEqual([]);
  });
});
