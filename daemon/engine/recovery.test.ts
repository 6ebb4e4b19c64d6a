import { describe, expect, it, vi } from 'vitest';
import type { AppConfiguration } from '../contract/configuration.ts';
import type { Intent } from './engine.ts';
import type { ObservedContainer } from './ports.ts';
import { decideRecovery, findOrphans } from './recovery.ts';
import type { OperationRecord } from './state.ts';
import { createEngine, deploying, run, signal, startApp, swapping } from './test-engine.ts';
import { ModelJournal } from './test-journal.ts';
import { ModelWorld } from './test-world.ts';

/** The record of an operation that got as far as the step named. */
async function begunUntil(
  last: string,
  intent: Intent,
  changes: Partial<AppConfiguration> | null = {},
): Promise<OperationRecord> {
  const world = new ModelWorld();
  world.state.images.set('shop:v1', 'sha256:1').set('shop:v2', 'sha256:2');
  const journal = new ModelJournal();
  if (changes !== null) await run(createEngine(world, journal), deploying('shop:v1', changes));
  const engine = createEngine(world, journal);
  await engine.begin('shop', intent, { actor: 'test', idempotency: null, signal });
  const [fresh] = journal.operations;
  if (!fresh) throw new Error('no operation');
  const end = fresh.steps.findIndex(({ step }) => step.name === last);
  if (end < 0) throw new Error(`it has no ${last}`);
  const stateAt = (index: number) => (index < end ? 'done' : index === end ? 'running' : 'pending');
  await engine.close();
  return { ...fresh, steps: fresh.steps.map((step, index) => ({ ...step, state: stateAt(index) })) };
}

const swapUntil = (last: string) => begunUntil(last, swapping('shop:v2'));

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

  it.each(['probe', 'switch', 'verify', 'watch', 'drain'])('resumes at %s while the new container runs', async (at) => {
    expect(decideRecovery(await swapUntil(at), [container('blue'), container('green')])).toEqual(resume);
  });

  it.each(['probe', 'switch', 'verify', 'watch'])('unwinds at %s when only the old container has survived', async (at) => {
    expect(decideRecovery(await swapUntil(at), [container('blue'), container('green', false)])).toMatchObject({ kind: 'unwind' });
  });

  it('starts the new container again when there is no old one to go back to', async () => {
    const again = { kind: 'resume', restart: ['nextdeploy-shop-green-0'] };
    expect(decideRecovery(await swapUntil('verify'), [container('green', false)])).toEqual(again);
    expect(decideRecovery(await swapUntil('watch'), [container('blue', false), container('green', false)])).toEqual(again);
    expect(decideRecovery(await swapUntil('drain'), [container('blue'), container('green', false)])).toEqual(again);
  });

  it('goes on with a first deploy that is still asked whether it is healthy, and not with one that would be switched to unasked', async () => {
    const again = { kind: 'resume', restart: ['nextdeploy-shop-blue-0'] };
    const first = (last: string) => begunUntil(last, deploying('shop:v1'), null);
    expect(decideRecovery(await first('probe'), [container('blue', false)])).toEqual(again);
    expect(decideRecovery({ ...(await first('switch')), steps: await pendingSwitch(first) }, [])).toMatchObject({
      kind: 'unwind',
    });
  });

  it('in scaling asks dead new containers anew, and undoes what is asked no more, for the others serve', async () => {
    const scaled = (last: string) => begunUntil(last, { kind: 'scale', replicas: 2 });
    const names = ['nextdeploy-shop-blue-1'];
    expect(decideRecovery(await scaled('probe'), [container('blue')])).toEqual({ kind: 'resume', restart: names });
    for (const last of ['scale', 'route']) {
      expect(decideRecovery(await scaled(last), [container('blue')])).toMatchObject({ kind: 'unwind' });
      expect(decideRecovery(await scaled(last), [container('blue'), { ...container('blue'), name: names[0]! }])).toEqual(resume); // named above
    }
  });

  it.each(['switch', 'drain', 'stop'])('goes on with a stop at %s, whatever is there', async (at) => {
    expect(decideRecovery(await begunUntil(at, { kind: 'stop' }), [])).toEqual(resume);
  });

  it('goes on with an unwinding', async () => {
    const unwinding: OperationRecord = { ...(await swapUntil('verify')), direction: 'unwind' };
    expect(decideRecovery(unwinding, [container('green', false)])).toEqual(resume);
  });
});

