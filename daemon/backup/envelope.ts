/**
 * The encryption of a backup: age with a passphrase (https://c2sp.org/age), as the program `age --passphrase` writes and reads it. The library
 * does all but the key of the passphrase: Node's own scrypt works beside the daemon, which would otherwise answer nobody for a second.
 */
import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import { ReadableStream as NodeStream } from 'node:stream/web';
import type { Identity, Recipient, Stanza } from 'age-encryption';
import { DomainError } from '../contract/errors.ts';
import type { Sealed } from '../secrets/sealed.ts';

/** Of the program `age`: 256 MB for about a second. */
const WORK_FACTOR = 18;
const SALT_BYTES = 16;
const TAG_BYTES = 16;
const LABEL = 'age-encryption.org/v1/scrypt';
const INTRODUCTION = 'age-encryption.org/v1\n';
const ARMOR = '-----BEGIN AGE ENCRYPTED FILE-----';
/** Longer than the header of a file with a passphrase, which has one stanza. */
const HEADER_BYTES_MAX = 1_024;

/** `work_factor`: the binary logarithm of scrypt's cost; tests take less of it. */
export async function encrypt(
  source: AsyncIterable<Uint8Array>,
  passphrase: Sealed,
  work_factor: number = WORK_FACTOR,
): Promise<AsyncIterable<Uint8Array>> {
  const age = await loadAge();
  const encrypter = new age.Encrypter();
  encrypter.addRecipient(recipientOf(passphrase, work_factor, age.Stanza));
  return iterable(await encrypter.encrypt(webStream(source)));
}

/**
 * Resolves once the passphrase has opened it. Throws `unprocessable`, with what the file is instead; what is damaged further on fails the
 * stream with {@link damaged}.
 */
export async function decrypt(source: AsyncIterable<Uint8Array>, passphrase: Sealed): Promise<AsyncIterable<Uint8Array>> {
  const { head, all } = await peek(source, HEADER_BYTES_MAX);
  demandHeader(head);
  const { Decrypter } = await loadAge();
  const decrypter = new Decrypter();
  const state = { isWrong: false };
  decrypter.addIdentity(identityOf(passphrase, state));
  try {
    return inOwnWords(iterable(await decrypter.decrypt(webStream(all))));
  } catch (cause) {
    if (cause instanceof DomainError) throw cause;
    if (state.isWrong) throw refusal('The passphrase is not the one that this backup was made with', cause);
    throw damaged(cause);
  }
}

export function damaged(cause?: unknown): DomainError {
  return refusal('The backup is damaged, or was cut short: take another copy of it', cause);
}

function refusal(what: string, cause?: unknown): DomainError {
  return new DomainError('unprocessable', `${what}. Nothing was changed.`, cause === undefined ? {} : { cause });
}

/** What reads on gets either what was encrypted, or an error that says so. */
async function* inOwnWords(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* source;
  } catch (cause) {
    throw cause instanceof DomainError ? cause : damaged(cause);
  }
}

function demandHeader(head: Buffer): void {
  const text = head.toString('latin1');
  if (text.length === 0) throw refusal('The file is empty');
  if (text.trimStart().startsWith(ARMOR)) throw refusal('The file is armored; give it as it was made, in binary');
  if (!text.startsWith(INTRODUCTION)) {
    if (INTRODUCTION.startsWith(text)) throw damaged();
    throw refusal('This is no backup: it is not encrypted with age');
  }
  const stanza = /^-> scrypt \S+ ([0-9]+)$/m.exec(text.slice(INTRODUCTION.length).split('\n', 1)[0] ?? '');
  if (stanza !== null) {
    // Each one more doubles the memory.
    if (Number(stanza[1]) <= WORK_FACTOR) return;
    throw refusal(`Its passphrase takes more work than a backup's does (${stanza[1]}, at most ${WORK_FACTOR})`);
  }
  if (text.length < HEADER_BYTES_MAX && !text.includes('\n---')) throw damaged();
  throw refusal('This is no backup: it is encrypted with age, but not for a passphrase');
}

function recipientOf(passphrase: Sealed, work_factor: number, Kind: typeof Stanza): Recipient {
  return {
    wrapFileKey: async (fileKey) => {
      const salt = randomBytes(SALT_BYTES);
      const key = await keyOf(passphrase, salt, work_factor);
      const cipher = createCipheriv('chacha20-poly1305', key, Buffer.alloc(12), { authTagLength: TAG_BYTES });
      const body = Buffer.concat([cipher.update(fileKey), cipher.final(), cipher.getAuthTag()]);
      return [new Kind(['scrypt', unpadded(salt), String(work_factor)], body)];
    },
  };
}

function identityOf(passphrase: Sealed, state: { isWrong: boolean }): Identity {
  return {
    unwrapFileKey: async ([stanza, ...others]) => {
      const [kind, salt = '', factor = ''] = stanza?.args ?? [];
      if (stanza === undefined || others.length > 0 || kind !== 'scrypt' || stanza.args.length !== 3)
        throw new Error('no scrypt stanza');
      const bytes = Buffer.from(salt, 'base64');
      const isSound = bytes.length === SALT_BYTES && unpadded(bytes) === salt && stanza.body.length === 16 + TAG_BYTES;
      if (!isSound || !/^[1-9][0-9]?$/.test(factor) || Number(factor) > WORK_FACTOR)
        throw new Error('a scrypt stanza that is wrong');
      const key = await keyOf(passphrase, bytes, Number(factor));
      const decipher = createDecipheriv('chacha20-poly1305', key, Buffer.alloc(12), { authTagLength: TAG_BYTES });
      decipher.setAuthTag(stanza.body.subarray(-TAG_BYTES));
      try {
        return Buffer.concat([decipher.update(stanza.body.subarray(0, -TAG_BYTES)), decipher.final()]);
      } catch {
        state.isWrong = true;
        return null;
      }
    },
  };
}

function keyOf(passphrase: Sealed, salt: Buffer, factor: number): Promise<Buffer> {
  const cost = { N: 2 ** factor, r: 8, p: 1, maxmem: 2 * 128 * 8 * 2 ** factor };
  return new Promise((resolve, reject) => {
    scrypt(passphrase.open(), Buffer.concat([Buffer.from(LABEL), salt]), 32, cost, (error, key) => {
      if (error) reject(error);
      else resolve(key);
    });
  });
}

const unpadded = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');

/** The beginning, and all of it including that. */
export async function peek(
  source: AsyncIterable<Uint8Array>,
  bytes_min: number,
): Promise<{ head: Buffer; all: AsyncIterable<Uint8Array> }> {
  const iterator = source[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < bytes_min) {
    const { done, value } = await iterator.next();
    if (done === true) break;
    head = Buffer.concat([head, value]);
  }
  const all = async function* () {
    yield head;
    for (;;) {
      const { done, value } = await iterator.next();
      if (done === true) return;
      yield value;
    }
  };
  return { head: head.subarray(0, bytes_min), all: all() };
}

// The library's types are the browser's, where a stream cannot be made of an iterable, nor iterated; in Node they are one and the same class.
const webStream = (source: AsyncIterable<Uint8Array>) => NodeStream.from(source) as unknown as ReadableStream<Uint8Array>;
const iterable = (stream: ReadableStream<Uint8Array>) => stream as unknown as AsyncIterable<Uint8Array>;

/** Only where it is needed: it brings its own cryptography. */
function loadAge() {
  return import('age-encryption');
}
