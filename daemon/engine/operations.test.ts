/** What each kind of operation leaves behind, beyond the properties that all of them share. */
import { describe, expect, it } from 'vitest';
import { Sealed } from '../secrets/sealed.ts';
import type { Intent } from './engine.ts';
import { createEngine, deploying, rollingBack, run, signal, startApp, swapping } from './test-engine.ts';
import type { ModelWorld } from './test-world.ts';

const names = (world: ModelWorld) => [...world.state.containers.keys()].sort();
const slot = (color: string, replicas: number) =>
  Array.from({ length: replicas }, (_, replica) => `nextdeploy-shop-${color}-${replica}`);

describe('scaling', () => {
  it('goes up and down in the live slot, with the route, and swaps keep the number', async () => {
    const { world, journal, perform } = await startApp();
    await perform({ kind: 'scale', replicas: 3 });
    expect(names(world)).toEqual(slot('blue', 3));
    expect([...world.state.containers.values()].every(({ is_kept, is_running }) => is_kept && is_running)).toBe(true);
    expect(journal.getApp('shop')?.route?.upstreams.blue).toHaveLength(3);
    await perform(swapping('shop:v2'));
    expect(names(world)).toEqual(slot('green', 3));
    await perform(rollingBack());
    expect(names(world)).toEqual(slot('blue', 3));
    await perform({ kind: 'scale', replicas: 1 });
    expect(names(world)).toEqual(slot('blue', 1));
    expect(journal.getApp('shop')).toMatchObject({ replicas: 1, route: { upstreams: { blue: [expect.any(String)] } } });
  });

  it('to the number there is, of a stopped app and of none is refused', async () => {
    const { perform, engine } = await startApp();
    await expect(run(engine, { kind: 'scale', replicas: 1 })).rejects.toThrow('scaled to 1 already');
    await perform({ kind: 'stop' });
    await expect(run(engine, { kind: 'scale', replicas: 2 })).rejects.toThrow('start it first');
    await expect(run(engine, { kind: 'scale', replicas: 2 }, 'blog')).rejects.toMatchObject({ code: 'not_found' });
  });

  it('up leaves everything as it was when one of the new containers is not healthy', async () => {
    const { world, journal, engine } = await startApp();
    const before = world.snapshot();
    world.hook = (effect) => {
      if (effect === 'probe') world.broken.add('sha256:1');
      if (effect === 'remove') world.broken.clear();
    };
    expect(await run(engine, { kind: 'scale', replicas: 2 })).toMatchObject({ state: 'failed', error: { step: 'probe' } });
    expect(world.snapshot()).toEqual(before);
    expect(journal.getApp('shop')?.replicas).toBe(1);
  });

  it('counts new containers and keeps them over a reboot before the first visitor is sent to them', async () => {
    const { world, journal, engine } = await startApp();
    const seen: unknown[] = [];
    world.hook = (effect, phase) => {
      if (effect !== 'route' || phase !== 'begun') return;
      const kept = [...world.state.containers.values()].map(({ is_kept }) => is_kept);
      seen.push({ replicas: journal.getApp('shop')?.replicas, kept });
    };
    await run(engine, { kind: 'scale', replicas: 2 });
    expect(seen).toEqual([{ replicas: 2, kept: [true, true] }]);
  });

  it('that a reboot cuts off asks the new containers anew, or takes them away', async () => {
    for (const [step, state] of [
      ['probe', 'succeeded'],
      ['scale', 'failed'],
    ]) {
      const { world, journal, engine } = await startApp();
      world.hook = () => {
        const steps = journal.operations[0]?.steps ?? [];
        if (!steps.some((record) => record.step.name === step && record.state === 'running')) return;
        void engine.close();
        throw new Error('cut off');
      };
      await expect(run(engine, { kind: 'scale', replicas: 3 })).rejects.toThrow('The daemon is stopping');
      world.hook = () => undefined;
      for (const container of world.state.containers.values())
        if (container.spec.role.kind === 'replica') container.is_kept = false;
      world.reboot();
      Object.assign(world.state.containers.get('nextdeploy-shop-blue-0')!, { is_kept: true, is_running: true }); // live
      await createEngine(world, journal).recover();
      expect(journal.operations[0]).toMatchObject({ state });
      expect(names(world)).toEqual(slot('blue', state === 'failed' ? 1 : 3));
    }
  });
});

