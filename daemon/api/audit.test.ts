import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { auditEntrySchema } from '../contract/access.ts';
import { DomainError } from '../contract/errors.ts';
import { LIMITS } from '../contract/limits.ts';
import { type RouteName, routes } from '../contract/routes.ts';
import { AuditLog, type AuditRecord, type AuditStore, type NewAuditEntry } from './audit.ts';
import { send } from './test-http.ts';
import { goodRequest } from './test-requests.ts';
import { sampleOperation, startTestServer, TEST_TOKEN, type TestServerOptions } from './test-server.ts';
import { testTokens } from './test-tokens.ts';

class TestStore implements AuditStore {
  readonly entries: NewAuditEntry[] = [];
  failure: Error | null = null;

  appendAudit(entry: NewAuditEntry): number {
    if (this.failure) throw this.failure;
    return this.entries.push({ ...entry });
  }

  setAuditCount(seq: number, count: number): void {
    if (this.failure) throw this.failure;
    this.entries[seq - 1]!.count = count; // a number that appendAudit gave
  }
}

const deployed: AuditRecord = {
  actor: 'admin',
  role: 'admin',
  token_id: null,
  listener: 'socket',
  action: 'deploy',
  method: 'POST',
  path: '/deploy',
  app_name: 'shop',
  operation_id: 'op-0123456789ab',
  status: 202,
  code: null,
  message: 'Deploying shop (op-0123456789ab).',
};
const refused: AuditRecord = {
  ...deployed,
  operation_id: null,
  status: 403,
  code: 'forbidden',
  message: 'This needs another role.',
};

