import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { DomainError } from '../contract/errors.ts';
import { parseJson } from './json.ts';

export interface BodyLimits {
  bytesMax: number;
  /** To the last byte of a JSON body; between two pieces of an upload. */
  timeout_ms: number;
  signal: AbortSignal;
}

/** @throws DomainError `payload_too_large` from the Content-Length alone, before a byte is read */
export function checkDeclaredLength(request: IncomingMessage, bytesMax: number): void {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > bytesMax) throw tooLarge(request, bytesMax);
}

/** @throws DomainError `invalid_request` unless the request says that its body is of this type */
export function checkContentType(request: IncomingMessage, expected: string): void {
  const given = request.headers['content-type'];
  const [type = '', ...parameters] = (given ?? '').toLowerCase().split(';');
  const isUtf8 = parameters.every((parameter) => !/^\s*charset\s*=/.test(parameter) || /=\s*"?utf-?8"?\s*$/.test(parameter));
  const isPlain = (request.headers['content-encoding'] ?? 'identity') === 'identity';
  if (type.trim() === expected && isUtf8 && isPlain) return;
  throw new DomainError('invalid_request', `The body must be sent uncompressed as "Content-Type: ${expected}".`, {
    details: [{ field: 'Content-Type', message: `use ${expected}` }],
  });
}

/**
 * Reads a JSON body whole, into at most `bytesMax` of memory. Undefined if there is none.
 * @throws DomainError `payload_too_large`, or `invalid_request` for what is not JSON, not UTF-8 or not there in time
 */
export async function readJsonBody(request: IncomingMessage, { bytesMax, timeout_ms, signal }: BodyLimits): Promise<unknown> {
  const bytes = await readWhole(request, { bytesMax, timeout_ms, signal });
  if (bytes.length === 0) return undefined;
  checkContentType(request, 'application/json');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new DomainError('invalid_request', 'The body is not valid UTF-8.', {
      details: [{ field: '', message: 'not valid UTF-8' }],
    });
  }
  return parseJson(text);
}

function readWhole(request: IncomingMessage, { bytesMax, timeout_ms, signal }: BodyLimits): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let size = 0;
  const onData = (chunk: Buffer) => {
    size += chunk.length;
    if (size > bytesMax) reject(tooLarge(request, bytesMax));
    else chunks.push(chunk);
  };
  const onEnd = () => resolve(Buffer.concat(chunks));
  const onGone = () => reject(signal.aborted ? signal.reason : hungUp());
  const tooSlow = setTimeout(() => {
    reject(new DomainError('invalid_request', 'The body did not arrive in time; send it again.'));
  }, timeout_ms);
  request.on('data', onData).on('end', onEnd).on('error', onGone);
  signal.addEventListener('abort', onGone, { once: true });
  return promise.finally(() => {
    clearTimeout(tooSlow);
    signal.removeEventListener('abort', onGone);
    request.off('data', onData).off('end', onEnd).off('error', onGone);
    request.pause();
  });
}

/**
 * The raw body of an upload as a stream of its own: as slow as its reader, bounded, and failing (never just ending) when
 * the caller hangs up or sends nothing for too long. Destroying it leaves the connection open for the answer.
 */
export class UploadBody extends Readable {
  readonly #request: IncomingMessage;
  readonly #bytesMax: number;
  readonly #idle_ms: number;
  readonly #leave: () => void;
  #received = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(request: IncomingMessage, { bytesMax, timeout_ms, signal }: BodyLimits) {
    super();
    this.#idle_ms = timeout_ms;
    this.#request = request;
    this.#bytesMax = bytesMax;
    const onGone = () => this.destroy(signal.reason instanceof Error ? signal.reason : hungUp());
    const onEnd = () => {
      clearTimeout(this.#idle);
      this.push(null);
    };
    const onData = (chunk: Buffer) => this.#take(chunk);
    request.on('data', onData).on('end', onEnd).on('error', onGone);
    request.pause();
    signal.addEventListener('abort', onGone, { once: true });
    // A body that nobody reads when it fails must not bring the process down.
    this.on('error', () => undefined);
    this.#leave = () => {
      clearTimeout(this.#idle);
      signal.removeEventListener('abort', onGone);
      request.off('data', onData).off('end', onEnd).off('error', onGone);
      request.pause();
    };
  }

  /** At once, so that whoever answers can throw away what still arrives. */
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#leave();
    done(error);
  }

  override _read(): void {
    if (this.#idle === undefined) this.#awaitMore();
    this.#request.resume();
  }

  #take(chunk: Buffer): void {
    clearTimeout(this.#idle);
    this.#idle = undefined;
    this.#received += chunk.length;
    if (this.#received > this.#bytesMax) this.destroy(tooLarge(this.#request, this.#bytesMax));
    else if (this.push(chunk)) this.#awaitMore();
    else this.#request.pause();
  }

  #awaitMore(): void {
    this.#idle = setTimeout(() => {
      this.destroy(new DomainError('invalid_request', 'The upload stopped arriving; send it again.'));
    }, this.#idle_ms);
  }
}

/** By path, the field that makes a request large. A guess: the body has not been parsed, and will not be. */
const LARGE_FIELDS: ReadonlyMap<string, string> = new Map([['/deploy', 'env']]);

function tooLarge({ url = '' }: IncomingMessage, bytesMax: number): DomainError {
  const field = LARGE_FIELDS.get(url.split('?', 1)[0] ?? '');
  const allowed = `The body is larger than the ${bytesMax} bytes allowed here`;
  if (field === undefined) return new DomainError('payload_too_large', `${allowed}; send a smaller one.`);
  return new DomainError('payload_too_large', `${allowed}, most likely for its field "${field}"; send a smaller one.`, {
    details: [{ field, message: `most likely it is what makes the body larger than the ${bytesMax} bytes allowed` }],
  });
}

function hungUp(): DomainError {
  return new DomainError('unavailable', 'The caller hung up before the request was complete.');
}
