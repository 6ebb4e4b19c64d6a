/** A browser's WebSocket as the port of a core: JSON frames, one a message. */
import type { WebSocket } from 'ws';
import type { CorePort } from '../../preload/contract.ts';

export interface LinkLimits {
  links_max: number;
  frame_bytes_max: number;
  waiting_bytes_max: number;
  ping_interval_ms: number;
}

export const LINK_LIMITS: LinkLimits = {
  /** Windows of the console open at once. */
  links_max: 8,
  /** One frame from the page. A terminal's input is the largest, at 1,000,000 characters; a request's body may be 1 MiB before escaping. */
  frame_bytes_max: 4 * 1024 * 1024,
  /** What may wait for a page that does not read; beyond it the link is cut and the page starts afresh. */
  waiting_bytes_max: 16 * 1024 * 1024,
  ping_interval_ms: 20_000,
};

/** Close codes of RFC 6455 §7.4.1 and the registry behind it. */
export const CLOSE = { going_away: 1001, not_text: 1003, not_json: 1007 } as const;

/** What the shell needs of a core. The core's answers to a port that is closed are dropped. */
export interface ConnectableCore {
  connect(port: Required<CorePort>): void;
}

/** Makes the port of a WebSocket, and ends a connection that is dead, too slow, or sends what is not JSON text. */
export function createPort(socket: WebSocket, limits: LinkLimits): Required<CorePort> {
  endWhenDead(socket, limits.ping_interval_ms);
  return {
    post(frame) {
      if (socket.readyState !== socket.OPEN) return;
      socket.send(JSON.stringify(frame));
      // A close frame would queue behind what is not read: cut. The page connects anew and starts with what is true then.
      if (socket.bufferedAmount > limits.waiting_bytes_max) socket.terminate();
    },
    onFrame(listener) {
      socket.on('message', (data, isBinary) => {
        const frame = isBinary ? undefined : parseJson(String(data));
        if (frame !== undefined) listener(frame);
        else socket.close(isBinary ? CLOSE.not_text : CLOSE.not_json, 'a frame is one JSON text');
      });
    },
    onClose(listener) {
      socket.once('close', listener);
    },
    bufferedBytes: () => socket.bufferedAmount,
  };
}

function endWhenDead(socket: WebSocket, interval_ms: number): void {
  let isAlive = true;
  socket.on('pong', () => {
    isAlive = true;
  });
  const timer = setInterval(() => {
    if (!isAlive) socket.terminate();
    else socket.ping();
    isAlive = false;
  }, interval_ms);
  socket.once('close', () => clearInterval(timer));
}

/** JSON has no `undefined`, so that stands for text that is not JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
