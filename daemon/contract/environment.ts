/** The variables of an app, bounded by what the kernel takes (execve(2)). */
import { z } from 'zod';
import { LIMITS } from './limits.ts';
import { PATTERNS } from './rules.ts';
import { quoted } from './wording.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text).length;
const tooManyBytes = `use at most ${LIMITS.env_value_bytes_max} bytes`;
/** The kernel counts bytes; no text has fewer of them than characters. */
const envValueSchema = z
  .string()
  .max(LIMITS.env_value_bytes_max, { error: tooManyBytes, abort: true })
  .refine((value) => bytesOf(value) <= LIMITS.env_value_bytes_max, tooManyBytes)
  .regex(PATTERNS.env_value, 'an environment cannot hold a NUL character; leave it out');
export const envSchema = z
  .record(z.string().max(LIMITS.env_name_length_max).regex(PATTERNS.env_name), envValueSchema, {
    error: (issue) =>
      issue.code === 'invalid_key'
        ? `${quoted(issue.input)} is no name of a variable; use letters, digits and underscores, ${LIMITS.env_name_length_max} at most, not starting with a digit`
        : undefined,
  })
  .refine((env) => Object.keys(env).length <= LIMITS.env_entries_max, `use at most ${LIMITS.env_entries_max} variables`)
  .refine(
    (env) => environmentBytes(env) <= LIMITS.env_bytes_max,
    `use at most ${LIMITS.env_bytes_max} bytes for all variables together; what is larger belongs in a file of a volume`,
  );

/** As the kernel lays it out: `NAME=value` and a NUL each (execve(2)). */
export function environmentBytes(env: Record<string, string>): number {
  return Object.entries(env).reduce((sum, [name, value]) => sum + bytesOf(name) + bytesOf(value) + 2, 0);
}
