import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Sealed } from '../../secrets/sealed.ts';
import { findLogin, readHostLogin, registryAuth } from './logins.ts';

const auth = (text: string) => ({ auth: Buffer.from(text).toString('base64') });
const open = (login: ReturnType<typeof findLogin>) => login && [login.username, login.password.open()];

describe('findLogin', () => {
  const text = JSON.stringify({
    auths: {
      'https://index.docker.io/v1/': auth('hub:a'),
      'r.test:5000': auth('shop:with:colons'),
      'https://old.test/v1/': auth('old:b'),
      'helper.test': {},
      'broken.test': auth('nothing'),
    },
    credsStore: 'pass',
  });

  it.each([
    ['docker.io', ['hub', 'a']],
    ['r.test:5000', ['shop', 'with:colons']],
    ['old.test', ['old', 'b']],
    ['helper.test', null],
    ['broken.test', null],
    ['none.test', null],
    ['__proto__', null],
  ])('for %s gives what docker login stored', (host, expected) => {
    expect(open(findLogin(text, host))).toEqual(expected);
  });

  it.each(['', 'no JSON', '[]', '{"auths": 1}', '{}'])('takes the file %j for one without logins', (broken) => {
    expect(findLogin(broken, 'r.test')).toBeNull();
  });
});

describe('readHostLogin', () => {
  it('reads the file as it stands, and gives nothing where there is none or it is no file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'nextdeploy-login-'));
    try {
      const file = join(folder, 'config.json');
      expect(await readHostLogin(file, 'r.test')).toBeNull();
      await writeFile(file, JSON.stringify({ auths: { 'r.test': auth('a:b') } }));
      expect(open(await readHostLogin(file, 'r.test'))).toEqual(['a', 'b']);
      expect(await readHostLogin(folder, 'r.test')).toBeNull();
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('registryAuth', () => {
  it('names Docker Hub by the address that Docker knows it by', () => {
    const credentials = { username: 'shop', password: new Sealed('secret') };
    expect(registryAuth(credentials, 'docker.io').serveraddress).toBe('https://index.docker.io/v1/');
    expect(registryAuth(credentials, 'r.test')).toEqual({ username: 'shop', password: 'secret', serveraddress: 'r.test' });
  });
});
