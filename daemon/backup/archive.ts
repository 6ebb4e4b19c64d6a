/**
 * The container inside the encryption: a tar archive (ustar, POSIX.1-1988) of regular files alone, which every `tar` reads. What is read is
 * held to exactly that: no links, no directories, no extensions, so that nothing in an archive can mean anything but a name and its bytes.
 */
import { DomainError } from '../contract/errors.ts';

export interface Entry {
  name: string;
  size_bytes: number;
  mode: number;
  content: AsyncIterable<Uint8Array>;
}

const BLOCK_BYTES = 512;
const NAME = { at: 0, length: 100 };
const MODE = { at: 100, length: 8 };
const SIZE = { at: 124, length: 12 };
const CHECKSUM = { at: 148, length: 8 };
const TYPE_AT = 156;
const MAGIC = { at: 257, text: 'ustar\0' };
const PREFIX = { at: 345, length: 155 };
const REGULAR = '0';
/** What fits eleven octal digits. */
const SIZE_BYTES_MAX = 8 ** 11 - 1;
/** Names that need no quoting, beneath nothing but what they say. */
const SAFE_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;

export function fitsArchive(name: string): boolean {
  return name.length <= NAME.length && SAFE_NAME.test(name);
}

/** Throws if the content of an entry is longer or shorter than was said. */
export async function* writeArchive(entries: AsyncIterable<Entry> | Iterable<Entry>): AsyncGenerator<Uint8Array> {
  for await (const { name, size_bytes, mode, content } of entries) {
    yield headerOf(name, size_bytes, mode);
    let bytes = 0;
    for await (const chunk of content) {
      bytes += chunk.length;
      if (bytes > size_bytes) break;
      yield chunk;
    }
    if (bytes !== size_bytes) throw new Error(`${name} changed while it was read`);
    yield Buffer.alloc(paddingOf(size_bytes));
  }
  yield Buffer.alloc(2 * BLOCK_BYTES);
}

function headerOf(name: string, size_bytes: number, mode: number): Buffer {
  if (!fitsArchive(name) || size_bytes > SIZE_BYTES_MAX) throw new Error(`no entry of an archive: ${name}`);
  const header = Buffer.alloc(BLOCK_BYTES);
  header.write(name, NAME.at, 'latin1');
  for (const [value, field] of [
    [mode, MODE],
    [0, { at: 108, length: 8 }],
    [0, { at: 116, length: 8 }],
    [size_bytes, SIZE],
    [0, { at: 136, length: 12 }],
  ] as const)
    header.write(value.toString(8).padStart(field.length - 1, '0'), field.at, 'latin1');
  header.write(REGULAR, TYPE_AT, 'latin1');
  header.write(`${MAGIC.text}00`, MAGIC.at, 'latin1');
  header.write(`${checksumOf(header).toString(8).padStart(6, '0')}\0 `, CHECKSUM.at, 'latin1');
  return header;
}

/** With the field of the checksum itself as spaces. */
function checksumOf(header: Buffer): number {
  let sum = 0;
  for (const [index, byte] of header.entries()) {
    const isOwn = index >= CHECKSUM.at && index < CHECKSUM.at + CHECKSUM.length;
    sum += isOwn ? 0x20 : byte;
  }
  return sum;
}

/**
 * Entries in their order, each to be read to its end before the next is asked for. Throws `unprocessable` for whatever is not as
 * {@link writeArchive} writes it; in memory there is never more than a chunk of the source.
 */
export async function* readArchive(source: AsyncIterable<Uint8Array>): AsyncGenerator<Omit<Entry, 'mode'>> {
  const bytes = new ByteReader(source);
  try {
    for (;;) {
      const header = await bytes.take(BLOCK_BYTES);
      if (header.every((byte) => byte === 0)) break;
      const { name, size_bytes } = parseHeader(header);
      const content = bytes.stream(size_bytes);
      yield { name, size_bytes, content };
      if (!(await content.next()).done) throw new Error('an entry was not read to its end');
      await bytes.skipZeros(paddingOf(size_bytes));
    }
    await bytes.skipZeros(BLOCK_BYTES);
    await bytes.demandEnd();
  } finally {
    await bytes.close();
  }
}

function parseHeader(header: Buffer): { name: string; size_bytes: number } {
  const text = ({ at, length }: { at: number; length: number }) =>
    header.toString('latin1', at, at + length).replace(/\0[\s\S]*$/, '');
  const octal = (field: { at: number; length: number }) => {
    const digits = text(field).trim();
    if (!/^[0-7]{1,11}$/.test(digits)) throw notOurs();
    return Number.parseInt(digits, 8);
  };
  if (!header.toString('latin1', MAGIC.at, MAGIC.at + MAGIC.text.length).startsWith(MAGIC.text)) throw notOurs();
  if (octal(CHECKSUM) !== checksumOf(header)) throw notOurs();
  const name = text(NAME);
  const isRegular = header.toString('latin1', TYPE_AT, TYPE_AT + 1) === REGULAR;
  if (!isRegular || text(PREFIX) !== '' || !fitsArchive(name)) throw notOurs();
  return { name, size_bytes: octal(SIZE) };
}

function paddingOf(size_bytes: number): number {
  return (BLOCK_BYTES - (size_bytes % BLOCK_BYTES)) % BLOCK_BYTES;
}

export function notOurs(): DomainError {
  return new DomainError('unprocessable', 'What is encrypted in this file is no backup of NextDeploy. Nothing was changed.');
}

function cutShort(): DomainError {
  return new DomainError('unprocessable', 'The backup ends before its end: it was cut short. Nothing was changed.');
}

/** Pieces of chosen sizes from a source of chunks. */
class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async take(count: number): Promise<Buffer> {
    const taken: Uint8Array[] = [];
    for await (const piece of this.stream(count)) taken.push(piece);
    return Buffer.concat(taken);
  }

  async *stream(count: number): AsyncGenerator<Uint8Array> {
    let left = count;
    while (left > 0) {
      if (this.#rest.length === 0 && !(await this.#fill())) throw cutShort();
      const piece = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  async skipZeros(count: number): Promise<void> {
    for await (const piece of this.stream(count)) if (piece.some((byte) => byte !== 0)) throw notOurs();
  }

  /** Reads on to the end of the source: only there the encryption proves that nothing was cut off. */
  async demandEnd(): Promise<void> {
    if (this.#rest.length > 0 || (await this.#fill())) throw notOurs();
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }

  async #fill(): Promise<boolean> {
    for (;;) {
      const { done, value } = await this.#source.next();
      if (done === true) return false;
      this.#rest = value;
      if (value.length > 0) return true;
    }
  }
}
