import findMyWay from 'find-my-way';
import type { z } from 'zod';
import { DomainError, toInvalidRequest } from '../contract/errors.ts';
import type { Route } from '../contract/route.ts';
import { type RouteName, routes } from '../contract/routes.ts';
import { type Stream, type StreamName, streams } from '../contract/streams.ts';
import { SERVER_BOUNDS } from './bounds.ts';

export interface Match<Name, Definition> {
  name: Name;
  definition: Definition;
  /** As in the path, decoded, not yet validated. */
  params: Record<string, string | undefined>;
}

/** What a request is for: an endpoint, or the error that answers it (and the methods that would have been right). */
export type RouteMatch = Match<RouteName, Route> | { error: DomainError; allow?: string };

const METHODS = ['GET', 'POST', 'DELETE'] as const;
const isMethod = (method: string): method is (typeof METHODS)[number] => (METHODS as readonly string[]).includes(method);

const notFound = (path: string) =>
  new DomainError('not_found', `There is nothing at ${path.slice(0, 200)}; GET /openapi.json lists every endpoint.`);

/** Matches requests against the contract's tables. */
export function createRouter() {
  const rest = table<RouteName>(Object.entries(routes).map(([name, route]) => [route.method, route.path, name as RouteName]));
  const sockets = table<StreamName>(Object.entries(streams).map(([name, stream]) => ['GET', stream.path, name as StreamName]));

  return {
    route(method: string, url: string): RouteMatch {
      const path = pathOf(url);
      if (isMethod(method)) {
        const found = rest(method, path);
        if (found !== null) return { ...found, definition: routes[found.name] };
      }
      if (sockets('GET', path) !== null) {
        const message = `${path} is a stream: open it as a WebSocket.`;
        return { error: new DomainError('invalid_request', message) };
      }
      const allowed = METHODS.filter((each) => rest(each, path) !== null);
      if (allowed.length === 0) return { error: notFound(path) };
      const allow = allowed.join(', ');
      return { error: new DomainError('invalid_request', `${path} takes ${allow}, not ${method}.`), allow };
    },
    stream(url: string): Match<StreamName, Stream> | { error: DomainError } {
      const path = pathOf(url);
      const found = sockets('GET', path);
      return found === null ? { error: notFound(path) } : { ...found, definition: streams[found.name] };
    },
  };
}

type Find<Name> = (method: (typeof METHODS)[number], path: string) => { name: Name; params: Match<Name, never>['params'] } | null;

function table<Name extends string>(entries: [method: (typeof METHODS)[number], path: string, name: Name][]): Find<Name> {
  const router = findMyWay({ maxParamLength: SERVER_BOUNDS.path_parameter_length_max });
  for (const [method, path, name] of entries) router.on(method, path, () => undefined, name);
  return (method, path) => {
    const found = router.find(method, path);
    return found === null ? null : { name: found.store as Name, params: found.params };
  };
}

/** Without the query. An escape that cannot be decoded matches nothing. */
function pathOf(url: string): string {
  return url.split('?', 1)[0] ?? '';
}

/**
 * One part of a request, parsed by its schema.
 * @throws DomainError `invalid_request` naming each field
 */
export function parsePart<S extends z.ZodType>(schema: S, value: unknown, where: 'body' | 'query' | 'path'): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw toInvalidRequest(parsed.error, where);
}

/** The query as an object of strings. @throws DomainError `invalid_request` for a parameter given twice */
export function parseQuery(url: string): Record<string, string> {
  const start = url.indexOf('?');
  const entries = start === -1 ? [] : [...new URLSearchParams(url.slice(start + 1))];
  const seen = new Set<string>();
  for (const [field] of entries) {
    if (seen.has(field)) {
      throw new DomainError('invalid_request', `Field "${field.slice(0, 100)}" is not valid: it is given twice`, {
        details: [{ field, message: 'given twice' }],
      });
    }
    seen.add(field);
  }
  return Object.fromEntries(entries);
}
