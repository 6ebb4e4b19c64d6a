import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { deployRequestSchema } from './configuration.ts';
import { LIMITS } from './limits.ts';

const isAccepted = (env: Record<string, string>) =>
  deployRequestSchema.safeParse({ app_name: 'shop', image: 'shop:v1', env }).success;
/** Whether the kernel starts a program with this environment. */
const starts = (env: Record<string, string>) => spawnSync('/bin/true', { env }).status === 0;

describe('the largest environment that is accepted', () => {
  it('of one variable is one that a program starts with, and twice that is none', () => {
    const name = 'A'.repeat(LIMITS.env_name_length_max);
    const largest = { [name]: '€'.repeat(Math.floor(LIMITS.env_value_bytes_max / 3)) };
    expect([isAccepted(largest), starts(largest)]).toEqual([true, true]);
    expect(starts({ [name]: 'x'.repeat(2 * LIMITS.env_value_bytes_max) })).toBe(false);
  });

  it('of all variables is one that a program starts with, beside as much again of the image and its arguments', () => {
    const names = Array.from({ length: LIMITS.env_entries_max }, (_, index) => `VARIABLE_${String(index).padStart(3, '0')}`);
    const share = Math.floor(LIMITS.env_bytes_max / names.length) - 'VARIABLE_000=\0'.length;
    const all = Object.fromEntries(names.map((name) => [name, 'x'.repeat(share)]));
    expect([isAccepted(all), isAccepted({ ...all, MORE: '' }), starts(all)]).toEqual([true, false, true]);
    expect(starts({ ...all, ...Object.fromEntries(names.map((name) => [`IMAGE_${name}`, 'x'.repeat(share)])) })).toBe(true);
  });
});
