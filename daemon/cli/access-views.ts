/** Tokens and the audit log as text. Pure. */
import type { AuditEntry, CreatedToken, Token } from '../contract/access.ts';
import { age, ahead, elidedTable, table } from './format.ts';

const none = '-';

export function tokenTable(tokens: Token[], now_ms: number): string {
  if (tokens.length === 0) return 'No tokens yet. Make one: nextdeploy tokens create NAME --role operator --app APP';
  const rows = tokens.map((token) => [
    token.name,
    token.role,
    token.apps?.join(' ') ?? 'all',
    stateWords(token, now_ms),
    token.last_used_at === null ? 'never' : age(token.last_used_at, now_ms),
    `${age(token.created_at, now_ms)} by ${token.created_by}`,
    token.id,
  ]);
  return table(['TOKEN', 'ROLE', 'APPS', 'STATE', 'LAST USED', 'MADE', 'ID'], rows);
}

function stateWords({ state, expires_at, revoked_at, revoked_by }: Token, now_ms: number): string {
  if (state === 'revoked') return `revoked ${age(revoked_at ?? '', now_ms)} by ${revoked_by}`;
  if (expires_at === null) return 'live';
  return state === 'expired' ? `expired ${age(expires_at, now_ms)}` : `live, expires in ${ahead(expires_at, now_ms)}`;
}

/** What is told beside the token's text. */
export function createdNote({ name, role, apps, expires_at }: CreatedToken): string {
  const limits = apps === null ? 'all apps' : apps.join(', ');
  const end = expires_at === null ? 'does not expire' : `expires at ${expires_at}`;
  return `${name}: ${role} of ${limits}; ${end}. Keep the token now: it is not shown again.`;
}

export function auditTable(entries: AuditEntry[], columns: number): string {
  if (entries.length === 0) return 'There is nothing of that kind in the audit log.';
  const rows = entries.map((entry) => [
    entry.ts,
    entry.actor,
    entry.action,
    entry.app_name ?? none,
    `${entry.status}${entry.count === 1 ? '' : ` (${entry.count} times)`}`,
    entry.message,
  ]);
  return elidedTable(['TIME', 'WHO', 'ACTION', 'APP', 'STATUS', 'RESULT'], rows, columns).text;
}

const COLUMNS = [
  ...(['seq', 'ts', 'actor', 'role', 'token_id', 'listener', 'action', 'method', 'path', 'app_name', 'operation_id'] as const),
  ...(['status', 'code', 'message', 'count'] as const),
] satisfies (keyof AuditEntry)[];

export const auditCsvHead = COLUMNS.join(',');

/** One entry as a line of CSV (RFC 4180). */
export function auditCsv(entry: AuditEntry): string {
  return COLUMNS.map((column) => cell(String(entry[column] ?? ''))).join(',');
}

/** A program that opens the file would take a cell which begins like a formula for one. */
function cell(text: string): string {
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
