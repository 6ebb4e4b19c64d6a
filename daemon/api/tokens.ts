/** The tokens that were made over the API: who bears one, and when that ends. All are held in memory; few, and asked for with each request. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { CreatedToken, Token, TokenRequest } from '../contract/access.ts';
import { DomainError } from '../contract/errors.ts';
import { LIMITS } from '../contract/limits.ts';
import type { Caller, TokenBearers } from './guard.ts';
import type { Log } from './log.ts';

/** A token as it is kept: its text is not, only the SHA-256 of it, which suffices for 256 random bits. */
export interface TokenRecord extends Omit<Token, 'state'> {
  /** In hexadecimal digits. */
  hash: string;
}

/** Each writing method is on disk when it returns, or throws `unavailable` and has changed nothing. */
export interface TokenStore {
  /** In the order in which they were made. */
  listTokens(): TokenRecord[];
  /** `forgotten`: ids of those that need not be kept any more. */
  addToken(record: TokenRecord, forgotten: readonly string[]): void;
  revokeToken(id: string, at: string, by: string): void;
  setTokenUse(id: string, at: string): void;
}

export interface TokensOptions {
  store: TokenStore;
  ids: { tokenId(): string; tokenText(): string };
  log: Log;
  now: () => Date;
}

interface Held {
  record: TokenRecord;
  /** Aborted when it ends, with what its bearer is told. */
  ending: AbortController;
  /** That it is revoked. */
  is_end_written: boolean;
  use_written_ms: number;
}

/** Wall clocks are set: ends are looked for this often at least. */
const EXPIRY_CHECK_MS_MAX = 60_000;
const DAY_MS = 24 * 60 * 60_000;

