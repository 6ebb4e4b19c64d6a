import type { DaemonEvent, EventKind } from '../../daemon/contract/domain.ts';
import type { DaemonData } from '../state/daemon-data.ts';

type Daemons = Readonly<Record<string, DaemonData>>;

export interface EventToast {
  /** Equal for what concerns the same thing: the newer takes the older one's place. */
  id: string;
  host: string;
  event: DaemonEvent;
}

/** What an operator must know at once, whatever is on the screen. All else stands in the list of events. */
const TITLES: Partial<Record<EventKind, (app: string) => string>> = {
  'heal.unhealthy': (app) => `${app} is unhealthy`,
  'heal.rolling_back': (app) => `${app} is rolled back`,
  'heal.stopping': (app) => `${app} is stopped`,
  'certificate.failed': () => 'A certificate was not renewed',
  'certificate.expiring': () => 'A certificate expires soon',
  'certificate.mismatched': () => 'Another certificate is served',
  'disk.low': () => 'Docker’s disk is almost full',
};

export const toastTitle = ({ kind, app_name }: DaemonEvent): string => TITLES[kind]?.(app_name ?? 'an app') ?? '';

/** Older events were missed, not lost: after a night's sleep of the console they are history. */
const FRESH_MS = 2 * 60_000;

/**
 * Events that came in between `before` and `after` and are to be said aloud: fresh ones, one a host, app and kind.
 * `nowOf` is the time by the clock of a host.
 */
export function toastsBetween(before: Daemons, after: Daemons, nowOf: (host: string) => number): EventToast[] {
  return Object.entries(after).flatMap(([host, data]) => {
    const known = before[host];
    if (known === undefined || known.events === data.events || known.lastSeq < 0) return [];
    const fresh = data.events.filter(
      (event) => event.seq > known.lastSeq && TITLES[event.kind] !== undefined && nowOf(host) - Date.parse(event.ts) < FRESH_MS,
    );
    const last = new Map(fresh.map((event) => [`${host} ${event.app_name ?? ''} ${event.kind}`, event]));
    return [...last].map(([id, event]) => ({ id, host, event }));
  });
}

/** How long the same is not said again. */
const QUIET_MS = 60_000;
/** So many toasts a minute; beyond that the list of events has to do. */
const TOASTS_PER_MINUTE_MAX = 5;

/** Lets toasts through while they are few: the same not twice a minute, and never a flood. */
export function createToastGate(): { passes(id: string, now_ms: number): boolean } {
  const said = new Map<string, number>();
  return {
    passes(id, now_ms) {
      for (const [each, at_ms] of said) if (now_ms - at_ms >= QUIET_MS) said.delete(each);
      if (said.has(id) || said.size >= TOASTS_PER_MINUTE_MAX) return false;
      said.set(id, now_ms);
      return true;
    },
  };
}
