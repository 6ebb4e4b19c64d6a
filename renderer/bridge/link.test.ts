import { describe, expect, it, vi } from 'vitest';
import type { Bridge, DownFrame, UpFrame } from '../../preload/contract.ts';
import { fieldErrorsOf } from './bridge-error.ts';
import { openDaemonStream } from './daemon.ts';
import { createLink } from './link.ts';

function fakeBridge() {
  const sent: UpFrame[] = [];
  const frames = new Set<(frame: DownFrame) => void>();
  const links = new Set<(isOpen: boolean) => void>();
  const bridge: Bridge = {
    post: (frame) => sent.push(frame),
    onFrame: (listener) => {
      frames.add(listener);
      return () => frames.delete(listener);
    },
    onLink: (listener) => {
      links.add(listener);
      return () => links.delete(listener);
    },
  };
  const answer = (frame: DownFrame) => {
    for (const listener of frames) listener(frame);
  };
  const setLink = (isOpen: boolean) => {
    for (const listener of links) listener(isOpen);
  };
  return { bridge, sent, answer, setLink };
}

describe('calls over the link', () => {
  it('resolve with the checked output of their own answer, in whatever order answers come', async () => {
    const { bridge, sent, answer } = fakeBridge();
    const link = createLink(bridge);
    const info = link.call('console.info', undefined);
    const settings = link.call('settings.get', undefined);
    answer({ t: 'result', id: sent[1]!.id, value: { color_scheme: 'dark' } });
    answer({ t: 'result', id: sent[0]!.id, value: { version: '1.0.0', shell: 'web', platform: 'linux' } });
    expect(await settings).toEqual({ color_scheme: 'dark' });
    expect((await info).version).toBe('1.0.0');
  });

  it('reject with the core’s code, message and field errors', async () => {
    const { bridge, sent, answer } = fakeBridge();
    const call = createLink(bridge).call('hosts.remove', { host: 'web-1' });
    const details = [{ field: 'host', message: 'unknown' }];
    answer({ t: 'error', id: sent[0]!.id, error: { code: 'not_found', message: 'There is no such host.', details } });
    const error = await call.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'not_found', message: 'There is no such host.' });
    expect(fieldErrorsOf(error)).toEqual(details);
  });

  it('reject an output that does not match the contract', async () => {
    const { bridge, sent, answer } = fakeBridge();
    const call = createLink(bridge).call('settings.get', undefined);
    answer({ t: 'result', id: sent[0]!.id, value: { color_scheme: 'purple' } });
    await expect(call).rejects.toThrow('does not match the contract');
  });

  it('reject when the link is lost, and at once while it stays lost', async () => {
    const { bridge, sent, setLink } = fakeBridge();
    const link = createLink(bridge);
    const call = link.call('hosts.list', undefined);
    setLink(false);
    await expect(call).rejects.toMatchObject({ code: 'closed' });
    await expect(link.call('hosts.list', undefined)).rejects.toMatchObject({ code: 'closed' });
    expect(sent).toHaveLength(1);
    setLink(true);
    void link.call('hosts.list', undefined);
    expect(sent).toHaveLength(2);
  });
});

describe('channels over the link', () => {
  it('hand on checked messages until they are closed, and nothing after', () => {
    const { bridge, sent, answer } = fakeBridge();
    const onMessage = vi.fn();
    const onEnd = vi.fn();
    const channel = createLink(bridge).open('hosts.watch', undefined, { onMessage, onEnd });
    answer({ t: 'data', id: sent[0]!.id, message: [] });
    channel.close();
    answer({ t: 'data', id: sent[0]!.id, message: [] });
    expect(onMessage).toHaveBeenCalledExactlyOnceWith([]);
    expect(onEnd).not.toHaveBeenCalled();
    expect(sent.at(-1)).toEqual({ t: 'close', id: sent[0]!.id });
  });

  it('end once, with the error that the core gave', () => {
    const { bridge, sent, answer, setLink } = fakeBridge();
    const onEnd = vi.fn();
    createLink(bridge).open('hosts.install', { host: 'web-1' }, { onMessage: vi.fn(), onEnd });
    answer({ t: 'end', id: sent[0]!.id, error: { code: 'host_unavailable', message: 'The server went away.' } });
    setLink(false);
    expect(onEnd).toHaveBeenCalledOnce();
    expect(onEnd.mock.calls[0]![0]).toMatchObject({ code: 'host_unavailable' });
  });

  it('end when a message does not match the contract, and tell the core', () => {
    const { bridge, sent, answer } = fakeBridge();
    const onEnd = vi.fn();
    createLink(bridge).open('hosts.watch', undefined, { onMessage: vi.fn(), onEnd });
    answer({ t: 'data', id: sent[0]!.id, message: 'no list' });
    expect(onEnd.mock.calls[0]![0]).toMatchObject({ code: 'internal' });
    expect(sent.at(-1)).toMatchObject({ t: 'close' });
  });
});

describe('daemon streams', () => {
  it('tell messages, losses and gaps apart', () => {
    const { bridge, sent, answer } = fakeBridge();
    const handlers = { onMessage: vi.fn(), onDropped: vi.fn(), onInterrupted: vi.fn(), onResumed: vi.fn(), onEnd: vi.fn() };
    openDaemonStream(createLink(bridge), 'web-1', 'logs', { params: { app: 'shop' } }, handlers);
    const line = { app_name: 'shop', log: 'hi', ts: '2025-11-22T09:00:00Z', release: 'r1', slot: 'blue', stream: 'stdout' };
    const { id } = sent[0]!;
    answer({ t: 'data', id, message: { kind: 'message', message: line } });
    answer({ t: 'data', id, message: { kind: 'dropped', count: 7 } });
    answer({ t: 'data', id, message: { kind: 'interrupted', message: 'lost' } });
    answer({ t: 'data', id, message: { kind: 'resumed' } });
    answer({ t: 'data', id, message: { kind: 'message', message: { ...line, slot: 'red' } } });
    expect(handlers.onMessage).toHaveBeenCalledExactlyOnceWith(line);
    expect(handlers.onDropped.mock.calls).toEqual([[7], [1]]);
    expect(handlers.onInterrupted).toHaveBeenCalledWith('lost');
    expect(handlers.onResumed).toHaveBeenCalledOnce();
  });
});
