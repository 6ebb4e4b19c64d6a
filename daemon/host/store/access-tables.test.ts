import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NewAuditEntry } from '../../api/audit.ts';
import { type TokenRecord, Tokens } from '../../api/tokens.ts';
import { auditEntrySchema } from '../../contract/access.ts';
import { LIMITS } from '../../contract/limits.ts';
import { randomTokens } from '../clock.ts';
import { Store } from '../store.ts';
import { openDatabase } from './database.ts';

const AT = '2026-01-01T00:00:00.000Z';
const token = (id: string, changes: Partial<TokenRecord> = {}): TokenRecord => ({
  ...{ id, name: id, role: 'operator', apps: ['shop', 'blog'], hash: `hash of ${id}`, created_at: AT, created_by: 'admin' },
  ...{ expires_at: AT, last_used_at: null, revoked_at: null, revoked_by: null },
  ...changes,
});

const entry = (changes: Partial<NewAuditEntry> = {}): NewAuditEntry => ({
  ...{ ts: AT, actor: 'admin', role: 'admin', token_id: null, listener: 'socket' },
  ...{ action: 'deploy', method: 'POST', path: '/deploy', app_name: 'shop', operation_id: 'op-0123456789ab' },
  ...{ status: 202, code: null, message: 'Deploying shop.', count: 1 },
  ...changes,
});

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nextdeploy-access-'));
  path = join(directory, 'nextdeploy.db');
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('the table of tokens', () => {
  it('keeps them in the order in which they were made, over a restart', () => {
    const store = new Store(path);
    store.access.addToken(token('tok-z'), []);
    store.access.addToken(token('tok-a', { apps: null, expires_at: null }), []);
    store.access.setTokenUse('tok-z', '2026-01-02T00:00:00.000Z');
    store.access.revokeToken('tok-a', '2026-01-03T00:00:00.000Z', 'token:boss');
    store.access.revokeToken('tok-a', '2026-01-04T00:00:00.000Z', 'token:other');
    store.close();
    const again = new Store(path);
    expect(again.access.listTokens()).toEqual([
      token('tok-z', { last_used_at: '2026-01-02T00:00:00.000Z' }),
      token('tok-a', { apps: null, expires_at: null, revoked_at: '2026-01-03T00:00:00.000Z', revoked_by: 'token:boss' }),
    ]);
    again.access.addToken(token('tok-n'), ['tok-z']);
    expect(again.access.listTokens().map(({ id }) => id)).toEqual(['tok-a', 'tok-n']);
    again.close();
  });

  it('holds the text of none, in the file as little as in its log', () => {
    const store = new Store(path);
    const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
    const tokens = new Tokens({ store: store.access, ids: randomTokens, log, now: () => new Date() });
    const { token: text } = tokens.create({ name: 'ci', role: 'viewer' }, 'admin');
    expect(tokens.find(text)).toMatchObject({ actor: 'token:ci' });
    for (const suffix of ['', '-wal']) expect(readFileSync(`${path}${suffix}`).includes(text.slice(3))).toBe(false);
    store.close();
    expect(readFileSync(path).includes(text.slice(3))).toBe(false);
  });
});

describe('the table of the audit log', () => {
  it('gives what was asked for, newest first and in pages', () => {
    const { access } = new Store(':memory:');
    access.appendAudit(entry());
    access.appendAudit(entry({ ts: '2026-01-02T00:00:00.000Z', actor: 'token:ci', app_name: 'blog', action: 'swap' }));
    access.appendAudit(
      entry({ ts: '2026-01-03T00:00:00.000Z', status: 403, code: 'forbidden', app_name: null, operation_id: null }),
    );
    const seqs = (filter: Partial<Parameters<typeof access.listAudit>[0]>) =>
      access.listAudit({ limit: 100, ...filter }).map(({ seq }) => seq);
    expect(seqs({})).toEqual([3, 2, 1]);
    expect(seqs({ actor: 'token:ci' })).toEqual([2]);
    expect(seqs({ app_name: 'shop' })).toEqual([1]);
    expect(seqs({ action: 'deploy' })).toEqual([3, 1]);
    expect(seqs({ result: 'ok' })).toEqual([2, 1]);
    expect(seqs({ result: 'refused' })).toEqual([3]);
    expect(seqs({ since: '2026-01-02T00:00:00.000Z' })).toEqual([3, 2]);
    expect(seqs({ until: '2026-01-02T00:00:00.000Z' })).toEqual([2, 1]);
    expect(seqs({ before: 3, limit: 1 })).toEqual([2]);
    expect(seqs({ action: 'deploy', result: 'ok', before: 3 })).toEqual([1]);
    for (const each of access.listAudit({ limit: 100 })) expect(auditEntrySchema.safeParse(each).error).toBeUndefined();
  });

  it('counts on in an entry that is there', () => {
    const { access } = new Store(':memory:');
    const seq = access.appendAudit(entry());
    access.setAuditCount(seq, 7);
    expect(access.listAudit({ limit: 1 })).toEqual([{ seq, ...entry(), count: 7 }]);
  });

  it('keeps the newest only', () => {
    const { access } = new Store(':memory:');
    const total = LIMITS.audit_entries_kept + 256;
    for (let count = 0; count < total; count += 1) access.appendAudit(entry());
    const all: number[] = [];
    for (let before: number | undefined; ; before = all.at(-1)) {
      const page = access.listAudit({ before, limit: LIMITS.audit_page_max });
      if (page.length === 0) break;
      all.push(...page.map(({ seq }) => seq));
    }
    expect(all.at(0)).toBe(total);
    expect(all.length).toBeGreaterThanOrEqual(LIMITS.audit_entries_kept);
    expect(all.length).toBeLessThan(LIMITS.audit_entries_kept + 256);
  });

  it('says that it cannot be written on a full disk, and changes nothing', () => {
    let database: DatabaseSync | undefined;
    const store = new Store(path, undefined, (file) => {
      database = openDatabase(file);
      return database;
    });
    store.access.appendAudit(entry());
    database?.exec('PRAGMA max_page_count = 1');
    const large = entry({ message: 'x'.repeat(100_000) });
    expect(() => store.access.appendAudit(large)).toThrow(/no space left/);
    expect(store.access.listAudit({ limit: 10 })).toHaveLength(1);
    store.close();
  });
});
