/** What a token that is limited to apps may ask, and what it is told, by the rule of the contract's tables. Pure. */
import type { AppRule } from '../contract/access.ts';
import type { AppConfiguration, Volume } from '../contract/configuration.ts';
import { DomainError } from '../contract/errors.ts';
import type { ProxyRouteRequest } from '../contract/proxy-routes.ts';
import type { PrefixSetting } from '../engine/state.ts';
import type { Caller } from './guard.ts';

interface Asked {
  /** Parsed, each by its schema. */
  params: unknown;
  query: unknown;
  body?: unknown;
}

/** The app of an operation; null if there is no such operation. */
export type AppOfOperation = (id: string) => string | null;

/** The app that a request is about: as its path, body or query names it, or that of the operation which it names. Null: none, or all. */
export function appOf({ params, query, body }: Asked, rule: AppRule, appOfOperation: AppOfOperation): string | null {
  const { name, app, id } = params as { name?: string; app?: string; id?: string };
  if (rule === 'operation') return id === undefined ? null : appOfOperation(id);
  if (rule !== 'named') return null;
  const named = { ...(query as object), ...(body as object | undefined) } as { app_name?: string };
  return name ?? app ?? named.app_name ?? null;
}

/**
 * Refuses what the caller's limits do not allow; to be asked for a request that is parsed.
 * @throws DomainError `forbidden`, or `not_found` for an operation of another app, as if there were none
 */
export function requireAllowedApp({ apps }: Pick<Caller, 'apps'>, rule: AppRule, app: string | null, asked: Asked): void {
  if (apps === null || (app !== null && apps.has(app))) return;
  const refusal = refusalOf(apps, rule, app, asked);
  if (refusal !== null) throw refusal;
}

function refusalOf(apps: ReadonlySet<string>, rule: AppRule, app: string | null, { params }: Asked): DomainError | null {
  const limits = `the token in use is for ${list(apps)} only`;
  switch (rule) {
    case 'any':
    case 'filtered':
      return null;
    case 'operation':
      return new DomainError('not_found', `There is no operation ${(params as { id: string }).id}.`);
    case 'named':
    case 'never':
      return new DomainError('forbidden', `This is about ${app ?? 'the whole host'}, and ${limits}. Use another token.`);
    default:
      return rule satisfies never;
  }
}

/** Whether an entry of an answer, or a frame of a stream, is the caller's to see. What is lost of a stream is nobody's secret. */
export function maySee(apps: ReadonlySet<string> | null, entry: unknown): boolean {
  if (apps === null) return true;
  const { app_name, name, dropped } = entry as { app_name?: unknown; name?: unknown; dropped?: unknown };
  if (dropped !== undefined) return true;
  const app = app_name === undefined ? name : app_name;
  return typeof app === 'string' && apps.has(app);
}

type HostParts = Pick<AppConfiguration, 'volumes' | 'networks' | 'capabilities' | 'project'>;

/**
 * A release reaches what is not its app's own through what it is given of the host: another app's volume, a directory, a network, a
 * capability, a project's secrets. A limited caller may give an app only what a release of it had before, which somebody without limits has made.
 * @throws DomainError `forbidden`, with the field
 */
export function requireKnownParts(asked: HostParts, earlier: readonly HostParts[]): void {
  const volumes = earlier.flatMap((each) => each.volumes);
  const networks = earlier.flatMap((each) => each.networks);
  const capabilities = earlier.flatMap((each) => each.capabilities);
  for (const [index, volume] of asked.volumes.entries())
    if (!volumes.some((known) => covers(known, volume))) throw unknownPart(`volumes.${index}`, nameOf(volume));
  for (const [index, name] of asked.networks.entries())
    if (!networks.includes(name)) throw unknownPart(`networks.${index}`, `the network ${name}`);
  for (const [index, name] of asked.capabilities.entries())
    if (!capabilities.includes(name)) throw unknownPart(`capabilities.${index}`, `the capability ${name}`);
  const { project } = asked;
  if (project !== undefined && !earlier.some((each) => each.project === project))
    throw unknownPart('project', `the secrets of the project ${project}`);
}

/**
 * A prefix leads visitors of a site to what is not its app's own. A limited caller may lead them to its own apps, and keep what somebody without
 * limits has set.
 * @throws DomainError `forbidden`, with the field
 */
export function requireKnownPrefixes(
  asked: ProxyRouteRequest['prefixes'],
  apps: ReadonlySet<string>,
  known: readonly PrefixSetting[],
): void {
  const targetOf = ({ app_name, port }: { app_name?: string | undefined; port?: number | undefined }) => app_name ?? port;
  for (const [index, prefix] of asked.entries()) {
    const { path, strip, app_name } = prefix;
    const isKept = known.some((one) => one.path === path && one.strip === strip && targetOf(one) === targetOf(prefix));
    if (isKept || (app_name !== undefined && apps.has(app_name))) continue;
    const field = `prefixes.${index}.${app_name === undefined ? 'port' : 'app_name'}`;
    const message = `the token in use is for ${list(apps)} only, and cannot lead visitors to ${app_name ?? 'a port of the host'}`;
    throw new DomainError('forbidden', `Field "${field}" is not allowed: ${message}.`, { details: [{ field, message }] });
  }
}

function covers(known: Volume, asked: Volume): boolean {
  const isSame =
    (known.kind === 'volume' && asked.kind === 'volume' && known.name === asked.name) ||
    (known.kind === 'bind' && asked.kind === 'bind' && known.source === asked.source);
  return isSame && (asked.read_only || !known.read_only);
}

function nameOf(volume: Volume): string {
  const what = volume.kind === 'volume' ? `the volume ${volume.name}` : `the directory ${volume.source}`;
  return volume.read_only ? what : `${what} to write to`;
}

function unknownPart(field: string, what: string): DomainError {
  const message = `no release of the app has had ${what}, and a token that is limited to apps cannot give it; deploy it once with another token`;
  return new DomainError('forbidden', `Field "${field}" is not allowed: ${message}.`, { details: [{ field, message }] });
}

function list(apps: ReadonlySet<string>): string {
  const names = [...apps];
  return names.length <= 5 ? names.join(', ') : `${names.slice(0, 5).join(', ')} and ${names.length - 5} more`;
}
