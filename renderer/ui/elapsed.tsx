import { formatDuration } from '../format.ts';
import { useNow } from './use-now.ts';

/** How long something took, or takes so far. */
export function Elapsed({ from, to, isRunning }: { from: string; to: string | null; isRunning: boolean }) {
  return (
    <span className="nd-number nd-dim nd-nowrap">
      {to !== null ? formatDuration(Date.parse(to) - Date.parse(from)) : isRunning ? <Running from={from} /> : ''}
    </span>
  );
}

function Running({ from }: { from: string }) {
  const now = useNow();
  return <>{Math.max(0, Math.round((now - Date.parse(from)) / 1000))} s</>;
}
