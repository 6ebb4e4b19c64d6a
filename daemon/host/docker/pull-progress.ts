/** What Docker says while it pulls, as the layers of an image. Pure. */
import { z } from 'zod';
import type { Layer } from '../../contract/domain.ts';

/** One line of the progress that pull and load stream (jsonmessage.JSONMessage of moby). */
export const progressSchema = z.object({
  id: z.string().optional(),
  status: z.string().optional(),
  stream: z.string().optional(),
  error: z.string().optional(),
  progressDetail: z
    .object({ current: z.number().optional(), total: z.number().optional(), units: z.string().optional() })
    .nullish(),
});
export type Progress = z.infer<typeof progressSchema>;

/** More than an image can have (127); what comes beyond is not shown. */
const LAYERS_MAX = 256;
/** Docker sends hundreds of lines a second. */
const REPORT_INTERVAL_MS = 500;

const STATES: Record<string, Layer['state']> = {
  'Pulling fs layer': 'waiting',
  Waiting: 'waiting',
  Downloading: 'downloading',
  'Verifying Checksum': 'downloading',
  'Download complete': 'downloading',
  Extracting: 'extracting',
  'Pull complete': 'done',
  'Already exists': 'done',
};
/** After these everything that belongs to the state has come. */
const COMPLETE = new Set(['Verifying Checksum', 'Download complete', 'Pull complete']);

/** The layers after a line, in the order in which Docker named them first; the same array when the line is about none. */
export function advance(layers: Layer[], { id, status = '', progressDetail }: Progress): Layer[] {
  const state = status.startsWith('Retrying in') ? 'waiting' : STATES[status];
  if (id === undefined || state === undefined) return layers;
  const index = layers.findIndex((layer) => layer.id === id);
  const before = layers[index];
  if (before === undefined && layers.length >= LAYERS_MAX) return layers;
  // containerd's store counts the seconds of an extraction.
  const counted = progressDetail?.units === undefined ? progressDetail : undefined;
  const total_bytes = counted?.total ? counted.total : (before?.total_bytes ?? null);
  const known = state === 'waiting' ? 0 : (before?.current_bytes ?? 0);
  const current_bytes = COMPLETE.has(status) ? (total_bytes ?? known) : (counted?.current ?? known);
  const layer: Layer = { id, state, current_bytes, total_bytes };
  return before === undefined ? [...layers, layer] : layers.with(index, layer);
}

/** The digest of what was pulled, of its own line. */
export function digestIn({ status = '' }: Progress): string | null {
  return /^Digest: (sha256:[0-9a-f]{64})$/.exec(status)?.[1] ?? null;
}

/** Passes layers on at most every half second, and the last ones when told to. `now` in milliseconds. */
export class LayerReport {
  readonly #onProgress: (layers: Layer[]) => void;
  readonly #now: () => number;
  #layers: Layer[] = [];
  #reported: Layer[] = [];
  #reportedAt = Number.NEGATIVE_INFINITY;

  constructor(onProgress: (layers: Layer[]) => void, now: () => number) {
    this.#onProgress = onProgress;
    this.#now = now;
  }

  add(line: Progress): void {
    this.#layers = advance(this.#layers, line);
    if (this.#now() - this.#reportedAt >= REPORT_INTERVAL_MS) this.flush();
  }

  flush(): void {
    if (this.#layers === this.#reported) return;
    this.#reported = this.#layers;
    this.#reportedAt = this.#now();
    this.#onProgress(this.#layers);
  }
}
