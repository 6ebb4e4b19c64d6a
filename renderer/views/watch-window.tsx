import { Button, Group, Progress } from '@mantine/core';
import { Check, Eye, Undo2 } from 'lucide-react';
import type { Operation } from '../../daemon/contract/domain.ts';
import { formatDuration } from '../format.ts';
import { secondsLeft, type Watch, watchedPart } from '../state/watch.ts';
import { useNow } from '../ui/use-now.ts';

interface WatchWindowProps {
  watch: Watch;
  onUndo(): void;
  onKeep(): void;
  isBusy: boolean;
}

/** A new release serves and is being watched: how long still, and the two ways to end it. */
export function WatchBar({ watch, onUndo, onKeep, isBusy }: WatchWindowProps) {
  const { release } = watch.operation;
  return (
    <div className="nd-watch" role="status" data-testid="watch">
      <Eye size={15} aria-hidden />
      <span>
        <strong>{release} live</strong> · <Watching watch={watch} />
      </span>
      <WatchProgress watch={watch} />
      <span className="nd-dim nd-grow nd-watch-why">{warmText(watch.operation)}</span>
      <WatchButtons onUndo={onUndo} onKeep={onKeep} isBusy={isBusy} />
    </div>
  );
}

function warmText({ release, from_release }: Operation): string {
  if (from_release === null) return 'It is taken back if it fails.';
  if (from_release === release) return 'Its containers of before are kept warm, and come back if the new ones fail.';
  return `${from_release} is kept warm, and comes back if ${release} fails.`;
}

export function WatchButtons({ onUndo, onKeep, isBusy }: Omit<WatchWindowProps, 'watch'>) {
  return (
    <Group gap={6} wrap="nowrap">
      <Button
        size="compact-sm"
        leftSection={<Undo2 size={14} />}
        disabled={isBusy}
        onClick={onUndo}
        title="The release before serves again at once"
      >
        Undo
      </Button>
      <Button
        size="compact-sm"
        leftSection={<Check size={14} />}
        disabled={isBusy}
        onClick={onKeep}
        title="Ends the watch now; the release before is drained and stopped"
      >
        Keep
      </Button>
    </Group>
  );
}

/** `47 s left of 1 min`, with its bar. */
export function WatchCountdown({ watch }: { watch: Watch }) {
  return (
    <span className="nd-watch-count">
      <WatchProgress watch={watch} />
      <Watching watch={watch} />
    </span>
  );
}

/** Ticks by itself; for those who listen it would be noise each second, so it is not announced. */
function Watching({ watch }: { watch: Watch }) {
  const now = useNow();
  const left = secondsLeft(watch, now);
  return (
    <span className="nd-number" aria-live="off">
      {left === null
        ? `watching for ${formatDuration(Math.max(0, now - watch.since_ms))}`
        : left === 0
          ? 'watching, about to end'
          : `watching ${left} s`}
    </span>
  );
}

function WatchProgress({ watch }: { watch: Watch }) {
  const now = useNow();
  if (watch.window_ms === null) return null;
  return <Progress className="nd-watch-progress" size={4} value={100 * watchedPart(watch, now)} aria-label="Watch window" />;
}
