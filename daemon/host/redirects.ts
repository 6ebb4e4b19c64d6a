/** What a probe makes of a redirect: it follows those that stay with the app, and leaves the others as answers. Pure. */

/** Requests after the first. */
export const REDIRECTS_MAX = 5;

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

export type Hop =
  /** The answer is to be judged by its own status. */
  | { kind: 'answer' }
  | { kind: 'follow'; path: string }
  /** It will never end. */
  | { kind: 'endless'; detail: string };

/** `visited`: the paths asked for so far as {@link normalPath} gives them, the one that was answered last. */
export function nextHop(
  origin: string,
  visited: readonly string[],
  { status, location }: { status: number; location: string | undefined },
): Hop {
  const last = visited.at(-1) ?? '/';
  const url = REDIRECTS.has(status) && location !== undefined ? URL.parse(location, `${origin}${last}`) : null;
  if (url === null || url.origin !== origin) return { kind: 'answer' };
  const path = url.pathname + url.search;
  if (path === last) return { kind: 'endless', detail: `${path} redirects to itself` };
  if (visited.includes(path)) return { kind: 'endless', detail: `redirects in a loop: ${[...visited, path].join(' → ')}` };
  if (visited.length <= REDIRECTS_MAX) return { kind: 'follow', path };
  return { kind: 'endless', detail: `more than ${REDIRECTS_MAX} redirects: ${[...visited, path].join(' → ')}` };
}

export function normalPath(origin: string, path: string): string {
  const url = URL.parse(`${origin}${path}`);
  return url === null ? path : url.pathname + url.search;
}
