/**
 * A .env file that was encrypted with age for a recipient, binary or armored, as the `age` program writes it.
 * Source: https://c2sp.org/age (the format).
 */
import { parseEnvText } from '../../contract/env-text.ts';
import type { Provider } from '../../contract/secret-providers.ts';
import type { EncryptedFiles } from '../ports.ts';
import type { Sealed } from '../sealed.ts';
import { ProviderFailure } from './failure.ts';
import { toSecrets } from './variables.ts';

type Age = Extract<Provider, { kind: 'age' }>;

const ARMOR = '-----BEGIN AGE ENCRYPTED FILE-----';
const INTRODUCTION = 'age-encryption.org/v1\n';
/** With scrypt, which takes a second of the whole daemon and 256 MB for every pull. */
const FOR_A_PASSPHRASE = /^age-encryption\.org\/v1\n-> scrypt /;

/** Throws a {@link ProviderFailure}. */
export async function pullAgeFile({ file, identity }: Age, files: EncryptedFiles): Promise<Map<string, Sealed>> {
  const read = await files.read(file);
  if (read.kind === 'refused') throw new ProviderFailure(`the file ${file} cannot be read: ${read.reason}`);
  const text = decode(await decrypt(read.content, file, identity));
  if (text === null) throw new ProviderFailure(`what is in ${file} is no text; encrypt a .env file`);
  const { env, problems } = parseEnvText(text);
  const [bad] = problems;
  if (bad !== undefined) throw new ProviderFailure(`line ${bad.line} of ${file}: ${bad.message}`);
  const variables = Object.entries(env).map(([name, value]) => ({ name, value, source: name }));
  return toSecrets(variables, file);
}

/** Whether it is whole, by its checksum. */
export async function isAgeIdentity(identity: string): Promise<boolean> {
  const { identityToRecipient } = await loadAge();
  return identityToRecipient(identity).then(
    () => true,
    () => false,
  );
}

async function decrypt(content: Buffer, file: string, identity: string): Promise<Uint8Array> {
  const { Decrypter, armor } = await loadAge();
  const damaged = new ProviderFailure(`the file ${file} is no age file, or is damaged; encrypt it anew`);
  let binary: Uint8Array = content;
  if (content.subarray(0, 1_024).toString('latin1').trimStart().startsWith(ARMOR)) {
    try {
      binary = armor.decode(content.toString('latin1'));
    } catch {
      throw damaged;
    }
  }
  const start = Buffer.from(binary.subarray(0, 64)).toString('latin1');
  if (!start.startsWith(INTRODUCTION)) throw damaged;
  if (FOR_A_PASSPHRASE.test(start))
    throw new ProviderFailure(`the file ${file} is encrypted with a passphrase; encrypt it for a recipient (\`age -r age1…\`)`);
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  try {
    return await decrypter.decrypt(binary);
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('no identity matched'))
      throw new ProviderFailure(`the file ${file} was not encrypted for this identity; set the provider anew with the right one`);
    throw damaged;
  }
}

function decode(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Only where a file is to be opened: it brings its own cryptography. */
function loadAge() {
  return import('age-encryption');
}
