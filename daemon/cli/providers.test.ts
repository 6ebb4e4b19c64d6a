import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AGE_IDENTITY } from '../secrets/test-age-files.ts';
import { nextdeploy } from './test-command.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'nextdeploy-cli-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const piped = (text: string) => Readable.from([text]);
const typed = (text: string) => Object.assign(piped(text), { isTTY: true });
const file = (text: string) => {
  const path = join(directory, 'credentials');
  writeFileSync(path, text);
  return path;
};
const SET = ['secrets', 'providers', 'set'];
const DOPPLER = [...SET, 'doppler', '--app', 'shop', '--doppler-project', 'shop', '--doppler-config', 'prd'];
const AWS = [...SET, 'aws-ssm', '--project', 'web', '--region', 'eu-central-1', '--path', '/web'];
const AGE = [...SET, 'age', '--global', '--file', '/etc/nextdeploy/age/all.age'];
const ID = 'AKIAIOSFODNN7NEXTDEP';
const KEYGEN = `# created: 2026-01-02T03:04:05Z\n# public key: age1xyz\n${AGE_IDENTITY}\n`;

describe('secrets providers set', () => {
  it('takes the token from standard input, a file or the one who types, and shows it nowhere', async () => {
    const provider = { kind: 'doppler', project: 'shop', config: 'prd', token: 'dp.st.x', endpoint: 'https://api.doppler.com' };
    const ways = [
      { args: DOPPLER, stdin: piped('dp.st.x\n') },
      { args: [...DOPPLER, '--credentials', '-'], stdin: piped('dp.st.x') },
      { args: [...DOPPLER, '--credentials', file('dp.st.x\n')] },
      { args: DOPPLER, stdin: typed('dp.st.x\n') },
    ];
    for (const { args, ...options } of ways) {
      const { code, out, err, calls } = await nextdeploy(args, options);
      expect({ code, body: calls[0]?.request.body }).toEqual({ code: 0, body: { scope: 'app', app_name: 'shop', provider } });
      expect(out + err).not.toContain('dp.st.x');
      expect(out).toContain('Doppler shop/prd of app shop is set.');
    }
  });

  it.each([
    ['in one line', `${ID} secret/key+\n`, { access_key_id: ID, secret_access_key: 'secret/key+' }],
    ['with a session', `${ID} secret session`, { access_key_id: ID, secret_access_key: 'secret', session_token: 'session' }],
    [
      'as variables',
      `AWS_ACCESS_KEY_ID=${ID}\nAWS_SECRET_ACCESS_KEY=secret\n`,
      { access_key_id: ID, secret_access_key: 'secret' },
    ],
    [
      'as the AWS command line keeps them',
      `[default]\naws_access_key_id = ${ID}\naws_secret_access_key = secret\n`,
      { access_key_id: ID, secret_access_key: 'secret' },
    ],
  ])('takes keys of AWS %s', async (_what, text, keys) => {
    const { code, calls } = await nextdeploy([...AWS, '--credentials', file(text)]);
    const provider = { kind: 'aws_ssm', region: 'eu-central-1', path: '/web', ...keys };
    expect({ code, body: calls[0]?.request.body }).toEqual({ code: 0, body: { scope: 'project', project: 'web', provider } });
  });

  it('asks for none where the server has its own', async () => {
    const { code, calls } = await nextdeploy([...AWS, '--host-credentials', '--endpoint', 'http://127.0.0.1:4566']);
    expect({ code, body: calls[0]?.request.body }).toMatchObject({
      code: 0,
      body: { provider: { kind: 'aws_ssm', region: 'eu-central-1', path: '/web', endpoint: 'http://127.0.0.1:4566' } },
    });
  });

  it('finds the identity in what age-keygen wrote', async () => {
    const { code, calls } = await nextdeploy([...AGE, '--credentials', file(KEYGEN)]);
    const provider = { kind: 'age', file: '/etc/nextdeploy/age/all.age', identity: AGE_IDENTITY };
    expect({ code, body: calls[0]?.request.body }).toEqual({ code: 0, body: { scope: 'global', provider } });
  });

  it.each([
    [DOPPLER, '', 'there were no credentials'],
    [DOPPLER, 'two words', 'Field "provider.token" is not valid: use the token'],
    [DOPPLER.toSpliced(3, 3, 'doppler'), 'dp.st.x', 'Say whose they are'],
    [[...DOPPLER, '--endpoint', 'http://api.doppler.com'], 'dp.st.x', 'use https; http is for this server itself alone'],
    [[...DOPPLER, '--endpoint', 'https://169.254.169.254'], 'dp.st.x', 'a link-local address'],
    [AWS, 'secret-alone', 'Give ACCESS_KEY_ID SECRET_ACCESS_KEY'],
    [AWS, 'short secret', 'Field "provider.access_key_id" is not valid'],
    [AGE, 'age1xyz', 'Give exactly one identity'],
    [AGE, `${KEYGEN}${KEYGEN}`, 'Give exactly one identity'],
  ])('refuses %j with %j', async (args, text, message) => {
    const result = await nextdeploy(args, { stdin: piped(text) });
    expect(result).toMatchObject({ code: 2, calls: [], err: expect.stringContaining(message) });
    if (text !== '') expect(result.err).not.toContain(text);
  });
});

describe('secrets providers', () => {
  it('are listed and removed', async () => {
    const listed = await nextdeploy(['secrets', 'providers', 'list']);
    expect(listed.out).toMatch(/app shop +Doppler +shop\/prd +.* admin +never/);
    const { out, calls } = await nextdeploy(['secrets', 'providers', 'remove', '--app', 'shop']);
    expect(calls[0]?.request.query).toEqual({ scope: 'app', app_name: 'shop' });
    expect(out).toContain('Doppler shop/prd of app shop is asked no more. What was pulled from it stays.');
  });
});

describe('secrets pull', () => {
  it('asks the provider of a scope, and shows what changes as sync does', async () => {
    const changes = [
      { name: 'A', change: 'added' as const, version: 1, fingerprint: '0123456789abcdef' },
      { name: 'B', change: 'kept' as const, version: 2, fingerprint: '0123456789abcdef' },
    ];
    const answer = { dry_run: true, changes, apps: ['shop'], rolled: [], not_rolled: [] };
    const { code, out, calls } = await nextdeploy(['secrets', 'pull', '--app', 'shop', '--dry-run'], {
      handlers: { pullSecrets: async () => answer },
    });
    expect({ code, body: calls[0]?.request.body }).toEqual({
      code: 0,
      body: { scope: 'app', app_name: 'shop', dry_run: true, roll: false },
    });
    expect(out).toBe('+ A added (v1)\n  B kept (v2): it was set by hand\nNothing was changed: a dry run. It concerns shop.\n');
    expect(await nextdeploy(['secrets', 'pull'])).toMatchObject({
      code: 2,
      calls: [],
      err: expect.stringContaining('Say whose'),
    });
  });
});
