import { EventEmitter } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createPortBridge, type LinkPort } from '../../preload/bridge.ts';
import type { DownFrame } from '../../preload/contract.ts';
import type { CoreArguments } from './core-host.ts';
import type { MessagePortLike } from './core-port.ts';

let directory: string;
const { port1, port2 } = new MessageChannel();

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nextdeploy-core-process-'));
});

afterEach(async () => {
  port1.close();
  await rm(directory, { recursive: true });
});

test('the core’s process serves a page that is connected to it, as Electron would', async () => {
  const coreArguments: CoreArguments = {
    dataDirectory: join(directory, 'data'),
    knownHostsFile: join(directory, 'known_hosts'),
    version: '1.2.3',
    hasKeychain: false,
  };
  const parentPort = new EventEmitter();
  Object.assign(process, { parentPort });
  process.argv[2] = JSON.stringify(coreArguments);
  await import('./core-process.ts');

  // Electron wraps a message as `{ data }`, Node hands it over bare.
  const electronPort: MessagePortLike = {
    on: (event: 'message' | 'close', listener: (event: { data: unknown }) => void) =>
      port2.on(event, (data: unknown) => listener({ data })),
    postMessage: (message) => port2.postMessage(message),
    start: () => port2.start(),
  };
  const { bridge, adopt } = createPortBridge();
  const frames: DownFrame[] = [];
  bridge.onFrame((frame) => frames.push(frame));
  bridge.post({ t: 'call', id: 1, name: 'console.info' });
  bridge.post({ t: 'call', id: 2, name: 'hosts.list' });
  adopt(port1 as unknown as LinkPort); // Node's port is the DOM's in all that is used here
  parentPort.emit('message', { data: { kind: 'connect' }, ports: [electronPort] });

  await expect.poll(() => frames.length).toBe(2);
  expect(frames).toContainEqual({ t: 'result', id: 1, value: expect.objectContaining({ version: '1.2.3', shell: 'electron' }) });
  expect(frames).toContainEqual({ t: 'result', id: 2, value: [] });
});
