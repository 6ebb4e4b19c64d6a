import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packRelease, type Release } from './pack.ts';

let directory: string;
let release: Release;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pack-'));
  const runtime = Buffer.from('#!/bin/sh\necho runtime\n');
  await writeFile(join(directory, 'runtime'), runtime);
  release = {
    version: '1.2.3',
    architecture: 'x64',
    files: [
      { name: 'bin/program', mode: 0o755, content: Buffer.from('#!/bin/sh\n') },
      { name: 'a.txt', mode: 0o644, content: Buffer.from('a') },
    ],
    runtime: {
      path: join(directory, 'runtime'),
      sha256: createHash('sha256').update(runtime).digest('hex'),
      size_bytes: runtime.length,
    },
  };
});
afterEach(() => rm(directory, { recursive: true }));

const pack = (to: string, changes: Partial<Release> = {}) =>
  packRelease({ ...release, ...changes }, join(directory, to), join(directory, `cache-${to}`), 'release.tar.gz');

describe('packRelease', () => {
  it('makes an archive that tar unpacks and sha256sum verifies, with modes kept', async () => {
    const { path, sha256 } = await pack('one');
    expect(
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
    ).toBe(sha256);
    expect(spawnSync('tar', ['-xzf', path, '-C', directory]).status).toBe(0);
    expect(spawnSync('sha256sum', ['--check', '--strict', '--quiet', 'SHA256SUMS'], { cwd: directory }).status).toBe(0);
    expect(spawnSync(join(directory, 'node'), { encoding: 'utf8' }).stdout).toBe('runtime\n');
    expect(spawnSync('sha256sum', ['--check', 'release.tar.gz.sha256'], { cwd: join(directory, 'one') }).status).toBe(0);
  });

  it('gives the same bytes for the same contents, in any order and at any time', async () => {
    const first = await pack('one');
    await utimes(join(directory, 'runtime'), 1, 1);
    const second = await pack('two', { files: release.files.toReversed() });
    expect({ ...second, path: '' }).toEqual({ ...first, path: '' });
    expect((await readFile(first.path)).equals(await readFile(second.path))).toBe(true);
  });

  it.each([
    ['a file', { files: [{ name: 'a.txt', mode: 0o644 as const, content: Buffer.from('b') }] }],
    ['the version', { version: '1.2.4' }],
    ['the architecture', { architecture: 'arm64' }],
  ])('names its contents by a hash that changes with %s', async (_name, changes) => {
    expect((await pack('two', changes)).contentHash).not.toBe((await pack('one')).contentHash);
  });

  it('finds what it packed before, unless somebody else has put another file there', async () => {
    const first = await pack('one');
    const before = await readFile(first.path);
    expect(await pack('one')).toEqual(first);
    await writeFile(first.path, 'something else');
    expect(await pack('one')).toEqual(first);
    expect((await readFile(first.path)).equals(before)).toBe(true);
  });
});
