import { describe, expect, it } from 'vitest';
import { clean, explainFailure } from './failures.ts';

const target = { address: 'web.example.com', port: 22, user: 'me' };
const error = (fields: { code?: string; level?: string; message?: string }) =>
  Object.assign(new Error(fields.message ?? ''), fields);

describe('explainFailure', () => {
  it.each([
    [{ code: 'ENOTFOUND' }, /does not exist in DNS/, true],
    [{ code: 'EAI_AGAIN' }, /could not be looked up/, true],
    [{ code: 'ECONNREFUSED' }, /refused the connection.*port right/, true],
    [{ code: 'CONNECT_TIMEOUT' }, /did not answer.*firewall/, true],
    [{ code: 'EHOSTUNREACH' }, /no way to/, true],
    [{ code: 'ECONNRESET' }, /cut the connection/, true],
    [{ code: 'HANDSHAKE_TIMEOUT' }, /did not finish the SSH handshake/, true],
    [{ level: 'protocol', message: 'Connection lost before handshake' }, /cut the connection/, true],
    [{ level: 'protocol', message: 'Invalid identification string' }, /does not speak SSH/, false],
    [{ level: 'handshake', message: 'Handshake failed: no matching host key format' }, /no longer safe/, false],
    [{ level: 'agent', message: 'Failed to connect to agent' }, /ssh-add/, false],
  ])('says what %o means and whether it may pass', (fields, message, isTransient) => {
    expect(explainFailure(error(fields), target, 'key', false)).toEqual({
      kind: 'failed',
      message: expect.stringMatching(message),
      isTransient,
    });
  });

  it('asks again for a password, and gives the remedy for keys', () => {
    const refused = error({ level: 'client-authentication' });
    expect(explainFailure(refused, target, 'password', true)).toMatchObject({ kind: 'credentials_needed', what: 'password' });
    expect(explainFailure(refused, target, 'key', true)).toMatchObject({
      kind: 'failed',
      isTransient: false,
      message: expect.stringContaining('authorized_keys'),
    });
    expect(explainFailure(refused, target, 'agent', true)).toMatchObject({ message: expect.stringContaining('ssh-add') });
  });
});

describe('clean', () => {
  it("makes one short printable line of a server's text", () => {
    expect(clean('a\u001b[2J\r\nb\u202e.')).toBe('a [2J b');
    expect(clean('x'.repeat(1000))).toHaveLength(301);
  });
});