/** All before the switch is done, and it has not been begun. */
async function pendingSwitch(make: (last: string) => Promise<OperationRecord>): Promise<OperationRecord['steps']> {
  const { steps } = await make('switch');
  return steps.map((record) => (record.step.name === 'switch' ? { ...record, state: 'pending' } : record));
}

describe('findOrphans', () => {
  const apps = async (changes: Partial<AppConfiguration> = {}) => (await startApp(changes)).journal.listApps();
  const replica = (number: number): ObservedContainer => ({ ...container('blue'), name: `nextdeploy-shop-blue-${number}` });

  const KNOWN = { getOperation: () => ({}) as OperationRecord }; // nobody looks at more of it
  const FORGOTTEN = { getOperation: () => null };

  it('finds what stands in the slot that is not live, and nothing of a busy app', async () => {
    expect(findOrphans([container('blue'), container('green')], await apps(), [], KNOWN)).toEqual([container('green')]);
    expect(findOrphans([container('green')], await apps(), [{ app_name: 'shop' }], KNOWN)).toEqual([]);
  });

  it('finds replicas beyond the number, and those of another release in the live slot', async () => {
    const seen = [replica(0), replica(1), replica(2)];
    expect(findOrphans(seen, await apps({ replicas: 2 }), [], KNOWN)).toEqual([replica(2)]);
    expect(findOrphans(seen, await apps({ replicas: 3 }), [], KNOWN)).toEqual([]);
    const old = { ...replica(1), release: 'r0' };
    expect(findOrphans([replica(0), old], await apps({ replicas: 2 }), [], KNOWN)).toEqual([old]);
  });

  it('finds containers of one-off commands, of the live release too, and those of an app that is stopped or has never served', async () => {
    const hook: ObservedContainer = { ...container('blue', false), name: 'nextdeploy-shop-pre-switch', role: 'hook' };
    expect(findOrphans([replica(0), hook], await apps(), [], KNOWN)).toEqual([hook]);
    const [app] = await apps();
    if (!app) throw new Error('no app');
    expect(findOrphans([replica(0)], [{ ...app, wanted: 'stopped' }], [], KNOWN)).toEqual([replica(0)]);
    expect(findOrphans([replica(0)], [{ ...app, release: null, slot: null }], [], KNOWN)).toEqual([replica(0)]);
  });

  it('never finds containers of an app that is not known, or only of old: they may be live sites of a lost database', async () => {
    expect(findOrphans([container('blue'), container('green')], [], [], KNOWN)).toEqual([]);
    expect(findOrphans([container('green'), { ...replica(0), release: 'r0' }], await apps(), [], FORGOTTEN)).toEqual([]);
  });
});

