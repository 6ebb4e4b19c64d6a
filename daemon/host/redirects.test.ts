import { describe, expect, it } from 'vitest';
import { nextHop, normalPath, REDIRECTS_MAX } from './redirects.ts';

const ORIGIN = 'http://10.213.1.2:3000';
const follow = (visited: string[], location: string | undefined, status = 307) => nextHop(ORIGIN, visited, { status, location });

describe('a redirect', () => {
  it.each([
    ['/login', '/login'],
    ['login?next=1#top', '/a/login?next=1'],
    ['http://10.213.1.2:3000/b', '/b'],
  ])('to %s stays with the app and is followed', (location, path) => {
    expect(follow(['/a/health'], location)).toEqual({ kind: 'follow', path });
  });

  it.each([
    'https://10.213.1.2:3000/health',
    'http://shop.example.com/health',
    'http://10.213.1.2/health',
    '//elsewhere/health',
    'http://[broken',
    undefined,
  ])('to %s is an answer', (location) => {
    expect(follow(['/health'], location)).toEqual({ kind: 'answer' });
  });

  it('is nothing that another status says', () => {
    for (const status of [200, 300, 304, 404]) expect(follow(['/health'], '/b', status)).toEqual({ kind: 'answer' });
  });

  it('to itself, in a loop, or without end is endless', () => {
    expect(follow(['/health'], '/health')).toEqual({ kind: 'endless', detail: '/health redirects to itself' });
    expect(follow(['/a', '/b'], '/a')).toEqual({ kind: 'endless', detail: 'redirects in a loop: /a → /b → /a' });
    const visited = Array.from({ length: REDIRECTS_MAX + 1 }, (_, index) => `/${index}`);
    expect(follow(visited.slice(1), '/next')).toEqual({ kind: 'follow', path: '/next' });
    expect(follow(visited, '/next')).toMatchObject({ detail: expect.stringContaining('more than 5 redirects: /0 → /1') });
  });
});

describe('normalPath', () => {
  it('is what a redirect to the same place would give', () => {
    expect(normalPath(ORIGIN, '/a/../health?x=1')).toBe('/health?x=1');
    expect(normalPath(ORIGIN, '//health')).toBe('//health');
  });
});
