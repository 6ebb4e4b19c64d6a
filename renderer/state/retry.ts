import type { Operation, Release } from '../../daemon/contract/domain.ts';
import type { FieldError } from '../../daemon/contract/errors.ts';

/** What a deploy or swap that has not lasted asked for, to be asked for again with changes. */
export interface Retry {
  release: Release;
  /** What was wrong with it, by the fields of a deploy. */
  complaints: FieldError[];
}

/** Null where there is nothing to try again: it went well, or its release is not known here. */
export function retryOf(operation: Operation | undefined, releases: readonly Release[]): Retry | null {
  if (operation === undefined || (operation.kind !== 'deploy' && operation.kind !== 'swap')) return null;
  const release = releases.find(({ id }) => id === operation.release);
  if (release === undefined || release.state !== 'failed') return null;
  return { release, complaints: complaintsOf(operation) };
}

/** The daemon's *validate* step comes after the answer to the request. */
function complaintsOf({ error }: Operation): FieldError[] {
  return error?.field == null ? [] : [{ field: error.field, message: error.message }];
}
