import { Readable } from 'node:stream';
import type { DaemonClient } from '../api/client.ts';
import type { Image } from '../contract/domain.ts';
import { openUserFile } from '../host/user-files.ts';
import { age, bytes, seconds, table } from './format.ts';
import { print, type Terminal } from './terminal.ts';

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
    if (json) await print(terminal, JSON.stringify({ images }));
    else
      for (const image of images)
        await print(terminal, `loaded ${image.references.join(', ') || image.id} in ${seconds(Date.now() - started)}`);
  } finally {
    progress.end();
    stream.destroy();
  }
}

export function imageTable(images: Image[], now_ms: number): string {
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
