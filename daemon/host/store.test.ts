import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { appConfigurationSchema } from '../contract/configuration.ts';
import { LIMITS } from '../contract/limits.ts';
import { nextCoreMetadataSchema } from '../contract/nextcore.ts';
import type { BeginEntry, NewEvent } from '../engine/ports.ts';
import { NO_SETTINGS } from '../engine/site-settings.ts';
import type { AppRecord, Change, OperationRecord, RouteModel } from '../engine/state.ts';
import { openDatabase } from './store/database.ts';
import { StorageUnavailable } from './store/failures.ts';
import { Store } from './store.ts';

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nextdeploy-store-'));
  path = join(directory, 'nextdeploy.db');
});
afterEach(() => rmSync(directory, { recursive: true }));

const AT = '2026-01-01T00:00:00.000Z';
const event = (message: string, app_name: string | null = 'shop'): NewEvent => ({
  ts: AT,
  kind: 'operation.started',
  level: 'info',
  message,
  app_name,
  operation: null,
});

const app = (name = 'shop', index = 1): AppRecord => ({
  name,
  index,
  release: null,
  slot: null,
  wanted: 'running',
  replicas: 1,
  maintenance: null,
  route: null,
  verify_key: 'key',
  last_release_number: 1,
  last_error: null,
  created_at: AT,
  updated_at: AT,
});

const operation = (id: string, app_name = 'shop'): OperationRecord => ({
  id,
  app_name,
  kind: 'deploy',
  state: 'running',
  direction: 'forward',
  is_cancelled: false,
  actor: 'admin',
  release: 'r1',
  is_new_release: true,
  from_release: null,
  image: 'shop:v1',
  slot: 'blue',
  created_at: AT,
  ended_at: null,
  steps: [],
  error: null,
  evidence: null,
});

const entry = (id: string, changes: Partial<BeginEntry> = {}): BeginEntry => ({
  operation: operation(id),
  app: app(),
  release: null,
  idempotency: null,
  event: event('begins'),
  ...changes,
});

const release = (id: string) => ({
  id,
  app_name: 'shop',
  image: 'shop:v1',
  configuration: appConfigurationSchema.parse({ domain: 'shop.test' }),
  nextcore: null,
  secrets: [],
  created_at: AT,
  created_by: 'admin',
  operation_id: 'op-1',
});

