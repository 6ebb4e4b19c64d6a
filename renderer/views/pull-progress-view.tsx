import { Check } from 'lucide-react';
import { useState } from 'react';
import type { Layer } from '../../daemon/contract/domain.ts';
import { formatBytes } from '../format.ts';
import { layerPart, type PullProgress, pullProgress } from '../state/pull-progress.ts';

const LAYER_WORD: Record<Layer['state'], string> = {
  waiting: 'waiting',
  downloading: 'downloading',
  extracting: 'unpacking',
  done: 'done',
};

/** An image on its way: the whole in one bar that never goes back, and each layer in the order the registry names them. */
export function PullProgressView({ layers }: { layers: readonly Layer[] }) {
  const [reached, setReached] = useState(0);
  const progress = pullProgress(layers, reached);
  if (progress.part > reached) setReached(progress.part);
  return (
    <div className="nd-pull">
      <div className="nd-pull-total">
        <Bar part={progress.part} label="Image" />
        <span className="nd-number">{totalText(progress)}</span>
        <span className="nd-dim nd-number">
          {progress.done} of {progress.layers} layers
        </span>
      </div>
      <ul className="nd-layers" aria-label="Layers">
        {layers.map((layer) => (
          <li key={layer.id} data-state={layer.state}>
            <span className="nd-mono nd-dim">{layer.id.slice(0, 12)}</span>
            <Bar part={layerPart(layer)} label={layer.id} />
            <span className="nd-number nd-layer-size">{layer.total_bytes === null ? '' : formatBytes(layer.total_bytes)}</span>
            <span className="nd-layer-state">
              {layer.state === 'done' ? <Check size={12} aria-hidden /> : null}
              {layer.state === 'done' && layer.total_bytes === null ? 'here already' : LAYER_WORD[layer.state]}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** `84.1 of 132 MB`; in megabytes throughout, so that the figures keep their place. */
function totalText({ here_bytes, total_bytes, unknown }: PullProgress): string {
  if (total_bytes === 0) return 'asking the registry';
  const total = (total_bytes / 1e6).toFixed(1);
  const here = (here_bytes / 1e6).toFixed(1);
  return `${here} of ${unknown > 0 ? 'at least ' : ''}${total} MB`;
}

function Bar({ part, label }: { part: number; label: string }) {
  const percent = Math.round(100 * part);
  return (
    <span className="nd-bar" role="progressbar" aria-label={label} aria-valuenow={percent} aria-valuemin={0} aria-valuemax={100}>
      <span style={{ width: `${100 * part}%` }} />
    </span>
  );
}
