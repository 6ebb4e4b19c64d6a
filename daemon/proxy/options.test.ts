import { describe, expect, it } from 'vitest';
import { CHALLENGE_REQUEST, decodePath, matching, optionsOf, splitTarget } from './options.ts';
import { assertSafeRoute, fileStem } from './route.ts';
import { NO_OPTIONS, ROUTE } from './test-route.ts';

describe('the options of a route', () => {
  it('are none where they ask for nothing', () => {
    expect([optionsOf(ROUTE), optionsOf({ ...ROUTE, options: NO_OPTIONS })]).toEqual([null, null]);
    expect(optionsOf({ ...ROUTE, options: { ...NO_OPTIONS, is_compressed: true } })).not.toBeNull();
  });

  it.each([
    ['/new', ['/new', true, '']],
    ['/new#part', ['/new', true, '#part']],
    ['/new?a=b', ['/new?a=b', false, '']],
    ['/new#part?', ['/new', true, '#part?']],
    ['https://example.com/new', ['https://example.com/new', false, '']],
  ])('keep the query of a request for %s only where it has a place', (to, [before, keeps_query, after]) => {
    expect(splitTarget(to)).toEqual({ before, keeps_query, after });
  });

  it('compare paths as they are after decoding, letter by letter', () => {
    expect([
      decodePath('/a%20b//c'),
      decodePath('/%C3%A9'),
      decodePath('/a/./b'),
      decodePath('/%2e%2e/'),
      decodePath('/%0a'),
    ]).toEqual(['/a b/c', '/é', null, null, null]);
    for (const path of ['/a.b', '/(x)+*$', '/a b{c}', '/é']) {
      const pattern = new RegExp(`^${matching(path)}$`);
      expect([pattern.test(path), pattern.test(path.replace(/[.(+]/, 'x'))]).toEqual([true, !/[.(+]/.test(path)]);
      expect(matching(path)).not.toMatch(/[{}"`$ ]/);
    }
  });

  it.each([
    ['/.well-known/acme-challenge/a-Z_9', true],
    ['/.well-known/acme-challenge/a?x', true],
    ['/.well-known/acme-challenge/', false],
    ['/.well-known/acme-challenge/a/b', false],
    ['/x/../.well-known/acme-challenge/a', false],
  ])('take %s for an authority: %s', (path, isChallenge) => {
    expect(new RegExp(CHALLENGE_REQUEST).test(path)).toBe(isChallenge);
  });
});

describe('the key of a route to a port', () => {
  it.each([
    ['route.shop.test', true],
    ['route.localhost', true],
    ['route.', false],
    ['route.Shop.test', false],
    ['shop.test', false],
    ['route.a/../b', false],
  ])('%s is one: %s', (app_name, isKey) => {
    const check = () => assertSafeRoute({ ...ROUTE, app_name });
    if (isKey) expect(check).not.toThrow();
    else expect(check).toThrow('unsafe app name');
  });

  it('has files whose names no other key has', () => {
    const long = `route.${'l'.repeat(220)}`;
    expect(fileStem('route.shop.test')).toBe('route.shop.test');
    expect([fileStem(long).length < 40, fileStem(long) === fileStem(`${long}l`)]).toEqual([true, false]);
  });
});
