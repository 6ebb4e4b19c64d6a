/** What the flags of `deploy` ask for, as the contract's request. Pure; the daemon checks the values. */
import type { AppConfiguration } from '../contract/configuration.ts';
import type { Release } from '../contract/domain.ts';
import { DomainError } from '../contract/errors.ts';
import { nextCoreMetadataSchema } from '../contract/nextcore.ts';
import { keptConfiguration, suggestedBy } from '../contract/redeploy.ts';
import type { RouteBodyInput } from '../contract/routes.ts';
import type { DeployFlags } from './deploy-flags.ts';
import { readEnvText } from './env-files.ts';
import { bindMount, command, decimal, duration, namedVolume, redirect, size, statusRange, whole } from './flag-values.ts';
import { type ImageFields, parseObject } from './image-fields.ts';

interface Sources {
  /** Text of the files given with `--env-file`, later ones over earlier. */
  envFiles: { path: string; text: string }[];
  /** Text of the file given with `--request`; flags go over it. */
  request?: string | undefined;
  /** What the app runs with now; flags go over it. Not read where there is a `request`. */
  live?: Pick<Release, 'configuration' | 'nextcore'> | undefined;
  image: ImageFields;
  environment: Record<string, string | undefined>;
}

type DeployBody = RouteBodyInput<'deploy'>;
type Base = Partial<DeployBody>;
/** Undefined: not in the request, whatever the base says. */
type Fields = { [K in keyof DeployBody]?: DeployBody[K] | undefined };

/** @throws DomainError `invalid_request` naming the flag */
export function deployRequest(app: string | undefined, flags: DeployFlags, sources: Sources): DeployBody {
  const base: Base = { ...baseOf(sources), ...sources.image };
  const { app_name, image, ...body } = defined<Fields>({
    ...base,
    ...routing(flags, base),
    ...container(flags, base),
    ...swapping(flags, base),
    env: environment(flags, base.env, sources),
    project: over(flags.project, base.project, same),
    // The choices of the flag are the contract's.
    secrets: flags.secrets === undefined ? base.secrets : { inject: flags.secrets as AppConfiguration['secrets']['inject'] },
    app_name: app ?? base.app_name,
    image: flags.image ?? base.image,
  });
  if (app_name === undefined) throw new DomainError('invalid_request', 'Name the app: nextdeploy deploy APP --image IMAGE.');
  if (image === undefined) throw new DomainError('invalid_request', 'Name the image with --image, such as --image shop:v1.');
  return { app_name, image, ...body };
}

function baseOf({ request, live, image }: Sources): Base {
  if (request !== undefined) return parseObject('--request', request);
  return live === undefined ? {} : keptConfiguration(live, { hasNextCore: image.nextcore !== undefined });
}

function routing(flags: DeployFlags, base: Base): Fields {
  // Without a domain there is nothing for these to belong to.
  const { aliases, redirects, tls } = flags.domain === false ? {} : base;
  return {
    domain: over(flags.domain, base.domain, same),
    aliases: each(flags.alias, aliases, same),
    redirects: each(flags.redirect, redirects, redirect),
    // The choices of these flags are the contract's.
    tls: (flags.tls as DeployBody['tls']) ?? tls,
    proxy: (flags.proxy as DeployBody['proxy']) ?? base.proxy,
    ports: each(flags.port, base.ports, (port) => whole('--port', port)),
  };
}

function container(flags: DeployFlags, base: Base): Fields {
  const { cpus, memory, logSize, logFiles } = flags;
  const limits = defined({
    cpus: over(cpus, base.limits?.cpus, (text) => decimal('--cpus', text)),
    memory_bytes: over(memory, base.limits?.memory_bytes, (text) => size('--memory', text)),
  });
  const log = defined({
    file_bytes_max: over(logSize, base.log?.file_bytes_max, (text) => size('--log-size', text)),
    files: over(logFiles, base.log?.files, (text) => whole('--log-files', text)),
  });
  return {
    replicas: over(flags.replicas, base.replicas, (text) => whole('--replicas', text)),
    limits: cpus === undefined && memory === undefined ? base.limits : limits,
    volumes: volumes(flags, base.volumes),
    networks: each(flags.network, base.networks, same),
    user: over(flags.user, base.user, same),
    read_only_root: flags.readOnly ?? base.read_only_root,
    capabilities: each(flags.cap, base.capabilities, same),
    stop_signal: over(flags.stopSignal, base.stop_signal, same),
    stop_timeout_ms: over(flags.stopTimeout, base.stop_timeout_ms, (text) => duration('--stop-timeout', text)),
    log: logSize === undefined && logFiles === undefined ? base.log : log,
  };
}

