import type { DaemonClient } from '../api/client.ts';
import type { DaemonEvent } from '../contract/domain.ts';
import { DomainError } from '../contract/errors.ts';
import { complain, print, printable, type Terminal } from './terminal.ts';
import { eventLine } from './views.ts';

export interface EventFlags {
  tail: string;
  after?: string;
  app?: string;
  follow?: boolean;
  json: boolean;
}

const PAGE = 1_000;

/** Prints kept events, then with `follow` those that come, until interrupted. */
export async function showEvents(client: DaemonClient, flags: EventFlags, terminal: Terminal): Promise<void> {
  const show = (event: DaemonEvent) => print(terminal, flags.json ? JSON.stringify(event) : printable(eventLine(event)));
  const tail = Number(flags.tail);
  if (!Number.isSafeInteger(tail) || tail < 0)
    throw new DomainError('invalid_request', `--tail takes a whole number, not "${flags.tail}".`);
  const kept = await keptEvents(client, flags, tail);
  const shown = flags.after === undefined ? Math.min(kept.length, tail) : kept.length;
  for (const event of kept.slice(kept.length - shown)) await show(event);
  if (flags.follow !== true) return;
  const after = kept.at(-1)?.seq ?? flags.after;
  for await (const event of client.stream('events', { query: { after }, signal: terminal.signal })) {
    if ('dropped' in event) await complain(terminal, `(${event.dropped} events are missing here)`);
    else if (flags.app === undefined || event.app_name === flags.app) await show(event);
  }
}

/** All after a number, or at least the last so many: the daemon gives a bounded number at once, and pages only from the oldest on. */
async function keptEvents(client: DaemonClient, { after, app }: EventFlags, tail: number): Promise<DaemonEvent[]> {
  if (after === undefined && tail <= PAGE) {
    // One at least: `follow` goes on after it.
    return client.call('listEvents', { query: { app_name: app, limit: Math.max(tail, 1) } });
  }
  const events: DaemonEvent[] = [];
  for (let from: string | number = after ?? 0; ; from = events.at(-1)?.seq ?? from) {
    const page = await client.call('listEvents', { query: { after: from, app_name: app, limit: PAGE } });
    events.push(...page);
    if (page.length < PAGE) return events;
  }
}
