import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Route } from '../../daemon/contract/route.ts';
import { streams } from '../../daemon/contract/streams.ts';
import { type Case, isHeldBack } from './case.ts';
import { caseOf } from './cases.ts';
import { Random } from './random.ts';
import { draftOf, ROUTE_NAMES, routeOf } from './requests.ts';
import { tame } from './tame.ts';

const cases = Array.from({ length: 1_500 }, (_, index) => caseOf(7, index));
const textOf = ({ steps }: Case) => steps.map((step) => ('send' in step ? step.send : '')).join('');

describe('a case', () => {
  it('is made again from its seed and index alone', () => {
    for (const index of [1_499, 0, 1_234, 1_234]) expect(caseOf(7, index)).toEqual(cases[index]);
    expect(caseOf(8, 0).steps).not.toEqual(caseOf(7, 0).steps);
  });

  it('can be kept in a file and sent again', () => {
    for (const each of cases) expect(isDeepStrictEqual(JSON.parse(JSON.stringify(each)), each), each.id).toBe(true);
  });

  it('is of bytes', () => {
    for (const each of cases) expect(/^[\0-\xff]*$/.test(textOf(each)), each.id).toBe(true);
  });

  it('goes to no other machine for secrets or images', () => {
    const asked = { image: 'docker.io/x:1', tls: 'auto', provider: { kind: 'aws_ssm', region: 'eu-central-1', path: '/' } };
    expect(tame(asked)).toMatchObject({
      image: '127.0.0.1:1/docker.io/x:1',
      tls: 'off',
      provider: { access_key_id: expect.any(String) },
    });
    const doppler = { kind: 'doppler', project: 'x', config: 'y', token: 'z' };
    for (const endpoint of [undefined, 'https://api.doppler.com', 'http://169.254.169.254'])
      expect(tame({ provider: { ...doppler, endpoint } })).toMatchObject({ provider: { endpoint: 'http://127.0.0.1:9' } });
    expect(cases.filter((each) => textOf(each).includes('api.doppler.com'))).toEqual([]);
  });
});

describe('all of them', () => {
  it('are about every route and stream of the contract, by callers of every kind', () => {
    const targets = new Set(cases.map(({ target }) => target));
    for (const name of [...ROUTE_NAMES, ...Object.keys(streams)]) expect(targets, `${name} is not fuzzed`).toContain(name);
    expect(new Set(cases.map(({ caller }) => caller)).size).toBe(8);
    expect(cases.some(({ caller, must_be_answered }) => isHeldBack(caller) && must_be_answered)).toBe(false);
  });

  it.each(ROUTE_NAMES)('begin with requests for %s that its schemas take, so that what lies behind them is reached', (name) => {
    const route: Route = routeOf(name);
    const drafts = Array.from({ length: 200 }, (_, index) => draftOf(name, 'admin', new Random(1, index)));
    if (route.kind === 'upload') return expect(drafts.every(({ body }) => body !== null)).toBe(true);
    const taken = drafts.filter(
      ({ body }) => route.body.safeParse(body === null ? undefined : JSON.parse(body.toString())).success,
    );
    expect(taken.length).toBeGreaterThan(20);
  });
});
