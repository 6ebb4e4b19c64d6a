import { describe, expect, it } from 'vitest';
import type { TestServerOptions } from '../api/test-server.ts';
import { failedOperation, sampleEvent, sampleOperation, sampleRelease, sampleStep } from '../api/test-server.ts';
import type { Layer, Operation, OperationStep } from '../contract/domain.ts';
import { ended, ending, nextdeploy } from './test-command.ts';

const AT = sampleOperation.created_at;
const done = { state: 'done', started_at: AT, ended_at: AT } as const;
const operation = (...steps: OperationStep[]): Operation => ({ ...sampleOperation, steps });
const layer = (id: string, state: Layer['state'], current_bytes = 0): Layer => ({
  id,
  state,
  current_bytes,
  total_bytes: 2_000_000,
});
const pulling = (...layers: Layer[]) =>
  operation(sampleStep({ name: 'pull', state: 'running', started_at: AT, layers }), sampleStep({ name: 'switch' }));
const watching = operation(
  sampleStep({ name: 'switch', ...done }),
  sampleStep({ name: 'watch', state: 'running', started_at: new Date(Date.now() - 1_000).toISOString() }),
  sampleStep({ name: 'drain' }),
);

/** A daemon on which an operation goes through these states. */
const passing = (...states: Operation[]): TestServerOptions => ({
  handlers: {
    getOperation: async () => states[0] ?? ended,
    getRelease: async () => ({ ...sampleRelease, configuration: { ...sampleRelease.configuration, watch_ms: 60_000 } }),
  },
  streamHandlers: {
    events: async function* ({ context }) {
      for (const state of states) yield { ...sampleEvent, kind: 'operation.progress', operation: state };
      await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
    },
  },
});

describe('a pull', () => {
  const states = [
    pulling(layer('aaaa', 'downloading', 500_000), layer('bbbb', 'waiting')),
    pulling(layer('aaaa', 'downloading', 1_000_000), layer('bbbb', 'waiting')),
    pulling(layer('aaaa', 'done'), layer('bbbb', 'extracting')),
    ended,
  ];

  it('is a line for each change of a layer in a pipe', async () => {
    const { code, out } = await nextdeploy(['swap', 'shop', 'shop:v2'], passing(...states));
    expect(code).toBe(0);
    const lines = out.split('\n').filter((line) => line.startsWith('pull'));
    expect(lines).toEqual([
      'pull: running',
      'pull: layer aaaa downloading (2.0 MB)',
      'pull: layer aaaa done (2.0 MB)',
      'pull: layer bbbb extracting (2.0 MB)',
    ]);
  });

  it('is one line of progress on a terminal', async () => {
    const { out } = await nextdeploy(['swap', 'shop', 'shop:v2'], { ...passing(...states), isTTY: true });
    for (const part of ['0 of 2 layers, 500 kB of 4.0 MB', '0 of 2 layers, 1.0 MB of 4.0 MB', '1 of 2 layers, 4.0 MB of 4.0 MB'])
      expect(out).toContain(part);
  });
});

describe('a one-off command', () => {
  const hook = (more: Partial<OperationStep>) =>
    operation(sampleStep({ name: 'pre_switch', started_at: AT, ...more }), sampleStep({ name: 'switch' }));
  const output = Array.from({ length: 8 }, (_, index) => `migration ${index + 1}\u001b[2J`);

  it('has what it printed told with its end, and nothing in it moves the cursor', async () => {
    const { out } = await nextdeploy(['deploy', 'shop', '--image', 'shop:v2', '--reset'], {
      ...passing(hook({ state: 'running', output: output.slice(0, 1) }), hook({ ...done, output }), ended),
    });
    expect(out).toContain('pre_switch: running\npre_switch| migration 1[2J\n');
    expect(out).toContain('pre_switch| migration 8[2J\npre_switch: done (0.0 s)\n');
  });

  it('shows its last lines while it runs on a terminal, and all of them when the operation is shown', async () => {
    const running = hook({ state: 'running', output });
    const { out } = await nextdeploy(['restart', 'shop'], { ...passing(running, ended), isTTY: true });
    expect(out).toContain('    migration 8[2J\n');
    expect(out).not.toContain('migration 3');
    const shown = await nextdeploy(['operation', running.id], { handlers: { getOperation: async () => running } });
    expect(shown.out).toContain('\n    migration 1[2J\n');
  });
});

describe('the watch window', () => {
  it('counts down on a terminal, and says how to go back and how to end it', async () => {
    const { out } = await nextdeploy(['swap', 'shop', 'shop:v2'], { ...passing(watching, ended), isTTY: true });
    expect(out).toMatch(/● watch +running +\S+ s +5[0-9] s left\n/);
    expect(out).toContain('Go back with: nextdeploy cancel op-0123456789ab\n');
    expect(out).toContain('End the watch window with: nextdeploy keep op-0123456789ab\n');
  });

  it('is one line in a pipe, with its length', async () => {
    const { out } = await nextdeploy(['swap', 'shop', 'shop:v2'], passing(watching, watching, ended));
    expect(out.split('\n').filter((line) => line.startsWith('watch'))).toEqual([
      'watch: running for 60 s (goes back: nextdeploy cancel op-0123456789ab; ends the window: nextdeploy keep op-0123456789ab)',
    ]);
  });

  it('says the same when the operation is shown', async () => {
    const { out } = await nextdeploy(['operation', watching.id], { handlers: { getOperation: async () => watching } });
    expect(out).toContain('\nGo back with: nextdeploy cancel op-0123456789ab\nEnd the watch window with: ');
  });
});

