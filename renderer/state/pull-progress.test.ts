import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Layer } from '../../daemon/contract/domain.ts';
import { layerPart, pullProgress } from './pull-progress.ts';

const layer = (part: Partial<Layer>): Layer => ({ id: 'a', state: 'waiting', current_bytes: 0, total_bytes: null, ...part });

describe('a pull', () => {
  it('counts bytes of the layers whose size is known', () => {
    const layers = [
      layer({ state: 'done', current_bytes: 40, total_bytes: 40 }),
      layer({ state: 'downloading', current_bytes: 30, total_bytes: 60 }),
      layer({ state: 'done' }),
    ];
    expect(pullProgress(layers)).toMatchObject({ here_bytes: 70, total_bytes: 100, unknown: 0, done: 2, layers: 3 });
  });

  it('has a total that is a lower bound while the registry has not said all', () => {
    const layers = [layer({ state: 'downloading', current_bytes: 50, total_bytes: 100 }), layer({}), layer({})];
    expect(pullProgress(layers)).toMatchObject({ total_bytes: 100, unknown: 2, part: 50 / 300 });
  });

  it('takes a layer that is unpacked as being here, whatever bytes the unpacking counts', () => {
    const unpacking = layer({ state: 'extracting', current_bytes: 3, total_bytes: 100 });
    expect(pullProgress([unpacking]).here_bytes).toBe(100);
    expect(layerPart(unpacking)).toBe(1);
  });

  it('is neither at its end nor broken before anything is known', () => {
    expect(pullProgress([]).part).toBe(0);
    expect(pullProgress([layer({}), layer({})]).part).toBe(0);
    expect(layerPart(layer({}))).toBe(0);
  });

  it('never goes back, and never beyond its end', () => {
    const state = fc.constantFrom<Layer['state']>('waiting', 'downloading', 'extracting', 'done');
    const any = fc.record({ id: fc.string(), state, current_bytes: fc.nat(), total_bytes: fc.option(fc.nat()) });
    fc.assert(
      fc.property(fc.array(any), fc.double({ min: 0, max: 1, noNaN: true }), (layers, floor) => {
        const { part } = pullProgress(layers, floor);
        expect(part).toBeGreaterThanOrEqual(floor);
        expect(part).toBeLessThanOrEqual(1);
      }),
    );
  });
});
