/** Patterns and state rules that daemon, command line and console share. Pure; no schema here. */
import type { HealthCheck } from './configuration.ts';
import type { AppStatus, Operation, OperationKind, OperationStep, Release, StepName } from './domain.ts';
import type { TlsMode } from './names.ts';

export const PATTERNS = {
  app_name: /^[a-z][a-z0-9-]{0,38}[a-z0-9]$/,
  domain: /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
  /** distribution/reference grammar: [host[:port]/]path[:tag][@sha256:…] */
  image_reference:
    /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::[0-9]{1,5})?\/)?[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*(?::[\w][\w.-]{0,127})?(?:@sha256:[a-f0-9]{64})?$/,
  release_id: /^r[1-9][0-9]{0,8}$/,
  operation_id: /^op-[0-9a-z]{8,40}$/,
  token_id: /^tok-[0-9a-z]{8,40}$/,
  /** Without a colon: the actor `token:…` is no other's. */
  token_name: /^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$/,
  actor: /^(?:token:)?[a-z0-9._-]{1,40}$/,
  /** The name of an endpoint in the contract's table. */
  action: /^[a-z][A-Za-z]{0,63}$/,
  /** 256 random bits in base64url. */
  token_text: /^nd_[A-Za-z0-9_-]{43}$/,
  env_name: /^[A-Za-z_][A-Za-z0-9_]*$/,
  /** Everything but NUL, which ends a string in the kernel's eyes. */
  env_value: /^[^\0]*$/,
  /** In a container or on the host: absolute, without `.` and `..`, and nothing that separates fields in a mount. */
  container_path: /^(?![\s\S]*\/\.\.?(?:\/|$))\/[^\p{Cc}\u2028\u2029:,]*$/u,
  container_path_message: 'use an absolute path without .. and without colon or comma',
  /** Docker's own, and never one of our containers' names. */
  volume_name: /^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,63}$/,
  /** `host` and `none` are no networks to join beside another. */
  network_name: /^(?!(?:host|none)$)[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/,
  user: /^[a-z0-9_][a-z0-9_.-]{0,31}(?::[a-z0-9_][a-z0-9_.-]{0,31})?$/i,
  capability: /^[A-Z][A-Z_]{1,30}$/,
  signal: /^SIG[A-Z0-9+-]{2,12}$/,
  /** One line without control characters. */
  printable: /^[^\p{Cc}\u2028\u2029]*$/u,
  printable_message: 'use printable characters in one line',
  health_path: /^\/[A-Za-z0-9\-._~!$&'()*+,;=:@%/?]*$/,
} as const;

/** Whether an address to listen on is this host's alone; `localhost` is taken to be. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.[0-9]{1,3}){3}$/.test(host);
}

const RESERVED_APP_NAMES = new Set(['system']);

export function isReservedAppName(name: string): boolean {
  return RESERVED_APP_NAMES.has(name);
}

/** TLS for a name when the request does not say: `off` where no public authority can certify it (RFC 6761, RFC 8555 §8). */
export function defaultTls(domain: string | undefined): TlsMode {
  if (domain === undefined) return 'off';
  const isAddress = /^[0-9.]+$/.test(domain) || domain.includes(':');
  const isLocal = !domain.includes('.') || /\.(test|localhost|local|internal|example|invalid|home\.arpa)$/.test(domain);
  return isAddress || isLocal ? 'off' : 'auto';
}

/** Whether a site with this TLS mode is reached by https: it has a certificate, and plain HTTP leads there. */
export function isHttps(tls: TlsMode): boolean {
  return tls !== 'off';
}

/**
 * Headers that a route may not set, in lower case: what a connection, a body, or the proxy's own protocol depends on; `defer` and `match`
 * are words of Caddy in the place of a name.
 */
export const RESERVED_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'date',
  'defer',
  'keep-alive',
  'location',
  'match',
  'server',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'www-authenticate',
  'x-nextdeploy-generation',
  'x-nextdeploy-slot',
  'x-nextdeploy-verify',
]);

export function healthPath(health: HealthCheck): string | null {
  return health.kind === 'http' ? health.path : null;
}

export function isTerminal(operation: Pick<Operation, 'state'>): boolean {
  return operation.state !== 'running';
}

export type Verdict = { allowed: true } | { allowed: false; reason: string };
const allowed: Verdict = { allowed: true };
const refused = (reason: string): Verdict => ({ allowed: false, reason });

