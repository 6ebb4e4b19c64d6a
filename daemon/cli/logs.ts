import { setTimeout as delay } from 'node:timers/promises';
import type { DaemonClient } from '../api/client.ts';
import type { LogLine } from '../contract/domain.ts';
import { DomainError } from '../contract/errors.ts';
import { time } from './flag-values.ts';
import { complain, print, printable, type Terminal } from './terminal.ts';

export interface LogFlags {
  tail?: string;
  since?: string;
  follow?: boolean;
  grep?: string;
  timestamps?: boolean;
  json: boolean;
}

const RECONNECTS_MAX = 30;
const RECONNECT_MS_MAX = 5_000;

/** Prints an app's log; with `follow` until interrupted, over restarts of the daemon, from where it was. */
export async function showLogs(client: DaemonClient, app: string, flags: LogFlags, terminal: Terminal): Promise<void> {
  let since = flags.since === undefined ? undefined : time('--since', flags.since, Date.now(), 'ago');
  for (let attempts = 0; !terminal.signal.aborted; attempts += 1) {
    try {
      const query = { tail: flags.tail, since, follow: flags.follow === true ? '1' : '0', grep: flags.grep };
      for await (const line of client.stream('logs', { params: { app }, query, signal: terminal.signal })) {
        attempts = 0;
        if ('dropped' in line) await complain(terminal, `(${line.dropped} lines are missing here)`);
        else {
          since = line.ts;
          await print(terminal, format(line, flags, terminal));
        }
      }
      return;
    } catch (error) {
      const isPassing = error instanceof DomainError && error.code === 'unavailable' && since !== undefined;
      if (flags.follow !== true || !isPassing || attempts >= RECONNECTS_MAX) throw error;
      await complain(terminal, `(${error.message} Trying again.)`);
      const pause = Math.min(RECONNECT_MS_MAX, 250 * 2 ** attempts);
      await delay(pause, undefined, { signal: terminal.signal }).catch(() => undefined);
    }
  }
}

function format(line: LogLine, { json, timestamps }: LogFlags, { stdout }: Terminal): string {
  if (json) return JSON.stringify(line);
  const log = stdout.isTTY === true ? printable(line.log, 'keep colours') : line.log;
  return timestamps === true ? `${line.ts} ${line.release} ${line.slot} ${log}` : log;
}
