import { DomainError } from '../../daemon/contract/errors.ts';
import type { LinkErrorShape } from '../../preload/contract.ts';

/** The core's own reasons beside those of the daemon's contract: no open connection to the host, or the link is closing. */
export class LinkError extends Error {
  readonly code: 'host_unavailable' | 'closed';

  constructor(code: 'host_unavailable' | 'closed', message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'LinkError';
    this.code = code;
  }
}

/** What the renderer is told of any thrown value. Whatever was not written for an operator to read becomes `internal` without its text. */
export function toLinkError(error: unknown): LinkErrorShape {
  if (error instanceof LinkError) return { code: error.code, message: error.message };
  if (!(error instanceof DomainError)) {
    return { code: 'internal', message: "The console's core met an unexpected error; its log has the details." };
  }
  return {
    code: error.code,
    message: error.message,
    ...(error.details === undefined ? {} : { details: error.details }),
    ...(error.operation_id === undefined ? {} : { operation_id: error.operation_id }),
  };
}

export function isExpected(error: unknown): boolean {
  return error instanceof LinkError || error instanceof DomainError;
}
