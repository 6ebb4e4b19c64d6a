/** Patterns and state rules that daemon, command line and console share. Pure; no schema here. */
import type { AppStatus, HealthCheck, Operation, Release, TlsMode } from './domain.ts';

export const PATTERNS = {
  app_name: /^[a-z][a-z0-9-]{0,38}[a-z0-9]$/,
  domain: /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
  /** distribution/reference grammar: [host[:port]/]path[:tag][@sha256:…] */
  image_reference:
    /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::[0-9]{1,5})?\/)?[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*(?::[\w][\w.-]{0,127})?(?:@sha256:[a-f0-9]{64})?$/,
  release_id: /^r[1-9][0-9]{0,8}$/,
  operation_id: /^op-[0-9a-z]{8,40}$/,
  env_name: /^[A-Za-z_][A-Za-z0-9_]*$/,
  /** Everything but NUL, which ends a string in the kernel's eyes. */
  env_value: /^[^\0]*$/,
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
    if (app.operation_id !== null) return refused('an operation is in progress');
    if (app.release === null) return refused('nothing is deployed yet');
    return app.status === 'stopped' ? refused('the app is stopped; start it first') : allowed;
  },
  rollback(app: AppStatus): Verdict {
    if (app.operation_id !== null) return refused('an operation is in progress');
    return app.previous_release === null ? refused('there is no earlier release') : allowed;
  },
  rollbackTo(app: AppStatus, release: Release): Verdict {
    if (app.operation_id !== null) return refused('an operation is in progress');
    if (release.id === app.release) return refused('this release is live');
    return release.state === 'standby' ? allowed : refused('this release never went live');
  },
  stop(app: AppStatus): Verdict {
    if (app.operation_id !== null) return refused('an operation is in progress');
    if (app.release === null) return refused('nothing is deployed yet');
    return app.status === 'stopped' ? refused('the app is stopped already') : allowed;
  },
  start(app: AppStatus): Verdict {
    if (app.operation_id !== null) return refused('an operation is in progress');
    if (app.release === null) return refused('nothing is deployed yet');
    return app.status === 'stopped' || app.status === 'error' ? allowed : refused('the app is running already');
  },
  restart(app: AppStatus): Verdict {
    if (app.operation_id !== null) return refused('an operation is in progress');
    if (app.release === null) return refused('nothing is deployed yet');
    return app.status === 'stopped' ? refused('the app is stopped; start it instead') : allowed;
  },
};

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
