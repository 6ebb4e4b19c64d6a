import { describe, expect, it } from 'vitest';
import { redact } from './redaction.ts';

describe('a value in a text', () => {
  const long = 'eyJhbGciOi'.repeat(80);

  it.each([
    ['is taken out wherever it stands', 'a hunter2-x, hunter2-x', ['hunter2-x'], 'a [value], [value]'],
    [
      'is taken out as JSON has it, and line by line',
      'x a\\"bcdef y second',
      ['a"bcdef', 'first\nsecond'],
      'x [value] y [value]',
    ],
    ['is taken out whole where another is its beginning', 'hunter2-more', ['hunter2', 'hunter2-more'], '[value]'],
    ['is taken out where the text was cut within it', `token ${long.slice(0, 500)}`, [long], 'token [value]'],
    ['is taken out where the text was cut, though it begins twice', 'abcabcabcab', ['abcabcabcabcabc'], '[value]'],
    ['stays where it is too short to be one', 'the end of it', ['the', 'of italy'], 'the end of it'],
  ])('%s', (_, text, values, redacted) => {
    expect(redact(text, values)).toBe(redacted);
  });
});