describe('a start of the daemon', () => {
  it('sets a marker that says something else than what is kept, and tries orphans again that cannot be removed', async () => {
    const { world, journal } = await startApp();
    world.state.markers.set('shop', 'green');
    const live = world.state.containers.get('nextdeploy-shop-blue-0')!; // deployed
    world.state.containers.set('nextdeploy-shop-green-0', {
      ...live,
      spec: { ...live.spec, slot: 'green', name: 'nextdeploy-shop-green-0' },
    });
    let failures = 3;
    world.hook = (effect) => {
      if (effect === 'remove' && failures-- > 0) throw new Error('Docker hangs');
    };
    await createEngine(world, journal).recover();
    expect(world.state.markers.get('shop')).toBe('blue');
    expect([...world.state.containers.keys()]).toEqual(['nextdeploy-shop-blue-0']);
  });

  it('does not wait for a watch window before it takes away what other apps do not need', async () => {
    const { world, journal, perform, engine } = await startApp({ watch_ms: 3_600_000 });
    await perform(deploying('shop:v1', { domain: 'blog.test' }), 'blog');
    world.onLook = () => {
      const steps = journal.operations[0]?.steps ?? [];
      if (steps.some(({ step, state }) => step.name === 'watch' && state === 'running')) void engine.close();
    };
    await expect(run(engine, swapping('shop:v2'))).rejects.toThrow('The daemon is stopping');
    const live = world.state.containers.get('nextdeploy-blog-blue-0')!; // deployed
    const orphan = 'nextdeploy-blog-green-0';
    world.state.containers.set(orphan, { ...live, spec: { ...live.spec, slot: 'green', name: orphan } });
    const began = world.clock.monotonicMs();
    let goneAfterMs: number | null = null;
    world.onLook = () => {
      if (!world.state.containers.has(orphan)) goneAfterMs ??= world.clock.monotonicMs() - began;
    };
    await createEngine(world, journal).recover();
    expect(goneAfterMs).toBeLessThan(60_000);
    expect(world.clock.monotonicMs() - began).toBeGreaterThan(3_000_000);
  });

  it('restores markers before Docker answers', async () => {
    const { world, journal } = await startApp();
    world.state.markers.clear();
    world.isDockerDown = true;
    let looks = 0;
    world.onLook = (what) => {
      if (what !== 'list') return;
      looks += 1;
      expect(world.state.markers.get('shop')).toBe('blue');
      world.isDockerDown = looks < 5;
    };
    await createEngine(world, journal).recover();
    expect(looks).toBeGreaterThan(4);
  });

  it('restores markers before the app network is there, and nothing else', async () => {
    const { world, journal, perform, engine } = await startApp();
    await perform(deploying('shop:v1', { domain: 'blog.test' }), 'blog');
    world.hook = (effect) => {
      if (effect === 'create') void engine.close();
    };
    await expect(run(engine, swapping('shop:v2'), 'blog')).rejects.toThrow('The daemon is stopping');
    world.hook = () => undefined;
    world.state.markers.clear();
    const looks: string[] = [];
    world.onLook = (what) => looks.push(what);
    const network = Promise.withResolvers<void>();
    const recovery = createEngine(world, journal).recover(network.promise);
    await vi.waitFor(() => expect(Object.fromEntries(world.state.markers)).toEqual({ shop: 'blue', blog: 'blue' }));
    expect(looks).not.toContain('list');
    network.resolve();
    await recovery;
    expect(looks).toContain('list');
  });

  it.each([1, 2, 3, 4, 5, 6])(
    'ends what was running though the database cannot be read at look %i and the next',
    async (first) => {
      const { world, journal, engine } = await startApp();
      world.hook = (effect) => {
        if (effect === 'create') void engine.close();
      };
      await expect(run(engine, swapping('shop:v2'))).rejects.toThrow('The daemon is stopping');
      world.hook = () => undefined;
      const next = createEngine(world, journal);
      let looks = 0;
      for (const name of ['listApps', 'listOperations', 'getApp'] as const) {
        const read = journal[name].bind(journal) as (...args: unknown[]) => unknown;
        const failing = (...args: unknown[]) => {
          looks += 1;
          if (looks === first || looks === first + 1) throw new Error('database is locked');
          return read(...args);
        };
        Object.assign(journal, { [name]: failing });
      }
      await next.recover();
      expect(looks).toBeGreaterThan(first);
      expect(journal.operations[0]).toMatchObject({ kind: 'swap', state: 'succeeded' });
      expect([...world.state.containers.keys()]).toEqual(['nextdeploy-shop-green-0']);
    },
  );

  it('goes on though the marker of one app cannot be written', async () => {
    const { world, journal, perform } = await startApp();
    await perform(deploying('shop:v1', { domain: 'blog.test' }), 'blog');
    world.state.markers.clear();
    let attempts = 0;
    world.hook = (effect, phase) => {
      if (effect !== 'writeMarker' || phase === 'ended') return;
      attempts += 1;
      // Both are tried side by side; one of them in vain.
      if (attempts !== 2) throw new Error('no space left');
    };
    await createEngine(world, journal).recover();
    expect(world.state.markers.size).toBe(1);
    // Of the other one three before Docker is asked, and three after it.
    expect(attempts).toBe(7);
  });
});

