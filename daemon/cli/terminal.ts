import type { Readable, Writable } from 'node:stream';

/** What a command has of the world: its streams, its environment and its user. */
export interface Terminal {
  stdin: Readable & { isTTY?: boolean };
  stdout: Writable & { isTTY?: boolean; columns?: number; rows?: number };
  stderr: Writable & { isTTY?: boolean };
  env: Record<string, string | undefined>;
  /** Aborted when the user interrupts. */
  signal: AbortSignal;
}

/** Writes, at the pace of the reader. */
export async function write(stream: Writable, text: string): Promise<void> {
  if (stream.write(text) || stream.destroyed) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      stream.off('drain', done).off('close', done).off('error', done);
      resolve();
    };
    stream.on('drain', done).on('close', done).on('error', done);
  });
}

export const print = (terminal: Terminal, line: string) => write(terminal.stdout, `${line}\n`);
export const complain = (terminal: Terminal, line: string) => write(terminal.stderr, `${line}\n`);

const PIPED_COLUMNS = 120;

/** How wide a table may be. */
export const tableColumns = ({ stdout }: Terminal) => stdout.columns || PIPED_COLUMNS;

const SGR = '\u001b\\[[0-9;]{0,32}m';
const UNPRINTABLE = new RegExp(`(${SGR})|\\p{Cc}`, 'gu');

/**
 * Text from elsewhere (a container's log, a server's message) as it may be shown: no control character but tab, so that
 * it can move no cursor and set no title. `keep colours` leaves colour sequences in.
 */
export function printable(text: string, colours: 'keep colours' | 'plain' = 'plain'): string {
  let isColoured = false;
  const safe = text.replace(UNPRINTABLE, (match, sequence: string | undefined) => {
    if (match === '\t') return match;
    if (sequence === undefined || colours === 'plain') return '';
    isColoured = true;
    return sequence;
  });
  return isColoured ? `${safe}\u001b[0m` : safe;
}

/** Asks a question on the terminal; the answer without its line end. Null where nobody can answer. */
export async function ask(terminal: Terminal, question: string): Promise<string | null> {
  if (terminal.stdin.isTTY !== true) return null;
  await write(terminal.stderr, question);
  let answer = '';
  for await (const chunk of terminal.stdin) {
    answer += String(chunk);
    if (answer.includes('\n')) break;
  }
  return answer.split(/\r?\n/, 1)[0] ?? '';
}
