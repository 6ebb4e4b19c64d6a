import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DomainError } from '../contract/errors.ts';
import {
  bindMount,
  command,
  namedVolume,
  redirect,
  showCommand,
  showRedirect,
  showSize,
  showVolume,
  size,
  statusRange,
} from './flag-values.ts';

describe('a size', () => {
  it.each([
    ['512m', 536_870_912],
    ['2g', 2_147_483_648],
    ['1.5G', 1_610_612_736],
    ['100', 100],
    ['64k', 65_536],
    ['7b', 7],
  ])('%s is %i bytes', (text, bytes) => {
    expect(size('--memory', text)).toBe(bytes);
  });

  it('is read as it is shown', () => {
    expect([showSize(536_870_912), showSize(2 * 1024 ** 4), showSize(1_000), showSize(0)]).toEqual(['512m', '2t', '1000b', '0b']);
    fc.assert(fc.property(fc.integer({ min: 0, max: 1024 ** 4 }), (bytes) => size('--memory', showSize(bytes)) === bytes));
  });
});

describe('a volume', () => {
  it('is a name and a path, a bind two paths, either for reading only', () => {
    expect(namedVolume('data:/var/lib/data')).toEqual({
      kind: 'volume',
      name: 'data',
      target: '/var/lib/data',
      read_only: false,
    });
    expect(bindMount('/srv/in:/in:ro')).toEqual({ kind: 'bind', source: '/srv/in', target: '/in', read_only: true });
    expect([showVolume(namedVolume('data:/x:ro')), showVolume(bindMount('/a:/b:rw'))]).toEqual(['data:/x:ro', '/a:/b']);
  });
});

describe('a redirect', () => {
  it('is a name, with where it goes and how if need be', () => {
    expect(redirect('www.shop.test')).toEqual({ from: 'www.shop.test' });
    expect(redirect('old.test:301')).toEqual({ from: 'old.test', status: 301 });
    expect(redirect('old.test=shop.test:302')).toEqual({ from: 'old.test', to: 'shop.test', status: 302 });
    expect(showRedirect({ from: 'a.test', to: 'b.test', status: 308 })).toBe('a.test=b.test:308');
  });
});

describe('a command', () => {
  it('is words parted by blanks, or a JSON array', () => {
    expect(command('--pre-switch', ' node  migrate.js --all ')).toEqual(['node', 'migrate.js', '--all']);
    expect(command('--pre-switch', '["sh", "-c", "a && b"]')).toEqual(['sh', '-c', 'a && b']);
  });

  it('that is shown is read back as the same words', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ minLength: 1 }), { minLength: 1 }), (words) => {
        expect(command('--pre-switch', showCommand(words))).toEqual(words);
      }),
    );
  });
});

it.each([
  [() => size('--memory', 'much'), '--memory takes a size such as 512m or 2g, not "much".'],
  [() => size('--memory', '-1g'), '--memory takes a size'],
  [() => statusRange('--health-status', '2xx'), '--health-status takes an HTTP status such as 204, or a range such as 200-299'],
  [() => namedVolume('data'), '--volume takes NAME:/path or NAME:/path:ro, not "data".'],
  [() => namedVolume('/srv:/in'), 'mount a directory with --bind /srv:/in'],
  [() => bindMount('data:/in'), 'a named volume is --volume data:/in'],
  [() => bindMount('/a:/b:maybe'), '--bind takes /host:/path'],
  [() => redirect('a.test=b.test=c.test'), '--redirect takes FROM, FROM=TO or FROM=TO:STATUS'],
  [() => redirect('https://a.test'), '--redirect takes FROM'],
  [() => command('--pre-switch', 'a && b'), 'without a shell'],
  [() => command('--pre-switch', "echo 'two words'"), 'give it as a JSON array'],
  [() => command('--pre-switch', '[1]'), '--pre-switch takes a JSON array of words'],
  [() => command('--pre-switch', '  '), '--pre-switch takes a program and its arguments'],
])('refuses %s with what to write', (read, message) => {
  expect(read).toThrow(DomainError);
  expect(read).toThrow(message);
});
