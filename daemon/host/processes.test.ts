import { describe, expect, it } from 'vitest';
import { runProgram } from './processes.ts';

const { signal } = new AbortController();
const node = (script: string, options = {}) =>
  runProgram(process.execPath, ['--eval', script], { signal, deadlineMs: 10_000, ...options });

describe('runProgram', () => {
  it('gives the exit code and both outputs, and passes input and environment', async () => {
    const script =
      'process.stdin.on("data", (d) => { console.log(String(d) + process.env.A); console.error("oops"); process.exitCode = 3 })';
    const { code, output } = await node(script, { input: 'in ', env: { A: 'env' } });
    expect(code).toBe(3);
    expect(output).toContain('in env');
    expect(output).toContain('oops');
  });

  it('passes arguments as they are, without a shell', async () => {
    const argument = '$(id); `id` "a b"';
    const options = { signal, deadlineMs: 10_000 };
    const { output } = await runProgram(process.execPath, ['--eval', 'console.log(process.argv[1])', argument], options);
    expect(output.trim()).toBe(argument);
  });

  it('says that a program is missing or took too long, and bounds what it prints', async () => {
    expect(await runProgram('/no/such/program', [], { signal, deadlineMs: 1_000 })).toMatchObject({
      code: null,
      output: expect.stringContaining('ENOENT'),
    });
    expect(await node('setInterval(() => {}, 1000)', { deadlineMs: 200 })).toMatchObject({
      code: null,
      output: expect.stringContaining('did not end in 0.2 s'),
    });
    const { output } = await node('process.stdout.write("x".repeat(10_000_000))');
    expect(output.length).toBeLessThan(1_000_000);
  });

  it("rejects with the caller's reason when he goes away", async () => {
    const caller = new AbortController();
    const running = node('setInterval(() => {}, 1000)', { signal: caller.signal });
    caller.abort(new Error('he went away'));
    await expect(running).rejects.toThrow('he went away');
  });
});
