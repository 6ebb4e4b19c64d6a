import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SecretsChanged } from '../contract/secrets.ts';
import { ended, ending, nextdeploy } from './test-command.ts';

let directory: string;
const file = () => join(directory, '.env');
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'nextdeploy-cli-'));
  writeFileSync(file(), 'A=one\n# comment\nB="two words"\n');
});
afterAll(() => rmSync(directory, { recursive: true }));

const piped = (text: string) => Readable.from([text]);
const changed = (more: Partial<SecretsChanged> = {}): SecretsChanged => ({
  dry_run: false,
  changes: [
    { name: 'A', change: 'added', version: 1, fingerprint: '0123456789abcdef' },
    { name: 'B', change: 'removed', version: null, fingerprint: null },
  ],
  ...{ apps: ['shop'], rolled: [], not_rolled: [] },
  ...more,
});
const answering = (answer: SecretsChanged) => ({
  handlers: { syncSecrets: async () => answer, removeSecret: async () => answer },
});

describe('secrets set', () => {
  it('takes its value from standard input, without the line end, and shows it nowhere', async () => {
    const { code, out, err, calls } = await nextdeploy(['secrets', 'set', 'TOKEN', '--app', 'shop'], {
      stdin: piped('hunter2\n'),
      ...answering(changed()),
    });
    expect({ code, body: calls[0]?.request.body }).toMatchObject({
      code: 0,
      body: { scope: 'app', app_name: 'shop', secrets: { TOKEN: 'hunter2' }, mode: 'merge', dry_run: false, roll: false },
    });
    expect(out + err).not.toContain('hunter2');
    expect(out).toBe(
      '+ A added (v1)\n- B removed\nshop: takes it over with the next release; add --roll to bring one up at once.\n',
    );
  });

  it.each([
    [['TOKEN'], 'Say whose they are'],
    [['TOKEN', '--app', 'shop', '--global'], 'Say whose they are'],
    [['TO-KEN', '--global'], 'is no name of a variable'],
    [['TOKEN', '--app', 'Shop'], 'Field "app_name" is not valid'],
  ])('%j is refused', async (args, message) => {
    const result = await nextdeploy(['secrets', 'set', ...args], { stdin: piped('x') });
    expect(result).toMatchObject({ code: 2, calls: [], err: expect.stringContaining(message) });
  });

  it('sets nothing without a value', async () => {
    const result = await nextdeploy(['secrets', 'set', 'TOKEN', '--global'], { stdin: piped('') });
    expect(result).toMatchObject({ code: 2, calls: [], err: expect.stringContaining('TOKEN got no value') });
  });
});

describe('secrets sync', () => {
  it('reads a .env file, or standard input', async () => {
    const args = ['--project', 'web', '--replace', '--dry-run'];
    const read = await nextdeploy(['secrets', 'sync', file(), ...args], answering(changed({ dry_run: true })));
    const body = { scope: 'project', project: 'web', secrets: { A: 'one', B: 'two words' }, mode: 'replace', dry_run: true };
    expect(read.calls[0]?.request.body).toMatchObject(body);
    expect(read.out).toContain('Nothing was changed: a dry run. It concerns shop.');
    const through = await nextdeploy(['secrets', 'sync', '-', ...args], {
      stdin: piped('A=one\nB=two words'),
      ...answering(changed()),
    });
    expect(through.calls[0]?.request.body).toMatchObject(body);
    const odd = await nextdeploy(['secrets', 'sync', '-', '--global'], { stdin: piped('A=one\nhunter2\n') });
    expect(odd).toMatchObject({ code: 2, calls: [], err: expect.stringContaining('Standard input, line 2: write NAME=value') });
    expect(odd.err).not.toContain('hunter2');
    const empty = await nextdeploy(['secrets', 'sync', '-', '--global'], { stdin: piped('# nothing\n') });
    expect(empty).toMatchObject({ code: 2, calls: [], err: expect.stringContaining('no line NAME=value') });
  });

  it('follows the new releases to their end, and fails when an app does not get one', async () => {
    const rolled = [{ app_name: 'shop', operation_id: ended.id }];
    const options = { ...ending(ended), handlers: { ...ending(ended).handlers, syncSecrets: async () => changed({ rolled }) } };
    const done = await nextdeploy(['secrets', 'sync', file(), '--global', '--roll'], options);
    expect(done).toMatchObject({ code: 0, out: expect.stringContaining('succeeded') });
    expect(done.out).not.toContain('next release');
    const busy = changed({ not_rolled: [{ app_name: 'blog', reason: 'The app blog is busy with op-1.' }] });
    const left = await nextdeploy(['secrets', 'sync', file(), '--global', '--roll'], answering(busy));
    expect(left).toMatchObject({ code: 5, err: expect.stringMatching(/not every app .* blog: The app blog is busy/) });
  });
});

describe('secrets', () => {
  it('are removed once their name was typed', async () => {
    const answer = (text: string) => ({ stdin: Object.assign(piped(text), { isTTY: true }), ...answering(changed()) });
    const args = ['secrets', 'remove', 'TOKEN', '--app', 'shop'];
    expect(await nextdeploy(args, answer('token\n'))).toMatchObject({
      code: 2,
      calls: [],
      err: expect.stringContaining('Nothing was removed'),
    });
    const { code, calls } = await nextdeploy(args, answer('TOKEN\n'));
    expect({ code, query: calls[0]?.request.query }).toMatchObject({
      code: 0,
      query: { scope: 'app', app_name: 'shop', name: 'TOKEN' },
    });
    expect(await nextdeploy(args, { stdin: piped('TOKEN\n') })).toMatchObject({ code: 2, err: expect.stringContaining('--yes') });
  });

  it('are listed by name, and the key is rotated', async () => {
    const listed = await nextdeploy(['secrets', 'list', '--app', 'shop'], {
      handlers: {
        listSecrets: async () => [
          {
            ...{
              scope: 'app',
              project: null,
              app_name: 'shop',
              name: 'TOKEN',
              version: 3,
              fingerprint: '0123456789abcdef',
              origin: null,
            },
            ...{ updated_at: new Date().toISOString(), updated_by: 'ana', versions: [] },
          },
        ],
      },
    });
    expect(listed.calls[0]?.request.query).toEqual({ app_name: 'shop' });
    expect(listed.out).toMatch(/TOKEN +app shop +v3 +0123456789abcdef +.* ana/);
    const rotated = await nextdeploy(['secrets', 'rotate-key']);
    expect(rotated).toMatchObject({ code: 0, out: expect.stringContaining('new master key 0123abcd') });
  });
});
