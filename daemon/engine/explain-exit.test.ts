import { describe, expect, it } from 'vitest';
import { explainExit } from './explain-exit.ts';

describe('explainExit', () => {
  it.each([
    [['nginx: [emerg] chown("/var/cache/nginx", 101) failed (1: Operation not permitted)'], 1, '`capabilities`'],
    [["Error: EACCES: permission denied, open '/data/a'"], 1, '`user`'],
    [["Error: EROFS: read-only file system, mkdir '/app/.next/cache'"], 1, '`read_only_root`'],
    [['exec /app/server: exec format error'], 255, 'another processor'],
    [['Error: ENOSPC: no space left on device, write'], 1, 'disk is full'],
    [[], 137, '`limits.memory_bytes`'],
    [[], 127, 'not found'],
    [[], 126, 'may not be executed'],
  ])('finds in %j with exit code %i what to change', (lines, code, expected) => {
    expect(explainExit(lines, code)).toContain(expected);
  });

  it('says nothing of a good end, or of what it does not know', () => {
    expect(explainExit(['EACCES'], 0)).toBeNull();
    expect(explainExit(['TypeError: x is not a function'], 1)).toBeNull();
    expect(explainExit([], null)).toBeNull();
  });
});
