/** What differs between versions of Caddy. Pure. */

export interface CaddyFeatures {
  /** `stream_close_delay`, from 2.7: a reload leaves open WebSockets alone for this long. */
  has_stream_close_delay: boolean;
  /** `basic_auth`, from 2.8; before it was one word. */
  has_basic_auth: boolean;
  /** Before, a connection that was refused took the request's body with it, and each further attempt was counted against its replica. */
  can_repeat_bodies: boolean;
  /** Before 2.11.1, a site with more than 100 names missed them in another case (CVE-2026-27588). */
  finds_names_in_any_case: boolean;
}

/** Of a version such as `2.6.2`. */
export function featuresOf(version: string): CaddyFeatures {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  const isFrom = (from: number, fromPatch: number) =>
    major > 2 || (major === 2 && (minor > from || (minor === from && patch >= fromPatch)));
  // https://github.com/caddyserver/caddy/pull/7547; 2.11.4 is the first that was seen to have it.
  return {
    has_stream_close_delay: isFrom(7, 0),
    has_basic_auth: isFrom(8, 0),
    can_repeat_bodies: isFrom(11, 4),
    finds_names_in_any_case: isFrom(11, 1),
  };
}