export class Tokens implements TokenBearers {
  readonly #options: TokensOptions;
  /** By hash, in the order in which they were made. */
  readonly #held: Map<string, Held>;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: TokensOptions) {
    this.#options = options;
    this.#held = new Map(options.store.listTokens().map((record) => [record.hash, hold(record)]));
    this.#endExpired();
  }

  /** The bearer of this text, or null. That of a token which has ended is told so by its `ended`. */
  find(text: string): Caller | null {
    const hash = hashOf(text);
    const held = this.#held.get(hash);
    if (held === undefined || !timingSafeEqual(Buffer.from(held.record.hash), Buffer.from(hash))) return null;
    const now = this.#options.now();
    if (isExpired(held.record, now)) endAsExpired(held);
    if (!held.ending.signal.aborted) this.#noteUse(held, now);
    const { id, name, role, apps } = held.record;
    return { actor: `token:${name}`, role, token_id: id, apps: apps && new Set(apps), ended: held.ending.signal };
  }

  /** In the order in which they were made. */
  list(): Token[] {
    const now = this.#options.now();
    return [...this.#held.values()].map(({ record }) => toToken(record, now));
  }

  /**
   * The one answer that holds the token's text.
   * @throws DomainError `conflict` for a name in use and for too many, `invalid_request` for an end that is not ahead
   */
  create({ name, role, apps, expires_at }: TokenRequest, actor: string): CreatedToken {
    const { store, ids, now } = this.#options;
    const at = now();
    const isLive = ({ record }: Held) => record.revoked_at === null && !isExpired(record, at);
    const live = [...this.#held.values()].filter(isLive);
    if (live.some(({ record }) => record.name === name)) {
      throw new DomainError('conflict', `There is a token ${name} already; revoke it first, or choose another name.`);
    }
    if (live.length >= LIMITS.tokens_max) {
      throw new DomainError('conflict', `There are ${live.length} tokens, as many as there may be; revoke one first.`);
    }
    const text = ids.tokenText();
    const record: TokenRecord = {
      ...{ id: ids.tokenId(), name, role, apps: apps ?? null, hash: hashOf(text) },
      ...{ created_at: at.toISOString(), created_by: actor, expires_at: expires_at === undefined ? null : endOf(expires_at, at) },
      ...{ last_used_at: null, revoked_at: null, revoked_by: null },
    };
    const forgotten = this.#endedLongAgo(isLive);
    store.addToken(
      record,
      forgotten.map((each) => each.record.id),
    );
    for (const each of forgotten) this.#held.delete(each.record.hash);
    this.#held.set(record.hash, hold(record));
    this.#endExpired();
    return { ...toToken(record, at), token: text };
  }

  /**
   * Shuts its bearer out. One that was revoked before stays as it was.
   * @throws DomainError `not_found`; `unavailable` when it could not be written: its bearer is shut out as long as the daemon runs
   */
  revoke(id: string, actor: string): Token {
    const { store, now } = this.#options;
    const held = [...this.#held.values()].find(({ record }) => record.id === id);
    if (!held)
      throw new DomainError('not_found', `There is no token ${id}; \`nextdeploy tokens list\` shows those that there are.`);
    const { revoked_at, revoked_by } = held.record;
    const revocation = { revoked_at: revoked_at ?? now().toISOString(), revoked_by: revoked_by ?? actor };
    held.record = { ...held.record, ...revocation };
    held.ending.abort(revoked(held.record));
    if (!held.is_end_written) writeRevocation(store, held.record, revocation);
    held.is_end_written = true;
    return toToken(held.record, now());
  }

  /** Stops looking for tokens that expire. */
  close(): void {
    clearTimeout(this.#timer);
  }

  /** Ends what has expired, and comes back for what is to expire next. */
  #endExpired(): void {
    clearTimeout(this.#timer);
    const now = this.#options.now();
    const live = [...this.#held.values()].filter(({ ending }) => !ending.signal.aborted);
    for (const held of live) if (isExpired(held.record, now)) endAsExpired(held);
    const left = live.flatMap(({ record, ending }) =>
      record.expires_at === null || ending.signal.aborted ? [] : [Date.parse(record.expires_at) - now.getTime()],
    );
    if (left.length === 0) return;
    this.#timer = setTimeout(() => this.#endExpired(), Math.min(EXPIRY_CHECK_MS_MAX, ...left)).unref();
  }

  #noteUse(held: Held, now: Date): void {
    const { store, log } = this.#options;
    const { id } = held.record;
    const last_used_at = now.toISOString();
    held.record = { ...held.record, last_used_at };
    if (Math.abs(now.getTime() - held.use_written_ms) < LIMITS.token_use_interval_ms) return;
    held.use_written_ms = now.getTime();
    try {
      store.setTokenUse(id, last_used_at);
    } catch (err) {
      // No reason to refuse a request.
      log.warn({ err, token: id }, 'the use of a token could not be noted');
    }
  }

  /** Beyond those that are kept so that their bearers are told. */
  #endedLongAgo(isLive: (held: Held) => boolean): Held[] {
    const endedAt = ({ revoked_at, expires_at }: TokenRecord) => revoked_at ?? expires_at ?? '';
    const ended = [...this.#held.values()].filter((held) => !isLive(held));
    return ended.toSorted((a, b) => endedAt(b.record).localeCompare(endedAt(a.record))).slice(LIMITS.tokens_ended_kept);
  }
}

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');

const isExpired = ({ expires_at }: Pick<TokenRecord, 'expires_at'>, now: Date) =>
  expires_at !== null && Date.parse(expires_at) <= now.getTime();

function hold(record: TokenRecord): Held {
  const ending = new AbortController();
  if (record.revoked_at !== null) ending.abort(revoked(record));
  return { record, ending, is_end_written: record.revoked_at !== null, use_written_ms: Number.NEGATIVE_INFINITY };
}

function endAsExpired({ record, ending }: Held): void {
  if (ending.signal.aborted) return;
  const message = `The token ${record.name} expired at ${record.expires_at}; ask an administrator for another one.`;
  ending.abort(new DomainError('unauthorized', message));
}

function writeRevocation(
  store: TokenStore,
  { id, name }: TokenRecord,
  { revoked_at, revoked_by }: { revoked_at: string; revoked_by: string },
): void {
  try {
    store.revokeToken(id, revoked_at, revoked_by);
  } catch (cause) {
    if (!(cause instanceof DomainError)) throw cause;
    const message = `The token ${name} is shut out, but only until the daemon starts again, for it could not be written: ${cause.message} Revoke ${id} once more then.`;
    throw new DomainError('unavailable', message, { cause });
  }
}

function revoked({ name, revoked_at }: TokenRecord): DomainError {
  return new DomainError('unauthorized', `The token ${name} was revoked at ${revoked_at}; ask an administrator for another one.`);
}

function toToken({ hash: _, ...record }: TokenRecord, now: Date): Token {
  const state = record.revoked_at !== null ? 'revoked' : isExpired(record, now) ? 'expired' : 'live';
  return { ...record, state };
}

function endOf(expires_at: string, now: Date): string {
  const end_ms = Date.parse(expires_at);
  const ahead_ms = end_ms - now.getTime();
  if (ahead_ms > 0 && ahead_ms <= LIMITS.token_lifetime_days_max * DAY_MS) return new Date(end_ms).toISOString();
  const message = `use a time in the future, at most ${LIMITS.token_lifetime_days_max} days ahead; here it is ${now.toISOString()}`;
  throw new DomainError('invalid_request', `Field "expires_at" is not valid: ${message}`, {
    details: [{ field: 'expires_at', message }],
  });
}
