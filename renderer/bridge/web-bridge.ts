import type { Bridge, DownFrame, UpFrame } from '../../preload/contract.ts';
import { backoffMs } from './backoff.ts';

/** Frames held while the first connection is being made. Later frames find a link that is open or known to be lost. */
const QUEUED_FRAMES_MAX = 256;

/** What of a WebSocket is used, so that a test can stand in for it. */
export interface Socket {
  send(text: string): void;
  close(): void;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: (() => void) | null;
}

export interface WebBridgeOptions {
  openSocket(): Socket;
  /** Runs `act` after `delay_ms`. */
  later(act: () => void, delay_ms: number): void;
}

/** The web shell's address of the link for a page at `location`; its cookie says who we are. */
export function linkUrl(location: { protocol: string; host: string }): string {
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/link`;
}

/** The {@link Bridge} of the web shell: one JSON frame a message over a WebSocket that is reopened with back-off. */
export function createWebBridge(options: WebBridgeOptions): Bridge {
  const frameListeners = new Set<(frame: DownFrame) => void>();
  const linkListeners = new Set<(isOpen: boolean) => void>();
  let queue: UpFrame[] | null = [];
  let socket: Socket | null = null;
  let attempt = 0;

  const connect = () => {
    const opening = options.openSocket();
    opening.onopen = () => {
      socket = opening;
      attempt = 0;
      const queued = queue ?? [];
      queue = null;
      for (const listener of linkListeners) listener(true);
      for (const frame of queued) opening.send(JSON.stringify(frame));
    };
    opening.onmessage = (event) => {
      const frame = parseFrame(event.data);
      if (frame === null) return;
      for (const listener of frameListeners) listener(frame);
    };
    opening.onclose = () => {
      socket = null;
      queue = null;
      for (const listener of linkListeners) listener(false);
      attempt += 1;
      options.later(connect, backoffMs(attempt));
    };
  };
  connect();

  return {
    post(frame) {
      if (socket !== null) socket.send(JSON.stringify(frame));
      else if (queue !== null && queue.length < QUEUED_FRAMES_MAX) queue.push(frame);
    },
    onFrame(listener) {
      frameListeners.add(listener);
      return () => frameListeners.delete(listener);
    },
    onLink(listener) {
      linkListeners.add(listener);
      return () => linkListeners.delete(listener);
    },
  };
}

/** The link checks the frame's shape; here it only has to be JSON. */
function parseFrame(data: unknown): DownFrame | null {
  if (typeof data !== 'string') return null;
  try {
    return JSON.parse(data) as DownFrame;
  } catch {
    return null;
  }
}
