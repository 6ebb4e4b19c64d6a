import { ActionIcon, Button, Group } from '@mantine/core';
import { Plus, X } from 'lucide-react';
import type { ReactNode } from 'react';
import { nextRowKey } from '../../state/route-form.ts';

interface RowsProps<Row extends { key: number }> {
  /** `redirect`: what a row is, in the buttons’ words. */
  what: string;
  rows: readonly Row[];
  /** A complaint about the list as a whole. */
  error: string | undefined;
  hint?: ReactNode;
  /** A row without its key. */
  blank: Omit<Row, 'key'>;
  /** How a row is called for those who listen. */
  nameOf(row: Row): string;
  render(row: Row, change: (part: Partial<Row>) => void): ReactNode;
  onChange(rows: Row[]): void;
}

/** A list of rows of fields, to which rows are added and from which they are taken. */
export function Rows<Row extends { key: number }>(props: RowsProps<Row>) {
  const { what, rows, error, hint, blank, nameOf, render, onChange } = props;
  const change = (key: number) => (part: Partial<Row>) =>
    onChange(rows.map((row) => (row.key === key ? { ...row, ...part } : row)));
  return (
    <div className="nd-rows">
      {hint === undefined ? null : <p className="nd-hint">{hint}</p>}
      {rows.map((row) => (
        <Group key={row.key} gap={6} wrap="nowrap" align="flex-start">
          {render(row, change(row.key))}
          <ActionIcon
            aria-label={`Remove the ${what} ${nameOf(row)}`.trim()}
            size={30}
            onClick={() => onChange(rows.filter(({ key }) => key !== row.key))}
          >
            <X size={14} />
          </ActionIcon>
        </Group>
      ))}
      {error === undefined ? null : <p className="nd-field-error">{error}</p>}
      <Button
        className="nd-rows-add"
        size="compact-sm"
        leftSection={<Plus size={13} />}
        // A row is what it holds and its key; TypeScript cannot put them together again.
        onClick={() => onChange([...rows, { ...blank, key: nextRowKey(rows) } as Row])}
      >
        Add {what}
      </Button>
    </div>
  );
}
