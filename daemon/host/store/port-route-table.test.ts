import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NO_SETTINGS } from '../../engine/site-settings.ts';
import type { PortRoute, PortRouteRecord } from '../../engine/state.ts';
import { Store } from '../store.ts';
import { MIGRATIONS } from './migrations.ts';

const AT = '2026-01-01T00:00:00.000Z';
const route = (port: number): PortRoute => ({
  ...{ domain: 'wiki.test', port, proxy: 'nginx', tls: null, aliases: ['notes.test'], maintenance: { message: 'Soon.' } },
  settings: { ...NO_SETTINGS, headers: { A: 'b' }, prefixes: [{ path: '/a', strip: true, app_name: 'shop' }] },
  verify_key: 'b'.repeat(32),
});
const record = (changes: Partial<PortRouteRecord> = {}): PortRouteRecord => ({
  ...{ domain: 'wiki.test', wanted: route(3000), previous: null, is_settled: false, created_at: AT, updated_at: AT },
  ...changes,
});

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nextdeploy-routes-'));
  path = join(directory, 'nextdeploy.db');
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('the table of routes to ports', () => {
  it('keeps what is wanted and what was before, over a restart, and settles it with what there is to tell', () => {
    const store = new Store(path);
    store.putPortRoute(record());
    store.putPortRoute(record({ wanted: route(4000), previous: route(3000) }));
    store.close();
    const again = new Store(path);
    expect(again.listPortRoutes()).toEqual([record({ wanted: route(4000), previous: route(3000) })]);
    const event = { ts: AT, kind: 'route.changed', level: 'info', message: 'changed', app_name: null, operation: null } as const;
    const settled = record({ wanted: route(4000), is_settled: true });
    expect(again.settlePortRoute('wiki.test', settled, [event])).toEqual([{ seq: 1, ...event }]);
    expect(again.getPortRoute('wiki.test')).toEqual(settled);
    again.putPortRoute(record({ wanted: null, previous: route(4000) }));
    expect(again.getPortRoute('wiki.test')).toMatchObject({ wanted: null });
    again.settlePortRoute('wiki.test', null, [{ ...event, kind: 'route.removed' }]);
    expect([again.getPortRoute('wiki.test'), again.listPortRoutes()]).toEqual([null, []]);
    expect(again.listEvents({ limit: 10 }).map(({ kind }) => kind)).toEqual(['route.changed', 'route.removed']);
    again.close();
  });

  it('comes to a database of an earlier version, whose apps have nothing configured', () => {
    const before = MIGRATIONS.findIndex((text) => text.includes('port_routes'));
    const old = new DatabaseSync(path);
    for (const migration of MIGRATIONS.slice(0, before)) old.exec(migration);
    old.exec(`INSERT INTO apps (name, slot_index, wanted, verify_key, last_release_number, created_at, updated_at)
      VALUES ('shop', 1, 'running', 'key', 0, '${AT}', '${AT}'); PRAGMA user_version = ${before}`);
    old.close();
    const store = new Store(path);
    expect(store.getApp('shop')).toMatchObject({ name: 'shop', routing: null });
    expect(store.listPortRoutes()).toEqual([]);
    store.close();
  });
});
