import { ActionIcon, Button, Drawer, Menu, Tooltip } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { Download, RefreshCw, ScrollText } from 'lucide-react';
import { useCallback, useMemo, useState } from 'react';
import type { AuditEntry } from '../../daemon/contract/access.ts';
import type { Host } from '../../preload/contract.ts';
import { formatDateTime, sentence } from '../format.ts';
import {
  ANY_AUDIT,
  type AuditFilter,
  type AuditQuery,
  actionText,
  auditCsv,
  auditJsonLines,
  collectAudit,
} from '../state/audit.ts';
import { useActions, useClockOffset, useDaemon } from '../state/hooks.ts';
import { useAudit } from '../state/use-audit.ts';
import { DataTable } from '../ui/data-table.tsx';
import { download, fileName } from '../ui/download.ts';
import { Mark } from '../ui/mark.tsx';
import { Empty, Notice } from '../ui/notice.tsx';
import { notifySuccess, useRun } from '../ui/run.tsx';
import { Copyable, Facts, Panel } from '../ui/text.tsx';
import { auditColumns, resultMeaning } from './audit-columns.tsx';
import { AuditFilters } from './audit-filters.tsx';
import { Unread } from './unread.tsx';

/** So long after the last key a filter is taken to be typed. */
const TYPED_MS = 300;
/** Those who are always there. */
const ACTORS = ['admin', 'anonymous'];

/** Every change that was asked of a host's daemon: who, what, when, and how it was answered. */
export function HostAudit({ host }: { host: Host }) {
  const daemon = useDaemon(host.id);
  const offset_ms = useClockOffset(host.id);
  const nowOf = useCallback(() => Date.now() + offset_ms, [offset_ms]);
  const [filter, setFilter] = useState(ANY_AUDIT);
  const [settled] = useDebouncedValue(filter, TYPED_MS);
  const audit = useAudit(host.id, settled, nowOf);
  const [shown, setShown] = useState<AuditEntry | null>(null);
  const columns = useMemo(() => auditColumns(setShown), []);
  const { entries, errors, isBusy, problem } = audit;
  const isFiltered = !isSame(filter, ANY_AUDIT);
  if (entries === null && !isFiltered)
    return <Unread what="entries of the audit log" problem={problem} onRetry={audit.refresh} />;
  const rows = entries ?? NO_ENTRIES;
  if (rows.length === 0 && !isFiltered) {
    return (
      <Empty
        icon={ScrollText}
        title="Nothing was asked of this host yet"
        text="Every change that somebody asks for stands here from then on, whether it was allowed or not: never what was sent, only what was asked."
      />
    );
  }
  return (
    <div className="nd-stack">
      <Panel
        title="Audit log"
        flush
        aside={
          <>
            <Tooltip label="Read it again">
              <ActionIcon aria-label="Read the audit log again" onClick={audit.refresh} loading={isBusy}>
                <RefreshCw size={14} />
              </ActionIcon>
            </Tooltip>
            <Export host={host} query={audit.query} nowOf={nowOf} />
          </>
        }
      >
        <AuditFilters
          filter={filter}
          errors={errors}
          actors={actorsOf(rows, filter.actor)}
          apps={Object.keys(daemon.apps)}
          onChange={(part) => setFilter((held) => ({ ...held, ...part }))}
        />
        {problem === null ? null : (
          <Notice tone="bad" title="The audit log could not be read" text={problem}>
            <Button size="compact-sm" onClick={audit.refresh}>
              Try again
            </Button>
          </Notice>
        )}
        <DataTable
          kind="audit"
          label="Audit log"
          columns={columns}
          rows={rows}
          rowId={({ seq }) => String(seq)}
          onRowClick={setShown}
          empty={isBusy ? 'It is being read…' : 'Nothing in the log is like this.'}
        />
        <footer className="nd-audit-foot">
          <span className="nd-dim nd-number">
            {rows.length === 1 ? '1 entry' : `${rows.length} entries`}
            {audit.hasMore ? ', and older ones' : ''}
          </span>
          {audit.hasMore ? (
            <Button size="compact-sm" loading={isBusy} onClick={audit.more}>
              Show older
            </Button>
          ) : null}
          {isFiltered ? (
            <Button size="compact-sm" variant="subtle" onClick={() => setFilter(ANY_AUDIT)}>
              Clear filters
            </Button>
          ) : null}
        </footer>
      </Panel>
      <EntryDrawer entry={shown} onClose={() => setShown(null)} />
    </div>
  );
}