describe('Ctrl-C', () => {
  /** Interrupts the wait for an operation that is in this state. */
  async function interrupted(state: Operation, ...flags: string[]) {
    const interrupt = new AbortController();
    const { handlers, ...rest } = passing(state);
    const getOperation = async () => {
      interrupt.abort();
      return state;
    };
    return nextdeploy(['start', 'shop', ...flags], {
      ...rest,
      handlers: { ...handlers, getOperation, startApp: async () => state },
      signal: interrupt.signal,
    });
  }

  it('ends the wait alone, and says how to cancel the operation', async () => {
    const { code, err, calls } = await interrupted(pulling());
    expect(code).toBe(7);
    expect(err).toContain('Interrupted; op-0123456789ab goes on. Cancel it with: nextdeploy cancel op-0123456789ab.');
    expect(calls.map(({ name }) => name)).not.toContain('cancelOperation');
  });

  it('says in the watch window how to go back and how to keep', async () => {
    const { err } = await interrupted(watching);
    expect(err).toContain('Go back with: nextdeploy cancel op-0123456789ab. End the watch window with: nextdeploy keep');
  });

  it('names the operation in JSON', async () => {
    const { err } = await interrupted(pulling(), '--json');
    expect(JSON.parse(err)).toMatchObject({ payload: { code: 'unavailable', operation_id: 'op-0123456789ab' } });
  });
});

describe('the exit code of an operation that ended as', () => {
  const ends = (state: Operation['state']): Operation => ({ ...ended, state });
  it.each([
    ['succeeded', 0, 'deploy of shop succeeded: r2 (shop:v2)\n', ''],
    ['failed', 6, '', 'error: deploy of shop failed; r1 serves.\n'],
    ['rolled_back', 6, '', 'error: deploy of shop was rolled back; r1 serves.\n'],
    ['stuck', 6, '', 'error: deploy of shop is stuck.\n'],
    ['cancelled', 5, '', 'error: deploy of shop was cancelled; r1 serves.\n'],
  ] as const)('%s is %i', async (state, code, last, complaint) => {
    const result = await nextdeploy(['swap', 'shop', 'shop:v2'], ending(ends(state)));
    expect(result.code).toBe(code);
    expect(result.out).toMatch(new RegExp(`${last.replace(/[()]/g, '\\$&')}$`));
    expect(result.err).toContain(complaint);
    const json = await nextdeploy(['swap', 'shop', 'shop:v2', '--json'], ending(ends(state)));
    expect({ code: json.code, out: JSON.parse(json.out) }).toEqual({ code, out: ends(state) });
  });

  it('is in the help', async () => {
    const { out } = await nextdeploy(['--help']);
    for (const part of ['5  conflict', '6  the operation failed, was rolled back', '130  interrupted'])
      expect(out).toContain(part);
  });
});

describe('cancel', () => {
  it.each(['cancelled', 'rolled_back'] as const)('waits until it is taken back, and has succeeded then: %s', async (state) => {
    const { code, out, calls } = await nextdeploy(['cancel', 'op-0123456789ab'], ending({ ...ended, state }));
    expect({ code, call: calls[0] }).toMatchObject({
      code: 0,
      call: { name: 'cancelOperation', request: { params: { id: ended.id } } },
    });
    expect(out).toMatch(/deploy of shop was (cancelled|rolled back); r1 serves\n$/);
  });

  it('that came too late is a conflict', async () => {
    const late = await nextdeploy(['cancel', 'op-0123456789ab'], ending(ended));
    expect(late).toMatchObject({ code: 5, err: expect.stringContaining('error: deploy of shop succeeded: r2 (shop:v2).') });
    expect((await nextdeploy(['cancel', 'op-0123456789ab'], ending(failedOperation))).code).toBe(6);
  });

  it('does not wait with --detach', async () => {
    const { code, out } = await nextdeploy(['cancel', 'op-0123456789ab', '--detach']);
    expect({ code, out }).toEqual({
      code: 0,
      out: 'op-0123456789ab is under way; see it with: nextdeploy operation op-0123456789ab\n',
    });
  });
});

describe('operation', () => {
  it('shows the evidence of the step that failed', async () => {
    const evidence = {
      step: 'start',
      reason: 'it was killed',
      probes: [],
      log_tail: ['heap'],
      exit_code: 137,
      oom_killed: true,
    } as const;
    const killed = { ...failedOperation, evidence: { ...evidence, probes: [], log_tail: ['heap'] } };
    const { out } = await nextdeploy(['operation', killed.id], { handlers: { getOperation: async () => killed } });
    for (const part of [
      'failed step: start',
      'reason: it was killed',
      'exit code: 137 (killed: out of memory)',
      'last 1 log lines:\n  heap',
    ])
      expect(out).toContain(part);
    const failed = await nextdeploy(['operation', killed.id], { handlers: { getOperation: async () => failedOperation } });
    expect(failed.out).toContain('10.213.0.18:3000/ 500 3 ms boom');
  });

  it('goes on to its end with --follow', async () => {
    const { code, out } = await nextdeploy(['operation', 'op-0123456789ab', '--follow'], ending(ended));
    expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining('deploy of shop succeeded') });
    expect((await nextdeploy(['operation', 'op-0123456789ab', '-f'], passing(failedOperation))).code).toBe(6);
  });
});
