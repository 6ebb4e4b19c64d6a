import { describe, expect, it } from 'vitest';
import { createEngine, deploying, engineOver, rollingBack, run, signal, startApp, swapping } from './test-engine.ts';
import type { ModelWorld } from './test-world.ts';

/** What the container of the slot was given. */
const given = (world: ModelWorld, slot: 'blue' | 'green') => {
  const { secrets } = world.state.containers.get(`nextdeploy-shop-${slot}-0`)?.spec ?? { secrets: { values: new Map() } };
  return Object.fromEntries([...secrets.values].map(([name, value]) => [name, value.open()]));
};

describe('secrets', () => {
  it('are pinned by each release, given to its containers, and come back with a rollback', async () => {
    const { world, journal, perform } = await startApp();
    world.secrets.values.set('TOKEN', ['one']);
    await perform(swapping('shop:v2'));
    expect(given(world, 'green')).toEqual({ TOKEN: 'one' });
    world.secrets.values.set('TOKEN', ['one', 'two']).set('MORE', ['x']);
    await perform(swapping('shop:v3'));
    expect(given(world, 'blue')).toEqual({ TOKEN: 'two', MORE: 'x' });
    expect(journal.getRelease('shop', 'r3')?.secrets).toMatchObject([
      { name: 'TOKEN', version: 2 },
      { name: 'MORE', version: 1 },
    ]);
    await perform(rollingBack());
    expect(given(world, 'green')).toEqual({ TOKEN: 'one' });
    await perform(rollingBack('r3', true));
    // The code of r3, with what r2 runs with.
    expect(journal.getRelease('shop', 'r4')).toMatchObject({ image: 'shop:v3', secrets: [{ name: 'TOKEN', version: 1 }] });
    expect(given(world, 'blue')).toEqual({ TOKEN: 'one' });
    await perform({ kind: 'restart' });
    expect(given(world, 'green')).toEqual({ TOKEN: 'one' });
  });

  it('reach an app by a new release of the same image when it is rolled', async () => {
    const { world, journal, perform } = await startApp();
    world.secrets.values.set('TOKEN', ['one']);
    // A tag may have moved on since.
    world.state.images.set('shop:v1', 'sha256:9').set('shop:once', 'sha256:1');
    await perform({ kind: 'roll' });
    expect(journal.getApp('shop')).toMatchObject({ release: 'r2', slot: 'green' });
    expect(journal.getRelease('shop', 'r2')).toMatchObject({
      image: 'shop:v1',
      image_id: 'sha256:1',
      secrets: [{ name: 'TOKEN' }],
    });
    expect(given(world, 'green')).toEqual({ TOKEN: 'one' });
  });

  it('are not given to an app that wants none', async () => {
    const { world, perform } = await startApp();
    world.secrets.values.set('TOKEN', ['one']);
    await perform(deploying('shop:v2', { secrets: { inject: 'none' } }));
    expect(given(world, 'green')).toEqual({});
  });

  it('that are not kept any more, or take too much room, are refused before anything happens', async () => {
    const { world, journal, perform } = await startApp();
    world.secrets.values.set('TOKEN', ['one']);
    await perform(swapping('shop:v2'));
    world.secrets.values.set('TOKEN', [null, 'two']);
    await perform(swapping('shop:v3'));
    const before = [...world.state.containers.keys()];
    const back = await run(createEngine(world, journal), rollingBack());
    expect(back).toMatchObject({ state: 'failed', error: { step: 'validate', message: expect.stringContaining('TOKEN') } });
    world.secrets.values.set('LARGE', ['x'.repeat(600 * 1024)]);
    const large = await run(createEngine(world, journal), swapping('shop:v2'));
    expect(large).toMatchObject({
      state: 'failed',
      error: { step: 'validate', field: 'env', message: expect.stringMatching(/take \d+ bytes/) },
    });
    expect([...world.state.containers.keys()]).toEqual(before);
    expect(journal.getApp('shop')?.release).toBe('r3');
  });

  it('are in no evidence, output or event, whatever the app prints of them', async () => {
    const { world, journal } = await startApp();
    world.secrets.values.set('TOKEN', ['old-and-secret', 'hunter2-and-more']).set('KEY', ['-- begin\nhunter2-line\n-- end']);
    world.broken.add('sha256:2');
    world.printed = [
      'connecting with hunter2-and-more',
      '{"token":"old-and-secret"}',
      'hunter2-line',
      '-- begin\\nhunter2-line\\n-- end',
    ];
    const failed = await run(createEngine(world, journal), swapping('shop:v2'));
    expect(failed.evidence?.log_tail).toEqual(['connecting with [value]', '{"token":"[value]"}', '[value]', '[value]']);
    const command = { command: ['migrate'], timeout_ms: 10_000 };
    const migrated = await run(createEngine(world, journal), deploying('shop:v3', { pre_switch: command }));
    expect(migrated).toMatchObject({ state: 'succeeded' });
    expect(migrated.steps.find(({ name }) => name === 'pre_switch')?.output).toContain('connecting with [value]');
    expect(JSON.stringify([journal.operations, journal.events])).not.toMatch(/hunter2|old-and-secret/);
  });

  it('are in no step, release or answer either, whatever the app answers of them', async () => {
    const { world, journal, perform } = await startApp();
    await perform(swapping('shop:v3'));
    world.secrets.values.set('TOKEN', ['hunter2-and-more']);
    world.printed = ['connecting with hunter2-and-more'];
    const failing = world.ports();
    failing.prober.verify = async () => {
      const detail = 'no database at hunter2-and-more';
      return { status: 500, slot: journal.getApp('shop')?.slot ?? null, failure: 'none', detail };
    };
    for (const intent of [deploying('shop:v2'), rollingBack('r1')]) {
      const back = await run(engineOver(failing, journal), intent);
      expect(back).toMatchObject({
        state: 'rolled_back',
        error: { step: 'verify', message: expect.stringContaining('[value]') },
      });
    }
    const command = { command: ['migrate'], timeout_ms: 10_000 };
    for (const order of ['keep', 'cancel'] as const) {
      const engine = createEngine(world, journal);
      const intent = deploying('shop:v2', { pre_switch: command, watch_ms: 60_000 });
      const { id } = await engine.begin('shop', intent, { actor: 'test', idempotency: null, signal });
      let answer: unknown = null;
      world.onLook = () => {
        const isWatching = engine.describe(id)?.steps.some(({ name, state }) => name === 'watch' && state === 'running');
        if (isWatching) answer ??= engine[order](id, 'test', signal);
      };
      await engine.waitFor(id, signal);
      expect(await answer).toMatchObject({ steps: expect.arrayContaining([expect.objectContaining({ name: 'pre_switch' })]) });
      expect(JSON.stringify(await answer)).toContain('connecting with [value]');
      expect(JSON.stringify(await answer)).not.toContain('hunter2');
    }
    expect(JSON.stringify([journal.operations, journal.events, [...journal.releases.values()]])).not.toContain('hunter2');
  });
});
