import type { Operation, Release } from '../../daemon/contract/domain.ts';
import { isUnwinding, isWatching } from '../../daemon/contract/rules.ts';

/** A new release that serves while the one before it is kept warm. */
export interface Watch {
  operation: Operation;
  /** When the window began, in milliseconds since the epoch, by the host's clock. */
  since_ms: number;
  /** How long it lasts; null where the release's configuration is not known here yet. */
  window_ms: number | null;
}

/** The watch window that an operation is in, or null. `releases` are those of its app, in any order. */
export function watchOf(operation: Operation | undefined, releases: readonly Release[]): Watch | null {
  if (operation === undefined || !isWatching(operation) || isUnwinding(operation)) return null;
  const step = operation.steps.find(({ name }) => name === 'watch');
  const since_ms = Date.parse(step?.started_at ?? operation.created_at);
  return { operation, since_ms, window_ms: windowOf(operation, releases) };
}

/** A swap takes the configuration over from the release before, which is known before the new one is. */
function windowOf({ kind, release, from_release }: Operation, releases: readonly Release[]): number | null {
  const find = (id: string | null) => releases.find((each) => each.id === id)?.configuration.watch_ms ?? null;
  return find(release) ?? (kind === 'swap' ? find(from_release) : null);
}

/** Whole seconds left of a window, or null where its length is not known. */
export function secondsLeft({ since_ms, window_ms }: Watch, now_ms: number): number | null {
  if (window_ms === null) return null;
  return Math.min(Math.ceil(window_ms / 1000), Math.max(0, Math.ceil((since_ms + window_ms - now_ms) / 1000)));
}

/** How much of a window is over, from 0 to 1. */
export function watchedPart({ since_ms, window_ms }: Watch, now_ms: number): number {
  if (window_ms === null || window_ms === 0) return 1;
  return Math.min(1, Math.max(0, (now_ms - since_ms) / window_ms));
}
