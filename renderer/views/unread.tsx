import { Button } from '@mantine/core';
import { Notice } from '../ui/notice.tsx';

interface UnreadProps {
  /** `secrets`, `tokens`. */
  what: string;
  problem: string | null;
  onRetry(): void;
}

/** In place of a list until the daemon has given it, or has said why it does not. */
export function Unread({ what, problem, onRetry }: UnreadProps) {
  if (problem === null) return <p className="nd-dim">The {what} are being read…</p>;
  return (
    <Notice tone="bad" title={`The ${what} could not be read`} text={problem}>
      <Button size="compact-sm" onClick={onRetry}>
        Try again
      </Button>
    </Notice>
  );
}
