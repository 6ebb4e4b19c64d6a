import { describe, expect, it } from 'vitest';
import type { ProxyRoute } from '../../daemon/contract/proxy-routes.ts';
import { routeStanding, routesInOrder, settingTexts } from './proxy-routes.ts';
import { EMPTY_ROUTE, errorsIn, partSummary, readRouteForm, routeErrors, routeForm, unplaced } from './route-form.ts';

const ROUTE: ProxyRoute = {
  ...{ domain: 'grafana.example.com', app_name: null, port: 3001, proxy_type: 'caddy', tls: 'auto', aliases: [] },
  ...{ www: 'off', redirects: [], prefixes: [], headers: {}, body_bytes_max: null, compression: false },
  ...{ basic_auth: [{ username: 'ops' }], maintenance: null, is_served: true, detail: '' },
};
const GRAFANA = { ...EMPTY_ROUTE, domain: ' Grafana.example.com ', port: '3001' };
const SETTINGS = { www: 'off', redirects: [], prefixes: [], headers: {}, body_bytes_max: null, compression: false };

describe('a form of a route', () => {
  it('is a request for a port, with what was left alone left out', () => {
    expect(readRouteForm(GRAFANA)).toEqual({
      body: { domain: 'grafana.example.com', port: 3001, aliases: [], maintenance: null, basic_auth: [], ...SETTINGS },
    });
  });

  it('is a request for an app without what its deploys decide', () => {
    const form = { ...routeForm({ ...ROUTE, app_name: 'shop', port: null, basic_auth: [] }), compression: true };
    expect(readRouteForm(form)).toEqual({ body: { app_name: 'shop', basic_auth: [], ...SETTINGS, compression: true } });
  });

  it('keeps a password that is kept, takes a new one, and demands one for a new user', () => {
    const kept = routeForm(ROUTE);
    expect(readRouteForm(kept)).toHaveProperty('body.basic_auth', [{ username: 'ops' }]);
    const changed = { ...kept, users: [{ key: 0, username: 'ops', password: 'hunter2 x', isKept: true }] };
    expect(readRouteForm(changed)).toHaveProperty('body.basic_auth', [{ username: 'ops', password: 'hunter2 x' }]);
    const added = { ...kept, users: [...kept.users, { key: 1, username: 'ana', password: '', isKept: false }] };
    expect(readRouteForm(added)).toEqual({ errors: { 'users.1.password': 'Give the password' } });
  });

  it('leads a prefix to an app or a port, and passes blank rows over', () => {
    const prefixes = [
      { key: 4, path: '', target: '', strip: false },
      { key: 5, path: '/api', target: 'api', strip: true },
      { key: 6, path: '/docs', target: '8080', strip: false },
    ];
    expect(readRouteForm({ ...GRAFANA, prefixes })).toHaveProperty('body.prefixes', [
      { path: '/api', app_name: 'api', strip: true },
      { path: '/docs', port: 8080, strip: false },
    ]);
    const wrong = readRouteForm({ ...GRAFANA, prefixes: [prefixes[0]!, { ...prefixes[1]!, path: 'api', target: 'No!' }] }); // there are three
    expect(wrong).toHaveProperty(['errors', 'prefixes.5.path']);
    expect(wrong).toHaveProperty(['errors', 'prefixes.5.target']);
  });

  it('says at its field what is wrong, and never a password', () => {
    const wrong = readRouteForm({
      ...EMPTY_ROUTE,
      body_max: 'big',
      redirects: [{ key: 2, from: 'old', to: '/new', status: 308 }],
      headers: [
        { key: 0, name: 'X A', value: '1' },
        { key: 1, name: 'X-B', value: 'ä' },
        { key: 2, name: 'x-b', value: '2' },
      ],
      users: [{ key: 0, username: 'o o', password: 'hunter2'.repeat(20), isKept: false }],
    });
    expect(new Set(Object.keys('errors' in wrong ? wrong.errors : {}))).toEqual(
      new Set([
        ...['body_bytes_max', 'domain', 'headers.0.name', 'headers.1.value', 'headers.2.name', 'port'],
        ...['redirects.2.from', 'users.0.password', 'users.0.username'],
      ]),
    );
    expect(JSON.stringify(wrong)).not.toContain('hunter2');
  });

  it('shows what the daemon refuses at its field, and says the rest below', () => {
    const errors = routeErrors(
      [
        { field: 'domain', message: 'the app shop has it' },
        { field: 'basic_auth.0.username', message: 'no such user' },
        { field: 'aliases.1', message: 'taken' },
        { field: 'nowhere', message: 'too many routes' },
      ],
      routeForm(ROUTE),
    );
    const expected = { domain: 'The app shop has it', 'users.0.username': 'No such user', aliases: 'Taken' };
    expect(errors).toEqual({ ...expected, nowhere: 'Too many routes' });
    expect(unplaced(errors)).toBe('Too many routes');
    expect([errorsIn('access', errors), errorsIn('names', errors), errorsIn('limits', errors)]).toEqual([1, 1, 0]);
  });

  it('sums up what is set in a part that is folded', () => {
    const form = routeForm({
      ...ROUTE,
      ...{ body_bytes_max: 10 * 1024 ** 2, compression: true, www: 'add' },
      prefixes: [{ path: '/api', app_name: 'api', strip: true }],
    });
    expect(partSummary('limits', form)).toBe('bodies to 10 MiB · compressed');
    expect(partSummary('prefixes', form)).toBe('/api → api');
    expect(partSummary('access', form)).toBe('1 user');
    expect(partSummary('names', EMPTY_ROUTE)).toBe('');
  });
});

it('tells of a route what it does, and puts what needs somebody first', () => {
  const odd = { ...ROUTE, domain: 'z.example.com', detail: 'nothing listens on port 3001' };
  const unserved = { ...ROUTE, domain: 'zz.example.com', is_served: false, detail: 'Caddy runs with another route' };
  expect(routesInOrder([ROUTE, odd, unserved]).map(routeStanding)).toEqual(['unserved', 'odd', 'served']);
  expect(
    settingTexts({
      ...ROUTE,
      www: 'remove',
      headers: { A: '1', B: '2' },
      prefixes: [{ path: '/api', port: 8080, strip: false }],
    }),
  ).toEqual(['password (1)', 'without www.', '/api → port 8080', '2 headers']);
});