describe('the audit log', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  function start() {
    const store = new TestStore();
    const log = { info: vi.fn(), warn: vi.fn(), error: vi.fn() };
    return { store, log, audit: new AuditLog({ store, log, now: () => new Date() }) };
  }

  it('writes each change at once', () => {
    const { store, audit } = start();
    audit.record(deployed);
    audit.record({ ...deployed, operation_id: 'op-fedcba987654' });
    expect(store.entries).toMatchObject([deployed, { operation_id: 'op-fedcba987654', count: 1 }]);
    expect(auditEntrySchema.safeParse({ seq: 1, ...store.entries[0] }).success).toBe(true);
    audit.close();
  });

  it('counts what is alike within a minute in one entry, and begins anew in the next', () => {
    const { store, audit } = start();
    for (let count = 0; count < 5; count += 1) audit.record(refused);
    expect(store.entries).toMatchObject([{ count: 1 }]);
    vi.advanceTimersByTime(60_000);
    expect(store.entries).toMatchObject([{ count: 5 }]);
    audit.record(refused);
    expect(store.entries).toHaveLength(2);
    audit.close();
  });

  it('keeps one entry a minute of all wrong tokens on a listener, and tells known ones apart', () => {
    const { store, audit } = start();
    const wrong: AuditRecord = { ...refused, actor: 'anonymous', role: null, status: 401, code: 'unauthorized' };
    for (const path of ['/deploy', '/swap', '/rollback']) audit.record({ ...wrong, path });
    audit.record({ ...wrong, listener: 'tcp' });
    audit.record({ ...wrong, actor: 'token:ci', token_id: 'tok-00000001' });
    audit.close();
    expect(store.entries.map(({ actor, listener, count }) => [actor, listener, count])).toEqual([
      ['anonymous', 'socket', 3],
      ['anonymous', 'tcp', 1],
      ['token:ci', 'socket', 1],
    ]);
  });

  it('cannot be washed away by one who is refused again and again', () => {
    const { store, audit } = start();
    for (let count = 0; count < 1_000; count += 1) audit.record({ ...refused, path: `/apps/a${count}/start` });
    audit.record(deployed);
    audit.record({ ...refused, actor: 'token:other' });
    audit.close();
    const own = store.entries.filter(({ actor, code }) => actor === 'admin' && code !== null);
    expect(own).toHaveLength(LIMITS.audit_refusals_per_minute_max + 1);
    expect(own.reduce((sum, { count }) => sum + count, 0)).toBe(1_000);
    expect(store.entries.filter(({ code }) => code === null)).toHaveLength(1);
    expect(store.entries.filter(({ actor }) => actor === 'token:other')).toHaveLength(1);
  });

  it('says what a full disk keeps from it, and writes it in order when there is space', () => {
    const { store, log, audit } = start();
    store.failure = new DomainError('unavailable', 'There is no space left.');
    for (const operation_id of ['op-00000001', 'op-00000002']) audit.record({ ...deployed, operation_id });
    audit.record({ ...deployed, operation_id: 'op-00000002' });
    expect(log.error.mock.calls.map(([{ entry }]) => entry)).toMatchObject([
      { operation_id: 'op-00000001' },
      { operation_id: 'op-00000002' },
    ]);
    vi.advanceTimersByTime(70_000);
    expect(store.entries).toEqual([]);
    store.failure = null;
    vi.advanceTimersByTime(10_000);
    expect(store.entries.map(({ operation_id, count }) => [operation_id, count])).toEqual([
      ['op-00000001', 1],
      ['op-00000002', 2],
    ]);
    expect(log.info).toHaveBeenCalledOnce();
    audit.record({ ...deployed, operation_id: 'op-00000003' });
    expect(store.entries).toHaveLength(3);
    audit.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('tries once more what waits when the daemon stops', () => {
    const { store, audit } = start();
    store.failure = new Error('disk I/O error');
    audit.record(deployed);
    store.failure = null;
    audit.close();
    expect(store.entries).toMatchObject([deployed]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('waits with a bounded number of entries, and says which are lost', () => {
    const { store, log, audit } = start();
    store.failure = new Error('disk I/O error');
    for (let count = 0; count < 1_001; count += 1) audit.record({ ...deployed, operation_id: `op-${10_000_000 + count}` });
    expect(log.error).toHaveBeenLastCalledWith(
      { entry: expect.objectContaining({ operation_id: 'op-10001000' }) },
      expect.stringContaining('is lost'),
    );
    audit.close();
  });
});

/** A daemon, and what it wrote to its audit log. */
async function start(options: TestServerOptions = {}) {
  const entries: AuditRecord[] = [];
  const daemon = await startTestServer({
    ...options,
    server: { recordAudit: (entry) => entries.push(entry), ...options.server },
  });
  return { daemon, entries, [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose]() };
}

describe.each(Object.keys(routes) as RouteName[])('%s', (name) => {
  const { method, kind, apps, path } = routes[name];

  it(method === 'GET' ? 'leaves no entry' : 'leaves one entry with who, what and with what result', async () => {
    await using bed = await start();
    await send({ socketPath: bed.daemon.socketPath }, goodRequest(name));
    if (method === 'GET') {
      expect(bed.entries).toEqual([]);
      return;
    }
    expect(bed.entries).toEqual([
      {
        ...{ actor: 'admin', role: 'admin', token_id: null, listener: 'socket', action: name, method },
        path: goodRequest(name).path.split('?', 1)[0],
        app_name: apps === 'named' || apps === 'operation' ? 'shop' : null,
        operation_id: kind === 'operation' || apps === 'operation' ? sampleOperation.id : null,
        ...{ status: kind === 'operation' ? 202 : 200, code: null, message: expect.stringMatching(/\w.*\.$/) },
      },
    ]);
  });

  if (method !== 'GET') {
    it('leaves one entry where it is refused, without anything of what was sent', async () => {
      const { tokens } = testTokens();
      const viewer = tokens.create({ name: 'ci', role: 'viewer' }, 'admin');
      await using bed = await start({ server: { tokens } });
      const ask = async (headers: Record<string, string>, change: object = {}) =>
        send(
          { port: bed.daemon.port },
          { ...goodRequest(name), ...change, headers: { ...goodRequest(name).headers, ...headers } as Record<string, string> },
        );
      const secret = 'hunter2-in-a-place-where-it-does-not-belong';
      await ask({ Authorization: `Bearer ${viewer.token}` });
      await ask({ Authorization: `Bearer ${secret}` });
      await ask({ Origin: 'http://evil.example' });
      await ask({}, { path: `${goodRequest(name).path}?${secret}=1` });
      await ask(
        {},
        { path: path.replace(/:[a-z]+/, encodeURIComponent(`${secret} `)), body: JSON.stringify({ [secret]: secret }) },
      );
      const common = { action: name, listener: 'tcp' };
      expect(bed.entries.slice(0, 4)).toMatchObject([
        { ...common, actor: 'token:ci', role: 'viewer', token_id: viewer.id, status: 403, code: 'forbidden' },
        { ...common, actor: 'anonymous', role: null, token_id: null, status: 401, code: 'unauthorized' },
        { ...common, actor: 'anonymous', status: 403, code: 'forbidden' },
        { ...common, actor: 'admin', status: 400, code: 'invalid_request', message: 'The request is not valid.' },
      ]);
      const all = JSON.stringify(bed.entries);
      for (const text of [secret, viewer.token, TEST_TOKEN]) expect(all).not.toContain(text);
    });
  }
});

describe('an operation', () => {
  const waited = (): ReturnType<typeof goodRequest> => ({ ...goodRequest('swap'), path: '/swap?wait=1' });

  it('is told of when it has begun, whatever becomes of it', async () => {
    const waiting = Promise.withResolvers<void>();
    await using bed = await start({
      server: {
        waitForOperation: () => {
          waiting.resolve();
          return new Promise(() => undefined);
        },
      },
    });
    void send({ port: bed.daemon.port }, waited()).catch(() => undefined);
    await waiting.promise;
    expect(bed.entries).toMatchObject([{ action: 'swap', status: 202, operation_id: sampleOperation.id }]);
  });

  it('is told of once, although its caller is answered with its failure', async () => {
    const waitForOperation = async () => ({ ...sampleOperation, state: 'failed' as const, ended_at: sampleOperation.created_at });
    await using bed = await start({ server: { waitForOperation } });
    expect((await send({ port: bed.daemon.port }, waited())).status).toBe(422);
    expect(bed.entries).toHaveLength(1);
  });

  it('that could not begin is told of without one', async () => {
    const swap = () => Promise.reject(new DomainError('conflict', 'The app shop is busy.', { operation_id: 'op-busy00000000' }));
    await using bed = await start({ handlers: { swap } });
    await send({ port: bed.daemon.port }, goodRequest('swap'));
    expect(bed.entries).toMatchObject([
      { status: 409, code: 'conflict', app_name: 'shop', operation_id: null, message: 'The app shop is busy.' },
    ]);
  });
});
