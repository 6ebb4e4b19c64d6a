import { LIMITS } from '../../daemon/contract/limits.ts';
import { backoffMs } from '../bridge/backoff.ts';
import { openDaemonStream } from '../bridge/daemon.ts';
import type { Channel, Link } from '../bridge/link.ts';
import { LogRing } from './log-ring.ts';

const TAIL_LINES = 500;

/** The live log of one app: its ring fills until `close`, across lost connections and a lost link. */
export interface LogSession {
  ring: LogRing;
  close(): void;
}

export function openLogSession(link: Link, host: string, app: string, schedule: (act: () => void) => void): LogSession {
  const ring = new LogRing(schedule);
  let lastTs: string | null = null;
  let channel: Channel<'daemon.stream'> | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isClosed = false;
  let attempt = 0;

  const retry = () => {
    if (isClosed) return;
    attempt += 1;
    timer = setTimeout(start, backoffMs(attempt));
  };
  const start = () => {
    clearTimeout(timer);
    if (isClosed || !link.isOpen) return;
    const query = lastTs === null ? { tail: TAIL_LINES } : { tail: LIMITS.log_tail_lines_max, since: lastTs };
    channel = openDaemonStream(
      link,
      host,
      'logs',
      { params: { app }, query },
      {
        onMessage(line) {
          attempt = 0;
          lastTs = line.ts;
          ring.push(line);
        },
        onDropped: (count) => ring.noteDropped(count),
        onInterrupted: (message) => ring.note(`interrupted: ${message}`),
        onResumed: () => ring.note('resumed'),
        onEnd(error) {
          channel = null;
          if (error !== null && attempt === 0) ring.note(error.message);
          retry();
        },
      },
    );
  };
  const stopLink = link.onChange((isOpen) => {
    if (isOpen) start();
  });
  start();

  return {
    ring,
    close() {
      isClosed = true;
      clearTimeout(timer);
      stopLink();
      channel?.close();
    },
  };
}
