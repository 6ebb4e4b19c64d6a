import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { afterEach, expect, test } from 'vitest';
import { createPortBridge, type LinkPort } from './bridge.ts';
import type { DownFrame, UpFrame } from './contract.ts';
import type { UpMessage } from './wire.ts';

const call = (id: number): UpFrame => ({ t: 'call', id, name: 'hosts.list' });
const opened: MessagePort[] = [];

afterEach(() => {
  for (const port of opened.splice(0)) port.close();
});

/** A bridge whose ports are real, with what the page and each core saw. */
function setUp() {
  const { bridge, adopt } = createPortBridge();
  const frames: DownFrame[] = [];
  const links: boolean[] = [];
  bridge.onFrame((frame) => frames.push(frame));
  bridge.onLink((isOpen) => links.push(isOpen));
  const connect = () => {
    const { port1, port2 } = new MessageChannel();
    opened.push(port1, port2);
    const received: UpFrame[] = [];
    const taken: number[] = [];
    port2.on('message', (message: UpMessage) => {
      if (typeof message === 'number') taken.push(message);
      else received.push(JSON.parse(message) as UpFrame);
    });
    const send = (frame: DownFrame) => port2.postMessage(JSON.stringify(frame));
    // Node's port is the DOM's in all that is used here; only its types differ.
    adopt(port1 as unknown as LinkPort);
    return { core: port2, received, send, taken };
  };
  return { bridge, connect, frames, links };
}

test('frames posted before the core is there reach it, in order', async () => {
  const { bridge, connect, links } = setUp();
  bridge.post(call(1));
  bridge.post(call(2));
  const { received } = connect();
  bridge.post(call(3));
  await expect.poll(() => received).toEqual([call(1), call(2), call(3)]);
  expect(links).toEqual([true]);
});

test('frames of the core reach every listener until it stops listening', async () => {
  const { bridge, connect, frames } = setUp();
  const others: DownFrame[] = [];
  const stop = bridge.onFrame((frame) => others.push(frame));
  const { send } = connect();
  send({ t: 'result', id: 1 });
  await expect.poll(() => frames.length).toBe(1);
  stop();
  send({ t: 'result', id: 2 });
  await expect.poll(() => frames.length).toBe(2);
  expect(others).toEqual([{ t: 'result', id: 1 }]);
});

test('the page says how much it has taken in, so that the core can wait for it', async () => {
  const { connect } = setUp();
  const { send, taken } = connect();
  const frame: DownFrame = { t: 'data', id: 1, message: 'x'.repeat(1_000) };
  send(frame);
  await expect.poll(() => taken).toEqual([JSON.stringify(frame).length]);
});

test('the page learns that the core is gone and that a fresh one is there, which gets no old frames', async () => {
  const { bridge, connect, links } = setUp();
  connect().core.close();
  await expect.poll(() => links).toEqual([true, false]);
  bridge.post(call(1));
  const { received } = connect();
  bridge.post(call(2));
  await expect.poll(() => received).toEqual([call(2)]);
  expect(links).toEqual([true, false, true]);
});

test('a core that replaces another without its end being seen counts as lost and back, and the old one is not heard', async () => {
  const { connect, frames, links } = setUp();
  const first = connect();
  const second = connect();
  expect(links).toEqual([true, false, true]);
  first.send({ t: 'result', id: 1 });
  second.send({ t: 'result', id: 2 });
  await expect.poll(() => frames).toEqual([{ t: 'result', id: 2 }]);
  await expect.poll(() => links).toEqual([true, false, true]);
});

test('at most 256 frames wait for a core that does not come', async () => {
  const { bridge, connect } = setUp();
  for (let id = 0; id < 300; id += 1) bridge.post(call(id));
  const { received } = connect();
  bridge.post(call(999));
  await expect.poll(() => received.at(-1)).toEqual(call(999));
  expect(received).toHaveLength(257);
});
