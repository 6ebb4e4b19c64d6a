import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flatness } from './flat.ts';

const judge = (samples: number[], tolerance = { units: 0 }) => flatness('soak.fds.caddy', 'descriptors', samples, tolerance);

describe('a resource', () => {
  it('that is lost at each swap is not flat, however slowly it goes', () => {
    const leaking = Array.from({ length: 40 }, (_, index) => 20 + index * 0.1);
    expect(judge(leaking, { units: 1 })).toMatchObject({ ok: false, goal: 1 });
  });

  it('that only fills up at first is flat', () => {
    expect(judge([5, 30, 50, 50, 50, 50, 50, 50])).toMatchObject({ value: 0, reference: 50, ok: true });
  });

  it('that has one high sample is flat, because medians are compared', () => {
    expect(judge([7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 900, 7])).toMatchObject({ value: 0, ok: true });
  });

  it('may grow by its tolerance, in units or in percent, whichever is more', () => {
    const grown = [100, 100, 100, 108];
    expect(judge(grown, { units: 8 }).ok).toBe(true);
    expect(flatness('a', 'MB', grown, { units: 1, percent: 8 }).ok).toBe(true);
    expect(flatness('a', 'MB', grown, { units: 7, percent: 7 })).toMatchObject({ ok: false, value: 8, goal: 7 });
  });

  it('that shrinks is flat', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1_000), { minLength: 4, maxLength: 60 }), (samples) => {
        expect(judge(samples.toSorted((a, b) => b - a)).ok).toBe(true);
      }),
    );
  });

  it('cannot be judged by three samples', () => {
    expect(() => judge([1, 1, 1])).toThrow('too few');
  });
});
