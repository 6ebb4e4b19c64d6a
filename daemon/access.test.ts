/** Tokens and the audit log in the program itself, over its death and with its real database. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DaemonClient, unixSocketTransport } from './api/client.ts';
import { Sealed } from './secrets/sealed.ts';
import { DAEMON_TOKEN, startServing, writeConfig } from './test-daemon.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nextdeploy-access-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

it('a token outlives the daemon, is limited to its app, leaves its trace, and is dead when it is revoked', async () => {
  const { file, socket } = writeConfig(directory, 3);
  const as = (token: string) => new DaemonClient({ transport: unixSocketTransport(socket), token: new Sealed(token) });
  const admin = as(DAEMON_TOKEN);
  const first = await startServing(file);
  const made = await admin.call('createToken', { body: { name: 'ci', role: 'operator', apps: ['shop'] } });
  const ci = as(made.token);
  expect(await ci.call('listApps')).toEqual([]);
  expect(await ci.call('listEvents')).toEqual([]);
  expect((await admin.call('listEvents')).map(({ kind }) => kind)).toContain('daemon.started');
  await expect(ci.call('startApp', { params: { name: 'blog' } })).rejects.toMatchObject({ code: 'forbidden' });
  await expect(ci.call('startApp', { params: { name: 'shop' } })).rejects.toMatchObject({ code: 'not_found' });
  await expect(ci.call('listTokens')).rejects.toMatchObject({ code: 'forbidden' });
  first.child.kill('SIGKILL');
  await first.ended;

  const second = await startServing(file);
  expect(await ci.call('listApps')).toEqual([]);
  expect((await admin.call('listTokens'))[0]?.last_used_at).not.toBeNull();
  const open = Promise.withResolvers<void>();
  const stream = ci.stream('events', { onOpen: () => open.resolve() });
  const next = stream.next().catch((error: unknown) => error);
  await open.promise;
  expect(await admin.call('revokeToken', { params: { id: made.id } })).toMatchObject({ state: 'revoked', revoked_by: 'admin' });
  expect(await next).toMatchObject({ code: 'unauthorized' });
  await expect(ci.call('listApps')).rejects.toMatchObject({
    code: 'unauthorized',
    message: expect.stringContaining('was revoked'),
  });
  const audit = await admin.call('listAudit');
  expect(audit.map(({ actor, action, app_name, status }) => [actor, action, app_name, status])).toEqual([
    ['admin', 'revokeToken', null, 200],
    ['token:ci', 'startApp', 'shop', 404],
    ['token:ci', 'startApp', 'blog', 403],
    ['admin', 'createToken', null, 200],
  ]);
  expect(await admin.call('listAudit', { query: { actor: 'token:ci', result: 'ok' } })).toEqual([]);
  second.child.kill('SIGTERM');
  expect((await second.ended).code).toBe(0);

  const state = join(directory, 'state');
  const files = readdirSync(state).filter((name) => name.startsWith('nextdeploy.db'));
  expect(files).toContain('nextdeploy.db');
  const everything = [first.output(), second.output(), ...files.map((name) => readFileSync(join(state, name), 'latin1'))].join(
    '\n',
  );
  for (const secret of [made.token.slice(3), DAEMON_TOKEN]) expect(everything.includes(secret)).toBe(false);
});
