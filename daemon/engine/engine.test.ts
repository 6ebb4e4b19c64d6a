import { describe, expect, it } from 'vitest';
import { DomainError } from '../contract/errors.ts';
import type { Intent } from './engine.ts';
import { createEngine, deploying, rollingBack, run, signal, swapping } from './test-engine.ts';
import { ModelJournal } from './test-journal.ts';
import { ModelWorld } from './test-world.ts';

const v1: Intent = deploying('shop:v1');

function start() {
  const world = new ModelWorld();
  world.state.images.set('shop:v1', 'sha256:1').set('shop:v2', 'sha256:2');
  const journal = new ModelJournal();
  return { world, journal, engine: createEngine(world, journal) };
}

const options = (key?: string, request_hash = 'same') => ({
  actor: 'test',
  idempotency: key ? { key, request_hash } : null,
  signal,
});

describe('Engine', () => {
  it('runs one operation at a time per app and names the one in flight', async () => {
    const { engine } = start();
    const first = await engine.begin('shop', v1, options());
    await expect(engine.begin('shop', v1, options())).rejects.toMatchObject({ code: 'conflict', operation_id: first.id });
    expect((await engine.begin('other', deploying('shop:v1', { domain: 'other.test' }), options())).state).toBe('running');
    expect((await engine.waitFor(first.id, signal)).state).toBe('succeeded');
  });

  it('lets only one of two that begin at the same instant through', async () => {
    const { engine } = start();
    const both = await Promise.allSettled([engine.begin('shop', v1, options()), engine.begin('shop', v1, options())]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('lets only one of several apps that ask for one domain at the same instant through', async () => {
    const { engine } = start();
    const apps = ['one', 'two', 'three'];
    const all = await Promise.allSettled(apps.map((app) => engine.begin(app, v1, options())));
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const refused = all.filter((result) => result.status === 'rejected');
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'conflict', operation_id: 'op-00000001' });
  });

  it.each([
    [{}, 'domain'],
    [{ domain: 'blog.test', aliases: ['www.test', 'shop.test'] }, 'aliases.1'],
    [{ domain: 'blog.test', redirects: [{ from: 'shop.test', status: 308 as const }] }, 'redirects.0.from'],
  ])('says which field asks for the domain that another operation is setting up (%o: %s)', async (changes, field) => {
    const { engine } = start();
    await engine.begin('shop', v1, options());
    const second = engine.begin('blog', deploying('shop:v1', changes), options());
    await expect(second).rejects.toMatchObject({ code: 'conflict', details: [{ field }] });
  });

  it('says which field names a release that the app does not have', async () => {
    const { engine } = start();
    await run(engine, v1);
    const refused = { code: 'not_found', message: 'The app shop has no release r9.', details: [{ field: 'release' }] };
    await expect(engine.begin('shop', rollingBack('r9'), options())).rejects.toMatchObject(refused);
  });

  it('waits for an operation of an earlier run that recovery has yet to come to, and recovers nothing of its own', async () => {
    const { engine, journal, world } = start();
    world.hook = (effect) => {
      if (effect === 'start') void engine.close();
    };
    await expect(run(engine, v1)).rejects.toThrow('The daemon is stopping');
    world.hook = () => undefined;

    const stopped = createEngine(world, journal);
    const refused = expect(stopped.waitFor('op-00000001', signal)).rejects.toThrow('The daemon is stopping');
    await stopped.close();
    await refused;

    const next = createEngine(world, journal);
    const end = next.waitFor('op-00000001', signal);
    const other: Intent = deploying('shop:v1', { domain: 'other.test' });
    const own = await next.begin('other', other, options());
    await next.recover();
    expect((await end).state).toBe('succeeded');
    const { steps } = await next.waitFor(own.id, signal);
    expect(steps.map(({ state }) => state)).toEqual(steps.map(() => 'done'));
    expect((await next.waitFor('op-00000001', signal)).state).toBe('succeeded');
  });

  it('gives the first operation again for the same key, also after it has ended, and refuses the key for another request', async () => {
    const { engine, journal } = start();
    const first = await engine.begin('shop', v1, options('key'));
    expect((await engine.begin('shop', v1, options('key'))).id).toBe(first.id);
    await engine.waitFor(first.id, signal);
    expect(await engine.begin('shop', v1, options('key'))).toMatchObject({ id: first.id, state: 'succeeded' });
    await expect(engine.begin('shop', v1, options('key', 'another'))).rejects.toMatchObject({ code: 'conflict' });
    expect(journal.operations).toHaveLength(1);
  });

  it('takes a key for new whose operation is not kept any more, whatever it was used for', async () => {
    const { engine, journal } = start();
    const first = await engine.begin('shop', v1, options('key'));
    await engine.waitFor(first.id, signal);
    journal.operations.splice(0);
    const second = await engine.begin('shop', swapping('shop:v2'), options('key', 'another'));
    expect((await engine.waitFor(second.id, signal)).state).toBe('succeeded');
  });

  it.each<[string, Intent]>([
    ['swap', swapping('shop:v2')],
    ['rollback', rollingBack()],
    ['stop', { kind: 'stop' }],
    ['remove', { kind: 'remove' }],
  ])('says that there is no app to %s', async (_, intent) => {
    await expect(start().engine.begin('shop', intent, options())).rejects.toMatchObject({ code: 'not_found' });
  });

  it('refuses what the rules of the contract refuse', async () => {
    const { engine } = start();
    await run(engine, v1);
    await expect(run(engine, { kind: 'start' })).rejects.toThrow('running already');
    await expect(run(engine, rollingBack())).rejects.toThrow('no earlier release');
    await expect(run(engine, rollingBack('r1'))).rejects.toThrow('is live');
    await expect(run(engine, rollingBack('r9'))).rejects.toMatchObject({ code: 'not_found' });
    await run(engine, { kind: 'stop' });
    await expect(run(engine, swapping('shop:v2'))).rejects.toThrow('start it first');
    await expect(run(engine, { kind: 'restart' })).rejects.toThrow('start it instead');
  });

  it('keeps a failed release in the history with its reason, and the app with its error until the next success', async () => {
    const { engine, world, journal } = start();
    await run(engine, v1);
    world.broken.add('sha256:2');
    const failed = await run(engine, swapping('shop:v2'));
    expect(failed).toMatchObject({ state: 'failed', error: { step: 'probe' } });
    expect(failed.evidence).toMatchObject({ step: 'probe', log_tail: ['log of nextdeploy-shop-green-0'] });
    expect(failed.evidence?.probes.length).toBeGreaterThan(0);
    expect(journal.getRelease('shop', 'r2')).toMatchObject({ state: 'failed', end_reason: failed.error?.message });
    expect(journal.getApp('shop')?.last_error).toBe(failed.error?.message);
    world.broken.clear();
    expect((await run(engine, swapping('shop:v2'))).release).toBe('r3');
    expect(journal.getApp('shop')?.last_error).toBeNull();
  });

  it('goes on where it was once a full disk has space again', async () => {
    const { engine, journal } = start();
    let left = 5;
    journal.beforeCommit = () => {
      if (journal.operations[0]?.steps[3]?.state === 'running' && left-- > 0)
        throw new DomainError('unavailable', 'no space left');
    };
    expect((await run(engine, v1)).state).toBe('succeeded');
    expect(left).toBeLessThan(0);
  });

  it('takes an operation up again that failed outside its steps', async () => {
    const { engine, journal } = start();
    let left = 2;
    journal.beforeCommit = () => {
      if (journal.operations[0]?.steps[3]?.state === 'running' && left-- > 0) throw new Error('a bug');
    };
    expect((await run(engine, v1)).state).toBe('succeeded');
    expect(left).toBeLessThan(0);
  });

  it('ends an operation as stuck that fails outside its steps again and again, and the app is not busy any more', async () => {
    const { engine, journal, world } = start();
    let left = 10;
    journal.beforeCommit = () => {
      if (journal.operations[0]?.steps[3]?.state === 'running' && left-- > 0) throw new Error('a bug');
    };
    const operation = await run(engine, v1);
    expect(operation).toMatchObject({ state: 'stuck', error: { step: operation.steps[3]?.name } });
    expect(operation.error?.message).toMatch(/^The operation failed unexpectedly.*restart nextdeployd/);
    expect(operation.steps.map(({ state }) => state)).not.toContain('running');
    expect(world.clock.monotonicMs()).toBeGreaterThan(30_000);
    journal.beforeCommit = () => undefined;
    expect((await run(engine, v1)).state).toBe('succeeded');
  });

  it('leaves an operation that it could not write about to the next start', async () => {
    const { engine, journal, world } = start();
    let closed: Promise<void> | undefined;
    journal.beforeCommit = () => {
      if (journal.operations[0]?.steps[3]?.state !== 'running') return;
      closed ??= engine.close();
      throw new DomainError('unavailable', 'no space left');
    };
    await expect(run(engine, v1)).rejects.toThrow('The daemon is stopping');
    await closed;
    journal.beforeCommit = () => undefined;
    await createEngine(world, journal).recover();
    expect(journal.operations[0]?.state).toBe('succeeded');
  });

  it('looks for an image that is here once, for its check aside', async () => {
    const { engine, world } = start();
    let looks = 0;
    world.hook = (effect, phase) => {
      if (effect === 'find' && phase === 'begun') looks += 1;
    };
    await run(engine, v1);
    expect(looks).toBe(1);
  });

  it('says what was pulled, that a tag on the host was not, and what was started', async () => {
    const { engine } = start();
    const { steps } = await run(engine, v1);
    const detail = (name: string) => steps.find((step) => step.name === name)?.detail;
    expect(detail('pull')).toBe('already on the host as 1, not pulled');
    expect(detail('start')).toBe('nextdeploy-shop-blue-0 started');
  });

  it('tells every change as an event, numbered without a gap', async () => {
    const { engine, journal } = start();
    await run(engine, v1);
    const kinds = journal.events.map(({ kind }) => kind);
    expect(kinds[0]).toBe('operation.started');
    expect(kinds.slice(-2)).toEqual(['operation.ended', 'app.changed']);
    expect(journal.events.map(({ seq }) => seq)).toEqual(journal.events.map((_, index) => index + 1));
    expect(JSON.stringify(journal.events)).not.toContain('verify_key');
  });

  it('restores a lost marker and removes what no app needs when it recovers', async () => {
    const { engine, world, journal } = start();
    await run(engine, v1);
    await run(engine, swapping('shop:v2'));
    world.state.markers.clear();
    const live = world.state.containers.get('nextdeploy-shop-green-0')!; // just swapped to
    world.state.containers.set('nextdeploy-shop-blue-0', { ...live, spec: { ...live.spec, slot: 'blue', release: 'r1' } });
    await createEngine(world, journal).recover();
    expect([...world.state.markers]).toEqual([['shop', 'green']]);
    expect([...world.state.containers.keys()]).toEqual(['nextdeploy-shop-green-0']);
  });

  it('tells the one who comes during a watch window how to end it', async () => {
    const { engine, world, journal } = start();
    await run(engine, v1);
    let refusal: Promise<unknown> | undefined;
    world.onLook = () => {
      const isWatching = journal.operations[0]?.steps.some(({ step, state }) => step.name === 'watch' && state === 'running');
      if (isWatching === true) refusal ??= engine.begin('shop', swapping('shop:v1'), options()).catch((error: unknown) => error);
    };
    await run(engine, swapping('shop:v2'));
    expect(await refusal).toMatchObject({ code: 'conflict', message: expect.stringContaining('nextdeploy keep op-00000002') });
  });

  it('begins what needs no look at containers while Docker is away', async () => {
    const { engine, world } = start();
    await run(engine, v1);
    world.isDockerDown = true;
    expect((await run(engine, { kind: 'maintenance', to: { message: 'Soon.' } })).state).toBe('succeeded');
    expect(await run(engine, swapping('shop:v2'))).toMatchObject({
      state: 'failed',
      error: { message: expect.stringContaining('Docker does not answer') },
    });
    await expect(run(engine, { kind: 'start' })).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('says of a stuck operation what has been reached and what to do', async () => {
    const { engine, world } = start();
    await run(engine, v1);
    world.hook = (effect) => {
      if (effect === 'remove') throw new DomainError('unavailable', 'Docker does not answer.');
    };
    expect(await run(engine, swapping('shop:v2'))).toMatchObject({
      state: 'stuck',
      error: {
        step: 'retire',
        message: expect.stringMatching(/^Docker does not answer\. The new release serves\. .*restart nextdeployd/),
      },
    });
  });
});
