/** What a site of Caddy does with its requests. Pure. */
import type { Slot } from '../../contract/names.ts';
import { CLOSING_MARKERS, MAINTENANCE_FILE, MAINTENANCE_MARKERS, STOPPED_MARKER } from '../../engine/marker-names.ts';
import { SLOT_HEADER, VERIFY_HEADER } from '../../engine/verify.ts';
import { GENERATION_HEADER } from '../generation.ts';
import {
  REPLICA_CONNECT_MS,
  REPLICA_PAUSE_SECONDS,
  RETRY_AFTER_SECONDS,
  STOPPED_TEXT,
  UPSTREAM_KEEPALIVE_SECONDS,
} from '../route.ts';
import type { CaddyFeatures } from './features.ts';
import { block } from './text.ts';

const IDLE_CONNECTIONS_PER_UPSTREAM_MAX = 256;
/** A variable of the request. */
const VERIFIED = 'nextdeploy_verified';

/** What differs between apps, as the configuration has it: the value itself or a placeholder. */
export interface Words {
  markers: string;
  blue: string[];
  green: string[];
  verify_key: string;
  exempt_path: string;
  /** Only to be read back from what runs. */
  generation: string;
}

export interface Rendering {
  words: Words;
  features: CaddyFeatures;
}

/** What comes before the app, of a site that does more than pass requests on. */
export interface SiteOptions {
  /** Outside of the order in which requests are answered, such as matchers. */
  outside: readonly string[];
  /** First of all. */
  inside: readonly string[];
}

const NO_OPTIONS: SiteOptions = { outside: [], inside: [] };

/** One that serves requests: the app, or an app behind a prefix. */
type Place = Pick<Words, 'markers' | 'blue' | 'green'> & {
  /** At the end of the names of its matchers. */
  suffix: string;
};

/**
 * The markers decide at each request, and a slot is open while a file is not there: Caddy asks the kernel twice about a file that it finds,
 * and once about another. What counts beside that is how many routes stand in its way, of which it makes a list at each request. The rest
 * is for whoever has the key, for a site that is not open, and for the instant of a change in which the first look was too early for the
 * one slot and the second too late for the other. `head`: addresses.
 */
export function renderSite(
  head: string,
  rendering: Rendering,
  before: readonly string[] = [],
  options: SiteOptions = NO_OPTIONS,
): string[] {
  const { words, features } = rendering;
  const place = { ...words, suffix: '' };
  const unlessExempt = [`not vars ${VERIFIED} yes`, `not vars {http.request.uri.path} "${words.exempt_path}"`];
  const isVerified = `header ${VERIFY_HEADER} ${words.verify_key}`;
  const tell = block('route @nextdeploy_verified', telling(words));
  return block(head, [
    ...before,
    ...placeMatchers(place, unlessExempt),
    ...block('@nextdeploy_verified', [isVerified]),
    ...(features.can_repeat_bodies
      ? []
      : [
          ...block('@nextdeploy_body', [HAS_BODY]),
          // Either of the two.
          ...block('@nextdeploy_special', block('not', [HAS_BODY.replace(/^not /, ''), `not ${isVerified}`])),
        ]),
    ...options.outside,
    ...block('route', [
      ...options.inside,
      ...(features.can_repeat_bodies
        ? tell
        : block('route @nextdeploy_special', [
            ...tell,
            ...block('route @nextdeploy_body', proxyingOpen(place, features, false)),
          ])),
      ...proxyingOpen(place, features, true),
      ...proxyingClosed(place, features),
    ]),
  ]);
}

const HAS_BODY = 'not method GET HEAD OPTIONS';

/** `unless`: further conditions of the page in maintenance. */
export function placeMatchers(place: Place, unless: readonly string[] = []): string[] {
  const { suffix } = place;
  return [
    ...block(`@nextdeploy_blue${suffix}`, [`not ${isThere(place, CLOSING_MARKERS.blue)}`]),
    ...block(`@nextdeploy_green${suffix}`, [`not ${isThere(place, CLOSING_MARKERS.green)}`]),
    // Of the app itself, for whoever has the key.
    ...(suffix === '' ? block('@nextdeploy_closed_blue', [isThere(place, MAINTENANCE_MARKERS.blue)]) : []),
    ...block(`@nextdeploy_closed_green${suffix}`, [isThere(place, MAINTENANCE_MARKERS.green)]),
    ...block(`@nextdeploy_stopped${suffix}`, [isThere(place, STOPPED_MARKER)]),
    ...block(`@nextdeploy_maintenance${suffix}`, [isThere(place, MAINTENANCE_FILE), ...unless]),
  ];
}

/** All that is done for an app behind a prefix; the matchers of it stand outside. */
export function servePlace(place: Place, features: CaddyFeatures): string[] {
  return [
    ...(features.can_repeat_bodies ? [] : block('route @nextdeploy_body', proxyingOpen(place, features, false))),
    ...proxyingOpen(place, features, true),
    ...proxyingClosed(place, features),
  ];
}

