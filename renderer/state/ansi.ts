/** A run of text in one style; colours are the sixteen of ECMA-48 SGR, as indices that the theme resolves. */
export interface AnsiSegment {
  text: string;
  color: number | null;
  isBold: boolean;
  isDim: boolean;
}

const ESC = String.fromCharCode(0x1b);
const BEL = String.fromCharCode(0x07);
/** CSI and OSC sequences, two-character escapes, and what else is a control character (`\p{Cc}`). Tabs stay. */
const SEQUENCES = new RegExp(
  [`${ESC}\\[([0-9;:?]*)([ -/]*[@-~])`, `${ESC}\\][^${BEL}${ESC}]*(?:${BEL}|${ESC}\\\\)?`, `${ESC}.?`, '(?!\\t)\\p{Cc}'].join(
    '|',
  ),
  'gu',
);

/** The text alone: what a filter searches and a copy takes. */
export function stripAnsi(text: string): string {
  return text.replace(SEQUENCES, '');
}

/** The text in runs of equal style. Sequences that do not set a style are dropped; nothing of it reaches the DOM as markup. */
export function parseAnsi(text: string): AnsiSegment[] {
  const segments: AnsiSegment[] = [];
  let style = PLAIN;
  let from = 0;
  const take = (to: number) => {
    if (to > from) segments.push({ text: text.slice(from, to), ...style });
  };
  for (const match of text.matchAll(SEQUENCES)) {
    take(match.index);
    from = match.index + match[0].length;
    if (match[2] === 'm') style = withCodes(style, match[1] ?? '');
  }
  take(text.length);
  return segments;
}

type Style = Omit<AnsiSegment, 'text'>;
const PLAIN: Style = { color: null, isBold: false, isDim: false };

function withCodes(style: Style, parameters: string): Style {
  const codes = parameters.split(/[;:]/).map(Number);
  let next = style;
  for (let index = 0; index < codes.length; index += 1) {
    const code = codes[index] ?? 0;
    if (code === 38 || code === 48) {
      const isIndexed = codes[index + 1] === 5;
      const value = codes[index + 2] ?? 0;
      if (code === 38 && isIndexed && value < 16) next = { ...next, color: value };
      index += isIndexed ? 2 : 4; // 256 colours, or red, green and blue
    } else next = withCode(next, code);
  }
  return next;
}

function withCode(style: Style, code: number): Style {
  if (code === 0) return PLAIN;
  if (code === 1) return { ...style, isBold: true };
  if (code === 2) return { ...style, isDim: true };
  if (code === 22) return { ...style, isBold: false, isDim: false };
  if (code === 39) return { ...style, color: null };
  if (code >= 30 && code <= 37) return { ...style, color: code - 30 };
  if (code >= 90 && code <= 97) return { ...style, color: code - 90 + 8 };
  return style;
}
