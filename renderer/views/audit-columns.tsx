import { CircleCheck, CirclePlay, ShieldX } from 'lucide-react';
import type { AuditEntry } from '../../daemon/contract/access.ts';
import type { ErrorCode } from '../../daemon/contract/errors.ts';
import { formatDateTime, sentence } from '../format.ts';
import { actionText, isRefused } from '../state/audit.ts';
import type { Column } from '../ui/data-table.tsx';
import { Mark, type Meaning } from '../ui/mark.tsx';

const REFUSED_WORD: Record<ErrorCode, string> = {
  invalid_request: 'Not valid',
  unauthorized: 'No valid token',
  forbidden: 'Forbidden',
  not_found: 'Not found',
  conflict: 'Conflict',
  payload_too_large: 'Too large',
  unprocessable: 'Not possible',
  rate_limited: 'Too many',
  internal: 'Failed',
  unavailable: 'Unavailable',
};
const HTTP_ACCEPTED = 202;

/** How a request was answered; of an operation, that it was begun: how it ended is its own to tell. */
export function resultMeaning({ status, code }: Pick<AuditEntry, 'status' | 'code'>): Meaning {
  if (code !== null) return { tone: 'bad', icon: ShieldX, word: REFUSED_WORD[code] };
  return status === HTTP_ACCEPTED
    ? { tone: 'info', icon: CirclePlay, word: 'Begun' }
    : { tone: 'ok', icon: CircleCheck, word: 'Done' };
}

/** The log is newest first, and comes in pages: no column sorts. */
export function auditColumns(onShow: (entry: AuditEntry) => void): Column<AuditEntry>[] {
  return [
    {
      id: 'when',
      header: 'When',
      enableSorting: false,
      cell: ({ row: { original } }) => (
        <time className="nd-number" dateTime={original.ts}>
          {formatDateTime(original.ts)}
        </time>
      ),
    },
    {
      id: 'actor',
      header: 'Who',
      enableSorting: false,
      cell: ({ row: { original } }) => (
        <span className="nd-wrap">
          <span className="nd-strong">{original.actor}</span>{' '}
          {original.role === null || original.role === original.actor ? null : <span className="nd-dim">{original.role}</span>}
        </span>
      ),
    },
    {
      id: 'action',
      header: 'What',
      enableSorting: false,
      cell: ({ row: { original } }) => (
        <button type="button" className="nd-link nd-wrap" onClick={() => onShow(original)}>
          {actionText(original.action)}
        </button>
      ),
    },
    { id: 'app', header: 'App', enableSorting: false, accessorFn: ({ app_name }) => app_name ?? '' },
    {
      id: 'result',
      header: 'Result',
      enableSorting: false,
      cell: ({ row: { original } }) => (
        <span data-refused={isRefused(original)}>
          <Mark meaning={resultMeaning(original)} title={`HTTP ${original.status}`} />
        </span>
      ),
    },
    {
      id: 'message',
      header: 'Answer',
      enableSorting: false,
      cell: ({ row: { original } }) => (
        <span className="nd-wrap">
          {sentence(original.message)}
          {original.count === 1 ? null : (
            <span className="nd-count" title={`${original.count} alike within a minute, of which this was the first`}>
              × {original.count}
            </span>
          )}
        </span>
      ),
    },
  ];
}