describe('Store', () => {
  it('keeps everything over a restart, and events rise on', () => {
    const first = new Store(path);
    first.begin(entry('op-1', { release: release('r1'), idempotency: { key: 'k', request_hash: 'h' } }));
    const route: RouteModel = {
      app_name: 'shop',
      proxy: 'caddy',
      sites: [],
      redirects: [],
      upstreams: { blue: [], green: [] },
      health_path: null,
      marker_directory: '/m',
      verify_key: 'key',
    };
    first.commit(
      { ...operation('op-1'), state: 'succeeded', ended_at: AT },
      [
        { kind: 'image_pinned', app_name: 'shop', release: 'r1', image_id: 'sha256:1' },
        { kind: 'release_state', app_name: 'shop', release: 'r1', state: 'live', end_reason: null },
        { kind: 'app_serves', app_name: 'shop', release: 'r1', slot: 'blue', replicas: 2, wanted: 'running' },
        { kind: 'app_route', app_name: 'shop', route },
      ],
      [event('ends')],
    );
    first.close();

    const store = new Store(path);
    expect(store.getApp('shop')).toMatchObject({ index: 1, release: 'r1', slot: 'blue', replicas: 2, route });
    expect(store.getRelease('shop', 'r1')).toEqual({
      ...release('r1'),
      state: 'live',
      image_id: 'sha256:1',
      ended_at: null,
      end_reason: null,
    });
    expect(store.getOperation('op-1')).toMatchObject({ state: 'succeeded' });
    expect(store.findIdempotent('k', 'admin')).toEqual({ operation_id: 'op-1', request_hash: 'h' });
    expect(store.findIdempotent('k', 'somebody else')).toBeNull();
    expect(store.listEvents({ after: 0, limit: 10 }).map(({ seq, message }) => [seq, message])).toEqual([
      [1, 'begins'],
      [2, 'ends'],
    ]);
    expect(store.appendEvent(event('later')).seq).toBe(3);
    store.close();
  });

  it('keeps maintenance, the number of replicas and what a release was built from, and begins nothing anew for an app that is known', () => {
    const first = new Store(path);
    const nextcore = nextCoreMetadataSchema.parse({ next_version: '16.0.0', output: 'standalone', build_id: 'b' });
    first.begin(entry('op-1', { release: { ...release('r1'), nextcore } }));
    const routing = { ...NO_SETTINGS, headers: { A: 'b' }, basic_auth: [{ username: 'ann', password_hash: '$2b$' }] };
    const changes: Change[] = [
      { kind: 'app_maintenance', app_name: 'shop', maintenance: { message: 'Soon.' } },
      { kind: 'app_replicas', app_name: 'shop', replicas: 3 },
      { kind: 'app_routing', app_name: 'shop', routing },
    ];
    first.commit({ ...operation('op-1'), state: 'succeeded', ended_at: AT }, changes, []);
    first.begin(entry('op-2', { app: { ...app(), last_release_number: 2 } }));
    first.close();

    const store = new Store(path);
    expect(store.getApp('shop')).toMatchObject({
      maintenance: { message: 'Soon.' },
      replicas: 3,
      routing,
      last_release_number: 2,
    });
    expect(store.getRelease('shop', 'r1')?.nextcore).toEqual(nextcore);
    store.commit(operation('op-2'), [{ kind: 'app_maintenance', app_name: 'shop', maintenance: null }], []);
    expect(store.getApp('shop')?.maintenance).toBeNull();
    store.close();
  });

  it('marks releases as pruned, but for one that has come to serve', () => {
    const store = new Store(path);
    for (const id of ['r1', 'r2']) {
      store.begin(entry(`op-${id}`, { release: release(id) }));
      const live = {
        kind: 'release_state',
        app_name: 'shop',
        release: id,
        state: id === 'r1' ? 'standby' : 'live',
        end_reason: null,
      } as const;
      store.commit({ ...operation(`op-${id}`), state: 'succeeded' }, [live], []);
    }
    const pruned = ['r1', 'r2'].map((id) => ({ app_name: 'shop', release: id, reason: 'too many' }));
    store.pruneReleases(pruned, [event('pruned')]);
    expect(store.getRelease('shop', 'r1')).toMatchObject({ state: 'pruned', end_reason: 'too many' });
    expect(store.getRelease('shop', 'r2')).toMatchObject({ state: 'live', end_reason: null });
    store.close();
  });

  it('lets one operation per app run, and begins nothing of a second one', () => {
    const store = new Store(path);
    store.begin(entry('op-1'));
    const second = entry('op-2', { release: release('r2'), app: { ...app(), last_release_number: 2 } });
    expect(() => store.begin(second)).toThrow(expect.objectContaining({ code: 'conflict', operation_id: 'op-1' }));
    expect(store.getOperation('op-2')).toBeNull();
    expect(store.getRelease('shop', 'r2')).toBeNull();
    expect(store.getApp('shop')?.last_release_number).toBe(1);
    expect(store.lastEventSeq()).toBe(1);
    store.commit({ ...operation('op-1'), state: 'failed' }, [], []);
    store.begin(second);
    expect(store.listOperations({ app_name: 'shop', limit: 10 }).map(({ id }) => id)).toEqual(['op-2', 'op-1']);
    expect(store.listOperations({ state: 'running', limit: 10 }).map(({ id }) => id)).toEqual(['op-2']);
    store.close();
  });

  it('writes all of a commit or nothing', () => {
    const store = new Store(path);
    store.begin(entry('op-1'));
    const changes = [{ kind: 'app_error', app_name: 'shop', message: 'never' } as const];
    expect(() => store.commit(operation('op-unknown'), changes, [event('never')])).toThrow('not in the journal');
    expect(store.getApp('shop')?.last_error).toBeNull();
    expect(store.lastEventSeq()).toBe(1);
    store.close();
  });

  it('forgets a removed app with its releases, and keeps its operations', () => {
    const store = new Store(path);
    store.begin(entry('op-1', { release: release('r1') }));
    store.commit({ ...operation('op-1'), state: 'succeeded' }, [{ kind: 'app_removed', app_name: 'shop' }], []);
    expect(store.listApps()).toEqual([]);
    expect(store.listReleases('shop', 10)).toEqual([]);
    expect(store.getOperation('op-1')).not.toBeNull();
    store.close();
  });

  it('knows the images of a removed app until it is told that they have gone', () => {
    const first = new Store(path, () => new Date(AT));
    for (const [number, image_id] of ['sha256:a', 'sha256:b', 'sha256:a', ''].entries()) {
      const id = `r${number + 1}`;
      first.begin(entry(`op-${id}`, { release: { ...release(id), image: `shop:${id}` } }));
      const pinned = { kind: 'image_pinned', app_name: 'shop', release: id, image_id } as const;
      first.commit({ ...operation(`op-${id}`), state: 'succeeded' }, image_id === '' ? [] : [pinned], []);
    }
    expect(first.listRemovedImages()).toEqual([]);
    for (const id of ['op-5', 'op-6']) {
      first.begin(entry(id));
      first.commit({ ...operation(id), state: 'succeeded' }, [{ kind: 'app_removed', app_name: 'shop' }], []);
    }
    first.close();

    const store = new Store(path, () => new Date(AT));
    expect(store.listRemovedImages()).toEqual([
      { image_id: 'sha256:a', image: 'shop:r1', removed_at: AT },
      { image_id: 'sha256:a', image: 'shop:r3', removed_at: AT },
      { image_id: 'sha256:b', image: 'shop:r2', removed_at: AT },
    ]);
    store.forgetRemovedImages(['sha256:a', 'sha256:c']);
    expect(store.listRemovedImages()).toEqual([{ image_id: 'sha256:b', image: 'shop:r2', removed_at: AT }]);
    store.close();
  });

  it('looks up operations by what they are asked for, however many there are', () => {
    let database: DatabaseSync | undefined;
    const asked: string[] = [];
    const open = (file: string) => {
      const opened = openDatabase(file);
      database = opened;
      const prepare = opened.prepare.bind(opened);
      opened.prepare = (sql) => {
        asked.push(sql);
        return prepare(sql);
      };
      return opened;
    };
    const store = new Store(path, undefined, open);
    const plan = (filter: Omit<Parameters<Store['listOperations']>[0], 'limit'>) => {
      store.listOperations({ ...filter, limit: 3 });
      const rows = database?.prepare(`EXPLAIN QUERY PLAN ${asked.at(-1)}`).all() ?? [];
      return rows.map(({ detail }) => String(detail)).join('; ');
    };
    expect(plan({ app_name: 'shop' })).toBe('SEARCH operations USING INDEX operations_of_app (app_name=?)');
    expect(plan({ app_name: 'shop', state: 'running' })).toContain('SEARCH operations USING INDEX one_operation_per_app');
    expect(plan({ state: 'running' })).toContain('USING INDEX one_operation_per_app');
    expect(plan({})).toBe('SCAN operations');
    store.close();
  });

  it('finds the live release and the newest standby before it among any number of others', () => {
    const store = new Store(path);
    const states = ['standby', 'standby', 'failed', 'live', 'standby', 'failed'] as const;
    for (const [index, state] of states.entries()) {
      const id = `r${index + 1}`;
      store.begin(entry(`op-${index}`, { release: release(id) }));
      const ended = { kind: 'release_state', app_name: 'shop', release: id, state, end_reason: null } as const;
      store.commit({ ...operation(`op-${index}`), state: 'succeeded' }, [ended], []);
    }
    const ids = (live: string | null) => store.listCurrentReleases('shop', live).map(({ id }) => id);
    expect(ids('r4')).toEqual(['r4', 'r2']);
    expect(ids('r1')).toEqual(['r1']);
    expect(ids(null)).toEqual(['r6']);
    expect(store.listCurrentReleases('blog', null)).toEqual([]);
    store.close();
  });

  it('gives the events after a number or the newest, oldest first', () => {
    const store = new Store(path);
    for (let count = 1; count <= 6; count += 1) store.appendEvent(event('again', count % 2 === 0 ? 'shop' : 'blog'));
    const numbers = (filter: Parameters<Store['listEvents']>[0]) => store.listEvents(filter).map(({ seq }) => seq);
    expect(numbers({ after: 2, limit: 2 })).toEqual([3, 4]);
    expect(numbers({ limit: 2 })).toEqual([5, 6]);
    expect(numbers({ limit: 2, app_name: 'shop' })).toEqual([4, 6]);
    expect(numbers({ after: 2, limit: 9, app_name: 'shop' })).toEqual([4, 6]);
    store.close();
  });

  it('forgets an idempotency key with its operation', () => {
    const store = new Store(path);
    const keyed = (id: string) => entry(id, { idempotency: { key: id, request_hash: 'h' } });
    const end = (id: string) => store.commit({ ...operation(id), state: 'succeeded' }, [], []);
    const database = new DatabaseSync(path);
    store.begin(keyed('op-1'));
    end('op-1');
    store.begin(keyed('op-2'));
    end('op-2');
    // Whatever it was that removed it.
    database.exec("DELETE FROM operations WHERE id = 'op-1'");
    expect(store.findIdempotent('op-1', 'admin')).toBeNull();
    expect(store.findIdempotent('op-2', 'admin')).toMatchObject({ operation_id: 'op-2' });
    database.exec("UPDATE sqlite_sequence SET seq = 9000 WHERE name = 'operations'");
    store.begin(keyed('op-3'));
    expect(database.prepare('SELECT key FROM idempotency_keys').all()).toEqual([{ key: 'op-3' }]);
    expect(store.findIdempotent('op-2', 'admin')).toBeNull();
    database.close();
    store.close();
  });

  it('keeps a bounded number of events', () => {
    const store = new Store(':memory:');
    for (let count = 0; count < LIMITS.events_kept + 600; count += 1) store.appendEvent(event('again', null));
    const oldest = store.listEvents({ after: 0, limit: 1 })[0]?.seq ?? 0;
    expect(oldest).toBeGreaterThan(256);
    expect(store.lastEventSeq()).toBe(LIMITS.events_kept + 600);
    store.close();
  });

  it('keeps of progress only what was told last, which pushes nothing else out', () => {
    const store = new Store(':memory:');
    store.appendEvent(event('begun'));
    let last: number | null = null;
    for (let count = 0; count < 2 * LIMITS.events_kept; count += 1) last = store.appendEvent(event('pulling'), last).seq;
    expect(store.listEvents({ after: 0, limit: 9 }).map(({ seq }) => seq)).toEqual([1, 2 * LIMITS.events_kept + 1]);
    expect(store.firstEventSeq()).toBe(1);
    store.close();
  });

  it('can be read by its owner alone', () => {
    const store = new Store(path);
    store.begin(entry('op-1'));
    for (const suffix of ['', '-wal', '-shm']) expect(statSync(path + suffix).mode & 0o777).toBe(0o600);
    store.close();
  });
});

