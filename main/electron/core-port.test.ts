import { MessageChannel } from 'node:worker_threads';
import { afterEach, expect, test } from 'vitest';
import { createPortBridge, type LinkPort } from '../../preload/bridge.ts';
import type { DownFrame } from '../../preload/contract.ts';
import { createCorePort, type MessagePortLike } from './core-port.ts';

const { port1, port2 } = new MessageChannel();

afterEach(() => {
  port1.close();
});

test('preload and core understand each other over a real port, and the core knows what waits', async () => {
  const { bridge, adopt } = createPortBridge();
  const down: DownFrame[] = [];
  bridge.onFrame((frame) => down.push(frame));
  adopt(port1 as unknown as LinkPort); // Node's port is the DOM's in all that is used here

  // Electron wraps a message as `{ data }`, Node hands it over bare.
  const electronLike: MessagePortLike = {
    on: (event: 'message' | 'close', listener: (event: { data: unknown }) => void) =>
      port2.on(event, (data: unknown) => listener({ data })),
    postMessage: (message) => port2.postMessage(message),
    start: () => port2.start(),
  };
  const core = createCorePort(electronLike);
  const up: unknown[] = [];
  let isClosed = false;
  core.onFrame((frame) => up.push(frame));
  core.onClose(() => {
    isClosed = true;
  });

  bridge.post({ t: 'call', id: 1, name: 'hosts.list' });
  await expect.poll(() => up).toEqual([{ t: 'call', id: 1, name: 'hosts.list' }]);
  core.post({ t: 'data', id: 1, message: 'x'.repeat(1_000) });
  expect(core.bufferedBytes()).toBeGreaterThan(1_000);
  await expect.poll(() => core.bufferedBytes()).toBe(0);
  expect(down).toEqual([{ t: 'data', id: 1, message: 'x'.repeat(1_000) }]);

  port1.close();
  await expect.poll(() => isClosed).toBe(true);
});
