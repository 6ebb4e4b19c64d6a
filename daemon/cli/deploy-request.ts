/** What the flags of `deploy` ask for, as the contract's request. Pure; the daemon checks the values. */
import { parseEnv } from 'node:util';
import type { AppConfiguration } from '../contract/configuration.ts';
import { DomainError } from '../contract/errors.ts';
import type { RouteBodyInput } from '../contract/routes.ts';
import { parseDuration } from './format.ts';

export interface DeployFlags {
  image?: string;
  /** False: `--no-domain`. */
  domain?: string | false;
  port?: string[];
  env?: string[];
  unsetEnv?: string[];
  tls?: string;
  health?: string;
  healthPath?: string;
  healthDeadline?: string;
  drain?: string;
  stopTimeout?: string;
}

interface Sources {
  /** Text of the files given with `--env-file`, later ones over earlier. */
  envFiles: string[];
  /** Text of the file given with `--request`; flags go over it. */
  request?: string | undefined;
  /** What the app runs with now; flags go over it. Not read where there is a `request`. */
  live?: AppConfiguration | undefined;
  environment: Record<string, string | undefined>;
}

type DeployBody = RouteBodyInput<'deploy'>;

/** @throws DomainError `invalid_request` naming the flag */
export function deployRequest(app: string | undefined, flags: DeployFlags, sources: Sources): DeployBody {
  const { domain, ...base }: Partial<DeployBody> =
    sources.request === undefined ? { ...sources.live } : parseRequest(sources.request);
  const env = { ...base.env, ...readEnv(flags.env ?? [], sources) };
  for (const name of flags.unsetEnv ?? []) delete env[name];
  const health = readHealth(flags, base.health);
  const body = {
    ...base,
    env,
    ...(flags.domain === false ? {} : defined({ domain: flags.domain ?? domain })),
    ...defined({ app_name: app, image: flags.image }),
    ...(flags.port === undefined ? {} : { ports: flags.port.map((port) => whole('--port', port)) }),
    ...(flags.tls === undefined ? {} : { tls: flags.tls as NonNullable<DeployBody['tls']> }), // the daemon refuses any other word
    ...(health === undefined ? {} : { health }),
    ...(flags.drain === undefined ? {} : { drain_ms: duration('--drain', flags.drain) }),
    ...(flags.stopTimeout === undefined ? {} : { stop_timeout_ms: duration('--stop-timeout', flags.stopTimeout) }),
  };
  if (body.app_name === undefined) throw new DomainError('invalid_request', 'Name the app: nextdeploy deploy APP --image IMAGE.');
  if (body.image === undefined) throw new DomainError('invalid_request', 'Name the image with --image, such as --image shop:v1.');
  return { ...body, app_name: body.app_name, image: body.image };
}

function parseRequest(text: string): Partial<DeployBody> {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as Partial<DeployBody>;
  } catch {
    // Its message would quote the file, which may hold secrets.
  }
  throw new DomainError('invalid_request', 'The file given with --request is not a JSON object.');
}

/** `KEY=VALUE`, or `KEY` alone for the caller's own value. */
function readEnv(given: string[], { envFiles, environment }: Sources): Record<string, string> {
  const env: Record<string, string> = {};
  for (const text of envFiles) Object.assign(env, parseEnv(text));
  for (const entry of given) {
    const [, key = '', value] = /^([^=]*)(?:=([\s\S]*))?$/.exec(entry) ?? [];
    const taken = value ?? environment[key];
    if (taken === undefined) throw new DomainError('invalid_request', `--env ${key} has no value here; use --env ${key}=VALUE.`);
    env[key] = taken;
  }
  return env;
}

function readHealth({ health, healthPath, healthDeadline }: DeployFlags, base: DeployBody['health']): DeployBody['health'] {
  if (health === undefined && healthPath === undefined && healthDeadline === undefined) return base;
  const kind = health ?? (healthPath === undefined ? (base?.kind ?? 'http') : 'http');
  const kept = base?.kind === kind ? base : {};
  const deadline = healthDeadline === undefined ? {} : { deadline_ms: duration('--health-deadline', healthDeadline) };
  switch (kind) {
    case 'http':
      return { ...kept, kind, ...(healthPath === undefined ? {} : { path: healthPath }), ...deadline };
    case 'tcp':
      return { ...kept, kind, ...deadline };
    case 'none':
      return { kind };
    default:
      throw new DomainError('invalid_request', '--health takes http, tcp or none.');
  }
}

function whole(flag: string, text: string): number {
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  throw new DomainError('invalid_request', `${flag} takes a whole number, not "${text}".`);
}

function duration(flag: string, text: string): number {
  const parsed = parseDuration(text);
  if (parsed !== null) return parsed;
  throw new DomainError('invalid_request', `${flag} takes a duration such as 500ms, 30s or 2m, not "${text}".`);
}

function defined<T extends Record<string, unknown>>(values: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: NonNullable<T[K]> };
}
