import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePort } from '../../bed/local-registry.ts';
import { type Entry, type OpenStream, openDownload, openEvents, openUpload, openWebSocket } from './open-streams.ts';

const SERVER = join(import.meta.dirname, '../../fixtures/tiny/server.mjs');
const LENGTH_MS = 500;
const OPEN: [string, (entry: Entry, end: Promise<void>) => OpenStream][] = [
  ['server-sent events', (entry) => openEvents(entry, LENGTH_MS)],
  ['a download', (entry) => openDownload(entry, LENGTH_MS)],
  ['an upload', (entry) => openUpload(entry, 'id', LENGTH_MS)],
  ['a WebSocket', (entry, end) => openWebSocket(entry, end)],
];

let tiny: ChildProcess;
let entry: Entry;

beforeEach(async () => {
  const port = await freePort();
  tiny = spawn(process.execPath, [SERVER], { env: { PORT: String(port) }, stdio: ['ignore', 'pipe', 'inherit'] });
  entry = { address: '127.0.0.1', port, path: '/', host: 'tiny.test' };
  for await (const chunk of tiny.stdout!.iterator({ destroyOnReturn: false })) // a pipe, as asked for
    if (String(chunk).includes('listens')) break;
});

afterEach(() => tiny.kill('SIGKILL'));

describe.each(OPEN)('%s', (_name, open) => {
  it('ends well where nobody interrupts it', async () => {
    const left = Promise.withResolvers<void>();
    const { begun, ended } = open(entry, left.promise);
    await begun;
    left.resolve();
    await ended;
  });

  it('tells when it is cut', async () => {
    const { begun, ended } = open(entry, new Promise(() => undefined));
    const said = expect(ended).rejects.toThrow();
    await begun;
    tiny.kill('SIGKILL');
    await said;
  });
});
