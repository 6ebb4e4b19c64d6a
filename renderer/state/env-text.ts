import { PATTERNS } from '../../daemon/contract/rules.ts';

export interface ParsedEnv {
  env: Record<string, string>;
  /** One complaint a bad line, with its number from 1. */
  problems: { line: number; message: string }[];
}

/**
 * Reads the text of a `.env` file as dotenv does: `KEY=value`, optional `export`, comments, single quotes taken
 * literally, double quotes with `\n` and `\"`, quoted values over several lines. The last of equal names counts.
 */
export function parseEnvText(text: string): ParsedEnv {
  const env = new Map<string, string>(); // not an object: `__proto__` is a name like any other
  const problems: ParsedEnv['problems'] = [];
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/);
  for (let index = 0; index < lines.length; index += 1) {
    const line = (lines[index] ?? '').trim();
    if (line === '' || line.startsWith('#')) continue;
    const number = index + 1;
    const match = /^(?:export\s+)?([^=\s]+)\s*=\s*(.*)$/.exec(line);
    if (match === null) {
      problems.push({ line: number, message: 'write NAME=value' });
      continue;
    }
    const [, name = '', start = ''] = match;
    const value = readValue(start, lines, index);
    if (value === null) problems.push({ line: number, message: `the quote of ${name} is not closed` });
    else if (!PATTERNS.env_name.test(name)) {
      problems.push({ line: number, message: `"${name}" is not a name: use letters, digits and underscores` });
    } else env.set(name, value.text);
    if (value !== null) index = value.lastIndex;
  }
  return { env: Object.fromEntries(env), problems };
}

function readValue(start: string, lines: readonly string[], index: number): { text: string; lastIndex: number } | null {
  const quote = start[0];
  if (quote !== '"' && quote !== "'" && quote !== '`') {
    return { text: start.replace(/\s+#.*$/, '').trim(), lastIndex: index };
  }
  let text = start.slice(1);
  for (let lastIndex = index; lastIndex < lines.length; ) {
    const end = closingQuote(text, quote);
    if (end >= 0) {
      const inner = text.slice(0, end);
      return { text: quote === '"' ? unescapeDouble(inner) : inner, lastIndex };
    }
    lastIndex += 1;
    text += `\n${lines[lastIndex] ?? ''}`;
  }
  return null;
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
