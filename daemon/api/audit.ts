/** The audit log: every change that was asked for, with who asked and how it was answered; never what was sent. */
import type { IncomingMessage } from 'node:http';
import type { AuditEntry, ListenerKind } from '../contract/access.ts';
import type { ErrorCode } from '../contract/errors.ts';
import { LIMITS } from '../contract/limits.ts';
import type { Route } from '../contract/route.ts';
import type { RouteName } from '../contract/routes.ts';
import type { Caller } from './guard.ts';
import type { Log } from './log.ts';
import type { Answer } from './respond.ts';
import type { Match } from './router.ts';

export type NewAuditEntry = Omit<AuditEntry, 'seq'>;
/** Before it is known when, and how often. */
export type AuditRecord = Omit<NewAuditEntry, 'ts' | 'count'>;

/** Each writing method is on disk when it returns, or throws and has changed nothing. */
export interface AuditStore {
  /** Returns its number. */
  appendAudit(entry: NewAuditEntry): number;
  setAuditCount(seq: number, count: number): void;
}

export interface AuditLogOptions {
  store: AuditStore;
  log: Log;
  now: () => Date;
}

interface Kept {
  entry: NewAuditEntry;
  /** Null until it is written. */
  seq: number | null;
  count: number;
}

interface Window {
  /** By what makes entries alike. */
  entries: Map<string, Kept>;
  refusals: number;
}

const WINDOW_MS = 60_000;
const RETRY_MS = 1_000;
const RETRY_MS_MAX = 10_000;
/** Entries kept in memory while none can be written. */
const WAITING_MAX = 1_000;

/**
 * Writes each entry at once. What is alike within a minute is counted in the first entry, and so is what a caller is refused beyond a bound:
 * nobody can wash the log away. Nothing fails because an entry cannot be written: it is said in the daemon's own log, and tried again.
 */
export class AuditLog {
  readonly #options: AuditLogOptions;
  /** By caller. */
  #windows = new Map<string, Window>();
  #window: NodeJS.Timeout | undefined;
  readonly #waiting: (() => void)[] = [];
  #retry: NodeJS.Timeout | undefined;
  #retry_ms = RETRY_MS;

  constructor(options: AuditLogOptions) {
    this.#options = options;
  }

  record(record: AuditRecord): void {
    this.#window ??= setTimeout(() => this.#closeWindow(), WINDOW_MS).unref();
    const entry: NewAuditEntry = { ts: this.#options.now().toISOString(), ...record, count: 1 };
    const caller = JSON.stringify([entry.actor, entry.token_id, entry.listener]);
    const window = this.#windows.get(caller) ?? { entries: new Map(), refusals: 0 };
    this.#windows.set(caller, window);
    const key = keyOf(entry, window);
    const known = window.entries.get(key);
    if (known !== undefined) {
      known.count += 1;
      return;
    }
    const kept: Kept = { entry, seq: null, count: 1 };
    window.entries.set(key, kept);
    if (entry.code !== null) window.refusals += 1;
    this.#write(entry, () => {
      kept.seq = this.#options.store.appendAudit(entry);
    });
  }

  /** Writes what is only counted so far, and tries once more what waits: what cannot be written then stays in the daemon's log alone. */
  close(): void {
    this.#closeWindow();
    clearTimeout(this.#retry);
    if (this.#waiting.length > 0) this.#writeWaiting();
    clearTimeout(this.#retry);
  }

  #closeWindow(): void {
    clearTimeout(this.#window);
    this.#window = undefined;
    const windows = [...this.#windows.values()];
    this.#windows = new Map();
    for (const { entries } of windows) {
      for (const kept of entries.values()) {
        if (kept.count === 1) continue;
        this.#write({ ...kept.entry, count: kept.count }, () => {
          if (kept.seq !== null) this.#options.store.setAuditCount(kept.seq, kept.count);
        });
      }
    }
  }

  /** In order: while one waits, those after it wait too. */
  #write(entry: NewAuditEntry, write: () => void): void {
    const err = this.#waiting.length === 0 ? failureOf(write) : null;
    if (this.#waiting.length === 0 && err === null) return;
    // Its line in the daemon's log may be all that stays of it.
    if (this.#waiting.length >= WAITING_MAX) {
      this.#options.log.error({ entry }, 'an entry of the audit log is lost: too many wait to be written');
      return;
    }
    this.#options.log.error({ err, entry }, 'an entry of the audit log cannot be written yet');
    this.#waiting.push(write);
    this.#retry ??= setTimeout(() => this.#writeWaiting(), this.#retry_ms).unref();
  }

  #writeWaiting(): void {
    this.#retry = undefined;
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (failureOf(next) !== null) {
        this.#retry_ms = Math.min(2 * this.#retry_ms, RETRY_MS_MAX);
        this.#retry = setTimeout(() => this.#writeWaiting(), this.#retry_ms).unref();
        return;
      }
      this.#waiting.shift();
    }
    this.#retry_ms = RETRY_MS;
    this.#options.log.info({}, 'the audit log can be written again');
  }
}

