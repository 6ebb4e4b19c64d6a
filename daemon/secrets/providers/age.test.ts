import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { armor, Encrypter, generateHybridIdentity, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { describe, expect, it } from 'vitest';
import { providerSchema } from '../../contract/secret-providers.ts';
import {
  AGE_ARMORED,
  AGE_BINARY,
  AGE_FOR_A_PASSPHRASE,
  AGE_IDENTITY,
  AGE_PLAIN,
  AGE_VALUES,
  OTHER_IDENTITY,
} from '../test-age-files.ts';
import { startProviders } from '../test-providers.ts';

async function start(content: string | Uint8Array | null, identity = AGE_IDENTITY) {
  const all = await startProviders();
  const file = join(all.directory, 'shop.env.age');
  if (content !== null) writeFileSync(file, content);
  all.set({ kind: 'age', file, identity });
  return Object.assign(all, { file });
}

async function encrypt(text: string | Uint8Array, identity: string): Promise<Uint8Array> {
  const encrypter = new Encrypter();
  encrypter.addRecipient(await identityToRecipient(identity));
  return encrypter.encrypt(text);
}

describe('secrets of an age file', () => {
  it.each([
    ['binary', AGE_BINARY],
    ['armored', AGE_ARMORED],
    ['armored on another system', AGE_ARMORED.replaceAll('\n', '\r\n')],
  ])('are read as the program age wrote it, %s', async (_what, content) => {
    await using all = await start(content);
    expect(await all.pull()).toEqual(AGE_VALUES);
  });

  it('are read as the library wrote it, for an identity of either kind', async () => {
    for (const generate of [generateX25519Identity, generateHybridIdentity]) {
      const identity = await generate();
      await using all = await start(armor.encode(await encrypt(AGE_PLAIN, identity)), identity);
      expect(await all.pull()).toEqual(AGE_VALUES);
    }
  });

  const damaged = Buffer.from(AGE_BINARY);
  damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1;
  const wrong: [string, string | Uint8Array | null, RegExp][] = [
    ['is for another recipient', AGE_BINARY, /was not encrypted for this identity; set the provider anew/],
    ['is for a passphrase', AGE_FOR_A_PASSPHRASE, /is encrypted with a passphrase; encrypt it for a recipient/],
    ['is damaged', damaged, /is no age file, or is damaged/],
    ['was cut off', AGE_BINARY.subarray(0, -10), /is no age file, or is damaged/],
    ['is damaged armor', AGE_ARMORED.replace('YWdl', 'YW!l'), /is no age file, or is damaged/],
    ['is not encrypted', AGE_PLAIN, /is no age file, or is damaged/],
    ['is empty', '', /is no age file, or is damaged/],
    ['is not there', null, /cannot be read: it does not exist/],
    ['is huge', Buffer.alloc(3 * 1024 * 1024), /cannot be read: it is larger than 2097152 bytes/],
  ];
  it.each(wrong)('are refused when it %s', async (what, content, message) => {
    await using all = await start(content, what === 'is for another recipient' ? OTHER_IDENTITY : AGE_IDENTITY);
    const failed = await all.failure();
    expect(failed).toMatchObject({ code: 'unprocessable', message: expect.stringMatching(message) });
    for (const needle of [AGE_IDENTITY, 'needle-age']) expect(JSON.stringify(failed)).not.toContain(needle);
  });

  it.each([
    ['no text', Uint8Array.from([0xff, 0xfe, 0x00]), /is no text; encrypt a \.env file/],
    ['no variables', '# nothing\n', /there is nothing in/],
    ['a name that is none', 'MY-KEY=needle-age\n', /line 1 of .*what stands before = is not a name/],
    ['a line that programs read in different ways', 'A=1\nB=needle-age#x\n', /line 2 of .*put a value that holds # in quotes/],
  ])('are refused when there is %s in it', async (_what, content, message) => {
    await using all = await start(await encrypt(content, AGE_IDENTITY));
    const failed = await all.failure();
    expect(failed.message).toMatch(message);
    expect(JSON.stringify(failed)).not.toContain('needle-age');
  });

  it('are read from nowhere else by a link', async () => {
    await using all = await start(null);
    await using other = await start(AGE_BINARY);
    symlinkSync(other.file, all.file);
    expect((await all.failure()).message).toContain('it is a link to where nothing may be read');
    await using directory = await start(null);
    mkdirSync(directory.file);
    expect((await directory.failure()).message).toContain('it is no file');
  });

  it('cannot be configured outside of the directories that are allowed, or with an identity that was mistyped', async () => {
    await using all = await start(AGE_BINARY);
    const age = (more: object) => providerSchema.parse({ kind: 'age', file: all.file, identity: AGE_IDENTITY, ...more });
    await expect(all.providers.demandSound(age({}))).resolves.toBeUndefined();
    await expect(all.providers.demandSound(age({ file: '/etc/shadow' }))).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringMatching(
        /^Field "provider\.file" is not valid: it is beneath no directory that secrets\.age_directories/,
      ),
    });
    const mistyped = AGE_IDENTITY.replace(/PZ$/, 'PY');
    const failure = all.providers.demandSound(age({ identity: mistyped }));
    await expect(failure).rejects.toMatchObject({
      details: [{ field: 'provider.identity', message: expect.stringContaining('checksum') }],
    });
    await expect(failure).rejects.not.toMatchObject({ message: expect.stringContaining(mistyped) });
  });
});
