/** What a fault showed, as a row of a table for a person and a line of JSON for a machine. Pure. */
import type { ProxyType } from '../../daemon/contract/names.ts';
import { countFigure, type Figure } from '../bench/figures.ts';

export interface Row {
  fault: string;
  proxy: ProxyType;
  /** One sentence, written before anything was observed. */
  expected: string;
  observed: string;
  failed: number;
  /** Null where the fault may cost requests, but only while it lasts: then `ok` says whether it cost more. */
  failed_max: number | null;
  ok: boolean;
}

/** `chaos.FAULT.PROXY` with the failed requests; `ok` is the whole row's, not only theirs. */
export function figureOf({ fault, proxy, failed, failed_max, ok }: Row): Figure {
  const goal = failed_max === null ? null : { at_most: failed_max };
  return { ...countFigure(`chaos.${fault}.${proxy}`, 'requests', { value: failed, reference: null }, goal), ok };
}

/** Every row in lines of at most `width` characters, its texts wrapped. */
export function tableOf(rows: readonly Row[], width = 150): string {
  const head = ['fault', 'proxy', 'expected', 'observed', 'failed', 'ok'];
  const cells = rows.map((row) => [row.fault, row.proxy, row.expected, row.observed, String(row.failed), row.ok ? '✓' : '✗']);
  const natural = head.map((title, column) => Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)));
  const [fault = 0, proxy = 0, expected = 0, observed = 0, failed = 0, ok = 0] = natural;
  const room = Math.max(40, width - fault - proxy - failed - ok - 5 * 2);
  const half = Math.min(expected, Math.max(Math.floor(room / 2), room - observed));
  const widths = [fault, proxy, half, Math.min(observed, room - half), failed, ok];
  return [head, ...cells].map((row) => lay(row, widths)).join('\n');
}

function lay(row: readonly string[], widths: readonly number[]): string {
  const columns = row.map((text, column) => wrap(text, widths[column] ?? 1));
  const height = Math.max(...columns.map(({ length }) => length));
  const line = (index: number) =>
    columns
      .map((lines, column) => (lines[index] ?? '').padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return Array.from({ length: height }, (_, index) => line(index)).join('\n');
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').flatMap((long) => long.match(new RegExp(`.{1,${width}}`, 'g')) ?? [''])) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (longer.length <= width) line = longer;
    else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line];
}
