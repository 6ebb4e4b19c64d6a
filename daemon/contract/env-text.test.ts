import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEnvText } from './env-text.ts';

describe('the text of a .env file', () => {
  it('gives names and values, without comments, exports and blanks', () => {
    const text = '# shop\n\nA=1\n export B = two words # why\r\nC=\nD=a=b=c\nURL=http://x/\nE= # nothing yet\n';
    expect(parseEnvText(text)).toEqual({
      env: { A: '1', B: 'two words', C: '', D: 'a=b=c', URL: 'http://x/', E: '' },
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
        { line: 3, message: 'what stands before = is not a name: use letters, digits and underscores' },
        { line: 4, message: 'the quote is not closed' },
      ],
    });
  });

  it('refuses what programs read in different ways, instead of guessing', () => {
    expect(parseEnvText('URL=http://x/#anchor\nPASSWORD=#x9\nA="b"c\nB="x#y" # fine')).toEqual({
      env: { B: 'x#y' },
      problems: [
        { line: 1, message: 'put a value that holds # in quotes' },
        { line: 2, message: 'put a value that holds # in quotes' },
        { line: 3, message: 'there is more after the closing quote' },
      ],
    });
  });

  it('says nothing of what a bad line holds, for it may be part of a secret', () => {
    const text = 'KEY=-----BEGIN KEY-----\nMIIEvQIBADAN+Bgkqhki==\nhunter2\nB="open hunter2\nC="x"hunter2\nD=a#hunter2';
    const { problems } = parseEnvText(text);
    expect(problems.map(({ line }) => line)).toEqual([2, 3, 4, 5, 6]);
    expect(JSON.stringify(problems)).not.toMatch(/hunter2|MIIE/);
  });

  it('gives back every value that was written in double quotes', () => {
    const written = (value: string) => `"${value.replace(/[\\"]/g, '\\$&').replaceAll('\r', '\\r')}"`;
    const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/);
    fc.assert(
      fc.property(fc.dictionary(name, fc.string({ unit: 'binary' })), (env) => {
        const text = Object.entries(env).map(([key, value]) => `export ${key} = ${written(value)} # "note"`);
        expect(parseEnvText(text.join('\n'))).toEqual({ env: { ...env }, problems: [] });
      }),
    );
  });

  it('lets the last of equal names count, and holds names of the prototype apart', () => {
    expect(parseEnvText('A=1\nA=2').env).toEqual({ A: '2' });
    expect(Object.entries(parseEnvText('__proto__=x\nconstructor=y').env)).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
  });
});
