import type { BridgeError } from '../bridge/bridge-error.ts';
import type { Link } from '../bridge/link.ts';
import { fromBase64, toBase64 } from './base64.ts';

/** An acknowledgement for each of these saves messages and leaves the core's window well filled. */
const ACK_BYTES = 16_384;
/** Well below the contract's bound for one message. */
const INPUT_BYTES_MAX = 65_536;

export interface TerminalHandlers {
  /** Call `taken` when the bytes have been drawn: only then may the core send more. */
  onOutput(bytes: Uint8Array, taken: () => void): void;
  /** The shell ended, or the way to it broke; `message` is for the operator. */
  onEnd(message: string): void;
}

export interface TerminalSession {
  write(bytes: Uint8Array): void;
  resize(cols: number, rows: number): void;
  close(): void;
}

/** A login shell on `host`, flow-controlled by acknowledgements. Throws where the link is lost. */
export function openTerminal(
  link: Link,
  host: string,
  size: { cols: number; rows: number },
  handlers: TerminalHandlers,
): TerminalSession {
  let received = 0;
  let taken = 0;
  let acknowledged = 0;
  let exit: string | null = null;

  const acknowledge = () => {
    const due = taken - acknowledged;
    if (due === 0 || (due < ACK_BYTES && taken < received)) return;
    acknowledged = taken;
    channel.send({ kind: 'ack', bytes: due });
  };
  const channel = link.open(
    'terminal',
    { host, ...size },
    {
      onMessage(message) {
        if (message.kind === 'exit') {
          exit = exitText(message.code, message.signal);
          return;
        }
        const bytes = fromBase64(message.data);
        received += bytes.length;
        handlers.onOutput(bytes, () => {
          taken += bytes.length;
          acknowledge();
        });
      },
      onEnd: (error: BridgeError | null) => handlers.onEnd(exit ?? error?.message ?? 'the shell ended'),
    },
  );

  return {
    write(bytes) {
      for (let from = 0; from < bytes.length; from += INPUT_BYTES_MAX) {
        channel.send({ kind: 'input', data: toBase64(bytes.subarray(from, from + INPUT_BYTES_MAX)) });
      }
    },
    resize: (cols, rows) => channel.send({ kind: 'resize', cols, rows }),
    close: channel.close,
  };
}

function exitText(code: number | null, signal: string | null): string {
  if (signal !== null) return `the shell was ended by ${signal}`;
  return code === null || code === 0 ? 'the shell ended' : `the shell ended with code ${code}`;
}
