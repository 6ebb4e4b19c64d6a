import { describe, expect, it } from 'vitest';
import { parseAnsi, stripAnsi } from './ansi.ts';

describe('coloured text', () => {
  it('becomes runs of one style', () => {
    expect(parseAnsi('\u001b[1m\u001b[31mError\u001b[39m\u001b[22m: \u001b[2mlate\u001b[0m')).toEqual([
      { text: 'Error', color: 1, isBold: true, isDim: false },
      { text: ': ', color: null, isBold: false, isDim: false },
      { text: 'late', color: null, isBold: false, isDim: true },
    ]);
  });

  it('knows bright and indexed colours, and skips the parameters of those it does not show', () => {
    expect(parseAnsi('\u001b[92mok\u001b[38;5;3myes\u001b[38;2;1;31;3mtrue\u001b[48;5;31mback')).toEqual([
      { text: 'ok', color: 10, isBold: false, isDim: false },
      { text: 'yes', color: 3, isBold: false, isDim: false },
      { text: 'true', color: 3, isBold: false, isDim: false },
      { text: 'back', color: 3, isBold: false, isDim: false },
    ]);
  });

  it('loses whatever could move the cursor, set a title or ring a bell, and keeps tabs', () => {
    expect(stripAnsi('a\u001b[2J\u001b[1;1Hb\u001b]0;title\u0007c\u001b]8;;http://x\u001b\\d\re\u0007f\tg\u009b')).toBe(
      'abcdef\tg',
    );
  });

  it('survives a sequence that is cut off', () => {
    expect(stripAnsi('end\u001b')).toBe('end');
    expect(stripAnsi('end\u001b[31')).toBe('end31');
    expect(parseAnsi('')).toEqual([]);
  });
});
