/** Backup and restore by the program itself, from one server to another, over its API. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DaemonClient, unixSocketTransport } from './api/client.ts';
import { Sealed } from './secrets/sealed.ts';
import { DAEMON_TOKEN, startServing, writeConfig } from './test-daemon.ts';

const PASSPHRASE = 'correct horse battery';
const NEEDLE = 'needle-2b81';
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nextdeploy-restore-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

async function serve(name: string, place: number) {
  const own = join(directory, name);
  mkdirSync(own, { recursive: true });
  const { file, socket } = writeConfig(own, place);
  const daemon = await startServing(file);
  const client = new DaemonClient({ transport: unixSocketTransport(socket), token: new Sealed(DAEMON_TOKEN) });
  const stop = async () => {
    client.close();
    daemon.child.kill('SIGTERM');
    await daemon.ended;
  };
  return { own, file, daemon, client, stop };
}

const upload = (backup: Buffer, passphrase: string = PASSPHRASE) => Readable.from([Buffer.from(`${passphrase}\n`), backup]);

it('moves secrets and tokens to another server, which starts anew with them', { timeout: 120_000 }, async () => {
  const first = await serve('first', 3);
  await first.client.call('syncSecrets', { body: { scope: 'global', secrets: { TOKEN: NEEDLE } } });
  await first.client.call('createToken', { body: { name: 'ci', role: 'viewer' } });
  const backup = Buffer.concat(
    await (await first.client.download('createBackup', { body: { passphrase: PASSPHRASE } })).toArray(),
  );
  expect((await first.client.call('listEvents')).map(({ kind }) => kind)).toContain('backup.created');
  await expect(first.client.download('createBackup', { body: { passphrase: 'short' } })).rejects.toMatchObject({
    code: 'invalid_request',
    message: expect.stringContaining('passphrase'),
  });
  const [listed] = await first.client.call('listSecrets');
  await first.stop();

  const second = await serve('second', 4);
  const rehearsed = await second.client.upload('restoreBackup', upload(backup));
  expect(rehearsed).toMatchObject({
    applied: false,
    changes: expect.arrayContaining([expect.objectContaining({ kind: 'secret' })]),
  });
  await expect(second.client.upload('restoreBackup', upload(backup, 'another passphrase'))).rejects.toMatchObject({
    code: 'unprocessable',
  });
  await expect(second.client.upload('restoreBackup', Readable.from(['no line']))).rejects.toMatchObject({
    code: 'invalid_request',
  });
  expect(await second.client.call('listSecrets')).toEqual([]);

  const applied = await second.client.upload('restoreBackup', upload(backup), { query: { apply: 'true' } });
  expect(applied.applied).toBe(true);
  const { code, output } = await second.daemon.ended;
  // The unit starts it again after this one.
  expect(code).toBe(75);
  second.client.close();

  const again = await serve('second', 4);
  expect(await again.client.call('listSecrets')).toEqual([listed]);
  expect((await again.client.call('listTokens')).map(({ name }) => name)).toEqual(['ci']);
  expect(applied.kept_in.map((path) => existsSync(path))).toEqual(applied.kept_in.map(() => true));
  await again.stop();
  const { output: later } = await again.daemon.ended;
  for (const text of [output, later, first.daemon.output()]) {
    expect(text).not.toContain(PASSPHRASE);
    expect(text).not.toContain(NEEDLE);
  }
  const database = readFileSync(join(second.own, 'state', 'nextdeploy.db'));
  for (const secret of [PASSPHRASE, NEEDLE]) expect(database.includes(secret)).toBe(false);
});
