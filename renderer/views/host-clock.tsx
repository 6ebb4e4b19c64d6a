import type { ReactNode } from 'react';
import { useClockOffset } from '../state/hooks.ts';
import { ClockOffset } from '../ui/use-now.ts';

/** Has the times within told by the clock of that host. */
export function HostClock({ host, children }: { host: string; children: ReactNode }) {
  return <ClockOffset value={useClockOffset(host)}>{children}</ClockOffset>;
}
