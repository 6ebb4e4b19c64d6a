import { describe, expect, it } from 'vitest';
import { exemptPath } from './route.ts';

describe('exemptPath', () => {
  it.each([
    ['/api/health', '/api/health'],
    ['/api/health?deep=1', '/api/health'],
    ['/api//health/', '/api/health/'],
    ['//api/health', '/api/health'],
    ['/a/../api/./health', '/api/health'],
    ['/up%2Fdate', '/up/date'],
    ["/it's(50%25)", "/it's(50%)"],
  ])('reads %s as the proxies do', (path, served) => {
    expect(exemptPath({ health_path: path })).toBe(served);
  });

  it.each(['/', '//', '/.', '/?deep=1'])('does not let %s through, where visitors come', (path) => {
    expect(exemptPath({ health_path: path })).toBeNull();
  });

  it.each(['/%22', '/%7Benv.HOME%7D', '/%0A', '/%20', '/%E2%82', '/%zz'])('has nothing to compare with for %s', (path) => {
    expect(exemptPath({ health_path: path })).toBeNull();
  });
});
