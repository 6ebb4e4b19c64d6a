import { Drawer } from '@mantine/core';
import { useState } from 'react';
import type { Operation, Release } from '../../daemon/contract/domain.ts';
import { formatDuration, sentence } from '../format.ts';
import { operationTitle, releaseChange } from '../state/operation-text.ts';
import { watchOf } from '../state/watch.ts';
import { type Column, DataTable } from '../ui/data-table.tsx';
import { Mark, OPERATION_STATE } from '../ui/mark.tsx';
import { Ago, Panel } from '../ui/text.tsx';
import { OperationName, OperationPanel } from './operation-panel.tsx';
import type { OperationControls } from './use-operation-controls.tsx';

interface OperationsTableProps {
  operations: readonly Operation[];
  /** Of an app, as far as they are known. */
  releasesOf(app: string): readonly Release[];
  controls: OperationControls;
  /** With a column for the app, for the operations of a whole host. */
  hasApps?: boolean;
}

/** What was done, newest first; a click shows the steps and the evidence. */
export function OperationsTable({ operations, releasesOf, controls, hasApps = false }: OperationsTableProps) {
  const [shownId, setShownId] = useState<string | null>(null);
  const shown = operations.find((operation) => operation.id === shownId);
  const columns = columnsFor(hasApps, setShownId);
  return (
    <Panel title="Operations" flush>
      <DataTable
        kind="operations"
        label="Operations"
        columns={columns}
        rows={operations}
        rowId={(operation) => operation.id}
        onRowClick={(operation) => setShownId(operation.id)}
        empty="Nothing has been done yet."
      />
      <Drawer
        opened={shown !== undefined}
        onClose={() => setShownId(null)}
        position="right"
        size={560}
        title={shown?.app_name ?? ''}
      >
        {shown === undefined ? null : (
          <OperationPanel
            operation={shown}
            watch={watchOf(shown, releasesOf(shown.app_name))}
            onUndo={null}
            onRetry={null}
            onCancel={() => controls.cancel(shown)}
            onKeep={() => controls.keep(shown)}
            isBusy={controls.isBusy}
          />
        )}
      </Drawer>
    </Panel>
  );
}

function columnsFor(hasApps: boolean, onShow: (id: string) => void): Column<Operation>[] {
  const columns: Column<Operation>[] = [
    {
      id: 'operation',
      header: 'Operation',
      accessorFn: operationTitle,
      cell: ({ row }) => (
        <button
          type="button"
          className="nd-link nd-operation-link"
          aria-label={operationTitle(row.original)}
          onClick={() => onShow(row.original.id)}
        >
          <OperationName operation={row.original} />
        </button>
      ),
    },
    {
      id: 'state',
      header: 'State',
      accessorFn: (each) => each.state,
      cell: ({ row }) => <Mark meaning={OPERATION_STATE[row.original.state]} />,
    },
    {
      id: 'releases',
      header: 'Release',
      enableSorting: false,
      accessorFn: releaseChange,
    },
    { id: 'by', header: 'By', accessorFn: (each) => each.actor },
    {
      id: 'when',
      header: 'When',
      accessorFn: (each) => each.created_at,
      cell: ({ row }) => <Ago ts={row.original.created_at} />,
    },
    {
      id: 'took',
      header: 'Took',
      enableSorting: false,
      cell: ({ row: { original } }) =>
        original.ended_at === null ? '' : formatDuration(Date.parse(original.ended_at) - Date.parse(original.created_at)),
    },
    { id: 'problem', header: 'Problem', enableSorting: false, accessorFn: (each) => sentence(each.error?.message ?? '') },
  ];
  const app: Column<Operation> = {
    id: 'app',
    header: 'App',
    accessorFn: (each) => each.app_name,
    cell: ({ row }) => <strong>{row.original.app_name}</strong>,
  };
  return hasApps ? [app, ...columns] : columns;
}
