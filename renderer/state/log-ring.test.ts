import { describe, expect, it } from 'vitest';
import type { LogLine } from '../../daemon/contract/domain.ts';
import { filterRows, LOG_LINES_MAX, LogRing } from './log-ring.ts';

const line = (log: string, part: Partial<LogLine> = {}): LogLine => ({
  app_name: 'shop',
  log,
  ts: '2025-11-22T09:00:00.000000001Z',
  release: 'r1',
  slot: 'blue',
  stream: 'stdout',
  ...part,
});

function ringWithFrames() {
  const frames: (() => void)[] = [];
  const ring = new LogRing((act) => frames.push(act));
  const draw = () => {
    for (const act of frames.splice(0)) act();
  };
  return { ring, frames, draw };
}

describe('the log ring', () => {
  it('keeps the last lines and counts all of them', () => {
    const { ring, draw } = ringWithFrames();
    for (let index = 0; index < LOG_LINES_MAX * 2 + 17; index += 1) ring.push(line(`line ${index}`));
    draw();
    const { rows, total } = ring.snapshot();
    expect(rows).toHaveLength(LOG_LINES_MAX);
    expect(total).toBe(LOG_LINES_MAX * 2 + 17);
    expect(rows.at(-1)?.raw).toBe(`line ${LOG_LINES_MAX * 2 + 16}`);
    expect(rows[0]?.id).toBe(LOG_LINES_MAX + 17);
  });

  it('tells its listeners once a frame, however many lines came', () => {
    const { ring, frames, draw } = ringWithFrames();
    let told = 0;
    ring.subscribe(() => {
      told += 1;
    });
    for (let index = 0; index < 5_000; index += 1) ring.push(line('x'));
    expect(frames).toHaveLength(1);
    draw();
    expect(told).toBe(1);
  });

  it('gives the same snapshot until something changed', () => {
    const { ring, draw } = ringWithFrames();
    ring.push(line('a'));
    expect(ring.snapshot().rows).toEqual([]);
    draw();
    expect(ring.snapshot()).toBe(ring.snapshot());
    expect(ring.snapshot().rows).toHaveLength(1);
  });

  it('says in its place what was lost, and cuts a line that is too long', () => {
    const { ring, draw } = ringWithFrames();
    ring.push(line('y'.repeat(10_000)));
    ring.noteDropped(1_234);
    draw();
    const { rows, dropped } = ring.snapshot();
    expect(rows[0]?.raw).toMatch(/6000 more characters$/);
    expect(rows[1]).toMatchObject({ kind: 'note', raw: expect.stringContaining('1,234 lines were dropped') });
    expect(dropped).toBe(1_234);
  });
});

describe('the filter', () => {
  it('looks below colours, in any case, and by stream; notes stay', () => {
    const { ring, draw } = ringWithFrames();
    ring.push(line('\u001b[31mFetch\u001b[39m failed', { stream: 'stderr' }));
    ring.push(line('all is well'));
    ring.note('resumed');
    draw();
    const { rows } = ring.snapshot();
    expect(filterRows(rows, 'fetch FAILED', 'all').map((row) => row.id)).toEqual([0, 2]);
    expect(filterRows(rows, '', 'stdout').map((row) => row.id)).toEqual([1, 2]);
    expect(filterRows(rows, '  ', 'all')).toBe(rows);
  });
});
