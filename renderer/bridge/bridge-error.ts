import { z } from 'zod';
import { type FieldError, fieldErrorSchema } from '../../daemon/contract/errors.ts';
import type { LinkErrorShape } from '../../preload/contract.ts';

/** An error from the core or a daemon, as an operator is meant to read it: `message` says what happened and what to do. */
export class BridgeError extends Error {
  readonly code: LinkErrorShape['code'];
  readonly details: unknown;
  readonly operation_id: string | undefined;

  constructor(shape: LinkErrorShape) {
    super(shape.message);
    this.name = 'BridgeError';
    this.code = shape.code;
    this.details = shape.details;
    this.operation_id = shape.operation_id;
  }
}

const detailsSchema = z.array(fieldErrorSchema);

/** The complaints about single fields in an error's details, by dotted path; none where the details hold something else. */
export function fieldErrorsOf(error: unknown): FieldError[] {
  if (!(error instanceof BridgeError)) return [];
  const parsed = detailsSchema.safeParse(error.details);
  return parsed.success ? parsed.data : [];
}

/** One sentence for any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export const linkLost = () =>
  new BridgeError({ code: 'closed', message: 'The console lost its connection to its core; it is being restored.' });
