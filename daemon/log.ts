/** Structured lines for journald: one JSON object a line on standard output. */
import type { Log } from './api/log.ts';

type Level = 'info' | 'warn' | 'error';

/** `write` takes one whole line. */
export function createLog(write: (line: string) => void, now: () => Date = () => new Date()): Log {
  const at = (level: Level) => (fields: object, message: string) => {
    const plain = Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, plainOf(value)]));
    write(`${JSON.stringify({ ts: now().toISOString(), level, message, ...plain })}\n`);
  };
  return { info: at('info'), warn: at('warn'), error: at('error') };
}

/** Errors have no own enumerable fields: they would be logged as `{}`. */
function plainOf(value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  const cause = value.cause === undefined ? {} : { cause: plainOf(value.cause) };
  return { name: value.name, message: value.message, stack: value.stack, ...cause };
}
