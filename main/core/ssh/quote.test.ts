import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quoteCommand } from './quote.ts';

/** What a POSIX shell makes of the string: its arguments, NUL-separated. */
function throughShell(argv: string[]): string[] {
  const program = ['printf', '%s\\0', ...argv];
  const { stdout, status } = spawnSync('/bin/sh', ['-c', quoteCommand(program)], { encoding: 'buffer' });
  expect(status).toBe(0);
  return stdout.toString('utf8').split('\0').slice(0, -1);
}

describe('quoteCommand', () => {
  it('gives a shell exactly the arguments it was given, whatever they hold', () => {
    const hostile = ["it's", '$(id)', '`id`', 'a;b', 'a\nb', '"', '\\', '*', '~', '', ' ', '-n', '!', "'\\''"];
    expect(throughShell(hostile)).toEqual(hostile);
  });

  it('survives arbitrary text', () => {
    const text = fc.string({ unit: 'binary', maxLength: 40 }).filter((value) => !value.includes('\0') && value.isWellFormed());
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 5 }), (argv) => {
        expect(throughShell(argv)).toEqual(argv);
      }),
      { numRuns: 60 },
    );
  });

  it('refuses NUL and an empty command', () => {
    expect(() => quoteCommand(['a\0b'])).toThrow('NUL');
    expect(() => quoteCommand([])).toThrow('program');
  });
});
