import type { Layer } from '../../daemon/contract/domain.ts';

export interface PullProgress {
  /** Bytes that are here, and of all layers whose size is known. */
  here_bytes: number;
  total_bytes: number;
  /** Layers whose size the registry has not said yet: the total is a lower bound while there are any. */
  unknown: number;
  done: number;
  layers: number;
  /** From 0 to 1. */
  part: number;
}

/**
 * How far a pull is. Layers of unknown size count as the mean of the known ones, so that the bar does not fall back
 * when a size becomes known; `floor` is the part that was shown before, below which it never goes.
 */
export function pullProgress(layers: readonly Layer[], floor = 0): PullProgress {
  const known = layers.filter((layer) => layer.total_bytes !== null);
  const total_bytes = known.reduce((sum, layer) => sum + (layer.total_bytes ?? 0), 0);
  const here_bytes = known.reduce((sum, layer) => sum + hereBytes(layer), 0);
  const done = layers.filter((layer) => layer.state === 'done').length;
  const settled = layers.filter((layer) => layer.total_bytes === null && layer.state === 'done').length;
  const unknown = layers.length - known.length - settled;
  const mean = known.length === 0 ? 1 : total_bytes / known.length;
  const expected = total_bytes + (layers.length - known.length) * mean;
  const reached = here_bytes + settled * mean;
  const part = expected === 0 ? 0 : reached / expected;
  return { here_bytes, total_bytes, unknown, done, layers: layers.length, part: Math.min(1, Math.max(floor, part)) };
}

/** What a layer that is being unpacked says of its bytes is about the unpacking; all of it has come by then. */
function hereBytes({ state, current_bytes, total_bytes }: Layer): number {
  const total = total_bytes ?? 0;
  switch (state) {
    case 'waiting':
      return 0;
    case 'downloading':
      return Math.min(current_bytes, total);
    case 'extracting':
    case 'done':
      return total;
  }
}

/** How full a layer's own bar is, from 0 to 1. */
export function layerPart(layer: Layer): number {
  if (layer.state === 'done' || layer.state === 'extracting') return 1;
  if (layer.total_bytes === null || layer.total_bytes === 0) return 0;
  return hereBytes(layer) / layer.total_bytes;
}
