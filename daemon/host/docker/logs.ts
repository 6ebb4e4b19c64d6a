/** A container's log as lines: Docker's multiplexed stream taken apart. */
import type { ContainerLine, ReadLogsOptions } from '../../stream/logs.ts';
import { type DockerClient, DockerError, unbroken } from './client.ts';

const LINE_CHARACTERS_MAX = 64 * 1024;
const FRAME_HEADER_BYTES = 8;
const FRAME_BYTES_MAX = 16 * 1024 * 1024;

/** Ends when the container's log ends (with `follow`: when it is removed or stops), or quietly when aborted. A container that is gone has no lines. */
export async function* readLogs(
  client: DockerClient,
  containerId: string,
  options: ReadLogsOptions,
): AsyncGenerator<ContainerLine> {
  const { since, tail, follow, signal } = options;
  const wanted = {
    stdout: true,
    stderr: true,
    timestamps: true,
    // The types take true or false, not either.
    follow: follow as true,
    ...(tail === undefined ? {} : { tail }),
    ...(since ? { since: toUnixTime(since) } : {}),
  };
  try {
    const response = await client.stream((docker) => docker.getContainer(containerId).logs(wanted), { signal });
    try {
      for await (const line of splitLines(readFrames(unbroken(response)))) if (!since || line.ts > since) yield line;
    } finally {
      response.destroy();
    }
  } catch (error) {
    const isGone = error instanceof DockerError && (error.status === 404 || error.status === 409);
    if (!signal.aborted && !isGone) throw error;
  }
}

/** Docker takes seconds with a fraction; that time itself is included in its answer. */
function toUnixTime(ts: string): string {
  const fraction = /\.(\d+)/.exec(ts)?.[1] ?? '0';
  const whole = Math.floor(Date.parse(ts) / 1000);
  return Number.isFinite(whole) ? `${whole}.${fraction.padEnd(9, '0').slice(0, 9)}` : '0';
}

interface Frame {
  stream: 'stdout' | 'stderr';
  payload: Buffer;
}

/** https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach "Stream format" */
export async function* readFrames(source: AsyncIterable<Buffer>): AsyncGenerator<Frame> {
  const queue = new ByteQueue();
  let header: Buffer | null = null;
  for await (const chunk of source) {
    queue.push(chunk);
    for (;;) {
      header ??= queue.take(FRAME_HEADER_BYTES);
      if (header === null) break;
      const size = header.readUInt32BE(4);
      if (size > FRAME_BYTES_MAX) throw new Error('Docker sent a log frame that is too long');
      const payload = queue.take(size);
      if (payload === null) break;
      yield { stream: header[0] === 2 ? 'stderr' : 'stdout', payload };
      header = null;
    }
  }
}

/** Bytes as they came; only what lies across two chunks is copied, once. Holds at most one unfinished frame and a chunk. */
class ByteQueue {
  #chunks: Buffer[] = [];
  #length = 0;

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** The next so many bytes; null, and nothing taken, until they are all there. */
  take(size: number): Buffer | null {
    if (this.#length < size) return null;
    this.#length -= size;
    const parts: Buffer[] = [];
    let used = 0;
    let missing = size;
    for (const chunk of this.#chunks) {
      parts.push(chunk.subarray(0, missing));
      if (chunk.length > missing) {
        this.#chunks[used] = chunk.subarray(missing);
        break;
      }
      used += 1;
      missing -= chunk.length;
      if (missing === 0) break;
    }
    this.#chunks.splice(0, used);
    const [first] = parts;
    return parts.length === 1 && first ? first : Buffer.concat(parts, size);
  }
}

/** Docker cuts long lines into frames, each with its own time and only the last with a line feed: they are joined again. */
export async function* splitLines(frames: AsyncIterable<Frame>): AsyncGenerator<ContainerLine> {
  const open: Record<Frame['stream'], { ts: string; log: string } | null> = { stdout: null, stderr: null };
  for await (const { stream, payload } of frames) {
    for (const piece of payload.toString('utf8').split(/(?<=\n)/)) {
      const space = piece.indexOf(' ');
      if (space < 0) continue;
      const isWhole = piece.endsWith('\n');
      const text = piece.slice(space + 1, isWhole ? piece.length - (piece.endsWith('\r\n') ? 2 : 1) : undefined);
      const begun = open[stream] ?? { ts: piece.slice(0, space), log: '' };
      if (begun.log.length < LINE_CHARACTERS_MAX) begun.log += text.slice(0, LINE_CHARACTERS_MAX - begun.log.length);
      open[stream] = isWhole ? null : begun;
      if (isWhole) yield { ts: begun.ts, stream, log: begun.log };
    }
  }
  for (const stream of ['stdout', 'stderr'] as const) {
    const last = open[stream];
    if (last) yield { ts: last.ts, stream, log: last.log };
  }
}
