/** Tokens over an in-memory store, for tests. */
import { randomBytes } from 'node:crypto';
import type { TokenRecord, TokenStore } from './tokens.ts';
import { Tokens } from './tokens.ts';

export class TestTokenStore implements TokenStore {
  readonly records: TokenRecord[] = [];
  /** Thrown by each write while it is set. */
  failure: Error | null = null;
  writes = 0;

  listTokens = () => [...this.records];

  addToken(record: TokenRecord, forgotten: readonly string[]): void {
    this.#write();
    const kept = this.records.filter(({ id }) => !forgotten.includes(id));
    this.records.splice(0, this.records.length, ...kept, record);
  }

  revokeToken(id: string, revoked_at: string, revoked_by: string): void {
    this.#write();
    this.#change(id, { revoked_at, revoked_by });
  }

  setTokenUse(id: string, last_used_at: string): void {
    this.#write();
    this.#change(id, { last_used_at });
  }

  #write(): void {
    this.writes += 1;
    if (this.failure) throw this.failure;
  }

  #change(id: string, changes: Partial<TokenRecord>): void {
    const index = this.records.findIndex((record) => record.id === id);
    this.records[index] = { ...this.records[index]!, ...changes }; // tests change tokens that are there
  }
}

/** Tokens by a clock that the test sets. */
export function testTokens(now: () => Date = () => new Date(), store = new TestTokenStore()) {
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const ids = {
    tokenId: () => `tok-${randomBytes(6).toString('hex')}`,
    tokenText: () => `nd_${randomBytes(32).toString('base64url')}`,
  };
  return { tokens: new Tokens({ store, ids, log, now }), store };
}
