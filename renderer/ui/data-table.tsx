import {
  type CellData,
  type ColumnDef,
  createSortedRowModel,
  rowSortingFeature,
  type SortingState,
  sortFn_alphanumeric,
  sortFn_basic,
  sortFn_datetime,
  tableFeatures,
  useTable,
} from '@tanstack/react-table';
import { ArrowDown, ArrowUp } from 'lucide-react';
import { Prose } from './prose.tsx';

const features = tableFeatures({
  rowSortingFeature,
  sortedRowModel: createSortedRowModel(),
  sortFns: { alphanumeric: sortFn_alphanumeric, basic: sortFn_basic, datetime: sortFn_datetime },
});

/** A column of {@link DataTable}; define columns outside of components, for they are compared by identity. */
export type Column<Row extends object> = ColumnDef<typeof features, Row, CellData>;

interface DataTableProps<Row extends object> {
  label: string;
  /** Gives the table's columns their widths in the style sheet. */
  kind?:
    | 'apps'
    | 'operations'
    | 'releases'
    | 'images'
    | 'secrets'
    | 'given'
    | 'providers'
    | 'tokens'
    | 'audit'
    | 'certificates'
    | 'routes';
  columns: Column<Row>[];
  rows: readonly Row[];
  rowId(row: Row): string;
  sortedBy?: SortingState;
  onRowClick?: (row: Row) => void;
  /** Said in place of rows when there are none. */
  empty: string;
}

const NO_SORTING: SortingState = [];

/** A dense table whose columns sort by a click on their header. */
export function DataTable<Row extends object>(props: DataTableProps<Row>) {
  const { label, kind, columns, rows, rowId, sortedBy = NO_SORTING, onRowClick, empty } = props;
  const table = useTable({ features, columns, data: rows, getRowId: rowId, initialState: { sorting: sortedBy } });
  const shown = table.getRowModel().rows;
  return (
    <div className="nd-table-frame">
      <table className="nd-table" data-kind={kind} aria-label={label}>
        <thead>
          {table.getHeaderGroups().map((group) => (
            <tr key={group.id}>
              {group.headers.map((header) => (
                <th key={header.id} scope="col" aria-sort={ariaSort(header.column.getIsSorted())} data-column={header.column.id}>
                  {header.column.getCanSort() ? (
                    <button type="button" onClick={header.column.getToggleSortingHandler()}>
                      <table.FlexRender header={header} />
                      <SortArrow direction={header.column.getIsSorted()} />
                    </button>
                  ) : (
                    <table.FlexRender header={header} />
                  )}
                </th>
              ))}
            </tr>
          ))}
        </thead>
        <tbody>
          {shown.map((row) => (
            <tr
              key={row.id}
              data-row={row.id}
              data-clickable={onRowClick !== undefined}
              // For the pointer only: each clickable row also holds a link or button that does the same.
              onClick={(event) => {
                if (onRowClick !== undefined && !isControl(event.target)) onRowClick(row.original);
              }}
            >
              {row.getAllCells().map((cell) => (
                <td key={cell.id} data-column={cell.column.id}>
                  <table.FlexRender cell={cell} />
                </td>
              ))}
            </tr>
          ))}
          {shown.length === 0 ? (
            <tr>
              <td colSpan={columns.length} className="nd-table-empty">
                <Prose text={empty} />
              </td>
            </tr>
          ) : null}
        </tbody>
      </table>
    </div>
  );
}

function SortArrow({ direction }: { direction: false | 'asc' | 'desc' }) {
  if (direction === false) return null;
  return direction === 'asc' ? <ArrowUp size={12} aria-hidden /> : <ArrowDown size={12} aria-hidden />;
}

function ariaSort(direction: false | 'asc' | 'desc'): 'ascending' | 'descending' | 'none' {
  if (direction === false) return 'none';
  return direction === 'asc' ? 'ascending' : 'descending';
}

function isControl(target: EventTarget): boolean {
  return target instanceof Element && target.closest('a, button, input, label') !== null;
}
