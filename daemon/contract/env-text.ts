/** The text of `.env` files, as console and command line read it. Pure. */
import { PATTERNS } from './rules.ts';

export interface ParsedEnv {
  env: Record<string, string>;
  /** One complaint a bad line, with its number from 1. None says what the line holds: it may be part of a secret. */
  problems: { line: number; message: string }[];
}

/**
 * Reads the text of a `.env` file as dotenv does: `KEY=value`, optional `export`, comments, single quotes taken
 * literally, double quotes with `\n` and `\"`, quoted values over several lines. The last of equal names counts. Where
 * programs read a line in different ways it is a problem, not a guess.
 */
export function parseEnvText(text: string): ParsedEnv {
  const env = new Map<string, string>(); // not an object: `__proto__` is a name like any other
  const problems: ParsedEnv['problems'] = [];
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/);
  for (let index = 0; index < lines.length; index += 1) {
    const line = (lines[index] ?? '').trimStart(); // blanks at its end belong to a value that goes on in the next one
    if (line === '' || line.startsWith('#')) continue;
    const number = index + 1;
    const match = /^(?:export\s+)?([^=\s]+)\s*=(.*)$/.exec(line);
    if (match === null) {
      problems.push({ line: number, message: 'write NAME=value' });
      continue;
    }
    const [, name = '', start = ''] = match;
    const value = readValue(start, lines, index);
    if (!PATTERNS.env_name.test(name)) problems.push({ line: number, message: BAD_NAME });
    else if ('message' in value) problems.push({ line: number, message: value.message });
    else env.set(name, value.text);
    if ('lastIndex' in value) index = value.lastIndex;
  }
  return { env: Object.fromEntries(env), problems };
}

const BAD_NAME = 'what stands before = is not a name: use letters, digits and underscores';

type Value = { text: string; lastIndex: number } | { message: string };

function readValue(start: string, lines: readonly string[], index: number): Value {
  const unquoted = start.replace(/\s#.*$/, '').trim();
  const quote = unquoted[0];
  if (quote !== '"' && quote !== "'" && quote !== '`') {
    // dotenv takes all from the # for a comment; a shell and Docker take it for a part of the value.
    return unquoted.includes('#') ? { message: 'put a value that holds # in quotes' } : { text: unquoted, lastIndex: index };
  }
  let text = start.trimStart().slice(1);
  for (let lastIndex = index; lastIndex < lines.length; ) {
    const end = closingQuote(text, quote);
    if (end >= 0) {
      const inner = text.slice(0, end);
      if (!/^\s*(?:#.*)?$/.test(text.slice(end + 1))) return { message: 'there is more after the closing quote' };
      return { text: quote === '"' ? unescapeDouble(inner) : inner, lastIndex };
    }
    lastIndex += 1;
    text += `\n${lines[lastIndex] ?? ''}`;
  }
  return { message: 'the quote is not closed' };
}

function closingQuote(text: string, quote: string): number {
  for (let index = 0; index < text.length; index += 1) {
    if (text[index] === '\\' && quote === '"') index += 1;
    else if (text[index] === quote) return index;
  }
  return -1;
}

const ESCAPES: Record<string, string> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\', $: '$' };

function unescapeDouble(text: string): string {
  return text.replace(/\\(.)/g, (whole, letter: string) => ESCAPES[letter] ?? whole);
}
