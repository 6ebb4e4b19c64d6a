/** The {@link Bridge} on top of message ports, of which a new one comes with every new core. Knows nothing of Electron. */
import type { Bridge, DownFrame, UpFrame } from './contract.ts';
import type { UpMessage } from './wire.ts';

/** Frames held until the first port comes. Later frames find a link that is open, or known to be lost. */
const QUEUED_FRAMES_MAX = 256;

/** What of a DOM `MessagePort` is used. */
export interface LinkPort {
  postMessage(message: UpMessage): void;
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
        if (current !== null) current.postMessage(JSON.stringify(frame));
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
        if (port !== current || typeof data !== 'string') return;
        const frame = JSON.parse(data) as DownFrame; // the core made it, and the renderer checks it against the contract
        for (const listener of frameListeners) listener(frame);
        port.postMessage(data.length);
      });
      port.addEventListener('close', () => lose(port));
      port.start();
      for (const frame of queue.splice(0)) port.postMessage(JSON.stringify(frame));
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