describe('a database restored from an older copy', () => {
  const restored = async (since: Intent = swapping('shop:v2')) => {
    const { world, journal, perform } = await startApp();
    const older = journal.copy();
    await perform(since);
    // The next one that is begun has another id.
    for (const { spec } of world.state.containers.values()) spec.operation_id = 'op-forgotten';
    const serving = world.snapshot();
    return { world, older, serving, perform: (intent: Intent) => run(createEngine(world, older), intent) };
  };

  it.each([
    { since: swapping('shop:v2'), release: 'r2' },
    { since: { kind: 'restart' } as const, release: 'r1' },
  ])('takes nothing from what serves since a $since.kind, and tells what to do', async ({ since, release }) => {
    const { world, older, serving } = await restored(since);
    world.state.routes.set('nginx shop', world.state.routes.get('caddy shop')!); // deployed
    await createEngine(world, older).recover();
    world.state.routes.delete('nginx shop');
    expect(world.snapshot()).toEqual(serving);
    expect(world.serving('shop')).toMatchObject({ release });
    expect(older.events.at(-1)).toMatchObject({
      level: 'error',
      app_name: 'shop',
      message: expect.stringMatching(/^The database is older than what runs: .*op-forgotten.* deploy shop anew/),
    });
  });

  it('does not go on with an operation of back then', async () => {
    const { world, journal, perform, engine } = await startApp();
    world.hook = (effect) => {
      if (effect === 'create') void engine.close();
    };
    await expect(run(engine, swapping('shop:v2'))).rejects.toThrow('The daemon is stopping');
    world.hook = () => undefined;
    const older = journal.copy();
    await createEngine(world, journal).recover();
    await perform(swapping('shop:v3'));
    await perform(swapping('shop:v1'));
    const serving = world.snapshot();
    await createEngine(world, older).recover();
    expect(world.snapshot()).toEqual(serving);
    expect(older.operations[0]).toMatchObject({ state: 'stuck', error: { message: expect.stringContaining('is older') } });
  });

  it('is right again after a deploy', async () => {
    const { world, older, perform } = await restored();
    await createEngine(world, older).recover();
    expect((await perform(deploying('shop:v3'))).state).toBe('succeeded');
    const { events } = older;
    const told = events.length;
    await createEngine(world, older).recover();
    expect(events.length).toBe(told);
    expect(world.serving('shop')).toMatchObject({ version: 'sha256:3' });
  });
});

describe('a marker that is wrong or lost', () => {
  it.each(['green', 'stopped', null] as const)('(%s) is set before an operation begins', async (marker) => {
    const { world, engine } = await startApp();
    if (marker === null) world.state.markers.delete('shop');
    else world.state.markers.set('shop', marker);
    const seen = new Set<unknown>();
    world.hook = (effect) => {
      if (effect === 'create') seen.add(world.state.markers.get('shop'));
    };
    expect(await run(engine, swapping('shop:v2'))).toMatchObject({ state: 'succeeded', slot: 'green' });
    expect([...seen]).toEqual(['blue']);
  });

  it('that cannot be set keeps an operation from doing harm, and is the reason that is given', async () => {
    const { world, engine } = await startApp();
    world.state.markers.set('shop', 'green');
    const before = world.snapshot();
    world.hook = (effect) => {
      if (effect === 'writeMarker') throw new Error('no space left');
    };
    const operation = await run(engine, swapping('shop:v2'));
    expect(operation).toMatchObject({
      state: 'failed',
      error: { message: expect.stringMatching(/^The marker of the app cannot be set/) },
    });
    expect(world.snapshot()).toEqual(before);
  });
});

describe('a maintenance page', () => {
  it('is restored with a lost marker, and set right after an operation that got stuck with it', async () => {
    const { world, journal, engine, perform } = await startApp();
    const on: Intent = { kind: 'maintenance', to: { message: 'Soon.' } };
    world.hook = (effect, phase) => {
      if (effect === 'writePage' && (phase === 'ended' || world.state.pages.size > 0)) throw new Error('no space left');
    };
    expect((await run(engine, on)).state).toBe('stuck');
    expect(world.state.pages.size).toBe(1);
    world.hook = () => undefined;
    await perform(swapping('shop:v2'));
    expect(world.state.pages.size).toBe(0);

    await perform(on);
    world.state.pages.clear();
    world.state.markers.clear();
    await createEngine(world, journal).recover();
    expect(world.state.pages.get('shop')).toContain('Soon.');
    expect(world.state.markers.get('shop')).toBe('green');
  });
});
