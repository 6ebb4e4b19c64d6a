import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Host } from '../../preload/contract.ts';
import { BridgeError } from '../bridge/bridge-error.ts';
import type { ChannelHandlers, Link } from '../bridge/link.ts';
import { app, host } from '../testing/world.ts';
import { syncNeed } from './fleet-sync.ts';
import { readSecrets, startHostSync } from './host-sync.ts';
import { createStores } from './stores.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const unavailable = () => new BridgeError({ code: 'unavailable', message: 'The daemon was not found yet.' });

/** A link whose `listApps` fails as often as `failures` says, and whose channels the test holds. */
function linkThatFails(failures: number) {
  const opened: { stream: string; query: unknown; handlers: ChannelHandlers<'daemon.stream'>; close: () => void }[] = [];
  let left = failures;
  const call = vi.fn((_name: string, input: unknown) => {
    const { route } = input as { route: string };
    if (route === 'listApps' && left-- > 0) return Promise.reject(unavailable());
    return Promise.resolve(route === 'listApps' ? [app('shop')] : []);
  });
  const open = (_name: string, input: unknown, handlers: ChannelHandlers<'daemon.stream'>) => {
    const { stream, query } = input as { stream: string; query?: unknown };
    const close = vi.fn();
    opened.push({ stream, query, handlers, close });
    return { close, send: () => undefined };
  };
  // Only what a host's sync uses of a link.
  const link = { isOpen: true, call, open } as unknown as Link;
  return {
    link,
    opened,
    calls: (route: string) => call.mock.calls.filter(([, input]) => (input as { route: string }).route === route).length,
  };
}

describe('what is known of a host', () => {
  it('is read again with back-off after a failure, and says meanwhile that it may be old', async () => {
    const stores = createStores();
    const { link } = linkThatFails(2);
    const sync = startHostSync(link, stores, 'web-1');
    await vi.advanceTimersByTimeAsync(10);
    expect(stores.daemons.getState()['web-1']).toMatchObject({ isLoaded: false, problem: 'The daemon was not found yet.' });
    await vi.advanceTimersByTimeAsync(2_000);
    expect(stores.daemons.getState()['web-1']).toMatchObject({ isLoaded: true, problem: null });
    sync.stop();
  });

  it('goes on from the last event when its stream has to be opened again', async () => {
    const stores = createStores();
    const { link, opened } = linkThatFails(0);
    const sync = startHostSync(link, stores, 'web-1');
    const first = opened.find((each) => each.stream === 'events')!;
    expect(first.query).toBeUndefined();
    const event = {
      seq: 41,
      ts: '2025-11-22T09:00:00Z',
      kind: 'image.loaded',
      level: 'info',
      message: 'x',
      app_name: null,
      operation: null,
    };
    first.handlers.onMessage({ kind: 'message', message: event });
    first.handlers.onEnd(unavailable());
    await vi.advanceTimersByTimeAsync(1_000);
    expect(opened.findLast((each) => each.stream === 'events')?.query).toEqual({ after: 41 });
    sync.stop();
  });

  it('has its secrets read again when they change, and only once somebody has asked for them', async () => {
    const stores = createStores();
    const { link, opened, calls } = linkThatFails(0);
    const sync = startHostSync(link, stores, 'web-1');
    await vi.advanceTimersByTimeAsync(10);
    const tell = (seq: number, kind: string) => {
      const said = { seq, ts: '2025-11-22T09:00:00Z', level: 'info', message: 'x', app_name: null, operation: null };
      opened.find((each) => each.stream === 'events')!.handlers.onMessage({ kind: 'message', message: { ...said, kind } });
      return vi.advanceTimersByTimeAsync(10);
    };
    await tell(1, 'secrets.changed');
    expect(calls('listSecrets')).toBe(0);
    await readSecrets(link, stores, 'web-1');
    await tell(2, 'secrets.changed');
    await tell(3, 'secrets.key_rotated');
    await tell(4, 'image.loaded');
    expect(calls('listSecrets')).toBe(3);
    sync.stop();
  });

  it('is left alone after the end: no stream, no timer, no further call', async () => {
    const stores = createStores();
    const { link, opened, calls } = linkThatFails(0);
    const sync = startHostSync(link, stores, 'web-1');
    await vi.advanceTimersByTimeAsync(16_000);
    const before = calls('listApps');
    expect(before).toBeGreaterThan(1);
    sync.stop();
    for (const { close } of opened) expect(close).toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(calls('listApps')).toBe(before);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('costs two reads for a burst of events, the second after the last of them', async () => {
    const stores = createStores();
    const { link, opened, calls } = linkThatFails(0);
    const sync = startHostSync(link, stores, 'web-1');
    await vi.advanceTimersByTimeAsync(10);
    const before = calls('listApps');
    for (let seq = 1; seq <= 50; seq += 1) {
      const event = {
        seq,
        ts: '2025-11-22T09:00:00Z',
        kind: 'app.changed',
        level: 'info',
        message: 'x',
        app_name: 'shop',
        operation: null,
      };
      opened.find((each) => each.stream === 'events')!.handlers.onMessage({ kind: 'message', message: event });
    }
    await vi.advanceTimersByTimeAsync(100);
    expect(calls('listApps') - before).toBe(2);
    sync.stop();
  });
});

describe('a host', () => {
  const withState = (connection: Host['connection'], daemon: Host['daemon'] = { kind: 'unknown' }) =>
    host('h', { connection, daemon });
  const connected: Host['connection'] = { kind: 'connected', since: '2025-11-22T09:00:00Z', latency_ms: null };

  it('is followed while its daemon is ready', () => {
    expect(syncNeed(host('h'))).toBe('start');
    expect(syncNeed(withState(connected, { kind: 'absent', message: '' }))).toBe('stop');
  });

  it('keeps its streams through a lost connection, for the core resumes them', () => {
    expect(syncNeed(withState({ kind: 'reconnecting', attempt: 1, next_at: '2025-11-22T09:00:00Z', message: '' }))).toBe('keep');
    expect(syncNeed(withState(connected))).toBe('keep');
  });

  it('is let go of when it will not come back by itself', () => {
    expect(syncNeed(withState({ kind: 'disconnected' }))).toBe('stop');
    expect(syncNeed(withState({ kind: 'failed', message: '' }))).toBe('stop');
  });
});