describe('maintenance', () => {
  const on: Intent = { kind: 'maintenance', to: { message: 'Back <soon>.' } };

  it('writes a page with the message and takes it away again', async () => {
    const { world, journal, perform } = await startApp();
    await perform(on);
    expect(world.state.pages.get('shop')).toContain('Back &lt;soon&gt;.');
    expect(journal.getApp('shop')?.maintenance).toEqual({ message: 'Back <soon>.' });
    await perform({ kind: 'maintenance', to: null });
    expect(world.state.pages.size).toBe(0);
    expect(journal.getApp('shop')?.maintenance).toBeNull();
  });

  it('stays over deploys, failed deploys, restarts of the daemon, stop and start, and goes with the app', async () => {
    const { world, journal, perform } = await startApp();
    await perform(on);
    const page = world.state.pages.get('shop');
    await perform(deploying('shop:v2', { domain: 'new.test' }));
    world.broken.add('sha256:3');
    expect((await run(createEngine(world, journal), swapping('shop:v3'))).state).toBe('failed');
    await perform({ kind: 'stop' });
    await createEngine(world, journal).recover();
    await perform({ kind: 'start' });
    await perform({ kind: 'scale', replicas: 2 });
    expect(world.state.pages.get('shop')).toBe(page);
    await perform({ kind: 'remove' });
    expect(world.state.pages.size).toBe(0);
  });

  it('needs a domain to begin, and none to end', async () => {
    const { world, perform, engine } = await startApp();
    await perform(on);
    await perform(deploying('shop:v2', { domain: undefined }));
    await perform({ kind: 'maintenance', to: null });
    expect(world.state.pages.size).toBe(0);
    await expect(run(engine, on)).rejects.toThrow('no domain');
  });
});

describe('a rollback', () => {
  it('brings image and configuration of a release back, or the image alone', async () => {
    const { world, journal, perform } = await startApp({ env: { A: 'old' } });
    await perform(deploying('shop:v2', { env: { A: 'new' } }));
    const serving = () => {
      const [container] = [...world.state.containers.values()].filter(({ is_running }) => is_running);
      return [container?.spec.release, container?.spec.image_id, container?.spec.env.A];
    };
    await perform(rollingBack('r1'));
    expect(serving()).toEqual(['r1', 'sha256:1', 'old']);
    await perform(rollingBack('r2'));
    expect(serving()).toEqual(['r2', 'sha256:2', 'new']);
    await perform(rollingBack('r1', true));
    expect(serving()).toEqual(['r3', 'sha256:1', 'new']);
    expect(journal.getRelease('shop', 'r3')).toMatchObject({ state: 'live', image: 'shop:v1', image_id: 'sha256:1' });
  });

  it('to a release whose tag means another image by now takes the image it had, or says that it is gone', async () => {
    const { world, perform, engine } = await startApp();
    await perform(swapping('shop:v2'));
    world.state.images.set('shop:v1', 'sha256:other').set('kept', 'sha256:1');
    await perform(rollingBack('r1'));
    expect(world.serving('shop')).toMatchObject({ version: 'sha256:1' });
    await perform(rollingBack('r2'));
    world.state.images.delete('kept');
    expect(await run(engine, rollingBack('r1'))).toMatchObject({ state: 'failed' });
    expect(world.serving('shop')).toMatchObject({ version: 'sha256:2' });
  });

  it('and a restart work when the live containers are dead or gone', async () => {
    for (const intent of [rollingBack('r1'), { kind: 'restart' }, { kind: 'start' }] as const) {
      for (const die of ['halt', 'destroy'] as const) {
        const { world, perform } = await startApp();
        await perform(swapping('shop:v2'));
        world[die]('nextdeploy-shop-green-0');
        await perform(intent);
        expect(world.serving('shop')).toMatchObject({ release: intent.kind === 'rollback' ? 'r1' : 'r2' });
        expect(names(world)).toEqual(slot('blue', 1));
      }
    }
  });
});

