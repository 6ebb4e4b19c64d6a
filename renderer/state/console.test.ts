import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { endedBetween } from '../shell/use-notifier.ts';
import { createScriptedBridge } from '../testing/scripted-bridge.ts';
import { type ConsoleModel, createConsole } from './console.ts';
import type { DaemonData } from './daemon-data.ts';
import { watchOf } from './watch.ts';

const SWAP = { app_name: 'shop', image: 'registry.example.com/shop:1.4.3' };

let model: ConsoleModel;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  model.close();
  vi.useRealTimers();
});

const daemon = (host: string): DaemonData | undefined => model.stores.daemons.getState()[host];

async function open(scenario: 'full' | 'questions') {
  model = createConsole(createScriptedBridge(scenario));
  await vi.advanceTimersByTimeAsync(50);
}

describe('a console', () => {
  it('knows every host, and the apps, images and figures of those whose daemon answers', async () => {
    await open('full');
    expect(model.stores.console.getState().hosts?.map((host) => host.name)).toEqual(['web-1', 'staging', 'edge-fra']);
    expect(Object.keys(daemon('web-1')?.apps ?? {})).toContain('shop');
    expect(daemon('web-1')?.images?.length).toBeGreaterThan(0);
    expect(model.stores.metrics.getState()['web-1']).toMatchObject({ latest: { cpu: { cores: 4 } } });
    expect(daemon('edge-fra')).toBeUndefined();
  });

  it('follows a swap by its events to the end, and reads the new state of the app and its releases', async () => {
    await open('full');
    await model.actions.loadReleases('web-1', 'shop');
    const seen: string[] = [];
    const stop = model.stores.daemons.subscribe((after, before) => {
      seen.push(...endedBetween(before, after).map(({ operation }) => `${operation.kind} ${operation.state}`));
    });
    const started = await model.actions.swap('web-1', SWAP);
    await vi.advanceTimersByTimeAsync(50);
    expect(daemon('web-1')?.apps.shop).toMatchObject({ status: 'updating', operation_id: started.id });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(watchOf(daemon('web-1')?.operations[started.id], daemon('web-1')?.releases.shop ?? [])).toMatchObject({
      window_ms: 60_000,
    });
    expect(daemon('web-1')?.apps.shop).toMatchObject({ release: 'r13', operation_id: started.id });
    await model.actions.keep('web-1', started.id);
    await vi.advanceTimersByTimeAsync(5_000);
    stop();
    expect(daemon('web-1')?.operations[started.id]?.state).toBe('succeeded');
    expect(daemon('web-1')?.apps.shop).toMatchObject({ status: 'running', release: 'r13', operation_id: null });
    expect(daemon('web-1')?.releases.shop?.[0]?.id).toBe('r13');
    expect(seen).toEqual(['swap succeeded']);
  });

  it('takes a swap back in its watch window: the release before serves again', async () => {
    await open('full');
    await model.actions.loadReleases('web-1', 'shop');
    const started = await model.actions.swap('web-1', SWAP);
    await vi.advanceTimersByTimeAsync(5_000);
    await model.actions.cancel('web-1', started.id);
    await vi.advanceTimersByTimeAsync(50);
    expect(daemon('web-1')?.operations[started.id]?.state).toBe('cancelled');
    expect(daemon('web-1')?.apps.shop).toMatchObject({ release: 'r12', operation_id: null });
    expect(daemon('web-1')?.releases.shop?.find((each) => each.id === 'r13')?.state).toBe('failed');
    await expect(model.actions.cancel('web-1', started.id)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('follows a pull layer by layer, and scales, and puts a maintenance page up', async () => {
    await open('full');
    const started = await model.actions.deploy('web-1', { app_name: 'news', image: 'registry.example.com/news:1' });
    await vi.advanceTimersByTimeAsync(2_000);
    const pull = daemon('web-1')?.operations[started.id]?.steps.find(({ name }) => name === 'pull');
    expect(pull).toMatchObject({ state: 'running' });
    expect(pull?.layers?.some(({ state }) => state === 'downloading')).toBe(true);
    await model.actions.scale('web-1', 'shop', 4);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(daemon('web-1')?.apps.shop).toMatchObject({ replicas: 4, replicas_wanted: 4 });
    await model.actions.setMaintenance('web-1', 'shop', 'Back soon.');
    await vi.advanceTimersByTimeAsync(2_000);
    expect(daemon('web-1')?.apps.shop?.maintenance).toEqual({ message: 'Back soon.' });
    await model.actions.setMaintenance('web-1', 'shop', null);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(daemon('web-1')?.apps.shop?.maintenance).toBeNull();
  });

  it('knows what happened before it connected, and says none of it again', async () => {
    await open('full');
    expect(daemon('web-1')?.events.map(({ kind }) => kind)).toEqual([
      'heal.unhealthy',
      'heal.restarted',
      'heal.recovered',
      'secrets.changed',
      'release.pruned',
    ]);
  });

  it('refuses a second operation on a busy app with the daemon’s sentence', async () => {
    await open('full');
    await model.actions.swap('web-1', SWAP);
    await expect(model.actions.lifecycle('web-1', 'shop', 'restartApp')).rejects.toMatchObject({ code: 'conflict' });
  });

  it('shows an installation step by step, and follows the daemon once it is there', async () => {
    await open('questions');
    model.actions.install('bare');
    await vi.advanceTimersByTimeAsync(850);
    const running = model.stores.console.getState().installs.bare;
    expect(running).toMatchObject({ state: 'running' });
    expect(running?.steps.at(-1)?.name).toBe('upload');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(model.stores.console.getState().installs.bare).toMatchObject({ state: 'done', message: null });
    expect(daemon('bare')?.isLoaded).toBe(true);
  });

  it('shows nothing of a host that it cannot see any more', async () => {
    await open('full');
    await model.actions.disconnect('staging');
    await vi.advanceTimersByTimeAsync(50);
    expect(daemon('staging')).toBeUndefined();
    expect(daemon('web-1')?.isLoaded).toBe(true);
  });

  it('forgets what came from a host that is removed', async () => {
    await open('full');
    await model.actions.removeHost('web-1');
    await vi.advanceTimersByTimeAsync(50);
    expect(daemon('web-1')).toBeUndefined();
    expect(model.stores.metrics.getState()['web-1']).toBeUndefined();
  });
});
