import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fingerprint, judgeHostKey } from './known-hosts.ts';
import { KnownHostsFile } from './known-hosts-file.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'known-hosts-'));
});
afterEach(() => rm(directory, { recursive: true }));

/** A real key of ssh-keygen's. */
async function generateKey(): Promise<{ key: { type: string; blob: Buffer }; file: string }> {
  const file = join(directory, 'key');
  expect(spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]).status).toBe(0);
  const [type = '', encoded = ''] = (await readFile(`${file}.pub`, 'utf8')).split(' ');
  return { key: { type, blob: Buffer.from(encoded, 'base64') }, file };
}

const host = { address: '127.0.0.1', port: 2201 };

describe('KnownHostsFile', () => {
  it('makes a private file whose entry OpenSSH finds, under the fingerprint OpenSSH prints', async () => {
    const file = new KnownHostsFile(join(directory, 'sub', 'known_hosts'));
    const { key, file: keyFile } = await generateKey();
    expect(await file.read()).toBe('');
    await file.append(host, key);
    expect((await stat(file.path)).mode & 0o777).toBe(0o600);
    expect(spawnSync('ssh-keygen', ['-F', '[127.0.0.1]:2201', '-f', file.path]).status).toBe(0);
    expect(spawnSync('ssh-keygen', ['-l', '-f', keyFile], { encoding: 'utf8' }).stdout).toContain(fingerprint(key.blob));
  });

  it('reads what OpenSSH hashed', async () => {
    const file = new KnownHostsFile(join(directory, 'known_hosts'));
    const { key } = await generateKey();
    await file.append(host, key);
    expect(spawnSync('ssh-keygen', ['-H', '-f', file.path]).status).toBe(0);
    const text = await file.read();
    expect(text).not.toContain('127.0.0.1');
    expect(judgeHostKey(text, host, key).kind).toBe('known');
  });

  it('keeps what was there, and starts on a line of its own after a cut-off one', async () => {
    const file = new KnownHostsFile(join(directory, 'known_hosts'));
    await writeFile(file.path, '# mine\nold.example.com ssh-ed25519 AAAA');
    const { key } = await generateKey();
    await file.append(host, key);
    const text = await file.read();
    expect(text.startsWith('# mine\nold.example.com ssh-ed25519 AAAA\n')).toBe(true);
    expect(judgeHostKey(text, host, key).kind).toBe('known');
  });

  it('does not take an unreadable file for an empty one', async () => {
    await expect(new KnownHostsFile(directory).read()).rejects.toThrow();
  });
});
