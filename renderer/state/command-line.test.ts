import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatCommand, parseCommand } from './command-line.ts';

it('splits at blanks and keeps what stands between quotes together', () => {
  expect(parseCommand(`node migrate.js --to "a b" 'c"d' e\\ f ""`).words).toEqual([
    'node',
    'migrate.js',
    '--to',
    'a b',
    'c"d',
    'e f',
    '',
  ]);
  expect(parseCommand('  ').words).toEqual([]);
});

it('expands nothing: there is no shell', () => {
  expect(parseCommand('echo $HOME *.js `id` a;b').words).toEqual(['echo', '$HOME', '*.js', '`id`', 'a;b']);
});

it('says what is wrong with an open quote and with a backslash at the end', () => {
  expect(parseCommand('sh -c "exit').problem).toBe('the quote " is not closed');
  expect(parseCommand('sh \\').problem).toMatch(/backslash/);
});

it('reads back what it has written, whatever the words hold', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ minLength: 0, maxLength: 20, unit: 'binary' })), (words) => {
      expect(parseCommand(formatCommand(words))).toEqual({ words, problem: null });
    }),
  );
});
