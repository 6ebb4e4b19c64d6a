import { describe, expect, it } from 'vitest';
import type { Layer } from '../../contract/domain.ts';
import { advance, digestIn, LayerReport, type Progress } from './pull-progress.ts';

const line = (status: string, detail: Progress['progressDetail'] = {}, id = '31d92f601f62'): Progress => ({
  id,
  status,
  progressDetail: detail,
});
const run = (...lines: Progress[]) => lines.reduce<Layer[]>(advance, []);

describe('the layers of a pull', () => {
  it('go from waiting over downloading and extracting to done, and count their bytes', () => {
    const lines = [
      line('Pulling fs layer'),
      line('Waiting'),
      line('Downloading', { current: 131_072, total: 10_003_293 }),
      line('Verifying Checksum'),
      line('Download complete'),
      line('Extracting', { current: 65_536, total: 10_003_293 }),
      line('Pull complete'),
    ];
    const seen = lines.map((_, index) => run(...lines.slice(0, index + 1))[0]);
    expect(seen.map((layer) => [layer?.state, layer?.current_bytes, layer?.total_bytes])).toEqual([
      ['waiting', 0, null],
      ['waiting', 0, null],
      ['downloading', 131_072, 10_003_293],
      ['downloading', 10_003_293, 10_003_293],
      ['downloading', 10_003_293, 10_003_293],
      ['extracting', 65_536, 10_003_293],
      ['done', 10_003_293, 10_003_293],
    ]);
  });

  it('keep the order in which Docker named them, and those that are here already are done', () => {
    const layers = run(line('Already exists', {}, 'a'), line('Pulling fs layer', {}, 'b'), line('Pull complete', {}, 'a'));
    expect(layers.map(({ id, state }) => [id, state])).toEqual([
      ['a', 'done'],
      ['b', 'waiting'],
    ]);
  });

  it('start anew when Docker tries a download again', () => {
    const [layer] = run(line('Downloading', { current: 10, total: 20 }), line('Retrying in 5 seconds'));
    expect(layer).toEqual({ id: '31d92f601f62', state: 'waiting', current_bytes: 0, total_bytes: 20 });
  });

  it('do not take seconds for bytes', () => {
    const [layer] = run(line('Downloading', { current: 20, total: 20 }), line('Extracting', { current: 3, units: 's' }));
    expect(layer).toMatchObject({ state: 'extracting', current_bytes: 20 });
  });

  it('are not made of lines about the image, and are bounded', () => {
    const layers: Layer[] = [];
    expect(advance(layers, { id: 'v1', status: 'Pulling from shop/web' })).toBe(layers);
    expect(advance(layers, { status: 'Status: Downloaded newer image for shop:v1' })).toBe(layers);
    expect(run(...Array.from({ length: 300 }, (_, index) => line('Waiting', {}, `layer${index}`)))).toHaveLength(256);
  });
});

describe('LayerReport', () => {
  it('tells at once, then at most every half second, and the last state when it ends', () => {
    let now = 0;
    const told: number[] = [];
    const report = new LayerReport(
      ([layer]) => told.push(layer?.current_bytes ?? -1),
      () => now,
    );
    for (const current of [1, 2, 3, 4, 5, 6, 7]) {
      report.add(line('Downloading', { current, total: 10 }));
      now += 200;
    }
    expect(told).toEqual([1, 4, 7]);
    report.add(line('Pull complete'));
    report.flush();
    report.flush();
    expect(told).toEqual([1, 4, 7, 10]);
  });
});

describe('digestIn', () => {
  it("finds the digest in Docker's own line for it", () => {
    const digest = `sha256:${'3'.repeat(64)}`;
    expect(digestIn({ status: `Digest: ${digest}` })).toBe(digest);
    expect(digestIn({ status: 'Status: Downloaded newer image' })).toBeNull();
  });
});
