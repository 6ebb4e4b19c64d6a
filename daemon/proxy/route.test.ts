import { describe, expect, it } from 'vitest';
import { pathAsServed } from './route.ts';

describe('pathAsServed', () => {
  it.each([
    ['/api/health', '/api/health'],
    ['/api/health?deep=1', '/api/health'],
    ['/api//health/', '/api/health/'],
    ['//api/health', '/api/health'],
    ['/a/../api/./health', '/api/health'],
    ['/up%2Fdate', '/up/date'],
    ["/it's(50%25)", "/it's(50%)"],
  ])('reads %s as the proxies do', (path, served) => {
    expect(pathAsServed(path)).toBe(served);
  });

  it.each(['/%22', '/%7Benv.HOME%7D', '/%0A', '/%20', '/%E2%82', '/%zz'])('has nothing to compare with for %s', (path) => {
    expect(pathAsServed(path)).toBeNull();
  });
});
