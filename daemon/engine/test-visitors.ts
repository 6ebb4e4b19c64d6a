import { expect } from 'vitest';
import { APPS } from './test-commands.ts';
import type { ModelHost } from './test-host.ts';

/** Visitors of the apps that serve now, who are to be served as long as there is something to serve them. */
export function watchVisitors({ world, journal, damaged, lostMarkers }: ModelHost) {
  const isServed = (app: string) => typeof world.serving(app) === 'object' && world.serving(app) !== null;
  const served = APPS.filter((app) => !damaged.has(app) && !lostMarkers.has(app) && isServed(app));
  const turnedAway = new Map<string, string>();
  const look = (what: string) => {
    for (const app of served) if (!isServed(app) && !turnedAway.has(app)) turnedAway.set(app, what);
  };
  const expectServed = () => {
    for (const app of served) {
      const record = journal.getApp(app);
      // Stopped, removed, or given no name.
      const isOver = record?.wanted !== 'running' || record.route === null;
      if (!isOver) expect({ app, turned_away_at: turnedAway.get(app) }).toEqual({ app });
    }
  };
  return { look, expectServed };
}
