/** One thing that is done to the daemon, as data: it can be printed, kept in a file and done again. */
import type { RouteName } from '../../daemon/contract/routes.ts';
import type { StreamName } from '../../daemon/contract/streams.ts';

/** Whose token is sent; `made_up` is of the right form and nobody's. */
export const CALLERS = ['admin', 'operator', 'viewer', 'limited', 'expired', 'revoked', 'made_up', 'none'] as const;
export type CallerName = (typeof CALLERS)[number];

/** Bytes are texts in which each character is one of them (Latin-1). */
export type Step =
  | { send: string }
  /** Waits until the daemon has said something. */
  | { await: 'answer' }
  | { pause_ms: number }
  /** Ends our half of the connection. */
  | { end: true }
  /** Leaves without waiting for anything. */
  | { leave: true };

export interface Case {
  /** `SEED:INDEX`, from which it is made again. */
  id: string;
  /** `request`: HTTP as it should be, whatever it says. `wire`: bytes. `stream`: a WebSocket, or nearly one. */
  kind: 'request' | 'wire' | 'stream';
  /** What it began as, before it was changed. */
  target: RouteName | StreamName;
  /** Whether the bytes still name that target with its own method: then its role must hold. */
  is_on_target: boolean;
  caller: CallerName;
  listener: 'socket' | 'tcp';
  steps: Step[];
  /** It is whole and no operation is waited for: silence is a fault. */
  must_be_answered: boolean;
  /** So long nothing may come before we leave. */
  patience_ms: number;
}

/** Bearers of these are held back more and more; nobody waits for that here. */
const HELD_BACK: readonly CallerName[] = ['expired', 'revoked', 'made_up', 'none'];

export const isHeldBack = (caller: CallerName) => HELD_BACK.includes(caller);

/** In place of a token's text, which is another in each run. */
export const placeholderOf = (caller: CallerName) => `{{${caller}}}`;
