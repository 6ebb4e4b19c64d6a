/** What an endpoint is, and what the tables of them have in common. */
import { z } from 'zod';
import type { AppRule } from './access.ts';
import type { Role } from './domain.ts';
import { appNameSchema } from './names.ts';

/**
 * A REST endpoint. `kind` says how an endpoint answers (DESIGN §3):
 * - `read`: the object itself.
 * - `change`: `DaemonResponse` with `payload`.
 * - `operation`: 202 and the operation in `payload` at once; with `?wait=1` 200 or 422 when it has ended.
 * - `upload`: as `change`, with a raw body in place of JSON.
 * - `download`: a raw body; what goes wrong before its first byte is answered as elsewhere, and later the connection is cut.
 */
export interface Route<
  Params extends z.ZodType = z.ZodType,
  Query extends z.ZodType = z.ZodType,
  Body extends z.ZodType = z.ZodType,
  Response extends z.ZodType = z.ZodType,
> {
  method: 'GET' | 'POST' | 'DELETE';
  /** Parameters as `:name`, each described in `params`. */
  path: `/${string}`;
  kind: 'read' | 'change' | 'operation' | 'upload' | 'download';
  /** The least role that may call it; null: anyone who reaches the listener, without a token. */
  role: Role | null;
  /** What it is to a token that is limited to apps. */
  apps: AppRule;
  summary: string;
  params: Params;
  query: Query;
  /** `z.undefined()` where there is none. */
  body: Body;
  /** The object of a read, or what `payload` holds. */
  response: Response;
  /** The raw body of an upload or a download. */
  binary?: { media_type: string; bytes_max: number; description: string };
}

export const nothing = z.undefined();
export const noParams = z.strictObject({});
export const noQuery = z.strictObject({});
export const appParams = z.strictObject({ name: appNameSchema });
export const waitQuery = z.strictObject({
  wait: z.stringbool().optional().meta({ description: 'answer when the operation has ended' }),
});
export const whole = (min: number, max: number) => {
  const error = `use a whole number from ${min} to ${max}`;
  return z.coerce.number({ error }).int(error).min(min, error).max(max, error);
};

export function route<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType, R extends z.ZodType>(
  definition: Route<P, Q, B, R>,
): Route<P, Q, B, R> {
  return definition;
}
