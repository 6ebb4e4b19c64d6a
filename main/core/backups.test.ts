import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import type { DaemonClient } from '../../daemon/api/client.ts';
import type { ChannelName, ChannelUp } from '../../preload/contract.ts';
import { sendBackup, takeBackup } from './backups.ts';
import type { ChannelContext } from './link.ts';

const PASSPHRASE = 'correct horse battery staple';
const REPORT = {
  ...{
    applied: false,
    restore_id: null,
    backup: { created_at: '2026-11-28T12:00:00.000Z', hostname: 'web-1', version: '0.1.0' },
  },
  ...{ changes: [], unchanged: 3, apps: [], missing_images: [], kept_in: [] },
};

/** A window's end of a channel: what it gets, and what it says. */
function channel<N extends ChannelName>(onSend: (message: never) => void) {
  const abort = new AbortController();
  let listener: (message: ChannelUp<N>) => void = () => undefined;
  const context = {
    signal: abort.signal,
    send: async (message: never) => onSend(message),
    onMessage: (given: typeof listener) => {
      listener = given;
    },
  } as unknown as ChannelContext<N>; // what a link gives a handler, and nothing else
  return { abort, context, say: (message: ChannelUp<N>) => listener(message) };
}

/** Of a daemon's client what backups use. */
const clientOf = (part: object) => part as Pick<DaemonClient, 'download' | 'upload'>;

it('sends a backup in chunks, and no more than a window ahead of what was taken', async () => {
  const file = randomBytes(9 * 1024 * 1024);
  const got: Buffer[] = [];
  let unread = 0;
  let most = 0;
  const window = channel<'backup.create'>(({ data }: { data: string }) => {
    const chunk = Buffer.from(data, 'base64');
    got.push(chunk);
    unread += chunk.length;
    most = Math.max(most, unread);
    setImmediate(() => {
      unread -= chunk.length;
      window.say({ bytes: chunk.length });
    });
  });
  const client = clientOf({ download: async () => Readable.from([file.subarray(0, 1_000_003), file.subarray(1_000_003)]) });
  await sendBackup(client, { host: 'a', passphrase: PASSPHRASE }, window.context);
  expect(Buffer.concat(got).equals(file)).toBe(true);
  expect(most).toBeLessThanOrEqual(4 * 1024 * 1024 + 256 * 1024);
});

it('fails when the file is cut off, and asks for nothing with a passphrase that is too short', async () => {
  const cut = Readable.from(
    (async function* () {
      yield Buffer.from('age');
      throw new Error('cut off');
    })(),
  );
  const { context } = channel<'backup.create'>(() => undefined);
  const client = clientOf({ download: async () => cut });
  await expect(sendBackup(client, { host: 'a', passphrase: PASSPHRASE }, context)).rejects.toThrow('cut off');
  const refusing = clientOf({
    download: () => {
      throw new Error('it must not be asked');
    },
  });
  const short = sendBackup(refusing, { host: 'a', passphrase: 'hunter2' }, context);
  await expect(short).rejects.toMatchObject({ code: 'invalid_request', details: [{ field: 'passphrase' }] });
  await expect(short).rejects.not.toThrow('hunter2');
});

it('sends a file with its passphrase before it, and gives the report back', async () => {
  const file = randomBytes(1_500_000);
  const told: unknown[] = [];
  const window = channel<'backup.restore'>((message) => told.push(message));
  let asked: unknown;
  let body = Buffer.alloc(0);
  const client = clientOf({
    upload: async (name: string, source: Readable, { signal: _signal, ...options }: { signal: unknown }) => {
      asked = [name, options];
      body = await buffer(source);
      return REPORT;
    },
  });
  const input = { host: 'a', passphrase: PASSPHRASE, apply: true, size_bytes: file.length };
  const taken = takeBackup(client, input, window.context);
  await new Promise(setImmediate);
  window.say({ kind: 'bytes', data: file.subarray(0, 700_000).toString('base64') });
  window.say({ kind: 'bytes', data: file.subarray(700_000).toString('base64') });
  window.say({ kind: 'end' });
  await taken;
  expect(asked).toEqual(['restoreBackup', { size_bytes: PASSPHRASE.length + 1 + file.length, query: { apply: 'true' } }]);
  expect(body.equals(Buffer.concat([Buffer.from(`${PASSPHRASE}\n`), file]))).toBe(true);
  expect(told).toEqual([
    { kind: 'taken', bytes: 700_000 },
    { kind: 'taken', bytes: 800_000 },
    { kind: 'report', report: REPORT },
  ]);
});

it('gives up with the channel', async () => {
  const { context, abort } = channel<'backup.restore'>(() => undefined);
  const client = clientOf({ upload: (_name: string, source: Readable) => buffer(source) });
  const taken = takeBackup(client, { host: 'a', passphrase: PASSPHRASE, apply: false, size_bytes: 5 }, context);
  await new Promise(setImmediate);
  abort.abort(new Error('the window was closed'));
  await expect(taken).rejects.toThrow('the window was closed');
});
