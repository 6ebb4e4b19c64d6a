/** The {@link Bridge} on top of message ports, of which a new one comes with every new core. Knows nothing of Electron. */
import type { Bridge, DownFrame, UpFrame } from './contract.ts';

/** Frames held until the first port comes. Later frames find a link that is open, or known to be lost. */
const QUEUED_FRAMES_MAX = 256;

/** What of a DOM `MessagePort` is used. */
export interface LinkPort {
  postMessage(frame: UpFrame): void;
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void;
  addEventListener(type: 'close', listener: () => void): void;
  start(): void;
  close(): void;
}

export interface PortBridge {
  bridge: Bridge;
  /** Takes the port of a core into use, in place of the one before. */
  adopt(port: LinkPort): void;
}

export function createPortBridge(): PortBridge {
  const frameListeners = new Set<(frame: DownFrame) => void>();
  const linkListeners = new Set<(isOpen: boolean) => void>();
  const queue: UpFrame[] = [];
  let current: LinkPort | null = null;
  let isFirst = true;

  const tell = (isOpen: boolean) => {
    for (const listener of linkListeners) listener(isOpen);
  };
  const lose = (port: LinkPort) => {
    if (port !== current) return;
    current = null;
    tell(false);
  };
  return {
    bridge: {
      post(frame) {
        if (current !== null) current.postMessage(frame);
        else if (isFirst && queue.length < QUEUED_FRAMES_MAX) queue.push(frame);
      },
      onFrame: (listener) => subscribe(frameListeners, listener),
      onLink: (listener) => subscribe(linkListeners, listener),
    },
    adopt(port) {
      if (current !== null) {
        const replaced = current;
        lose(replaced);
        replaced.close();
      }
      current = port;
      port.addEventListener('message', ({ data }) => {
        // The core is trusted, and the renderer checks every frame against the contract.
        if (port === current) for (const listener of frameListeners) listener(data as DownFrame);
      });
      port.addEventListener('close', () => lose(port));
      port.start();
      for (const frame of queue.splice(0)) port.postMessage(frame);
      isFirst = false;
      tell(true);
    },
  };
}

function subscribe<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}
