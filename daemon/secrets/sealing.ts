/** How values are encrypted at rest: AES-256-GCM (NIST SP 800-38D), each bound to what it is the value of. Pure but for random bytes. */
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import type { Sealed } from './sealed.ts';

export const KEY_BYTES = 32;
/** 96 bits, at random: with one key for far fewer than 2^32 values none is used twice (SP 800-38D §8.3). */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const FINGERPRINT_CHARACTERS = 16;

/** What was sealed with another key, for something else, or was changed. */
export class SealBroken extends Error {}

/** `about`: what the text belongs to; only with the same it opens again. Nonce, ciphertext and tag in one. */
export function seal(key: Buffer, about: readonly string[], text: Buffer): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES }).setAAD(associated(about));
  return Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()]);
}

/** Throws {@link SealBroken}. */
export function unseal(key: Buffer, about: readonly string[], sealed: Buffer): Buffer {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) throw new SealBroken('too short');
  const nonce = sealed.subarray(0, NONCE_BYTES);
  const tag = sealed.subarray(-TAG_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES }).setAAD(associated(about));
  try {
    return Buffer.concat([decipher.setAuthTag(tag).update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
  } catch (cause) {
    throw new SealBroken('it does not open', { cause });
  }
}

/** Alike for alike values of one secret; without the key nobody can try values against it. */
export function fingerprintOf(key: Buffer, about: readonly string[], value: Sealed): string {
  const mac = createHmac('sha256', key).update(associated(about)).update(value.open());
  return mac.digest('hex').slice(0, FINGERPRINT_CHARACTERS);
}

/** Unambiguous: each part with its length before it. */
function associated(parts: readonly string[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => {
      const bytes = Buffer.from(part);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return [length, bytes];
    }),
  );
}
