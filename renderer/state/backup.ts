import type { RestoreReport } from '../../daemon/contract/backup.ts';
import { type BridgeError, linkLost } from '../bridge/bridge-error.ts';
import type { Channel, Link } from '../bridge/link.ts';
import { fromBase64, toBase64 } from './base64.ts';

const CHUNK_BYTES = 256 * 1024;
/** Sent and not yet taken. */
const WINDOW_BYTES = 2 * 1024 * 1024;

/** An encrypted backup of a host, as one file. `onProgress` is told of the bytes so far. Rejects with a `BridgeError`. */
export function downloadBackup(link: Link, host: string, passphrase: string, onProgress: (bytes: number) => void): Promise<Blob> {
  return new Promise((resolve, reject) => {
    const parts: Uint8Array<ArrayBuffer>[] = [];
    let bytes = 0;
    const channel: Channel<'backup.create'> = link.open(
      'backup.create',
      { host, passphrase },
      {
        onMessage({ data }) {
          const part = new Uint8Array(fromBase64(data));
          parts.push(part);
          bytes += part.length;
          channel.send({ bytes: part.length });
          onProgress(bytes);
        },
        onEnd: (error) => (error === null ? resolve(new Blob(parts)) : reject(error)),
      },
    );
  });
}

export interface Restoring {
  file: Blob;
  passphrase: string;
  /** False: a rehearsal that changes nothing. */
  apply: boolean;
}

/** What a backup would change, or has changed. `onProgress` is told of the part that was taken, from 0 to 1. Rejects with a `BridgeError`. */
export function uploadBackup(
  link: Link,
  host: string,
  { file, passphrase, apply }: Restoring,
  onProgress: (part: number) => void,
): Promise<RestoreReport> {
  return new Promise((resolve, reject) => {
    let report: RestoreReport | null = null;
    let taken = 0;
    let isEnded = false;
    let wake = () => {};
    const onEnd = (error: BridgeError | null) => {
      isEnded = true;
      wake();
      if (error !== null) reject(error);
      else if (report === null) reject(linkLost());
      else resolve(report);
    };
    const channel = link.open(
      'backup.restore',
      { host, passphrase, apply, size_bytes: file.size },
      {
        onMessage(message) {
          if (message.kind === 'report') report = message.report;
          else {
            taken += message.bytes;
            onProgress(file.size === 0 ? 1 : taken / file.size);
            wake();
          }
        },
        onEnd,
      },
    );
    const send = async () => {
      for (let start = 0; start < file.size && !isEnded; start += CHUNK_BYTES) {
        while (start - taken >= WINDOW_BYTES && !isEnded)
          await new Promise<void>((resolve_wait) => {
            wake = resolve_wait;
          });
        const chunk = new Uint8Array(await file.slice(start, start + CHUNK_BYTES).arrayBuffer());
        if (!isEnded) channel.send({ kind: 'bytes', data: toBase64(chunk) });
      }
      if (!isEnded) channel.send({ kind: 'end' });
    };
    send().catch((error: unknown) => {
      channel.close();
      reject(error); // the file is gone, or cannot be read
    });
  });
}
