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
  const kept = await keptEvents(client, flags);
  const shown = flags.after === undefined ? Math.min(kept.length, tail) : kept.length;
  for (const event of kept.slice(kept.length - shown)) await show(event);
  if (flags.follow !== true) return;
  const after = kept.at(-1)?.seq ?? flags.after;
  for await (const event of client.stream('events', { query: { after }, signal: terminal.signal })) {
    if ('dropped' in event) await complain(terminal, `(${event.dropped} events are missing here)`);
    else if (flags.app === undefined || event.app_name === flags.app) await show(event);
  }
}

/** All after a number, or all: the daemon keeps a bounded number and gives them by the page, oldest first. */
async function keptEvents(client: DaemonClient, { after, app }: EventFlags): Promise<DaemonEvent[]> {
  const events: DaemonEvent[] = [];
  for (let from: string | number | undefined = after; ; from = events.at(-1)?.seq) {
    const page = await client.call('listEvents', { query: { after: from, app_name: app, limit: PAGE } });
    events.push(...page);
    if (page.length < PAGE) return events;
  }
}