/** `--volume` and `--bind` each replace their own kind. */
function volumes({ volume, bind }: DeployFlags, base: Base['volumes']): Base['volumes'] {
  if (volume === undefined && bind === undefined) return base;
  // A request from a file may hold anything; the daemon says what is wrong with it.
  const kept = Array.isArray(base) ? base : [];
  const ofKind = (kind: 'volume' | 'bind') => kept.filter((mounted) => mounted?.kind === kind);
  return [...(each(volume, ofKind('volume'), namedVolume) ?? []), ...(each(bind, ofKind('bind'), bindMount) ?? [])];
}

function swapping(flags: DeployFlags, base: Base): Fields {
  const timeout_ms = over(flags.hookTimeout, undefined, (text) => duration('--hook-timeout', text));
  const hook = (flag: string, text: string | false | undefined, before: Base['pre_switch']): Base['pre_switch'] => {
    if (text === undefined && timeout_ms === undefined) return before;
    const words = over(text, before?.command, (given) => command(flag, given));
    return words && { ...before, command: words, ...defined({ timeout_ms }) };
  };
  return {
    health: health(flags, base),
    drain_ms: over(flags.drain, base.drain_ms, (text) => duration('--drain', text)),
    watch_ms: over(flags.watch, base.watch_ms, (text) => duration('--watch', text)),
    pre_switch: hook('--pre-switch', flags.preSwitch, base.pre_switch),
    post_switch: hook('--post-switch', flags.postSwitch, base.post_switch),
  };
}

function health(flags: DeployFlags, { health: base, nextcore }: Base): Base['health'] {
  const http = defined({
    path: flags.healthPath,
    status: over(flags.healthStatus, undefined, (text) => statusRange('--health-status', text)),
  });
  const timing = defined({
    interval_ms: over(flags.healthInterval, undefined, (text) => duration('--health-interval', text)),
    timeout_ms: over(flags.healthTimeout, undefined, (text) => duration('--health-timeout', text)),
    deadline_ms: over(flags.healthDeadline, undefined, (text) => duration('--health-deadline', text)),
    retries: over(flags.healthRetries, undefined, (text) => whole('--health-retries', text)),
    start_period_ms: over(flags.healthStartPeriod, undefined, (text) => duration('--health-start-period', text)),
  });
  const [asksHttp, asksTiming] = [Object.keys(http).length > 0, Object.keys(timing).length > 0];
  if (flags.health === undefined && !asksHttp && !asksTiming) return base;
  // Whatever a flag leaves open is still the build's to suggest; if it cannot be read, the daemon says why.
  const build = nextCoreMetadataSchema.safeParse(nextcore);
  const before = base ?? (build.success ? suggestedBy(build.data).health : undefined);
  const kind = flags.health ?? (asksHttp ? 'http' : (before?.kind ?? 'http'));
  if (kind !== 'http' && asksHttp) {
    throw new DomainError(
      'invalid_request',
      `--health-path and --health-status are for HTTP probes; use --health http, not ${kind}.`,
    );
  }
  if (kind === 'none' && asksTiming) {
    throw new DomainError('invalid_request', 'Without a health check its times mean nothing; use --health http or --health tcp.');
  }
  const kept = before?.kind === kind ? before : {};
  // Any other word is refused by the flag's choices.
  return { ...kept, kind, ...http, ...timing } as Base['health'];
}

/** `KEY=VALUE`, or `KEY` alone for the caller's own value. */
function environment(flags: DeployFlags, base: Base['env'], sources: Sources): Base['env'] {
  const { env = [], unsetEnv = [] } = flags;
  if (env.length === 0 && unsetEnv.length === 0 && sources.envFiles.length === 0) return base;
  // A map, for which no name is special.
  const variables = new Map(
    [base ?? {}, ...sources.envFiles.map(({ path, text }) => readEnvText(text, path))].flatMap((each) => Object.entries(each)),
  );
  for (const entry of env) {
    const [, key = '', value] = /^([^=]*)(?:=([\s\S]*))?$/.exec(entry) ?? [];
    const taken = value ?? (Object.hasOwn(sources.environment, key) ? sources.environment[key] : undefined);
    if (taken === undefined) throw new DomainError('invalid_request', `--env ${key} has no value here; use --env ${key}=VALUE.`);
    variables.set(key, taken);
  }
  for (const name of unsetEnv) variables.delete(name);
  return Object.fromEntries([...variables].filter((entry): entry is [string, string] => entry[1] !== undefined));
}

const same = (text: string) => text;

/** What a flag says, or what was there before; false takes that away. */
function over<V>(flag: string | false | undefined, before: V | undefined, read: (text: string) => V): V | undefined {
  if (flag === undefined) return before;
  return flag === false ? undefined : read(flag);
}

function each<V>(flag: string[] | false | undefined, before: V[] | undefined, read: (text: string) => V): V[] | undefined {
  if (flag === undefined) return before;
  return flag === false ? [] : flag.map(read);
}

function defined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> }; // the same fields
}