describe('what is of some apps only', () => {
  const apps = new Set(['shop', 'docs']);

  it('fills its page with them', () => {
    const store = new Store(path);
    for (const [index, name] of ['shop', 'blog', 'docs'].entries()) {
      store.begin({ ...entry(`op-${name}`, { app: app(name, index + 1) }), operation: operation(`op-${name}`, name) });
      store.appendEvent(event(`of ${name}`, name));
    }
    for (let count = 0; count < 5; count += 1) store.appendEvent(event('of the daemon', null));
    const ids = (filter: object) => store.listOperations({ limit: 2, apps, ...filter }).map(({ id }) => id);
    expect(ids({})).toEqual(['op-docs', 'op-shop']);
    expect(ids({ state: 'running' })).toEqual(['op-docs', 'op-shop']);
    expect(ids({ app_name: 'blog' })).toEqual([]);
    expect(ids({ apps: null, limit: 3 })).toHaveLength(3);
    const messages = (filter: object) => store.listEvents({ limit: 2, apps, ...filter }).map(({ message }) => message);
    expect(messages({})).toEqual(['begins', 'of docs']);
    expect(messages({ after: 0 })).toEqual(['begins', 'of shop']);
    expect(messages({ app_name: 'blog' })).toEqual([]);
    expect(messages({ apps: new Set() })).toEqual([]);
    store.close();
  });
});

