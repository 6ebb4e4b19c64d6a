/** The demo as its user runs it: a program of its own, from its first line to its end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..');
const MINUTES = 60_000;

const running = new Set<ChildProcess>();

afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
});

interface DemoRun {
  /** Resolves when the output holds the text; rejects when the demo ends without it. */
  says(text: string): Promise<void>;
  interrupt(): boolean;
  ended: Promise<{ code: number | null; output: string }>;
}

function startDemo(...options: string[]): DemoRun {
  const program = [join(ROOT, 'scripts', 'run.mjs'), 'test/demo/main.ts', ...options];
  const child = spawn(process.execPath, program, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  running.add(child);
  let output = '';
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8');
      for (const listener of listeners) listener();
    });
  }
  const ended = new Promise<{ code: number | null; output: string }>((resolve) => {
    child.once('close', (code) => {
      running.delete(child);
      resolve({ code, output });
    });
  });
  return {
    ended,
    // As a terminal does it: the whole group at once.
    interrupt: () => process.kill(-(child.pid ?? process.pid), 'SIGINT'),
    says: (text) =>
      new Promise((resolve, reject) => {
        const look = () => output.includes(text) && resolve();
        listeners.add(look);
        look();
        void ended.then(() => reject(new Error(`the demo ended without saying "${text}":\n${output}`)));
      }),
  };
}

const NOTHING_LEFT = 'no container, process, mount, link or file is left';

it(
  'walks the whole path while another demo stands open beside it, and both leave nothing',
  async () => {
    const open = startDemo();
    await open.says('Ctrl-C ends the demo');
    const check = await startDemo('--check').ended;
    expect(check.output).toMatch(/: 0 socket errors, 0 non-2xx/);
    expect(check.output).toContain('All held');
    expect(check.code, check.output).toBe(0);
    open.interrupt();
    const closed = await open.ended;
    expect(closed.output).toMatch(/http:\/\/127\.0\.0\.1:\d+\/\?token=/);
    expect(closed.output).toContain(NOTHING_LEFT);
    expect(closed.code, closed.output).toBe(0);
  },
  8 * MINUTES,
);

it.each(['✓ -', '✓ a', '✓ b'])(
  'takes everything down when it is interrupted right after "%s"',
  async (line) => {
    const demo = startDemo();
    await demo.says(line);
    demo.interrupt();
    const { code, output } = await demo.ended;
    expect(output).toContain(NOTHING_LEFT);
    expect(code, output).toBe(0);
  },
  3 * MINUTES,
);
