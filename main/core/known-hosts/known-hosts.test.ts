import { createHmac, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { fingerprint, formatEntry, type HostKey, judgeHostKey, keyTypeOf, knownKeyTypes } from './known-hosts.ts';

function makeKey(type = 'ssh-ed25519', seed = 1): HostKey {
  const name = Buffer.from(type);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(name.length);
  return { type, blob: Buffer.concat([length, name, Buffer.from([0, 0, 0, 32]), Buffer.alloc(32, seed)]) };
}

const host = { address: 'web.example.com', port: 22 };
const key = makeKey();
const other = makeKey('ssh-ed25519', 2);
const line = (names: string, offered = key, marker = '') =>
  `${marker}${names} ${offered.type} ${offered.blob.toString('base64')} a comment\n`;

describe('judgeHostKey', () => {
  it('knows a key that is recorded for the host', () => {
    expect(judgeHostKey(line('web.example.com'), host, key)).toEqual({ kind: 'known' });
  });

  it('calls a host without a record unknown', () => {
    expect(judgeHostKey('', host, key)).toEqual({ kind: 'unknown' });
    expect(judgeHostKey(line('elsewhere.example.com'), host, key)).toEqual({ kind: 'unknown' });
  });

  it('calls another key changed, and shows the recorded ones', () => {
    expect(judgeHostKey(line('web.example.com', other), host, key)).toEqual({ kind: 'changed', known: [other] });
  });

  it('does not take a key of an unrecorded type for a new host', () => {
    const rsa = makeKey('ssh-rsa', 3);
    expect(judgeHostKey(line('web.example.com', rsa), host, key)).toEqual({ kind: 'changed', known: [rsa] });
  });

  it('accepts any one of several recorded keys', () => {
    expect(judgeHostKey(line('web.example.com', other) + line('web.example.com'), host, key).kind).toBe('known');
  });

  it('refuses a revoked key even where it is recorded as known too', () => {
    const text = line('web.example.com') + line('*', key, '@revoked ');
    expect(judgeHostKey(text, host, key)).toEqual({ kind: 'revoked' });
  });

  it('does not let a revoked other key make the host known or changed', () => {
    expect(judgeHostKey(line('web.example.com', other, '@revoked '), host, key)).toEqual({ kind: 'unknown' });
  });

  it('keeps ports apart', () => {
    const at2222 = { ...host, port: 2222 };
    expect(judgeHostKey(line('web.example.com'), at2222, key).kind).toBe('unknown');
    expect(judgeHostKey(line('[web.example.com]:2222'), at2222, key).kind).toBe('known');
    expect(judgeHostKey(line('[web.example.com]:2222'), host, key).kind).toBe('unknown');
  });

  it('finds hashed names', () => {
    const salt = randomBytes(20);
    const hash = createHmac('sha1', salt).update('[web.example.com]:2222').digest('base64');
    const text = line(`|1|${salt.toString('base64')}|${hash}`);
    expect(judgeHostKey(text, { ...host, port: 2222 }, key).kind).toBe('known');
    expect(judgeHostKey(text, host, key).kind).toBe('unknown');
  });

  it('understands lists, patterns and negation, without regard to case', () => {
    expect(judgeHostKey(line('a,WEB.example.com,b'), host, key).kind).toBe('known');
    expect(judgeHostKey(line('*.example.com'), host, key).kind).toBe('known');
    expect(judgeHostKey(line('we?.example.com'), host, key).kind).toBe('known');
    expect(judgeHostKey(line('*.example.com,!web.example.com'), host, key).kind).toBe('unknown');
  });

  it('passes over comments, certificate authorities, garbage and lines cut off in the middle', () => {
    const cut = line('web.example.com', other).slice(0, 60);
    const garbage = `# comment\n\n@cert-authority * ${key.type} ${key.blob.toString('base64')}\nweb.example.com ssh-rsa !!!\n@other x y z\n${cut}\n`;
    expect(judgeHostKey(garbage, host, key)).toEqual({ kind: 'unknown' });
  });

  it('takes no exponential time for a hostile pattern', () => {
    const start = performance.now();
    judgeHostKey(line(`${'*a'.repeat(200)}b`), { address: 'a'.repeat(250), port: 22 }, key);
    expect(performance.now() - start).toBeLessThan(500);
  });
});

describe('the format', () => {
  it('writes a line that it reads back', () => {
    for (const port of [22, 2200])
      expect(judgeHostKey(formatEntry({ ...host, port }, key), { ...host, port }, key).kind).toBe('known');
  });

  it('names the recorded types of a host', () => {
    expect(knownKeyTypes(line('web.example.com') + line('web.example.com', makeKey('ssh-rsa')), host)).toEqual([
      'ssh-ed25519',
      'ssh-rsa',
    ]);
  });

  it('prints fingerprints unpadded and refuses what is no key', () => {
    expect(fingerprint(key.blob)).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
    expect(keyTypeOf(key.blob)).toBe('ssh-ed25519');
    expect(() => keyTypeOf(Buffer.from('nonsense'))).toThrow('wire format');
  });
});