describe('a disk without space', () => {
  it('is said to be full, changes nothing, and is written again when there is space', () => {
    let database: DatabaseSync | undefined;
    const open = (file: string) => {
      database = openDatabase(file);
      return database;
    };
    const store = new Store(path, undefined, open);
    store.begin(entry('op-1'));
    store.checkWritable();
    database?.exec('PRAGMA max_page_count = 1');
    const long = { ...operation('op-1'), actor: 'x'.repeat(100_000) };
    const full = expect.objectContaining({
      code: 'unavailable',
      message: expect.stringMatching(/no space left.*nothing is wrong/),
    });
    expect(() => store.commit(long, [{ kind: 'app_error', app_name: 'shop', message: 'never' }], [])).toThrow(full);
    expect(store.getApp('shop')?.last_error).toBeNull();
    database?.exec('PRAGMA max_page_count = 1000000');
    store.commit(long, [], [event('ends')]);
    expect(store.getOperation('op-1')?.actor).toHaveLength(100_000);
    store.close();
  });

  it('does not make the database a broken one when it is opened', () => {
    new Store(path).close();
    mkdirSync(`${path}-wal`); // SQLite cannot open its log, as on a full disk
    expect(() => new Store(path)).toThrow(StorageUnavailable);
    expect(() => new Store(path)).not.toThrow(/move it away/);
    rmSync(`${path}-wal`, { recursive: true });
    new Store(path).close();
  });
});

