import fc from 'fast-check';
import {
  type AppConfiguration,
  appConfigurationSchema,
  type HealthCheck,
  type Hook,
  type Volume,
} from '../../daemon/contract/configuration.ts';
import { LIMITS } from '../../daemon/contract/limits.ts';

/** Any configuration that the contract allows, as far as its parts are concerned: names need not be free, volumes not apart. */

const label = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
const domain = fc.tuple(label, label).map((parts) => `${parts.join('.')}.example.com`);
const some = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const few = <T>(value: fc.Arbitrary<T>) => fc.uniqueArray(value, { maxLength: 3 });
const whole = (min: number, max: number) => fc.integer({ min, max });
const name = fc.stringMatching(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,20}$/);
/** Outer blanks of a path are the one thing that the form takes away. */
const path = fc.stringMatching(/^\/[a-z0-9 _-]{0,20}[a-z0-9]$/);
/** Everything but NUL, which no environment and no argument can hold. */
const text = fc.string({ unit: 'binary', maxLength: 30 }).map((value) => value.replaceAll('\0', ''));

const timing = {
  interval_ms: whole(50, 60_000),
  timeout_ms: whole(100, 60_000),
  deadline_ms: whole(500, 900_000),
  retries: whole(1, 100),
  start_period_ms: whole(0, 900_000),
};
const status = fc.tuple(whole(100, 599), whole(100, 599)).map(([a, b]) => ({ min: Math.min(a, b), max: Math.max(a, b) }));
const health: fc.Arbitrary<HealthCheck> = fc.oneof(
  fc.record({
    kind: fc.constant('http' as const),
    path: fc.stringMatching(/^\/[A-Za-z0-9\-._~/?=&%]{0,30}$/),
    status,
    ...timing,
  }),
  fc.record({ kind: fc.constant('tcp' as const), ...timing }),
  fc.constant({ kind: 'none' as const }),
);
const volume: fc.Arbitrary<Volume> = fc.oneof(
  fc.record({ kind: fc.constant('volume' as const), name, target: path, read_only: fc.boolean() }),
  fc.record({ kind: fc.constant('bind' as const), source: path, target: path, read_only: fc.boolean() }),
);
const hook: fc.Arbitrary<Hook> = fc.record({
  command: fc.array(
    text.filter((word) => word !== ''),
    { minLength: 1, maxLength: 5 },
  ),
  timeout_ms: whole(1_000, 3_600_000),
});
const redirect = fc.record(
  { from: domain, to: domain, status: fc.constantFrom(301, 302, 307, 308) },
  { requiredKeys: ['from', 'status'] },
);
const limits = fc.record(
  {
    cpus: fc.double({ min: 0.01, max: 512, noNaN: true }),
    memory_bytes: whole(LIMITS.memory_bytes_min, LIMITS.memory_bytes_max),
  },
  { requiredKeys: [] },
);

export const anyConfiguration: fc.Arbitrary<AppConfiguration> = fc
  .record({
    env: fc.dictionary(fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,12}$/), text, { maxKeys: 5 }),
    domain: some(domain),
    aliases: few(domain),
    redirects: few(redirect),
    tls: some(fc.constantFrom('auto' as const, 'off' as const)),
    ports: fc.uniqueArray(whole(1, 65_535), { minLength: 1, maxLength: 4 }),
    proxy: fc.constantFrom('caddy' as const, 'nginx' as const),
    health,
    replicas: whole(1, LIMITS.replicas_max),
    limits,
    volumes: few(volume),
    networks: few(name.filter((each) => each !== 'host' && each !== 'none')),
    user: some(fc.constantFrom('node', '1000', '1000:1000', 'app:app')),
    read_only_root: fc.boolean(),
    capabilities: few(fc.constantFrom('NET_RAW', 'NET_BIND_SERVICE', 'SYS_PTRACE', 'CHOWN')),
    stop_signal: some(fc.constantFrom('SIGTERM', 'SIGINT', 'SIGRTMIN+3')),
    stop_timeout_ms: whole(0, 300_000),
    log: fc.record({ file_bytes_max: whole(64 * 1024, 1024 ** 3), files: whole(1, 100) }),
    drain_ms: whole(0, 600_000),
    watch_ms: whole(0, 3_600_000),
    pre_switch: some(hook),
    post_switch: some(hook),
  })
  .map((parts) => appConfigurationSchema.parse(consistent(parts)));

interface Named {
  domain?: string | undefined;
  aliases: string[];
  redirects: { from: string; to?: string; status: number }[];
  volumes: Volume[];
}

/** What the contract asks of the parts together: a domain before aliases and redirects, and nothing named or mounted twice. */
function consistent<T extends Named>(parts: T): T {
  const { domain: own } = parts;
  if (own === undefined) return { ...parts, aliases: [], redirects: [], volumes: apart(parts.volumes) };
  const served = new Set([own]);
  const take = (each: string) => !served.has(each) && served.add(each) !== undefined;
  const aliases = parts.aliases.filter(take);
  const redirects = parts.redirects
    .filter(({ from }) => take(from))
    .map(({ to, ...redirect }) => ({ ...redirect, ...(to === undefined || served.has(to) ? {} : { to }) }));
  return { ...parts, aliases, redirects, volumes: apart(parts.volumes) };
}

const apart = (volumes: Volume[]) =>
  volumes.filter(({ target }, index) => volumes.findIndex((each) => each.target === target) === index);
