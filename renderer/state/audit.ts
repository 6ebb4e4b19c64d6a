import type { AuditEntry } from '../../daemon/contract/access.ts';
import { LIMITS } from '../../daemon/contract/limits.ts';
import type { Route } from '../../daemon/contract/route.ts';
import { type RouteName, type RouteQueryInput, routes } from '../../daemon/contract/routes.ts';
import { sentence } from '../format.ts';

export type AuditQuery = RouteQueryInput<'listAudit'>;
export type AuditTime = 'any' | 'hour' | 'day' | 'week' | 'month' | 'range';

/** What is looked for; an empty text is no condition. */
export interface AuditFilter {
  actor: string;
  app_name: string;
  action: string | null;
  result: 'all' | 'ok' | 'refused';
  time: AuditTime;
  /** As a field for local date and time holds them, with the time `range`. */
  since: string;
  until: string;
}

export const ANY_AUDIT: AuditFilter = {
  ...{ actor: '', app_name: '', action: null, result: 'all', time: 'any', since: '', until: '' },
};

export type AuditErrors = Partial<Record<'actor' | 'app_name' | 'since' | 'until', string>>;

const HOUR_MS = 60 * 60_000;
const SPAN_MS: Record<Exclude<AuditTime, 'any' | 'range'>, number> = {
  hour: HOUR_MS,
  day: 24 * HOUR_MS,
  week: 7 * 24 * HOUR_MS,
  month: 30 * 24 * HOUR_MS,
};

/** The query that a filter stands for at a moment, or what is wrong with it. */
export function auditQuery(filter: AuditFilter, now_ms: number): { query: AuditQuery } | { errors: AuditErrors } {
  const { actor, app_name, action, result } = filter;
  const span = timeSpan(filter, now_ms);
  const query: AuditQuery = {
    ...(actor.trim() === '' ? {} : { actor: actor.trim() }),
    ...(app_name.trim() === '' ? {} : { app_name: app_name.trim() }),
    ...(action === null ? {} : { action }),
    ...(result === 'all' ? {} : { result }),
    ...span,
  };
  const parsed = routes.listAudit.query.safeParse(query);
  const errors: AuditErrors = {};
  for (const { path, message } of parsed.error?.issues ?? []) errors[path[0] as keyof AuditErrors] ??= sentence(message);
  if (span.since !== undefined && span.until !== undefined && span.since > span.until)
    errors.until = 'It lies before the beginning';
  return Object.keys(errors).length > 0 ? { errors } : { query };
}

function timeSpan({ time, since, until }: AuditFilter, now_ms: number): { since?: string; until?: string } {
  if (time === 'any') return {};
  if (time !== 'range') return { since: new Date(now_ms - SPAN_MS[time]).toISOString() };
  const iso = (name: 'since' | 'until', text: string) => {
    const date = new Date(text);
    return Number.isNaN(date.getTime()) ? {} : { [name]: date.toISOString() };
  };
  return { ...iso('since', since), ...iso('until', until) };
}

/** `syncSecrets` → `Sync secrets`. */
export const actionText = (action: string): string => {
  const words = action.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
};

/** Every endpoint whose requests are logged: those that change something. */
export const AUDIT_ACTIONS: { value: string; label: string }[] = (Object.keys(routes) as RouteName[])
  .filter((name) => (routes[name] as Route).method !== 'GET')
  .map((name) => ({ value: name, label: actionText(name) }))
  .toSorted((a, b) => a.label.localeCompare(b.label));

export const isRefused = ({ code }: Pick<AuditEntry, 'code'>): boolean => code !== null;

// Export --------------------------------------------------------------------------------------------------------------

const COLUMNS = [
  ...(['seq', 'ts', 'actor', 'role', 'token_id', 'listener', 'action', 'method', 'path'] as const),
  ...(['app_name', 'operation_id', 'status', 'code', 'message', 'count'] as const),
];

/** Comma-separated values with a line of names (RFC 4180). No cell is a formula to a spreadsheet, whatever somebody has sent. */
export function auditCsv(entries: readonly AuditEntry[]): string {
  const lines = entries.map((entry) => COLUMNS.map((column) => csvCell(entry[column])).join(','));
  return [COLUMNS.join(','), ...lines].map((line) => `${line}\r\n`).join('');
}

function csvCell(value: string | number | null): string {
  if (typeof value === 'number') return String(value);
  const text = /^[=+\-@\t\r]/.test(value ?? '') ? `'${value}` : (value ?? '');
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** An object a line, as the daemon gave it. */
export const auditJsonLines = (entries: readonly AuditEntry[]): string =>
  entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');

const EXPORT_PAGES_MAX = Math.ceil(LIMITS.audit_entries_kept / LIMITS.audit_page_max) + 1;

/** Every entry that a query finds, newest first, page by page. Rejects as `read` does. */
export async function collectAudit(
  read: (query: AuditQuery) => Promise<AuditEntry[]>,
  query: AuditQuery,
  onCount: (count: number) => void,
): Promise<AuditEntry[]> {
  const all: AuditEntry[] = [];
  const limit = LIMITS.audit_page_max;
  for (let page = 0; page < EXPORT_PAGES_MAX; page += 1) {
    const last = all.at(-1);
    const found = await read({ ...query, limit, ...(last === undefined ? {} : { before: last.seq }) });
    all.push(...found);
    onCount(all.length);
    if (found.length < limit) break;
  }
  return all;
}
