import { describe, expect, it } from 'vitest';
import type { Evidence } from '../contract/domain.ts';
import { explainExit, withExplanation } from './explain-exit.ts';
import { deploying, engineOver, run, startApp } from './test-engine.ts';

describe('explainExit', () => {
  it.each([
    [['nginx: [emerg] chown("/var/cache/nginx", 101) failed (1: Operation not permitted)'], 1, '`capabilities`'],
    [["Error: EACCES: permission denied, open '/data/a'"], 1, '`user`'],
    [["Error: EROFS: read-only file system, mkdir '/app/.next/cache'"], 1, '`read_only_root`'],
    [['exec /app/server: exec format error'], 255, 'another processor'],
    [['Error: ENOSPC: no space left on device, write'], 1, 'disk is full'],
    [[], 137, '`limits.memory_bytes`'],
    [[], 127, 'not found'],
    [[], 126, 'may not be executed'],
  ])('finds in %j with exit code %i what to change', (lines, code, expected) => {
    expect(explainExit(lines, code)).toContain(expected);
  });

  it('says nothing of a good end, or of what it does not know', () => {
    expect(explainExit(['EACCES'], 0)).toBeNull();
    expect(explainExit(['TypeError: x is not a function'], 1)).toBeNull();
    expect(explainExit([], null)).toBeNull();
  });
});

describe('withExplanation', () => {
  const evidence: Evidence = { step: 'probe', reason: 'It ended.', probes: [], log_tail: [], exit_code: 127, oom_killed: false };
  const reason = (changes: Partial<Evidence>) => withExplanation({ ...evidence, ...changes }).reason;

  it('ends the reason with what to change, where a program has failed and that is known', () => {
    expect(reason({})).toBe("It ended. The image's program, or one that it starts, was not found.");
    expect(reason({ step: 'watch', exit_code: null, log_tail: ['EROFS: read-only file system'] })).toMatch(
      /^It ended\. .*`read_only_root`/,
    );
    expect(reason({ exit_code: 3 })).toBe('It ended.');
    expect(reason({ step: 'verify' })).toBe('It ended.');
  });
});

describe('an operation', () => {
  it('that failed because of a program says so once, at the end of its message, which is all there is to read of it', async () => {
    const { world, journal } = await startApp();
    const { containers, ...others } = world.ports();
    const logTail = async () => ["Error: EACCES: permission denied, open '/data/a'"];
    world.failing.add('migrate');
    const pre_switch = { command: ['migrate'], timeout_ms: 5_000 };
    const engine = engineOver({ ...others, containers: { ...containers, logTail } }, journal);
    const { error, evidence } = await run(engine, deploying('shop:v2', { pre_switch }));
    expect(error?.message).toMatch(
      /^`migrate` ended with exit code 1; its last lines say more\. The container's user was denied access: /,
    );
    expect(error?.message.match(/denied access/g)).toHaveLength(1);
    expect(evidence?.reason).toBe(error?.message);
    expect(journal.getApp('shop')?.last_error).toBe(error?.message);
  });
});
