import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LIMITS } from '../contract/limits.ts';
import { AllowedFiles } from './encrypted-files.ts';

let directory: string;
let files: AllowedFiles;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nextdeploy-files-'));
  mkdirSync(join(directory, 'allowed', 'deep'), { recursive: true });
  writeFileSync(join(directory, 'outside'), 'outside');
  files = new AllowedFiles([join(directory, 'allowed')]);
});
afterEach(() => rmSync(directory, { recursive: true }));

const allowed = (...parts: string[]) => join(directory, 'allowed', ...parts);
const reasonOf = async (path: string) => {
  const read = await files.read(path);
  return read.kind === 'refused' ? read.reason : read.content.toString();
};

it('reads a file beneath what is allowed, to the largest', async () => {
  writeFileSync(allowed('deep', 'file'), 'inside');
  expect(await reasonOf(allowed('deep', 'file'))).toBe('inside');
  writeFileSync(allowed('large'), Buffer.alloc(LIMITS.provider_answer_bytes_max, 'x'));
  expect(await reasonOf(allowed('large'))).toHaveLength(LIMITS.provider_answer_bytes_max);
  writeFileSync(allowed('larger'), Buffer.alloc(LIMITS.provider_answer_bytes_max + 1, 'x'));
  expect(await reasonOf(allowed('larger'))).toContain('larger than');
});

it('reads nothing from elsewhere, by whatever way', async () => {
  symlinkSync(directory, allowed('up'));
  symlinkSync(join(directory, 'outside'), allowed('link'));
  for (const path of [join(directory, 'outside'), `${allowed()}/../outside`, `${allowed()}-not/x`, allowed(), '/etc/shadow'])
    expect(await reasonOf(path), path).toContain('secrets.age_directories');
  for (const path of [allowed('up', 'outside'), allowed('link')]) expect(await reasonOf(path), path).toContain('it is a link');
});

it('does not wait for a pipe, and reads no directory', async () => {
  expect(spawnSync('mkfifo', [allowed('pipe')]).status).toBe(0);
  expect(await reasonOf(allowed('pipe'))).toBe('it is no file');
  expect(await reasonOf(allowed('deep'))).toBe('it is no file');
  expect(await reasonOf(allowed('none'))).toBe('it does not exist');
});

it('allows what is beneath a directory that is a link itself', async () => {
  symlinkSync(allowed(), join(directory, 'alias'));
  writeFileSync(allowed('file'), 'inside');
  files = new AllowedFiles([join(directory, 'alias')]);
  expect(await reasonOf(join(directory, 'alias', 'file'))).toBe('inside');
});