/** A program on this host that is no app. */
export function servePort(upstreams: readonly string[], features: CaddyFeatures): string[] {
  const proxy = (matcher: string, isRepeated: boolean) => proxying(matcher, upstreams, features, isRepeated);
  return [...(features.can_repeat_bodies ? [] : proxy('@nextdeploy_body', false)), ...proxy('', true)];
}

export const isThere = ({ markers }: Pick<Words, 'markers'>, file: string) =>
  block('file', [`root ${markers}`, `try_files ${file}`]).join('\n');

/** Any method is answered with the whole page, also one that asks for a part of it, or for none of what it has seen. */
function maintenancePage({ markers }: Place): string[] {
  return block('route', [
    'method GET',
    'request_header -Range',
    'request_header -If-None-Match',
    'request_header -If-Modified-Since',
    `header Retry-After ${RETRY_AFTER_SECONDS}`,
    'header Cache-Control no-store',
    `rewrite * /${MAINTENANCE_FILE}`,
    ...block('file_server', [`root ${markers}`, 'status 503', 'pass_thru']),
    // Taken away since it was looked for.
    'respond 503',
  ]);
}

/** For whoever has the key: in maintenance too he is served, and told by which slot, whatever the app says about that. */
function telling({ generation }: Words): string[] {
  const tell = (to: string, slot: Slot) => block(`header ${to}`, [`${SLOT_HEADER} ${slot}`, 'defer']);
  return [
    `vars ${VERIFIED} yes`,
    `request_header -${VERIFY_HEADER}`,
    `header ${GENERATION_HEADER} "${generation}"`,
    ...block('route', [
      ...tell('@nextdeploy_closed_blue', 'blue'),
      ...tell('@nextdeploy_blue', 'blue'),
      ...tell('@nextdeploy_closed_green', 'green'),
      ...tell('@nextdeploy_green', 'green'),
      // Done before those: of what is put off, the last comes first.
      ...block('header', [`-${SLOT_HEADER}`, 'defer']),
    ]),
  ];
}

const proxyingOpen = (place: Place, features: CaddyFeatures, isRepeated: boolean) => [
  ...proxying(`@nextdeploy_blue${place.suffix}`, place.blue, features, isRepeated),
  ...proxying(`@nextdeploy_green${place.suffix}`, place.green, features, isRepeated),
];

function proxyingClosed(place: Place, features: CaddyFeatures): string[] {
  const { suffix, blue, green } = place;
  return block('handle', [
    ...block(`handle @nextdeploy_stopped${suffix}`, [
      `header Retry-After ${RETRY_AFTER_SECONDS}`,
      `respond "${STOPPED_TEXT}" 503`,
    ]),
    ...block(`handle @nextdeploy_maintenance${suffix}`, maintenancePage(place)),
    ...block('handle', [
      ...proxying(`@nextdeploy_closed_green${suffix}`, green, features, true),
      ...proxying(`@nextdeploy_green${suffix}`, green, features, true),
      ...proxying('', blue, features, true),
    ]),
  ]);
}

function proxying(matcher: string, replicas: readonly string[], features: CaddyFeatures, isRepeated: boolean): string[] {
  const head = ['reverse_proxy', matcher, ...replicas].filter((word) => word !== '').join(' ');
  return block(head, proxySettings(replicas, features, isRepeated));
}

/**
 * A connection that is refused is tried again: its request was never sent. Any other failure might have reached the app, and the matcher
 * that lets Caddy repeat those is an address that no visitor has.
 */
function proxySettings(replicas: readonly string[], features: CaddyFeatures, isRepeated: boolean): string[] {
  const hasOthers = replicas.length > 1;
  const repeating = [
    'lb_try_duration 3s',
    `lb_try_interval ${hasOthers ? '50ms' : '250ms'}`,
    'lb_retry_match remote_ip 255.255.255.255',
  ];
  return [
    ...(hasOthers ? ['lb_policy least_conn', `fail_duration ${REPLICA_PAUSE_SECONDS}s`] : ['lb_policy first']),
    ...(isRepeated ? repeating : []),
    ...(features.has_stream_close_delay ? ['stream_close_delay 24h'] : []),
    ...block('transport http', [
      `dial_timeout ${hasOthers ? `${REPLICA_CONNECT_MS}ms` : '1s'}`,
      `keepalive ${UPSTREAM_KEEPALIVE_SECONDS}s`,
      `keepalive_idle_conns_per_host ${IDLE_CONNECTIONS_PER_UPSTREAM_MAX}`,
      // Else Caddy asks the app for gzip on behalf of visitors who did not, and takes it apart for them.
      'compression off',
    ]),
  ];
}
