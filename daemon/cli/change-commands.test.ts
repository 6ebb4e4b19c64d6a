import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ended, ending, nextdeploy } from './test-command.ts';

describe('a change', () => {
  it.each([
    [['rollback', 'shop'], 'rollback', { body: { app_name: 'shop', code_only: false } }],
    [['rollback', 'shop', 'r1', '--code-only'], 'rollback', { body: { app_name: 'shop', release: 'r1', code_only: true } }],
    [['scale', 'shop', '4'], 'scaleApp', { params: { name: 'shop' }, body: { replicas: 4 } }],
    [['maintenance', 'shop', 'on'], 'setMaintenance', { params: { name: 'shop' }, body: { enabled: true } }],
    [
      ['maintenance', 'shop', 'on', '--message', 'Back at noon.'],
      'setMaintenance',
      { body: { enabled: true, message: 'Back at noon.' } },
    ],
    [['maintenance', 'shop', 'off'], 'setMaintenance', { body: { enabled: false } }],
    [['restart', 'shop'], 'restartApp', { params: { name: 'shop' } }],
    [['keep', 'op-0123456789ab'], 'keepRelease', { params: { id: 'op-0123456789ab' } }],
  ])('of %j is what the daemon is asked for', async (args, name, request) => {
    const { code, calls } = await nextdeploy(args, ending(ended));
    expect({ code, call: calls[0] }).toMatchObject({ code: 0, call: { name, request } });
    const json = await nextdeploy([...args, '--json'], ending(ended));
    expect(JSON.parse(json.out)).toEqual(ended);
  });

  it.each([
    [['scale', 'shop', 'many'], 'The number of replicas takes a whole number, not "many".'],
    [['scale', 'shop', '9'], 'use a whole number from 1 to 8'],
    [['scale', 'shop'], "missing required argument 'replicas'"],
    [['maintenance', 'shop', 'maybe'], 'Allowed choices are on, off'],
    [['maintenance', 'shop', 'off', '--message', 'x'], '--message goes with maintenance APP on'],
    [['maintenance', 'shop', 'on', '--message', 'a\u001b[2J'], 'Field "message" is not valid'],
    [['cancel', 'shop'], 'use an operation id such as op-'],
    [['rollback', 'shop', 'v1'], 'use a release number such as r12'],
    [['operations', '--state', 'odd'], 'Allowed choices are running, succeeded, failed, rolled_back, cancelled, stuck'],
  ])('of %j ends with 2 and says %j', async (args, message) => {
    expect(await nextdeploy(args)).toMatchObject({ code: 2, out: '', err: expect.stringContaining(message) });
  });
});

describe('remove', () => {
  it('asks, and removes nothing unless the name is typed', async () => {
    const answering = (answer: string) => Object.assign(Readable.from([answer]), { isTTY: true });
    for (const answer of ['\n', 'y\n', 'shops\n']) {
      const refused = await nextdeploy(['remove', 'shop'], { stdin: answering(answer) });
      expect(refused).toMatchObject({ code: 2, calls: [], err: expect.stringContaining('the answer was not shop') });
    }
    const removed = await nextdeploy(['remove', 'shop'], { ...ending(ended), stdin: answering('shop\n') });
    expect(removed).toMatchObject({ code: 0, calls: [{ name: 'removeApp', request: { query: { purge: true } } }, {}] });
  });

  it('removes nothing where nobody can be asked, unless it is told not to ask', async () => {
    const unasked = await nextdeploy(['remove', 'shop', '--purge'], { stdin: Readable.from(['shop\n']) });
    expect(unasked).toMatchObject({ code: 2, calls: [], err: expect.stringContaining('--yes') });
    for (const flags of [['--yes'], ['--purge', '--yes']]) {
      const { code, calls } = await nextdeploy(['remove', 'shop', ...flags], ending(ended));
      expect({ code, calls }).toMatchObject({ code: 0, calls: [{ name: 'removeApp', request: { query: { purge: true } } }, {}] });
    }
  });
});
