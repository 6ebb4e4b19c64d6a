/** Values as an operator reads them. Pure. */
import Table from 'cli-table3';
import { printable } from './terminal.ts';

const BORDERS =
  'top top-mid top-left top-right bottom bottom-mid bottom-left bottom-right left left-mid mid mid-mid right right-mid middle';
const NO_BORDERS = Object.fromEntries(BORDERS.split(' ').map((name) => [name, '']));

/** A dense table without borders. */
export function table(head: string[], rows: string[][]): string {
  const made = new Table({ head, chars: NO_BORDERS, style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 } });
  made.push(...rows.map((row) => row.map((cell) => printable(cell))));
  return trimLines(made.toString());
}

/** A table whose last column is cut so that its lines fit into `columns`; `isElided` tells of which rows. */
export function elidedTable(
  head: string[],
  rows: string[][],
  columns: number,
): { text: string; isElided: (row: number) => boolean } {
  const last = head.length - 1;
  const widths = head.slice(0, last).map((name, column) => {
    return Math.max(name.length, ...rows.map((row) => printable(row[column] ?? '').length)) + 2;
  });
  const room = Math.max((head[last] ?? '').length, columns - 1 - widths.reduce((sum, width) => sum + width, 0));
  const isLong = (row: readonly string[] | undefined) => printable(row?.[last] ?? '').length > room;
  const cut = rows.map((row) =>
    isLong(row) ? [...row.slice(0, last), `${printable(row[last] ?? '').slice(0, room - 1)}…`] : row,
  );
  return { text: table(head, cut), isElided: (row) => isLong(rows[row]) };
}

/** Names and values, one pair a line. */
export function pairs(entries: [name: string, value: string][]): string {
  const width = Math.max(...entries.map(([name]) => name.length));
  return trimLines(entries.map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}`).join('\n'));
}

const trimLines = (text: string) =>
  text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');

export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = count < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(count) / 3));
  const value = count / 1000 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

export function seconds(milliseconds: number): string {
  return milliseconds < 10_000 ? `${(milliseconds / 1000).toFixed(1)} s` : `${Math.round(milliseconds / 1000)} s`;
}

/** A configured duration as a flag takes it: `500ms`, `30s`, `2m`. */
export function span(milliseconds: number): string {
  if (milliseconds % 1000 !== 0) return `${milliseconds}ms`;
  return milliseconds > 0 && milliseconds % 60_000 === 0 ? `${milliseconds / 60_000}m` : `${milliseconds / 1000}s`;
}

/** How long ago, in the largest unit that fits. */
export const age = (timestamp: string, now_ms: number) => `${inLargestUnit(now_ms - Date.parse(timestamp))} ago`;

/** How long until then, in the largest unit that fits. */
export const ahead = (timestamp: string, now_ms: number) => inLargestUnit(Date.parse(timestamp) - now_ms);

function inLargestUnit(milliseconds: number): string {
  const passed = Math.max(0, milliseconds) / 1000;
  if (passed < 60) return `${Math.floor(passed)} s`;
  if (passed < 3_600) return `${Math.floor(passed / 60)} min`;
  if (passed < 86_400) return `${Math.floor(passed / 3_600)} h`;
  return `${Math.floor(passed / 86_400)} d`;
}

const UNITS_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `500ms`, `30s`, `5m`, `2h`, `1d`, or a plain number of seconds, in milliseconds; null for anything else. */
export function parseDuration(text: string): number | null {
  const [, amount, unit] = /^([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|s|m|h|d)?$/.exec(text) ?? [];
  return amount === undefined ? null : Math.round(Number(amount) * (UNITS_MS[unit ?? 's'] ?? 1));
}