/** What can be done with an app in its present state. The daemon enforces these rules and the console shows them. */
export const can = {
  swap(app: AppStatus): Verdict {
    return first(idle(app), deployed(app), running(app, 'start it first'));
  },
  rollback(app: AppStatus): Verdict {
    return first(idle(app), app.previous_release === null ? refused('there is no earlier release') : allowed);
  },
  rollbackTo(app: AppStatus, release: Release): Verdict {
    return first(idle(app), release.id === app.release ? refused('this release is live') : restorable(release));
  },
  stop(app: AppStatus): Verdict {
    return first(idle(app), deployed(app), app.status === 'stopped' ? refused('the app is stopped already') : allowed);
  },
  start(app: AppStatus): Verdict {
    const isStartable = app.status === 'stopped' || app.status === 'error';
    return first(idle(app), deployed(app), isStartable ? allowed : refused('the app is running already'));
  },
  restart(app: AppStatus): Verdict {
    return first(idle(app), deployed(app), running(app, 'start it instead'));
  },
  scale(app: AppStatus): Verdict {
    return first(idle(app), deployed(app), running(app, 'start it first'));
  },
  maintenance(app: AppStatus): Verdict {
    return first(idle(app), deployed(app), app.domain === null ? refused('the app has no domain to show a page on') : allowed);
  },
  configure(app: AppStatus): Verdict {
    return first(idle(app), deployed(app), app.domain === null ? refused('the app has no domain to configure') : allowed);
  },
  remove(app: AppStatus): Verdict {
    return idle(app);
  },
  /** As long as the release before it is there to serve on: until the old containers are drained. */
  cancel(operation: Operation): Verdict {
    if (isTerminal(operation)) return refused('it has ended');
    if (isUnwinding(operation)) return refused('it is being undone already');
    if (isOneWay(operation.kind)) return refused('it has no way back; wait for its end');
    return isPastReturn(operation) ? refused('the release before it is being retired; roll back when it has ended') : allowed;
  },
  /** Ends the watch window early. */
  keep(operation: Operation): Verdict {
    if (isTerminal(operation)) return refused('it has ended');
    return isWatching(operation) && !isUnwinding(operation) ? allowed : refused('it is not in its watch window');
  },
};

/** Once one of these has begun there is no way back. */
const ONE_WAY_STEPS: ReadonlySet<StepName> = new Set(['drain', 'retire', 'stop', 'remove']);

/** Whether all of it has no way back, from the first step on. */
function isOneWay(kind: OperationKind): boolean {
  return kind === 'stop' || kind === 'remove';
}

/** Whether what an operation does in this step cannot be taken back: a failure leaves it stuck. */
export function isOneWayStep(kind: OperationKind, name: StepName): boolean {
  return isOneWay(kind) || ONE_WAY_STEPS.has(name);
}

/** Whether an operation has come to where it can only go on. */
export function isPastReturn({ kind, steps }: Progressed): boolean {
  return isOneWay(kind) || steps.some(({ name, state }) => isOneWayStep(kind, name) && state !== 'pending');
}

type Progressed = Pick<Operation, 'kind'> & { steps: readonly Pick<OperationStep, 'name' | 'state'>[] };

const first = (...verdicts: Verdict[]): Verdict => verdicts.find((verdict) => !verdict.allowed) ?? allowed;
const idle = (app: AppStatus) => (app.operation_id === null ? allowed : refused('an operation is in progress'));
const deployed = (app: AppStatus) => (app.release === null ? refused('nothing is deployed yet') : allowed);
const running = (app: AppStatus, remedy: string) =>
  app.status === 'stopped' ? refused(`the app is stopped; ${remedy}`) : allowed;

function restorable({ state }: Release): Verdict {
  if (state === 'standby') return allowed;
  return refused(state === 'pruned' ? 'its image is not kept any more; deploy it anew' : 'this release never went live');
}

/** Why an operation failed in one sentence, with the field of its request that it is about, for where no form shows it. */
export function failureSentence({ message, field }: NonNullable<Operation['error']>): string {
  return field == null ? message : `${message} (field "${field}")`;
}

/** Whether the new release serves and the one before it is kept warm. */
export function isWatching(operation: Operation): boolean {
  return operation.state === 'running' && operation.steps.some(({ name, state }) => name === 'watch' && state === 'running');
}

/** Whether what was done is being taken back. */
export function isUnwinding(operation: Operation): boolean {
  return operation.state === 'running' && operation.steps.some(({ state }) => state === 'failed' || state === 'undone');
}

const releaseNumber = (id: string) => Number(id.slice(1));

/**
 * What a rollback without a named release goes to: the newest release that has served and is older than the live one,
 * so that repeating a rollback walks back in time and never forward into the release just left. Any order of `releases`.
 */
export function previousRelease(releases: readonly Release[], live: string | null): Release | null {
  if (live === null) return null;
  const older = releases.filter((release) => release.state === 'standby' && releaseNumber(release.id) < releaseNumber(live));
  return older.toSorted((a, b) => releaseNumber(b.id) - releaseNumber(a.id))[0] ?? null;
}