const NO_ENTRIES: readonly AuditEntry[] = [];

const isSame = (one: AuditFilter, other: AuditFilter) => JSON.stringify(one) === JSON.stringify(other);

function actorsOf(entries: readonly AuditEntry[], chosen: string): string[] {
  const named = [...ACTORS, ...entries.map(({ actor }) => actor), ...(chosen === '' ? [] : [chosen])];
  return [...new Set(named)].toSorted((a, b) => a.localeCompare(b));
}

interface ExportProps {
  host: Host;
  /** Null while the filter is wrong. */
  query: AuditQuery | null;
  nowOf(): number;
}

/** All that the filter finds, not only what is shown. */
function Export({ host, query, nowOf }: ExportProps) {
  const actions = useActions();
  const { run } = useRun();
  const [count, setCount] = useState<number | null>(null);
  const save = async (extension: 'csv' | 'jsonl') => {
    if (query === null) return;
    setCount(0);
    await run('The audit log was not exported', async () => {
      const entries = await collectAudit((page) => actions.listAudit(host.id, page), query, setCount);
      const [type, text] = extension === 'csv' ? ['text/csv', auditCsv(entries)] : ['application/jsonl', auditJsonLines(entries)];
      const name = fileName('audit', host.name, extension, nowOf());
      download(name, new Blob([text], { type }));
      notifySuccess('The audit log is exported', `${entries.length === 1 ? '1 entry' : `${entries.length} entries`} in ${name}`);
    });
    setCount(null);
  };
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button size="compact-sm" leftSection={<Download size={13} />} disabled={query === null} loading={count !== null}>
          Export
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>All that the filters find</Menu.Label>
        <Menu.Item onClick={() => void save('csv')}>CSV, for a spreadsheet</Menu.Item>
        <Menu.Item onClick={() => void save('jsonl')}>JSON Lines, for a program</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function EntryDrawer({ entry, onClose }: { entry: AuditEntry | null; onClose(): void }) {
  const [held, setHeld] = useState(entry);
  if (entry !== null && entry !== held) setHeld(entry);
  return (
    <Drawer
      opened={entry !== null}
      onClose={onClose}
      position="right"
      size={520}
      title={held === null ? '' : actionText(held.action)}
    >
      {held === null ? null : (
        <div className="nd-form">
          <Notice
            tone={held.code === null ? 'info' : 'bad'}
            title={<Mark meaning={resultMeaning(held)} />}
            text={sentence(held.message)}
          />
          <Facts
            rows={[
              ['When', formatDateTime(held.ts)],
              ['Who', held.role === null ? held.actor : `${held.actor} (${held.role})`],
              ...(held.token_id === null
                ? []
                : [['Token', <Copyable key="token" value={held.token_id} label="Copy the id" />] as const]),
              ['Over', held.listener === 'socket' ? 'the socket on the server' : 'TCP on the server’s loopback'],
              [
                'Request',
                <span key="request" className="nd-mono nd-wrap">
                  {held.method} {held.path}
                </span>,
              ],
              ['App', held.app_name ?? '–'],
              ...(held.operation_id === null
                ? []
                : [['Operation', <Copyable key="operation" value={held.operation_id} label="Copy the id" />] as const]),
              ['Answer', `HTTP ${held.status}${held.code === null ? '' : ` · ${held.code}`}`],
              ['Times', held.count === 1 ? 'once' : `${held.count} alike within a minute`],
              ['Number', String(held.seq)],
            ]}
          />
          <p className="nd-dim">What was sent and answered is kept nowhere: it may hold secrets.</p>
        </div>
      )}
    </Drawer>
  );
}
