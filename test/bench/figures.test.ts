import { describe, expect, it } from 'vitest';
import { countFigure, describeSpread, jsonLine, ratioFigure, spreadOf, table } from './figures.ts';

describe('a figure', () => {
  it('with a ratio meets an upper goal up to and including it', () => {
    expect(ratioFigure('a', 'ms', { value: 125, reference: 100 }, { at_most: 1.25 })).toMatchObject({ ratio: 1.25, ok: true });
    expect(ratioFigure('a', 'ms', { value: 126, reference: 100 }, { at_most: 1.25 })).toMatchObject({ ratio: 1.26, ok: false });
  });

  it('with a ratio meets a lower goal from it on', () => {
    expect(ratioFigure('a', 'MB/s', { value: 75, reference: 100 }, { at_least: 0.75 }).ok).toBe(true);
    expect(ratioFigure('a', 'MB/s', { value: 74, reference: 100 }, { at_least: 0.75 }).ok).toBe(false);
  });

  it('of a count is judged by the count, whatever the reference lost', () => {
    expect(countFigure('errors', 'requests', { value: 0, reference: 600 }, { at_most: 0 })).toMatchObject({
      ok: true,
      ratio: null,
    });
    expect(countFigure('errors', 'requests', { value: 1, reference: 600 }, { at_most: 0 }).ok).toBe(false);
  });

  it('without a goal is neither met nor missed', () => {
    expect(countFigure('errors', 'requests', { value: 600, reference: null }, null)).toMatchObject({ goal: null, ok: true });
    expect(table([countFigure('errors', 'requests', { value: 600, reference: null }, null)])).toContain('–');
  });

  it('is refused when nothing was measured', () => {
    expect(() => ratioFigure('a', 'ms', { value: 1, reference: 0 }, null)).toThrow('not measured');
    expect(() => ratioFigure('a', 'ms', { value: Number.NaN, reference: 1 }, null)).toThrow('not measured');
  });

  it('is one line of JSON with exactly the agreed fields', () => {
    const line = jsonLine(ratioFigure('swap.p99.caddy', 'ms', { value: 10, reference: 3 }, { at_most: 1.5 }));
    expect(line).toBe('{"name":"swap.p99.caddy","value":10,"unit":"ms","reference":3,"ratio":3.333,"goal":1.5,"ok":false}');
  });
});

describe('the spread of a sample', () => {
  it('has the middle value or the mean of the two middle values as its median', () => {
    expect(spreadOf([3, 1, 2]).median).toBe(2);
    expect(spreadOf([4, 1, 2, 3])).toEqual({ median: 2.5, min: 1, max: 4, quartiles: [1.75, 3.25], count: 4 });
  });

  it('says median, quartiles and range', () => {
    expect(describeSpread([1, 2, 3], 'ms')).toBe('2 ms (quartiles 1.5 to 2.5, range 1 to 3, 3 samples)');
  });

  it('of nothing is an error', () => {
    expect(() => spreadOf([])).toThrow('nothing was measured');
  });
});
