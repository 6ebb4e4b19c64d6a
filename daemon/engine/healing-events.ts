/** What the supervisor tells of an app and its containers, in the order in which it comes to that. Pure. */
import { type ContainerHistory, RESTARTS_BEFORE_REPLACEMENT } from './healing-container.ts';
import type { NewEvent } from './ports.ts';

/** Whoever keeps it gives it its time, and the operation that it led to. */
export type HealingEvent = Pick<NewEvent, 'kind' | 'level' | 'message' | 'app_name'>;

export const healingEvents = {
  unhealthy: (app: string, container: string, reason: string): HealingEvent =>
    event(app, 'heal.unhealthy', 'warning', `${app} is not healthy: ${container}: ${reason}`),

  givenUp: (app: string, container: string, reason: string, wasRolledBack: boolean): HealingEvent => {
    const tried = wasRolledBack ? 'restarts, new containers and an earlier release' : 'restarts and new containers';
    const remedy = `See whether what it depends on, such as a database, is up, and \`nextdeploy logs ${app}\``;
    const message = `${app} is still not healthy: ${tried} did not help ${container}: ${reason}. It stays up, and is restarted now and then. ${remedy}.`;
    return event(app, 'heal.unhealthy', 'error', message);
  },

  restarted: (app: string, container: string, { reason, restarts }: ContainerHistory): HealingEvent => {
    const count = restarts < RESTARTS_BEFORE_REPLACEMENT ? ` (${restarts + 1} of ${RESTARTS_BEFORE_REPLACEMENT})` : '';
    return event(app, 'heal.restarted', 'warning', `${container} was restarted${count}: ${reason}`);
  },

  replacing: (app: string, container: string, { id, reason, restarts }: ContainerHistory): HealingEvent => {
    const why = id === null ? `${container} is gone` : `${restarts} restarts did not help ${container}: ${reason}`;
    return event(app, 'heal.replacing', 'warning', `${app} gets new containers of the same release: ${why}`);
  },

  rollingBack: (app: string, why: string, reason: string, { from, to }: { from: string; to: string }): HealingEvent => {
    const message = `${app} is rolled back from ${from} to ${to}, because ${from} ${why}: ${reason}`;
    return event(app, 'heal.rolling_back', 'error', message);
  },

  stopping: (app: string, why: string, reason: string, wasRolledBack: boolean): HealingEvent => {
    const noWayBack = wasRolledBack ? 'it was rolled back a short time ago already' : 'there is no earlier release to go back to';
    const remedy = `See \`nextdeploy logs ${app}\`, then deploy a release that works, or start it again when what it needs is back`;
    const message = `${app} is stopped, because it ${why} and ${noWayBack}: ${reason}. ${remedy}.`;
    return event(app, 'heal.stopping', 'error', message);
  },

  recovered: (app: string, afterMs: number): HealingEvent =>
    event(app, 'heal.recovered', 'info', `${app} is healthy again after ${Math.max(1, Math.round(afterMs / 1000))} s`),
};

function event(app_name: string, kind: HealingEvent['kind'], level: HealingEvent['level'], message: string): HealingEvent {
  return { kind, level, message, app_name };
}
