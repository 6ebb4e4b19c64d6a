/** A message port as the port of a core; the other end is `preload/bridge.ts`. Knows nothing of Electron. */
import type { CorePort } from '../../preload/contract.ts';
import type { UpMessage } from '../../preload/wire.ts';

/** What of Electron's `MessagePortMain` is used. */
export interface MessagePortLike {
  on(event: 'message', listener: (event: { data: unknown }) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
  postMessage(message: string): void;
  start(): void;
}

/** Frames are text on the way, so that what waits for the page can be counted; the page says what it has taken in. */
export function createCorePort(port: MessagePortLike): Required<CorePort> {
  let waiting = 0;
  let onFrame: (frame: unknown) => void = () => undefined;
  port.on('message', ({ data }) => {
    const message = data as UpMessage; // the preload is our own; what the page gave it is checked by the core
    if (typeof message === 'number') waiting = Math.max(0, waiting - message);
    else onFrame(JSON.parse(message));
  });
  return {
    post(frame) {
      const text = JSON.stringify(frame);
      waiting += text.length;
      port.postMessage(text);
    },
    onFrame(listener) {
      onFrame = listener;
      port.start();
    },
    onClose(listener) {
      port.on('close', listener);
    },
    bufferedBytes: () => waiting,
  };
}