describe('a database that cannot be used', () => {
  const written = () => {
    const store = new Store(path);
    for (let count = 0; count < 200; count += 1) store.appendEvent(event('x'.repeat(500)));
    store.close();
    return readFileSync(path);
  };

  it('is refused and left as it is when it is torn', () => {
    const whole = written();
    const torn = Buffer.from(whole);
    torn.fill(0x5a, 4096, 4096 * 4);
    for (const content of [
      torn,
      whole.subarray(0, 5000),
      Buffer.from('no database at all, but long enough to be one'.repeat(50)),
    ]) {
      writeFileSync(path, content);
      expect(() => new Store(path)).toThrow(/NextDeploy leaves it as it is and does not start.*backup/);
      expect(readFileSync(path).equals(content)).toBe(true);
    }
  });

  it('is refused when a newer NextDeploy wrote it', () => {
    written();
    const database = new DatabaseSync(path);
    database.exec('PRAGMA user_version = 999');
    database.close();
    expect(() => new Store(path)).toThrow(/written by a newer NextDeploy \(version 999/);
  });

  it('is refused when it belongs to another program', () => {
    const database = new DatabaseSync(path);
    database.exec('CREATE TABLE theirs (id INTEGER)');
    database.close();
    expect(() => new Store(path)).toThrow(/belongs to another program/);
  });
});
