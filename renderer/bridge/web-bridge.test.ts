import { describe, expect, it, vi } from 'vitest';
import { backoffMs } from './backoff.ts';
import { createWebBridge, linkUrl, type Socket } from './web-bridge.ts';

class FakeSocket implements Socket {
  sent: string[] = [];
  onopen: Socket['onopen'] = null;
  onmessage: Socket['onmessage'] = null;
  onclose: Socket['onclose'] = null;
  send(text: string): void {
    this.sent.push(text);
  }
  close(): void {
    this.onclose?.();
  }
}

function world() {
  const sockets: FakeSocket[] = [];
  const later = vi.fn<(act: () => void, delay_ms: number) => void>();
  const openSocket = () => {
    const socket = new FakeSocket();
    sockets.push(socket);
    return socket;
  };
  return { bridge: createWebBridge({ openSocket, later }), sockets, later };
}

describe('the web bridge', () => {
  it('holds frames until the first connection is open, then sends them in order', () => {
    const { bridge, sockets } = world();
    bridge.post({ t: 'call', id: 1, name: 'hosts.list' });
    bridge.post({ t: 'call', id: 2, name: 'console.info' });
    expect(sockets[0]!.sent).toEqual([]);
    sockets[0]!.onopen?.();
    expect(sockets[0]!.sent.map((text) => JSON.parse(text).id)).toEqual([1, 2]);
  });

  it('reconnects with growing delays, and says when the link is lost and back', () => {
    const { bridge, sockets, later } = world();
    const onLink = vi.fn();
    bridge.onLink(onLink);
    sockets[0]!.onopen?.();
    sockets[0]!.close();
    expect(later.mock.lastCall![1]).toBe(backoffMs(1));
    later.mock.lastCall![0]();
    sockets[1]!.close();
    expect(later.mock.lastCall![1]).toBe(backoffMs(2));
    later.mock.lastCall![0]();
    sockets[2]!.onopen?.();
    expect(onLink.mock.calls.map(([isOpen]) => isOpen)).toEqual([true, false, false, true]);
    sockets[2]!.close();
    expect(later.mock.lastCall![1]).toBe(backoffMs(1));
  });

  it('sends nothing into a lost link: the fresh core knows none of it', () => {
    const { bridge, sockets, later } = world();
    sockets[0]!.onopen?.();
    sockets[0]!.close();
    bridge.post({ t: 'call', id: 3, name: 'hosts.list' });
    later.mock.lastCall![0]();
    sockets[1]!.onopen?.();
    expect(sockets[1]!.sent).toEqual([]);
  });

  it('hands on frames and ignores what is not JSON', () => {
    const { bridge, sockets } = world();
    const onFrame = vi.fn();
    bridge.onFrame(onFrame);
    sockets[0]!.onmessage?.({ data: 'no json' });
    sockets[0]!.onmessage?.({ data: new ArrayBuffer(2) });
    sockets[0]!.onmessage?.({ data: '{"t":"end","id":4}' });
    expect(onFrame).toHaveBeenCalledExactlyOnceWith({ t: 'end', id: 4 });
  });

  it('finds the link beside the page, with TLS where the page has it', () => {
    expect(linkUrl({ protocol: 'http:', host: '127.0.0.1:4711' })).toBe('ws://127.0.0.1:4711/link');
    expect(linkUrl({ protocol: 'https:', host: 'console.test' })).toBe('wss://console.test/link');
  });
});
