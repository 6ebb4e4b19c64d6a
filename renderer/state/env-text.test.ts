import { describe, expect, it } from 'vitest';
import { parseEnvText } from './env-text.ts';

describe('the text of a .env file', () => {
  it('gives names and values, without comments, exports and blanks', () => {
    const text = '# shop\n\nA=1\n export B = two words # why\r\nC=\nD=a=b=c\nURL=http://x/#anchor\n';
    expect(parseEnvText(text)).toEqual({
      env: { A: '1', B: 'two words', C: '', D: 'a=b=c', URL: 'http://x/#anchor' },
      problems: [],
    });
  });

  it('takes single quotes literally and double quotes with escapes', () => {
    expect(parseEnvText(`A='a\\n#b'\nB="a\\n\\"b\\" \\$c \\\\" # note\nC=\`it's\``).env).toEqual({
      A: 'a\\n#b',
      B: 'a\n"b" $c \\',
      C: "it's",
    });
  });

  it('reads a quoted value over several lines, as keys are pasted', () => {
    const key = '-----BEGIN KEY-----\nabc=\n-----END KEY-----';
    expect(parseEnvText(`KEY="${key}"\nAFTER=1`).env).toEqual({ KEY: key, AFTER: '1' });
  });

  it('names the line of each problem and keeps the rest', () => {
    expect(parseEnvText('A=1\nnonsense\n1B=2\nC="open\nD=4')).toEqual({
      env: { A: '1', D: '4' },
      problems: [
        { line: 2, message: 'write NAME=value' },
        { line: 3, message: '"1B" is not a name: use letters, digits and underscores' },
        { line: 4, message: 'the quote of C is not closed' },
      ],
    });
  });

  it('lets the last of equal names count, and holds names of the prototype apart', () => {
    expect(parseEnvText('A=1\nA=2').env).toEqual({ A: '2' });
    expect(Object.entries(parseEnvText('__proto__=x\nconstructor=y').env)).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
  });
});
