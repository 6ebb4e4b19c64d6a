import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { ContainerLine } from '../../stream/logs.ts';
import { readFrames, splitLines } from './logs.ts';

const frame = (stream: 1 | 2, text: string): Buffer => {
  const payload = Buffer.from(text);
  const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
};

const ts = (second: number) => `2026-01-01T00:00:0${second}.000000000Z`;

async function linesOf(bytes: Buffer, cuts: readonly number[] = []) {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  async function* chunks() {
    for (let index = 1; index < places.length; index += 1) yield bytes.subarray(places[index - 1], places[index]);
  }
  const lines: ContainerLine[] = [];
  for await (const line of splitLines(readFrames(chunks()))) lines.push(line);
  return lines;
}

describe("a container's log", () => {
  const bytes = Buffer.concat([
    frame(1, `${ts(1)} first\n`),
    frame(2, `${ts(2)} oops: ü\r\n`),
    frame(1, `${ts(3)} a long line, `),
    frame(2, `${ts(4)} between\n`),
    frame(1, `${ts(5)} cut in two\n`),
    frame(1, `${ts(6)} \n`),
    frame(1, `${ts(7)} without an end`),
  ]);
  const expected = [
    { ts: ts(1), stream: 'stdout', log: 'first' },
    { ts: ts(2), stream: 'stderr', log: 'oops: ü' },
    { ts: ts(4), stream: 'stderr', log: 'between' },
    { ts: ts(3), stream: 'stdout', log: 'a long line, cut in two' },
    { ts: ts(6), stream: 'stdout', log: '' },
    { ts: ts(7), stream: 'stdout', log: 'without an end' },
  ];

  it('comes as lines of both streams, with long lines joined again', async () => {
    expect(await linesOf(bytes)).toEqual(expected);
  });

  it('does not depend on how the bytes arrive', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(), { maxLength: 20 }), async (cuts) => {
        expect(await linesOf(bytes, cuts)).toEqual(expected);
      }),
    );
  });

  it('is copied once at most, however long a frame and however small its pieces', async () => {
    const long = frame(1, `${ts(1)} ${'x'.repeat(256 * 1024)}\n`);
    const pieces = Array.from({ length: Math.ceil(long.length / 100) }, (_, index) =>
      long.subarray(index * 100, (index + 1) * 100),
    );
    const concat = vi.spyOn(Buffer, 'concat');
    try {
      async function* chunks() {
        yield* pieces;
      }
      const frames = [];
      for await (const { payload } of readFrames(chunks())) frames.push(payload.length);
      const copied = concat.mock.results.reduce((sum, { value }) => sum + (value as Buffer).length, 0);
      expect(frames).toEqual([long.length - 8]);
      expect(copied).toBeLessThanOrEqual(long.length);
    } finally {
      concat.mockRestore();
    }
  });

  it('has lines of bounded length', async () => {
    const pieces = Array.from({ length: 10 }, () => frame(1, `${ts(1)} ${'x'.repeat(16 * 1024)}`));
    const lines = await linesOf(Buffer.concat([...pieces, frame(1, `${ts(1)} end\n`)]));
    expect(lines.map(({ log }) => log.length)).toEqual([64 * 1024]);
  });
});
