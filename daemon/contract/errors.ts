import { z } from 'zod';
import { wording } from './wording.ts';

// For all who parse with the contract: daemon, command line and console refuse a value in the same words.
z.config({ customError: wording });

/** Every code an answer can carry, with its HTTP status and the exit code of the command line. The only such table. */
export const ERROR_CODES = {
  invalid_request: { http_status: 400, exit_code: 2 },
  unauthorized: { http_status: 401, exit_code: 3 },
  forbidden: { http_status: 403, exit_code: 3 },
  not_found: { http_status: 404, exit_code: 4 },
  conflict: { http_status: 409, exit_code: 5 },
  payload_too_large: { http_status: 413, exit_code: 2 },
  unprocessable: { http_status: 422, exit_code: 6 },
  rate_limited: { http_status: 429, exit_code: 7 },
  internal: { http_status: 500, exit_code: 1 },
  unavailable: { http_status: 503, exit_code: 7 },
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

export const errorCodeSchema = z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]]);

/** One complaint about one field of a request; `field` is a dotted path such as `env.PORT`, or empty for the whole body. */
export const fieldErrorSchema = z.strictObject({ field: z.string(), message: z.string() });
export type FieldError = z.infer<typeof fieldErrorSchema>;

export const errorResponseSchema = z.strictObject({
  success: z.literal(false),
  message: z.string(),
  payload: z.strictObject({
    code: errorCodeSchema,
    details: z.unknown().optional(),
    operation_id: z.string().optional(),
  }),
});
export type ErrorResponse = z.infer<typeof errorResponseSchema>;

/**
 * An error an operator is meant to read: `message` is one sentence that says what to do. `cause` stays private: it is
 * logged and never sent.
 */
export class DomainError extends Error {
  readonly code: ErrorCode;
  readonly details: unknown;
  readonly operation_id: string | undefined;

  constructor(code: ErrorCode, message: string, options: { details?: unknown; operation_id?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'DomainError';
    this.code = code;
    this.details = options.details;
    this.operation_id = options.operation_id;
  }
}

/** The answer for any thrown value. Whatever is not a {@link DomainError} becomes `internal` without its text. */
export function toErrorResponse(error: unknown): ErrorResponse {
  if (!(error instanceof DomainError)) {
    return {
      success: false,
      message: 'The daemon met an unexpected error; its journal (`journalctl -u nextdeployd`) has the details.',
      payload: { code: 'internal' },
    };
  }
  return {
    success: false,
    message: error.message,
    payload: {
      code: error.code,
      ...(error.details === undefined ? {} : { details: error.details }),
      ...(error.operation_id === undefined ? {} : { operation_id: error.operation_id }),
    },
  };
}

/** Of a body that is wrong in a thousand places the first will do. */
const DETAILS_MAX = 100;
const NAME_CHARACTERS_MAX = 256;

/** A zod failure as an `invalid_request` that names each field, up to a bound; `where` says which part of the request it was. */
export function toInvalidRequest(error: z.ZodError, where: 'body' | 'query' | 'path'): DomainError {
  const details = error.issues.flatMap(fieldErrors).slice(0, DETAILS_MAX);
  const first = details[0] ?? { field: '', message: 'it does not match the contract' };
  const named = first.field === '' ? `The request's ${where}` : `Field "${first.field}"`;
  return new DomainError('invalid_request', `${named} is not valid: ${first.message}`, { details });
}

function fieldErrors(issue: z.core.$ZodIssue): FieldError[] {
  const path = issue.path.map(fieldName);
  if (issue.code !== 'unrecognized_keys') return [{ field: path.join('.'), message: issue.message }];
  return issue.keys.map((key) => ({ field: [...path, fieldName(key)].join('.'), message: 'unknown field' }));
}

/** Names of variables are the caller's, and may be of any length. */
const fieldName = (key: PropertyKey) => String(key).slice(0, NAME_CHARACTERS_MAX);
