import { expect, it } from 'vitest';
import { createPhases } from './phases.ts';

it('prints one line a phase with its details and time', async () => {
  const lines: string[] = [];
  let clock = 0;
  const phases = createPhases(
    (line) => lines.push(line),
    () => clock,
  );
  const result = await phases.run('a', 'server', async (say) => {
    say('one');
    say('two');
    clock = 1250;
    return 7;
  });
  expect(result).toBe(7);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^✓ a {2}server +1\.3 s {2}one, two$/);
});

it('says which phase failed and passes the error on', async () => {
  const lines: string[] = [];
  const phases = createPhases((line) => lines.push(line));
  await expect(phases.run('b', 'ssh', () => Promise.reject(new Error('no route')))).rejects.toThrow('no route');
  expect(lines[0]).toMatch(/^✗ b/);
});

it('undoes everything once, in reverse, and reports what failed', async () => {
  const order: string[] = [];
  const phases = createPhases(() => undefined);
  phases.onEnd('first', async () => void order.push('first'));
  phases.onEnd('second', () => Promise.reject(new Error('busy')));
  phases.onEnd('third', async () => void order.push('third'));
  expect(await Promise.all([phases.end(), phases.end()])).toEqual([['second: busy'], ['second: busy']]);
  expect(order).toEqual(['third', 'first']);
});
