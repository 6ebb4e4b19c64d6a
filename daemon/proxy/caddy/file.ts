/**
 * The file that Caddy reads: all routes, each with one line that has it as it was given, so that the file alone says what is to be rendered
 * anew when one of them changes. Pure.
 */
import { z } from 'zod';
import { DomainError } from '../../contract/errors.ts';
import type { RouteModel } from '../../engine/state.ts';
import { type CaddyFeatures, renderCaddyfile } from './render.ts';

const HEAD = '# Written by NextDeploy from the routes in the lines that begin with `# app`; what is changed here is overwritten.';
const LINE = /^# app (\S+) (\{.*\})$/gm;
/** What must have been one. */
const BEGINNING = /^[ \t]*#[ \t]*app[ \t]/gm;

const tls = z.enum(['auto', 'off']);
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
      status: z.union([z.literal(301), z.literal(302), z.literal(307), z.literal(308)]),
    }),
  ),
  upstreams: z.object({ blue: z.array(z.string()), green: z.array(z.string()) }),
  health_path: z.string().nullable(),
  marker_directory: z.string(),
  verify_key: z.string(),
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

/** Of one app, as it was written before all of them shared a file. */
export function isOfAnotherLayout(text: string): boolean {
  return text.startsWith('# Written by NextDeploy for the app ');
}

/** Null when there is no route. */
export function renderFile(lines: ReadonlyMap<string, string>, features: CaddyFeatures): string | null {
  if (lines.size === 0) return null;
  const sorted = [...lines].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const routes = sorted.map(([app, line]) => {
    const route = parseLine(line);
    if (route.app_name !== app) throw broken();
    return route;
  });
  const comments = sorted.map(([app, line]) => `# app ${app} ${line}`);
  return [HEAD, ...comments, '', renderCaddyfile(routes, features)].join('\n');
}
