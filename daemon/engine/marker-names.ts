/** The files in an app's directory of markers, for which the proxies look at each request. `host/markers.ts` says how they change. */
import type { Slot } from '../contract/names.ts';

/** A slot is open while this file is not there. */
export const CLOSING_MARKERS = { blue: 'not-blue', green: 'not-green' } as const satisfies Record<Slot, string>;
/** Where both slots are closed, for maintenance: which one serves whoever is let through. */
export const MAINTENANCE_MARKERS = { blue: 'blue.maintenance', green: 'green.maintenance' } as const satisfies Record<
  Slot,
  string
>;
/** Where both slots are closed for everybody. */
export const STOPPED_MARKER = 'stopped' as const;
/** The page that visitors get in maintenance. */
export const MAINTENANCE_FILE = 'maintenance.html';
