/** What nginx passes requests on to: the app's slots, and what serves the prefixes of its site. Pure. */
import type { Slot } from '../../contract/names.ts';
import { CLOSING_MARKERS, MAINTENANCE_FILE, MAINTENANCE_MARKERS, STOPPED_MARKER } from '../../engine/marker-names.ts';
import type { RouteModel } from '../../engine/state.ts';
import { shortHash } from '../generation.ts';
import type { ProxyOptions, ProxyPrefix } from '../options.ts';
import { isBalanced, REPLICA_PAUSE_SECONDS, UPSTREAM_KEEPALIVE_SECONDS } from '../route.ts';
import { block, quoted, section } from './text.ts';

/** Idle connections of each worker to each slot; nginx sets their memory aside in advance. */
const IDLE_CONNECTIONS_MAX = 64;
/** Not a status that anybody sees: they lead to our own pages. */
export const CODE = { verified: 417, maintenance: 418, stopped: 419, shown: 420 } as const;

export interface Place {
  /** Of its upstreams, without the slot. */
  name: string;
  upstreams: RouteModel['upstreams'];
  /** Null: no app, and both slots the same. */
  marker_directory: string | null;
  /** What it is asked for in place of the request's own path: a variable, or the empty text. */
  uri: string;
  /** Of those behind prefixes, from 1. */
  index: number;
  prefix: ProxyPrefix | null;
}

export function placeOf({ app_name, upstreams, marker_directory }: RouteModel): Place {
  return { name: `nextdeploy_${app_name}`, upstreams, marker_directory, uri: '', index: 0, prefix: null };
}

export function placesOf({ app_name }: RouteModel, options: ProxyOptions | null): Place[] {
  return (options?.prefixes ?? []).map((prefix, position) => {
    const { upstreams, marker_directory, is_stripped, path } = prefix;
    const index = position + 1;
    const uri = is_stripped ? `$nextdeploy_${shortHash(path)}` : '';
    return { name: `nextdeploy_${app_name}_${index}`, upstreams, marker_directory, uri, index, prefix };
  });
}

/** At the top of the file. */
export function renderPlace(place: Place): string[] {
  const slots: readonly Slot[] = place.marker_directory === null ? ['blue'] : ['blue', 'green'];
  return [...renderStripping(place), ...slots.map((slot) => renderUpstream(place, slot))];
}

/**
 * A single server is never left out, and its requests fail at once when it accepts nothing. Several share what they know of each other
 * over a zone: its size suits pages of 64 KB too.
 */
function renderUpstream(place: Place, slot: Slot): string {
  const name = upstreamName(place, slot);
  const replicas = place.upstreams[slot];
  const hasOthers = replicas.length > 1;
  const health = hasOthers ? ` max_fails=1 fail_timeout=${REPLICA_PAUSE_SECONDS}s` : '';
  return section(`upstream ${name}`, [
    ...(hasOthers ? [`zone ${name} 512k;`, 'least_conn;'] : []),
    ...replicas.map((address) => `server ${address}${health};`),
    `keepalive ${IDLE_CONNECTIONS_MAX};`,
    `keepalive_timeout ${UPSTREAM_KEEPALIVE_SECONDS}s;`,
    'keepalive_requests 100000;',
  ]);
}

const upstreamName = ({ name }: Place, slot: Slot) => `${name}_${slot}`;

/**
 * The rest of the path as it came: nginx's own way would decode it, and `%2F` would be a slash. Looked up only when it is needed; each of
 * our files says the same of the same prefix. Empty for a path that is only after decoding one beneath the prefix.
 */
function renderStripping({ uri, prefix }: Place): string[] {
  if (prefix === null || uri === '') return [];
  const pattern = `~^${inRequests(prefix.decoded)}(?:/+([^?]*))?(\\?.*)?$`;
  return [section(`map $request_uri ${uri}`, ['default "";', `${quoted(pattern)} "/$1$2";`])];
}

/** A regular expression for a path, with its special signs encoded or not. */
function inRequests(path: string): string {
  return [...Buffer.from(path)]
    .map((byte) => {
      const sign = String.fromCharCode(byte);
      if (sign === '/') return '/+';
      if (/[A-Za-z0-9_-]/.test(sign)) return sign;
      const hex = byte.toString(16).padStart(2, '0');
      return `(?:\\x${hex}|%${hex.replace(/[a-f]/g, (letter) => `[${letter}${letter.toUpperCase()}]`)})`;
    })
    .join('');
}

/** Sends a request to the slot that is open. `gate`: what is done in maintenance before visitors reach the app. */
export function proxying(place: Place, gate: readonly string[]): string[] {
  const { marker_directory } = place;
  if (marker_directory === null) return [pass(place, 'blue')];
  return [
    ...serveOpen(place, 'blue'),
    ...serveOpen(place, 'green'),
    ...block(`if (-f ${marker_directory}/${STOPPED_MARKER})`, [`return ${CODE.stopped};`]),
    ...gate,
    ...serveClosed(place, 'green'),
    ...serveOpen(place, 'green'),
    pass(place, 'blue'),
  ];
}

export function maintenanceGate({ marker_directory }: Place): string[] {
  return block(`if (-f ${marker_directory}/${MAINTENANCE_FILE})`, [`return ${CODE.maintenance};`]);
}

export function serveOpen(place: Place, slot: Slot, ...more: string[]): string[] {
  return block(`if (!-f ${place.marker_directory}/${CLOSING_MARKERS[slot]})`, [...more, pass(place, slot), 'break;']);
}

export function serveClosed(place: Place, slot: Slot, ...more: string[]): string[] {
  return block(`if (-f ${place.marker_directory}/${MAINTENANCE_MARKERS[slot]})`, [...more, pass(place, slot), 'break;']);
}

export const pass = (place: Place, slot: Slot) => `proxy_pass http://${upstreamName(place, slot)}${place.uri};`;

/** A single container may be on its way back; where there are others, they are near. */
export function connectTimeout(place: Pick<Place, 'upstreams'>, replicaMs: number): string {
  return `proxy_connect_timeout ${isBalanced(place) ? `${replicaMs}ms` : '3s'};`;
}
