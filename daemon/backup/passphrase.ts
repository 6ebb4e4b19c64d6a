/** What comes before the file in a request to restore: its passphrase, in one line. So it stands in no URL, header or argument. */
import { passphraseSchema } from '../contract/backup.ts';
import { DomainError } from '../contract/errors.ts';
import { LIMITS } from '../contract/limits.ts';
import { Sealed } from '../secrets/sealed.ts';
import { peek } from './envelope.ts';

const LINE_FEED = 0x0a;
const LINE_BYTES_MAX = 4 * LIMITS.backup_passphrase_characters_max;

/** Throws `invalid_request`. */
export async function splitPassphrase(
  upload: AsyncIterable<Uint8Array>,
): Promise<{ passphrase: Sealed; file: AsyncIterable<Uint8Array> }> {
  const { head, all } = await peek(upload, LINE_BYTES_MAX + 1);
  const end = head.indexOf(LINE_FEED);
  if (end === -1) throw missing('send it in UTF-8 before the file, followed by a line feed');
  const parsed = passphraseSchema.safeParse(head.subarray(0, end).toString('utf8'));
  if (!parsed.success) throw missing(parsed.error.issues[0]?.message ?? 'it is not valid');
  return { passphrase: new Sealed(parsed.data), file: without(all, end + 1) };
}

function missing(message: string): DomainError {
  return new DomainError('invalid_request', `The passphrase before the file is not valid: ${message}.`, {
    details: [{ field: 'passphrase', message }],
  });
}

async function* without(source: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let left = count;
  for await (const chunk of source) {
    const skipped = Math.min(left, chunk.length);
    left -= skipped;
    if (skipped < chunk.length) yield chunk.subarray(skipped);
  }
}
