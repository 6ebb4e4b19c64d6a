import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sampleEvent, sampleRestore } from '../api/test-server.ts';
import { nextdeploy } from './test-command.ts';

const PASSPHRASE = 'correct horse battery';
let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nextdeploy-backup-cli-'));
  file = join(directory, 'server.backup');
});
afterEach(() => rmSync(directory, { recursive: true }));

const piped = (text: string) => Readable.from([Buffer.from(text)]);
const cut = async () =>
  Readable.from(
    (async function* () {
      yield Buffer.from('half a backup');
      throw new Error('the disk failed');
    })(),
  );

/** A terminal on which these lines are typed, each after a question. */
function typing(...lines: string[]) {
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (isRaw: boolean) => modes.push(isRaw) });
  const modes: boolean[] = [];
  const answer = () => {
    const line = lines.shift();
    if (line !== undefined) setImmediate(() => stdin.write(`${line}\r`));
  };
  stdin.on('newListener', (name) => name === 'data' && answer());
  return { stdin, modes };
}

describe('nextdeploy backup', () => {
  it('writes the file whole, for nobody else to read', async () => {
    const { code, out, calls } = await nextdeploy(['backup', file, '--passphrase-file', '-'], {
      stdin: piped(`${PASSPHRASE}\n`),
    });
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('Keep the passphrase elsewhere') });
    expect(readFileSync(file, 'utf8')).toBe('a backup');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory)).toEqual(['server.backup']);
    expect(calls.map(({ request }) => request.body)).toEqual([{ passphrase: PASSPHRASE }]);
  });

  it('asks twice, and shows nothing of what is typed', async () => {
    const { stdin, modes } = typing(`${PASSPHRASE}x\u007f`, PASSPHRASE);
    const { code, out, err } = await nextdeploy(['backup', file], { stdin });
    expect({ code, err }).toMatchObject({ code: 0 });
    expect(out + err).not.toContain(PASSPHRASE);
    expect(modes).toEqual([true, false, true, false]);
    const other = typing(PASSPHRASE, 'another passphrase');
    expect(await nextdeploy(['backup', file, '--force'], { stdin: other.stdin })).toMatchObject({
      code: 2,
      err: expect.stringContaining('not the same'),
      calls: [],
    });
  });

  it('replaces no file but with --force, and asks the daemon for nothing then', async () => {
    writeFileSync(file, 'mine');
    const passphrase = join(directory, 'passphrase');
    writeFileSync(passphrase, `${PASSPHRASE}\n`);
    const refused = await nextdeploy(['backup', file, '--passphrase-file', passphrase]);
    expect(refused).toMatchObject({ code: 5, err: expect.stringContaining('--force'), calls: [] });
    expect(readFileSync(file, 'utf8')).toBe('mine');
    expect((await nextdeploy(['backup', file, '--force', '--passphrase-file', passphrase])).code).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe('a backup');
  });

  it('leaves nothing where the backup was cut off, or could not be made', async () => {
    for (const createBackup of [cut, () => Promise.reject(new Error('no'))]) {
      const options = { handlers: { createBackup }, stdin: piped(PASSPHRASE) };
      const { code } = await nextdeploy(['backup', file, '--passphrase-file', '-'], options);
      expect(code).not.toBe(0);
      expect(readdirSync(directory)).toEqual([]);
    }
  });

  it('refuses a passphrase that is too short, and asks nobody where there is no terminal', async () => {
    const short = await nextdeploy(['backup', file, '--passphrase-file', '-'], { stdin: piped('short\n') });
    expect(short).toMatchObject({ code: 2, err: expect.stringContaining('at least 12 characters') });
    expect(await nextdeploy(['backup', file])).toMatchObject({ code: 2, err: expect.stringContaining('--passphrase-file') });
  });
});

describe('nextdeploy restore', () => {
  const restore = (handlers: object, ...flags: string[]) => {
    writeFileSync(file, 'the file');
    const args = ['restore', file, '--passphrase-file', '-', ...flags];
    return nextdeploy(args, { stdin: piped(`${PASSPHRASE}\n`), handlers });
  };

  it('sends passphrase and file, and shows what would change', async () => {
    let sent = '';
    const { code, out } = await restore({
      restoreBackup: async ({ upload, query }: { upload: Readable; query: object }) => {
        expect(query).toEqual({});
        for await (const chunk of upload) sent += String(chunk);
        return sampleRestore;
      },
    });
    expect(code).toBe(0);
    expect(sent).toBe(`${PASSPHRASE}\nthe file`);
    expect(out).toMatch(
      /Backup of server of .*\n[\s\S]*\+ +secret +global TOKEN[\s\S]*shop +stays stopped +Load shop:v1[\s\S]*Nothing was changed\. Add --apply/,
    );
  });

  it('for real waits until the daemon is back and has told that it is done', async () => {
    let asked = 0;
    const { code, out } = await restore(
      {
        restoreBackup: async ({ query }: { query: { apply?: boolean } }) => {
          expect(query.apply).toBe(true);
          return { ...sampleRestore, applied: true, restore_id: 'rst-1' };
        },
        listEvents: async () => {
          asked += 1;
          return asked < 2 ? [sampleEvent] : [{ ...sampleEvent, kind: 'state.restored', message: 'restored (rst-1)' }];
        },
      },
      '--apply',
    );
    expect({ code, asked }).toEqual({ code: 0, asked: 2 });
    expect(out).toMatch(/The state of the backup is in place\.\nWhat was there before is kept in \/var\/lib/);
  });
});
