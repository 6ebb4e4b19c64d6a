import { describe, expect, it } from 'vitest';
import { failedOperation } from '../api/test-server.ts';
import type { Operation } from '../contract/domain.ts';
import { ended, ending, nextdeploy } from './test-command.ts';

describe('an error', () => {
  it.each([
    [['status', 'Shop'], 'invalid_request', 2],
    [['nonsense'], 'invalid_request', 2],
    [['swap', 'shop'], 'invalid_request', 2],
    [['images'], 'invalid_request', 2],
    [['events', '--tail', 'some'], 'invalid_request', 2],
    [['apps', '--token-file', '/nowhere'], 'invalid_request', 2],
  ])('of %j is one JSON object on standard error with --json', async (args, code, exit_code) => {
    const { code: exited, out, err } = await nextdeploy([...args, '--json']);
    expect({ exited, out }).toEqual({ exited: exit_code, out: '' });
    expect(JSON.parse(err)).toMatchObject({ success: false, message: expect.stringMatching(/^\S/), payload: { code } });
  });

  it('of an operation is one too, beside the operation', async () => {
    const { code, out, err } = await nextdeploy(['swap', 'shop', 'shop:v2', '--json'], ending(failedOperation));
    expect(code).toBe(6);
    expect(JSON.parse(out)).toEqual(failedOperation);
    expect(JSON.parse(err)).toEqual({
      success: false,
      message: failedOperation.error?.message,
      payload: { code: 'unprocessable', operation_id: failedOperation.id },
    });
  });

  it.each([
    [
      ['--env', '1BAD=x'],
      '"1BAD" is no name of a variable; use letters, digits and underscores, 256 at most, not starting with a digit',
    ],
    [['--drain', '1d'], 'use a whole number of milliseconds from 0 to 600000'],
  ])('names what %j may be', async (flags, message) => {
    const { out, err } = await nextdeploy(['deploy', 'shop', '--image', 'shop:v1', ...flags]);
    expect({ out, err }).toEqual({ out: '', err: expect.stringContaining(message) });
  });

  it('that is long is cut in tables, with a word on where it stands in full', async () => {
    const message = `it failed because ${'of this and '.repeat(30)}that`;
    const long: Operation = { ...failedOperation, error: { message, step: 'probe' } };
    const handlers = { listOperations: async () => [long, ended] };
    const { out } = await nextdeploy(['operations'], { handlers });
    expect(out).toMatch(/ it [^\n]*…\nop-/);
    expect(out).toContain('In full: nextdeploy operation ID\n');
    const lines = out.split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(80);
    expect((await nextdeploy(['operations'], { handlers: { listOperations: async () => [ended] } })).out).not.toContain(
      'In full',
    );
  });

  it('that a step repeats is said once', async () => {
    const message = 'shop:v2 never became healthy.';
    const [validate, probe] = failedOperation.steps;
    const repeated = {
      ...failedOperation,
      steps: [validate, { ...probe, detail: message }],
      error: { message, step: 'probe' },
      evidence: { ...failedOperation.evidence, reason: message },
    } as Operation; // two steps are there
    const { out, err } = await nextdeploy(['swap', 'shop', 'shop:v2'], ending(repeated));
    expect(`${out}${err}`.split(message)).toHaveLength(2);
    const shown = await nextdeploy(['operation', repeated.id], { handlers: { getOperation: async () => repeated } });
    expect(shown.out.split(message)).toHaveLength(2);
  });
});
