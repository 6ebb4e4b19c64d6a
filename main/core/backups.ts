/** Backups over the link: the file goes through in chunks, and no more of it is in memory than a window. */
import { Readable } from 'node:stream';
import type { DaemonClient } from '../../daemon/api/client.ts';
import { backupRequestSchema } from '../../daemon/contract/backup.ts';
import { DomainError, toInvalidRequest } from '../../daemon/contract/errors.ts';
import type { ChannelInput } from '../../preload/contract.ts';
import type { ChannelContext } from './link.ts';

const BACKUP_BOUNDS = {
  /** On its way to or from the window. */
  window_bytes: 4 * 1024 * 1024,
  chunk_bytes: 256 * 1024,
} as const;

type Client = Pick<DaemonClient, 'download' | 'upload'>;

/** Streams a backup to the window. Rejects as the daemon refuses, or when the file is cut off. */
export async function sendBackup(
  client: Client,
  { passphrase }: ChannelInput<'backup.create'>,
  { signal, send, onMessage }: ChannelContext<'backup.create'>,
): Promise<void> {
  const body = { passphrase: checkedPassphrase(passphrase) };
  const gate = new Gate(signal);
  let outstanding = 0;
  onMessage(({ bytes }) => {
    outstanding -= bytes;
    gate.open();
  });
  const stream = await client.download('createBackup', { body, signal });
  try {
    for await (const data of stream) {
      for (const chunk of chunksOf(data as Buffer)) {
        await send({ data: chunk.toString('base64') });
        outstanding += chunk.length;
        while (outstanding > BACKUP_BOUNDS.window_bytes) await gate.wait();
      }
    }
  } finally {
    stream.destroy();
  }
}

/** Throws `invalid_request` with what is wrong with it, and never with itself. */
function checkedPassphrase(passphrase: string): string {
  const parsed = backupRequestSchema.safeParse({ passphrase });
  if (!parsed.success) throw toInvalidRequest(parsed.error, 'body');
  return parsed.data.passphrase;
}

function* chunksOf(data: Buffer): Generator<Buffer> {
  for (let start = 0; start < data.length; start += BACKUP_BOUNDS.chunk_bytes)
    yield data.subarray(start, start + BACKUP_BOUNDS.chunk_bytes);
}

/** Streams a file of the window's to the daemon, which rehearses it, or takes it over. Rejects as the daemon refuses. */
export async function takeBackup(
  client: Client,
  { passphrase, apply, size_bytes }: ChannelInput<'backup.restore'>,
  context: ChannelContext<'backup.restore'>,
): Promise<void> {
  const head = Buffer.from(`${checkedPassphrase(passphrase)}\n`);
  const report = await client.upload('restoreBackup', Readable.from(bodyOf(head, context)), {
    size_bytes: head.length + size_bytes,
    signal: context.signal,
    ...(apply ? { query: { apply: 'true' } } : {}),
  });
  await context.send({ kind: 'report', report });
}

/** The request's body: the passphrase's line, then the file as it comes. The window is told of what was taken, and sends no more than fits. */
async function* bodyOf(head: Buffer, { signal, send, onMessage }: ChannelContext<'backup.restore'>): AsyncGenerator<Buffer> {
  const gate = new Gate(signal);
  const waiting: Buffer[] = [];
  let waiting_bytes = 0;
  let isWhole = false;
  onMessage((message) => {
    if (message.kind === 'end') isWhole = true;
    else {
      const chunk = Buffer.from(message.data, 'base64');
      waiting.push(chunk);
      waiting_bytes += chunk.length;
    }
    gate.open();
  });
  yield head;
  while (!isWhole || waiting.length > 0) {
    if (waiting_bytes > 2 * BACKUP_BOUNDS.window_bytes)
      throw new DomainError('payload_too_large', 'The file came faster than it may; try again.');
    const chunk = waiting.shift();
    if (chunk !== undefined) {
      yield chunk;
      waiting_bytes -= chunk.length;
      await send({ kind: 'taken', bytes: chunk.length });
    } else await gate.wait();
  }
}

/** Lets one who waits go on, once something has come. */
class Gate {
  readonly #signal: AbortSignal;
  #opened = Promise.withResolvers<void>();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', () => this.open(), { once: true });
  }

  open(): void {
    this.#opened.resolve();
  }

  /** Rejects with the signal's reason. */
  async wait(): Promise<void> {
    this.#signal.throwIfAborted();
    await this.#opened.promise;
    this.#opened = Promise.withResolvers();
    this.#signal.throwIfAborted();
  }
}
