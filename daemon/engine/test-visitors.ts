import { expect } from 'vitest';
import { wantedMarker } from './plan.ts';
import { type AppRecord, isSlot } from './state.ts';
import { APPS } from './test-commands.ts';
import type { ModelHost } from './test-host.ts';

const otherProxy = ({ route }: AppRecord) => (route?.proxy === 'nginx' ? 'caddy' : 'nginx');

/** Visitors of the apps that serve now, who are to be served as long as there is something to serve them. */
export function watchVisitors({ world, journal, damaged, lostMarkers }: ModelHost) {
  const isServed = (app: string) => typeof world.serving(app) === 'object' && world.serving(app) !== null;
  // What an operation that got stuck has left may be served by chance.
  const isLive = (app: string) => {
    const record = journal.getApp(app);
    const answer = world.serving(app);
    const isWanted = record !== null && isSlot(wantedMarker(record)) && !world.state.routes.has(`${otherProxy(record)} ${app}`);
    return isWanted && typeof answer === 'object' && answer?.release === record.release;
  };
  const served = APPS.filter((app) => !damaged.has(app) && !lostMarkers.has(app) && isLive(app) && isServed(app));
  const turnedAway = new Map<string, string>();
  const look = (what: string) => {
    for (const app of served) if (!isServed(app) && !turnedAway.has(app)) turnedAway.set(app, what);
  };
  /** But for those of apps that somebody wanted to stop. */
  const expectServed = (stopped: readonly string[]) => {
    for (const app of served) {
      const record = journal.getApp(app);
      const live = record?.release ? journal.getRelease(app, record.release) : null;
      // It may have given its name up.
      const isOver = stopped.includes(app) || live?.configuration.domain === undefined;
      if (!isOver) expect({ app, turned_away_at: turnedAway.get(app) }).toEqual({ app });
    }
  };
  return { look, expectServed };
}
