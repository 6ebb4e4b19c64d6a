/** Who may use the web shell: one-time tokens, sessions, and where a request may come from. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

const SECRET_BYTES = 32;
const TOKENS_MAX = 8;
const SESSIONS_MAX = 16;

/** What of a request decides whether it is let in. */
export interface RequestOrigin {
  host: string | undefined;
  origin: string | undefined;
  'sec-fetch-site'?: string | string[] | undefined;
  'sec-fetch-mode'?: string | string[] | undefined;
}

/**
 * Why a request is refused before anyone looks at its credentials, or null. `authorities` are the shell's own, such as
 * `127.0.0.1:4711`: any other `Host` is a name that was rebound to the loopback address, any other `Origin` is a foreign page.
 * Another port of the same host counts as the same site to a browser and gets the cookie, hence the fetch metadata.
 */
export function refuseOrigin(request: RequestOrigin, authorities: readonly string[], needsOrigin: boolean): string | null {
  if (request.host === undefined || !authorities.includes(request.host)) return 'This name is not the console’s address.';
  if (request.origin === undefined) {
    if (needsOrigin) return 'Only the console’s own page may connect here.';
  } else if (request.origin !== `http://${request.host}`) {
    return 'Only the console’s own page may connect here.';
  }
  const site = request['sec-fetch-site'];
  const isForeign = site === 'cross-site' || site === 'same-site';
  if (isForeign && request['sec-fetch-mode'] !== 'navigate') return 'Only the console’s own page may connect here.';
  return null;
}

/** The value of a cookie in a `Cookie` header, or null. A name that is there twice counts as absent: one of them is forged. */
export function readCookie(header: string | undefined, name: string): string | null {
  const values = (header ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  return values.length === 1 ? (values[0] ?? null) : null;
}

/** Unused tokens and open sessions, as hashes: what is compared has a fixed length, and a heap dump holds no key. */
export class Gate {
  #tokens: Buffer[] = [];
  #sessions: Buffer[] = [];

  /** A new token that opens one session. The oldest unused one is forgotten beyond {@link TOKENS_MAX}. */
  issueToken(): string {
    return issue(this.#tokens, TOKENS_MAX);
  }

  /** A session's secret for a token that was not used before, or null. The token is used up by it. */
  exchange(token: string): string | null {
    const index = indexOfSecret(this.#tokens, token);
    if (index === -1) return null;
    this.#tokens.splice(index, 1);
    return issue(this.#sessions, SESSIONS_MAX);
  }

  hasSession(secret: string | null): boolean {
    return secret !== null && indexOfSecret(this.#sessions, secret) !== -1;
  }
}

function issue(digests: Buffer[], count_max: number): string {
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  digests.push(digest(secret));
  if (digests.length > count_max) digests.shift();
  return secret;
}

/** Looks at every digest, equal or not, so that the time taken tells nothing. */
function indexOfSecret(digests: readonly Buffer[], secret: string): number {
  const wanted = digest(secret);
  return digests.reduce((found, candidate, index) => (timingSafeEqual(candidate, wanted) ? index : found), -1);
}

function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
