import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { Sealed } from '../../daemon/secrets/sealed.ts';
import {
  answerSecretRequest,
  createKeychainStore,
  createRemoteSecretStore,
  type TextEncryption,
  type ValueStore,
} from './secrets.ts';

/** Real encryption with a key of its own, in place of the system's. */
function encryptionWith(key: Buffer): TextEncryption {
  return {
    async encrypt(text) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', key, nonce);
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), body]);
    },
    async decrypt(encrypted) {
      const decipher = createDecipheriv('aes-256-gcm', key, encrypted.subarray(0, 12));
      decipher.setAuthTag(encrypted.subarray(12, 28));
      return decipher.update(encrypted.subarray(28), undefined, 'utf8') + decipher.final('utf8');
    },
  };
}

function mapStore(): ValueStore & { readonly values: Map<string, string> } {
  const values = new Map<string, string>();
  return {
    values,
    get: (key) => values.get(key),
    set: (key, value) => values.set(key, value),
    delete: (key) => values.delete(key),
  };
}

test('a password comes back from the keychain, is not readable in the file, and is gone when it is forgotten', async () => {
  const file = mapStore();
  const store = createKeychainStore(encryptionWith(randomBytes(32)), file);
  await store.save('shop', 'correct horse');
  expect(Buffer.from(file.values.get('shop') ?? '', 'base64').toString('latin1')).not.toContain('horse');
  expect(await store.load('shop')).toBe('correct horse');
  await store.forget('shop');
  expect(await store.load('shop')).toBeNull();
});

test('what another key encrypted is asked for again, and damaged entries are no error', async () => {
  const file = mapStore();
  await createKeychainStore(encryptionWith(randomBytes(32)), file).save('shop', 'x');
  const store = createKeychainStore(encryptionWith(randomBytes(32)), file);
  expect(await store.load('shop')).toBeNull();
  file.set('shop', 'damaged');
  expect(await store.load('shop')).toBeNull();
  expect(file.values.size).toBe(0);
});

test('the core reaches the store by requests, several at once', async () => {
  const store = createKeychainStore(encryptionWith(randomBytes(32)), mapStore());
  const remote = createRemoteSecretStore(
    (request) => void answerSecretRequest(store, request).then((answer) => remote.receive(answer)),
  );
  await Promise.all([remote.save('a', { password: new Sealed('1') }), remote.save('b', { passphrase: new Sealed('2') })]);
  const [b, a, c] = await Promise.all([remote.load('b'), remote.load('a'), remote.load('c')]);
  expect([b?.passphrase?.open(), b?.password, a?.password?.open(), c]).toEqual(['2', undefined, '1', null]);
  await remote.forget('a');
  expect(await remote.load('a')).toBeNull();
});

test('a failing keychain is an error for the core, and the secret is not in it', async () => {
  const broken: TextEncryption = {
    encrypt: () => Promise.reject(new Error('the keychain is locked')),
    decrypt: () => Promise.reject(new Error('the keychain is locked')),
  };
  const store = createKeychainStore(broken, mapStore());
  const remote = createRemoteSecretStore(
    (request) => void answerSecretRequest(store, request).then((answer) => remote.receive(answer)),
  );
  await expect(remote.save('a', { password: new Sealed('hush') })).rejects.toThrow(
    /^The keychain failed: the keychain is locked$/,
  );
});

test('requests to a main process that does not answer are bounded', async () => {
  const remote = createRemoteSecretStore(() => undefined);
  const waiting = Array.from({ length: 64 }, () => remote.load('a'));
  await expect(remote.load('a')).rejects.toThrow('Too many requests');
  for (let id = 1; id <= 64; id += 1) remote.receive({ kind: 'secret', id, ok: true, text: null });
  expect(await Promise.all(waiting)).toHaveLength(64);
});
