import { useState } from 'react';
import type { DifferenceRow } from '../state/differences.ts';

interface DifferenceTableProps {
  rows: readonly DifferenceRow[];
  /** What stands on either side, such as `r11, live`. */
  from: string;
  to: string;
  /** Said in place of rows when there are none. */
  empty: string;
}

/** What differs between two releases, a line each. Values of the environment are masked until they are clicked. */
export function DifferenceTable({ rows, from, to, empty }: DifferenceTableProps) {
  if (rows.length === 0) return <p className="nd-dim">{empty}</p>;
  return (
    <div className="nd-table-frame nd-framed">
      <table className="nd-table nd-table-fixed nd-differences" aria-label={`Differences from ${from} to ${to}`}>
        <thead>
          <tr>
            <th scope="col">What</th>
            <th scope="col">{from}</th>
            <th scope="col">{to}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row key={row.key} row={row} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ row }: { row: DifferenceRow }) {
  const [isShown, setShown] = useState(false);
  const change = row.from === null ? 'added' : row.to === null ? 'removed' : 'changed';
  const value = (text: string | null, side: 'from' | 'to') => {
    if (text === null) return <span className="nd-dim">–</span>;
    const isMasked = row.isSecret && !isShown;
    if (!row.isSecret) return <span data-side={side}>{text}</span>;
    return (
      <button
        type="button"
        className="nd-masked"
        data-side={side}
        aria-label={isMasked ? `Show the values of ${row.label}` : `Hide the values of ${row.label}`}
        title={isMasked ? 'Click to show' : 'Click to hide'}
        onClick={() => setShown(isMasked)}
      >
        {isMasked ? '••••••••' : text === '' ? '(empty)' : text}
      </button>
    );
  };
  return (
    <tr data-change={change}>
      <th scope="row" className={row.isSecret ? 'nd-mono' : undefined}>
        {row.label}
        <span className="nd-hidden"> {change}</span>
      </th>
      <td className="nd-mono nd-wrap">{value(row.from, 'from')}</td>
      <td className="nd-mono nd-wrap">{value(row.to, 'to')}</td>
    </tr>
  );
}
