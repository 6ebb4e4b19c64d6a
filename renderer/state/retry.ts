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
  return { release, complaints: complaintsOf(operation.error?.message ?? '') };
}

/** The daemon's *validate* step, which comes after the answer to the request, ends its sentence with the field concerned. */
function complaintsOf(message: string): FieldError[] {
  const parts = /^(.*) \(field "([^"]+)"\)$/s.exec(message);
  return parts === null ? [] : [{ field: parts[2] ?? '', message: parts[1] ?? '' }];
}
