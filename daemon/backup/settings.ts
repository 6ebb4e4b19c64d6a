/** The server's configuration as a backup holds it. It is shown, never applied: it names places and ports of another server, perhaps. */
import { parse, stringify } from 'yaml';

/** Without what opens this server, and without comments, which may say anything. Null for what is no configuration. */
export function withoutToken(text: string): string | null {
  const config = parseObject(text);
  if (config === null) return null;
  const { auth: _, ...rest } = config;
  return stringify(rest);
}

/** Each setting by its dotted name, as JSON. */
export function settingsOf(text: string | null): Map<string, string> {
  const config = text === null ? null : parseObject(text);
  if (config === null) return new Map();
  const { auth: _, ...rest } = config;
  return new Map(flatten(rest, ''));
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = parse(text, { maxAliasCount: 10 });
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function flatten(value: unknown, name: string): [string, string][] {
  if (!isObject(value)) return [[name, JSON.stringify(value)]];
  return Object.entries(value).flatMap(([key, each]) => flatten(each, name === '' ? key : `${name}.${key}`));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
