import { Readable } from 'node:stream';
import type { DaemonClient } from '../api/client.ts';
import type { Image } from '../contract/domain.ts';
import { openUserFile } from '../host/user-files.ts';
import { age, bytes, seconds, table } from './format.ts';
import { print, printable, type Terminal } from './terminal.ts';

const PROGRESS_MS = 200;

/** Streams an archive from a file, or from standard input for `-`, and prints what was loaded. */
export async function loadImages(
  client: DaemonClient,
  source: string,
  { json }: { json: boolean },
  terminal: Terminal,
): Promise<void> {
  const { stream, size_bytes } =
    source === '-' ? { stream: Readable.from(terminal.stdin), size_bytes: undefined } : await openUserFile(source);
  const progress = createProgress(terminal, size_bytes);
  const started = Date.now();
  try {
    const { images } = await client.upload('loadImages', stream, {
      size_bytes,
      signal: terminal.signal,
      onProgress: (sent) => progress.show(sent),
    });
    progress.end();
    const names = images.map((image) => image.references.join(', ') || image.id).join(', ');
    const text = `loaded ${printable(names)} in ${seconds(Date.now() - started)}`;
    await print(terminal, json ? JSON.stringify({ images }) : text);
  } finally {
    progress.end();
    stream.destroy();
  }
}

export function imageTable(images: Image[], now_ms: number): string {
  if (images.length === 0) return 'No images yet. Load one: docker save IMAGE | nextdeploy images load -';
  const rows = images.map((image) => [
    image.references.join(', ') || '-',
    image.id.replace(/^sha256:/, '').slice(0, 12),
    bytes(image.size_bytes),
    age(image.created_at, now_ms),
  ]);
  return table(['IMAGE', 'ID', 'SIZE', 'CREATED'], rows);
}

/** A line that is redrawn on a terminal's standard error, and nothing elsewhere. */
function createProgress({ stderr }: Terminal, total: number | undefined) {
  let shownAt = 0;
  return {
    show(sent: number): void {
      if (stderr.isTTY !== true || Date.now() - shownAt < PROGRESS_MS) return;
      shownAt = Date.now();
      const of = total === undefined ? '' : ` of ${bytes(total)} (${Math.floor((100 * sent) / Math.max(1, total))} %)`;
      stderr.write(`\r\u001b[2Ksent ${bytes(sent)}${of}`);
    },
    end(): void {
      if (shownAt > 0) stderr.write('\r\u001b[2K');
      shownAt = 0;
    },
  };
}