function failureOf(write: () => void): unknown {
  try {
    write();
    return null;
  } catch (error) {
    return error;
  }
}

/** Entries of one caller with the same key are counted as one. Whoever has no valid token is told apart by nothing that can be made up. */
function keyOf(entry: NewAuditEntry, { entries, refusals }: Window): string {
  const { action, path, operation_id, status, code, message } = entry;
  if (code === 'unauthorized') return 'unauthorized';
  const key = JSON.stringify([action, path, operation_id, status, code, message]);
  const isBeyond = code !== null && refusals >= LIMITS.audit_refusals_per_minute_max && !entries.has(key);
  return isBeyond ? 'refused' : key;
}

const MESSAGE_CHARACTERS_MAX = 500;

/** What becomes known of one request on its way, and its one entry in the audit log if it asks for a change. */
export class AuditTrail {
  caller: Caller | null = null;
  app_name: string | null = null;
  operation_id: string | null = null;
  readonly #record: (entry: AuditRecord) => void;
  readonly #listener: ListenerKind;
  #action: Pick<AuditRecord, 'action' | 'method' | 'path'> | null = null;

  constructor(listener: ListenerKind, record: (entry: AuditRecord) => void) {
    this.#listener = listener;
    this.#record = record;
  }

  /** What is asked for; a path of other parameters than the contract's may hold anything, and is not kept. */
  begin({ name, definition, params }: Match<RouteName, Route>, { url = '' }: IncomingMessage): void {
    const { method, path } = definition;
    if (method === 'GET') return;
    const parsed = definition.params.safeParse(params);
    this.#action = { action: name, method, path: parsed.success ? (url.split('?', 1)[0] ?? '') : path };
    if (!parsed.success) return;
    const { name: app = null, id = null } = parsed.data as { name?: string; id?: string };
    if (definition.apps === 'named') this.app_name = app;
    if (definition.apps === 'operation') this.operation_id = id;
  }

  /** Only the first time: what comes after an operation has begun is its own journal's to tell. */
  write({ status, body }: Answer): void {
    if (this.#action === null) return;
    const { actor, role, token_id } = this.caller ?? { actor: 'anonymous', role: null, token_id: null };
    const { app_name, operation_id } = this;
    // Every answer to a change has this form.
    const { message, payload } = body as { message: string; payload: { code: ErrorCode } };
    const code = status < 400 ? null : payload.code;
    this.#record({
      ...{ actor, role, token_id, listener: this.#listener, ...this.#action, app_name, operation_id, status, code },
      // What is wrong with a request may be told in its own words, and those may hold anything.
      message: code === 'invalid_request' ? 'The request is not valid.' : message.slice(0, MESSAGE_CHARACTERS_MAX),
    });
    this.#action = null;
  }
}
