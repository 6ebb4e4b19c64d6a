import type { Readable, Writable } from 'node:stream';
import { DomainError } from '../contract/errors.ts';

/** What a command has of the world: its streams, its environment and its user. */
export interface Terminal {
  stdin: Readable & { isTTY?: boolean; setRawMode?: (isRaw: boolean) => unknown };
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

const CONTROL_C = '\u0003';
const CONTROL_D = '\u0004';
const BACKSPACE = new Set(['\u007f', '\b']);

/** As {@link ask}, and what is typed is not shown. */
export async function askHidden(terminal: Terminal, question: string): Promise<string | null> {
  const { stdin, stderr } = terminal;
  if (stdin.isTTY !== true) return null;
  await write(stderr, question);
  stdin.setRawMode?.(true);
  try {
    let answer = '';
    // Not iterated over: leaving the loop would end standard input for the next question.
    for (;;) {
      for (const character of await nextText(terminal)) {
        if (character === '\r' || character === '\n' || character === CONTROL_D) return answer;
        if (character === CONTROL_C) throw new DomainError('invalid_request', 'Interrupted; nothing was done.');
        answer = BACKSPACE.has(character) ? [...answer].slice(0, -1).join('') : answer + character;
      }
    }
  } finally {
    stdin.setRawMode?.(false);
    await write(stderr, '\n');
  }
}

function nextText({ stdin, signal }: Terminal): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const onData = (chunk: unknown) => resolve(String(chunk));
  const onEnd = () => resolve('\n');
  const onAbort = () => reject(signal.reason);
  stdin.once('data', onData).once('end', onEnd);
  signal.addEventListener('abort', onAbort, { once: true });
  stdin.resume();
  return promise.finally(() => {
    stdin.pause();
    stdin.off('data', onData).off('end', onEnd);
    signal.removeEventListener('abort', onAbort);
  });
}