describe('a first deploy', () => {
  it('takes away a maintenance page that an earlier app of that name has left', async () => {
    const { world, perform } = await startApp();
    world.state.pages.set('blog', 'Back at noon');
    await perform(deploying('shop:v1', { domain: 'blog.test' }), 'blog');
    expect([...world.state.pages.keys()]).toEqual([]);
  });

  it('that fails leaves an app that can be deployed again and removed', async () => {
    const { world, journal, engine, perform } = await startApp();
    world.broken.add('sha256:2');
    const blog = deploying('shop:v2', { domain: 'blog.test' });
    expect((await run(engine, blog, 'blog')).state).toBe('failed');
    expect(journal.getApp('blog')).toMatchObject({ release: null, slot: null, route: null });
    world.broken.clear();
    await perform(blog, 'blog');
    expect(world.serving('blog')).toMatchObject({ release: 'r2' });
    await perform({ kind: 'remove' }, 'blog');
    expect(names(world)).toEqual(slot('blue', 1));
  });
});

describe('registry credentials', () => {
  const deploy: Intent = { ...deploying('private:v1'), credentials: { username: 'u', password: new Sealed('right') } } as Intent;

  it('are used for the pull and never kept', async () => {
    const { world, journal, perform } = await startApp();
    world.registry.set('private:v1', 'right');
    await perform(deploy);
    expect(world.serving('shop')).toMatchObject({ version: 'sha256:private:v1' });
    expect(JSON.stringify([journal.operations, journal.events])).not.toContain('right');
  });

  it.each(['validate', 'pull'])('that a restart of the daemon in %s has lost are named as the reason', async (step) => {
    const { world, journal, engine } = await startApp();
    world.registry.set('private:v1', 'right');
    const stop = () => {
      const isThere = journal.operations[0]?.steps.some((record) => record.step.name === step && record.state === 'running');
      if (isThere !== true) return;
      void engine.close();
      throw new Error('cut off');
    };
    world.hook = stop;
    await expect(run(engine, deploy)).rejects.toThrow('The daemon is stopping');
    world.hook = () => undefined;
    world.state.images.delete('private:v1');
    await createEngine(world, journal).recover();
    expect(journal.operations[0]).toMatchObject({
      state: 'failed',
      error: {
        step,
        message: expect.stringMatching(/daemon was restarted.*never stored; begin it again.*refuses the credentials/),
      },
    });
  });

  it('that are wrong are not said to be lost', async () => {
    const { world, engine } = await startApp();
    world.registry.set('private:v1', 'another');
    const { error } = await run(engine, deploy);
    expect(error?.message).toMatch(/^The registry refuses the credentials/);
  });
});

describe('idempotency keys', () => {
  it.each<[string, Intent]>([
    ['scale', { kind: 'scale', replicas: 2 }],
    ['maintenance', { kind: 'maintenance', to: { message: 'Soon.' } }],
    ['restart', { kind: 'restart' }],
    ['rollback', rollingBack('r1')],
    ['stop', { kind: 'stop' }],
    ['remove', { kind: 'remove' }],
  ])('give the first %s again, while it runs and when it has ended, also to a new daemon', async (_, intent) => {
    const { world, journal, perform, engine } = await startApp();
    await perform(swapping('shop:v2'));
    const options = { actor: 'test', idempotency: { key: 'k', request_hash: 'h' }, signal };
    const first = await engine.begin('shop', intent, options);
    expect((await engine.begin('shop', intent, options)).id).toBe(first.id);
    expect((await engine.waitFor(first.id, signal)).state).toBe('succeeded');
    const again = await createEngine(world, journal).begin('shop', intent, options);
    expect(again).toMatchObject({ id: first.id, state: 'succeeded' });
    const changed = { ...options, idempotency: { key: 'k', request_hash: 'other' } };
    await expect(engine.begin('shop', intent, changed)).rejects.toMatchObject({ code: 'conflict' });
    expect(journal.operations).toHaveLength(3);
  });
});
