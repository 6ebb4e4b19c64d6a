import type { z } from 'zod';
import { DomainError, errorResponseSchema } from '../contract/errors.ts';
import { API_VERSION } from '../contract/limits.ts';

/**
 * Parses what a daemon sent. Strict in everything this contract knows; a field it does not know is dropped, because a
 * newer daemon of the same API version may add fields and must not break an older client.
 * @throws DomainError `unavailable` if it does not match otherwise
 */
export function parseTolerant<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const strict = schema.safeParse(value);
  if (strict.success) return strict.data;
  const unknownFields = strict.error.issues.filter((issue) => issue.code === 'unrecognized_keys');
  if (unknownFields.length === strict.error.issues.length) {
    const copy: unknown = structuredClone(value);
    for (const { path, keys } of unknownFields) removeKeys(copy, path, keys);
    const stripped = schema.safeParse(copy);
    if (stripped.success) return stripped.data;
  }
  throw new DomainError(
    'unavailable',
    `The daemon's answer does not match API version ${API_VERSION}; bring the daemon and this program to the same version.`,
    { cause: strict.error },
  );
}

function removeKeys(root: unknown, path: readonly PropertyKey[], keys: readonly string[]): void {
  let at = root;
  for (const step of path) at = isRecord(at) ? at[step] : undefined;
  if (!isRecord(at)) return;
  for (const key of keys) delete at[key];
}

function isRecord(value: unknown): value is Record<PropertyKey, unknown> {
  return typeof value === 'object' && value !== null;
}

const MESSAGE_CHARACTERS_MAX = 2_000;

/** The error that an answer of the error model stands for; null if it is none. Its text is bounded and printable. */
export function toDomainError(value: unknown): DomainError | null {
  const parsed = errorResponseSchema.safeParse(value);
  if (!parsed.success) return null;
  const { code, details, operation_id } = parsed.data.payload;
  const message = parsed.data.message.slice(0, MESSAGE_CHARACTERS_MAX).replace(/[^\P{Cc}\n]/gu, ' ');
  return new DomainError(code, message, { details, ...(operation_id === undefined ? {} : { operation_id }) });
}
