import { useCallback, useEffect, useState } from 'react';
import type { AuditEntry } from '../../daemon/contract/access.ts';
import { DEFAULTS } from '../../daemon/contract/limits.ts';
import { messageOf } from '../bridge/bridge-error.ts';
import { type AuditErrors, type AuditFilter, type AuditQuery, auditQuery } from './audit.ts';
import { useActions, useDaemon } from './hooks.ts';

export interface AuditPages {
  /** Newest first; null until the daemon has answered. */
  entries: readonly AuditEntry[] | null;
  /** What they were found with; null while the filter is wrong. */
  query: AuditQuery | null;
  /** What is wrong with the filter. */
  errors: AuditErrors;
  hasMore: boolean;
  isBusy: boolean;
  problem: string | null;
  more(): void;
  refresh(): void;
}

interface Read {
  entries: readonly AuditEntry[] | null;
  hasMore: boolean;
  problem: string | null;
}

const PAGE = DEFAULTS.audit_page;
const UNREAD: Read = { entries: null, hasMore: false, problem: null };

/** Entries of a host's audit log that a filter finds, a page at a time. `nowOf` is the time by the host's clock. */
export function useAudit(host: string, filter: AuditFilter, nowOf: () => number): AuditPages {
  const actions = useActions();
  const { isLoaded } = useDaemon(host);
  const [asked, setAsked] = useState({ filter, ...readFilter(filter, nowOf()) });
  const [read, setRead] = useState(UNREAD);
  const [isBusy, setBusy] = useState(false);
  const ask = useCallback((wanted: AuditFilter) => setAsked({ filter: wanted, ...readFilter(wanted, nowOf()) }), [nowOf]);
  if (asked.filter !== filter) ask(filter);
  const { query, errors } = asked;

  useEffect(() => {
    if (!isLoaded || query === null) return;
    let isCurrent = true;
    setBusy(true);
    actions
      .listAudit(host, { ...query, limit: PAGE })
      .then(
        (entries): Read => ({ entries, hasMore: entries.length === PAGE, problem: null }),
        (error: unknown): Read => ({ ...UNREAD, problem: messageOf(error) }),
      )
      .then((found) => {
        if (!isCurrent) return;
        setRead(found);
        setBusy(false);
      });
    return () => {
      isCurrent = false;
    };
  }, [actions, host, isLoaded, query]);

  const more = async () => {
    const { entries } = read;
    const last = entries?.at(-1);
    if (entries === null || last === undefined || query === null) return;
    setBusy(true);
    try {
      const older = await actions.listAudit(host, { ...query, limit: PAGE, before: last.seq });
      // Another filter may have been chosen meanwhile.
      setRead((held) =>
        held.entries === entries
          ? { ...held, entries: [...entries, ...older], hasMore: older.length === PAGE, problem: null }
          : held,
      );
    } catch (error) {
      setRead((held) => (held.entries === entries ? { ...held, problem: messageOf(error) } : held));
    } finally {
      setBusy(false);
    }
  };
  return { ...read, query, errors, isBusy, more: () => void more(), refresh: () => ask(filter) };
}

const NO_ERRORS: AuditErrors = {};

function readFilter(filter: AuditFilter, now_ms: number): { query: AuditQuery | null; errors: AuditErrors } {
  const found = auditQuery(filter, now_ms);
  return 'query' in found ? { query: found.query, errors: NO_ERRORS } : { query: null, errors: found.errors };
}
