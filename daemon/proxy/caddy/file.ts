/**
 * The file that Caddy reads: all routes, each with one line that has it as it was given, so that the file alone says what is to be rendered
 * anew when one of them changes. Pure.
 */
import { z } from 'zod';
import { DomainError } from '../../contract/errors.ts';
import type { RouteModel, RouteOptions } from '../../engine/state.ts';
import { type CaddyContext, renderCaddyfile } from './render.ts';

const HEAD = '# Written by NextDeploy from the routes in the lines that begin with `# app`; what is changed here is overwritten.';
const LINE = /^# app (\S+) (\{.*\})$/gm;
/** What must have been one. */
const BEGINNING = /^[ \t]*#[ \t]*app[ \t]/gm;

const tls = z.enum(['auto', 'off', 'import']);
const status = z.union([z.literal(301), z.literal(302), z.literal(307), z.literal(308)]);
const upstreams = z.object({ blue: z.array(z.string()), green: z.array(z.string()) });
const optionsSchema: z.ZodType<RouteOptions> = z.object({
  headers: z.array(z.object({ name: z.string(), value: z.string() })),
  basic_auth: z.array(z.object({ username: z.string(), password_hash: z.string() })),
  body_bytes_max: z.number().nullable(),
  is_compressed: z.boolean(),
  prefixes: z.array(z.object({ path: z.string(), is_stripped: z.boolean(), upstreams, marker_directory: z.string().nullable() })),
  path_redirects: z.array(z.object({ from: z.string(), to: z.string(), status })),
});
const routeSchema: z.ZodType<RouteModel> = z.object({
  app_name: z.string(),
  proxy: z.literal('caddy'),
  sites: z.array(z.object({ domain: z.string(), tls })),
  redirects: z.array(
    z.object({
      from: z.string(),
      tls,
      to: z.string(),
      to_tls: tls,
      status,
    }),
  ),
  upstreams,
  health_path: z.string().nullable(),
  marker_directory: z.string(),
  verify_key: z.string(),
  // Left out where there are none, as in lines of earlier versions.
  options: optionsSchema.exactOptional(),
});

/** What the file keeps of a route. */
export function lineOf(route: RouteModel): string {
  // Caddy puts in the values of `{$NAME}` before it knows of comments.
  return JSON.stringify(routeSchema.parse(route)).replaceAll('{$', '{\\u0024');
}

/** The line of each app; null: no file. Throws a DomainError where a line would be passed over, and its site with it. */
export function readLines(text: string | null): Map<string, string> {
  const lines = new Map([...(text ?? '').matchAll(LINE)].map(([, app = '', line = '']) => [app, line]));
  if (lines.size !== (text?.match(BEGINNING)?.length ?? 0)) throw broken();
  return lines;
}

/** Throws a DomainError for a line that was changed to what is none. */
export function parseLine(line: string): RouteModel {
  try {
    return routeSchema.parse(JSON.parse(line));
  } catch (cause) {
    throw broken(cause);
  }
}

function broken(cause?: unknown): DomainError {
  const message =
    'The file with the routes of Caddy was changed by hand and cannot be read any more; take its broken line away, and restart nextdeployd, which writes it anew.';
  return new DomainError('unavailable', message, { cause });
}

/** Also one that was changed by hand. */
export function isOwnText(text: string): boolean {
  return text.includes(HEAD) || text.search(LINE) >= 0;
}

/** Whether there are passwords of visitors in it, though only as hashes. */
export function holdsHashes(text: string): boolean {
  return [...readLines(text).values()].some((line) => (parseLine(line).options?.basic_auth.length ?? 0) > 0);
}

/** Of one app, as it was written before all of them shared a file. */
export function isOfAnotherLayout(text: string): boolean {
  return text.startsWith('# Written by NextDeploy for the app ');
}

/** Null when there is no route. */
export function renderFile(lines: ReadonlyMap<string, string>, context: CaddyContext): string | null {
  if (lines.size === 0) return null;
  const sorted = [...lines].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const routes = sorted.map(([app, line]) => {
    const route = parseLine(line);
    if (route.app_name !== app) throw broken();
    return route;
  });
  const comments = sorted.map(([app, line]) => `# app ${app} ${line}`);
  return [HEAD, ...comments, '', renderCaddyfile(routes, context)].join('\n');
}
