/** What is asked of a deploy, and what a release runs with. */
import { z } from 'zod';
import { envSchema } from './environment.ts';
import { DEFAULTS, LIMITS, SECRETS_DIRECTORY } from './limits.ts';
import {
  appNameSchema,
  domainNameSchema,
  imageReferenceSchema,
  portSchema,
  projectNameSchema,
  proxyTypeSchema,
  releaseIdSchema,
  tlsModeSchema,
} from './names.ts';
import { nextCoreMetadataSchema } from './nextcore.ts';
import { isHttps, PATTERNS } from './rules.ts';

const whole = (what: string, min: number, max: number) => {
  const message = `use a whole number${what} from ${min} to ${max}`;
  return z.number(message).int(message).min(min, message).max(max, message);
};
const milliseconds = (min: number, max: number) => whole(' of milliseconds', min, max);

// Health ----------------------------------------------------------------------------------------------------------

const healthPathSchema = z.string().max(1024).regex(PATTERNS.health_path, 'use an absolute path such as /api/health');
const httpStatus = whole(' (an HTTP status)', 100, 599);
const statusRangeSchema = z
  .strictObject({ min: httpStatus, max: httpStatus })
  .refine(({ min, max }) => min <= max, { path: ['max'], message: 'it must not be below min' });

const timing = {
  interval_ms: milliseconds(50, 60_000).default(DEFAULTS.health_interval_ms),
  timeout_ms: milliseconds(100, 60_000).default(DEFAULTS.health_timeout_ms),
  /** How long a new container may take until its first good answer. */
  deadline_ms: milliseconds(500, 900_000).default(DEFAULTS.health_deadline_ms),
  /** So many failures in a row make a serving container unhealthy. */
  retries: whole('', 1, 100).default(DEFAULTS.health_retries),
  /** So long after a serving container was started again its failures do not count. */
  start_period_ms: milliseconds(0, 900_000).default(DEFAULTS.health_start_period_ms),
};

export const healthCheckSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('http'),
      path: healthPathSchema.default(DEFAULTS.health_path),
      status: statusRangeSchema.default({ ...DEFAULTS.health_status }),
      ...timing,
    }),
    z.strictObject({ kind: z.literal('tcp'), ...timing }),
    z.strictObject({ kind: z.literal('none') }),
  ])
  .meta({ id: 'HealthCheck' });
export type HealthCheck = z.infer<typeof healthCheckSchema>;

// Routing ---------------------------------------------------------------------------------------------------------

const redirectSchema = z
  .strictObject({
    from: domainNameSchema,
    to: domainNameSchema.optional().meta({ description: 'default: the domain of the app' }),
    status: z.union([z.literal(301), z.literal(302), z.literal(307), z.literal(308)], 'use 301, 302, 307 or 308').default(308),
  })
  .meta({ id: 'Redirect', description: 'answers requests for `from` with the same path at `to`' });
export type Redirect = z.infer<typeof redirectSchema>;

const routingShape = {
  domain: domainNameSchema.optional().meta({ description: 'absent: a worker without a route' }),
  aliases: z.array(domainNameSchema).max(LIMITS.domains_max).default([]).meta({ description: 'served as `domain` is' }),
  redirects: z.array(redirectSchema).max(LIMITS.domains_max).default([]),
  tls: tlsModeSchema.optional().meta({ description: 'default: auto, or off for names no authority certifies' }),
};

// Container -------------------------------------------------------------------------------------------------------

const containerPathSchema = z.string().max(1024).regex(PATTERNS.container_path, PATTERNS.container_path_message);

export const volumeSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('volume'),
      name: z.string().regex(PATTERNS.volume_name, 'use 2 to 64 letters, digits and . _ -, starting with a letter or digit'),
      target: containerPathSchema,
      read_only: z.boolean().default(false),
    }),
    z.strictObject({
      kind: z.literal('bind'),
      source: z.string().max(1024).regex(PATTERNS.container_path, PATTERNS.container_path_message),
      target: containerPathSchema,
      read_only: z.boolean().default(false),
    }),
  ])
  .meta({
    id: 'Volume',
    description: 'a named volume, or a directory of the host beneath one of `volumes.bind_roots` of the daemon',
  });
export type Volume = z.infer<typeof volumeSchema>;

const hookSchema = z
  .strictObject({
    command: z
      .array(z.string().min(1).max(4096).regex(PATTERNS.env_value, 'an argument cannot hold a NUL character; leave it out'))
      .min(1, 'name the program and its arguments')
      .max(64)
      .meta({ description: 'program and arguments; no shell' }),
    timeout_ms: milliseconds(1_000, 3_600_000).default(DEFAULTS.hook_timeout_ms),
  })
  .meta({ id: 'Hook', description: 'runs once in a container of the new image; a failure ends the operation' });
export type Hook = z.infer<typeof hookSchema>;

const containerShape = {
  limits: z
    .strictObject({
      cpus: z.number().min(0.01, 'use at least 0.01').max(512, 'use at most 512').optional(),
      memory_bytes: whole(' of bytes', LIMITS.memory_bytes_min, LIMITS.memory_bytes_max).optional(),
    })
    .prefault({}),
  volumes: z.array(volumeSchema).max(LIMITS.volumes_max).default([]),
  networks: z
    .array(z.string().regex(PATTERNS.network_name, 'use the name of a Docker network, other than host and none'))
    .max(LIMITS.networks_max)
    .default([])
    .meta({ description: "further networks that exist already, beside the daemon's own" }),
  user: z.string().regex(PATTERNS.user, 'use a name or number, with :group if need be, such as 1000:1000').optional(),
  read_only_root: z.boolean().default(false),
  capabilities: z
    .array(z.string().regex(PATTERNS.capability, 'use a capability such as NET_RAW'))
    .max(64)
    .default([])
    .meta({ description: 'those the container keeps; all others are dropped' }),
  stop_signal: z.string().regex(PATTERNS.signal, 'use a signal such as SIGTERM').optional(),
  stop_timeout_ms: milliseconds(0, 300_000).default(DEFAULTS.stop_timeout_ms),
  log: z
    .strictObject({
      file_bytes_max: whole(' of bytes', 64 * 1024, 1024 ** 3).default(DEFAULTS.container_log_bytes),
      files: whole('', 1, 100).default(DEFAULTS.container_log_files),
    })
    .prefault({}),
};

// Whole -----------------------------------------------------------------------------------------------------------

const portsSchema = z.array(portSchema).min(1, 'name at least one port').max(LIMITS.ports_max);
const replicasSchema = whole('', 1, LIMITS.replicas_max);

const sharedShape = {
  project: projectNameSchema.optional().meta({ description: 'whose secrets the app gets beside the global ones and its own' }),
  env: envSchema.default({}),
  secrets: z
    .strictObject({
      inject: z
        .enum(['env', 'file', 'none'])
        .default('env')
        .meta({
          description: `env: as variables, which win over those of \`env\`. file: as files of the container's user in ${SECRETS_DIRECTORY}, in memory and not in \`docker inspect\`. none: the app gets none`,
        }),
    })
    .prefault({}),
  ...routingShape,
  ...containerShape,
  drain_ms: milliseconds(0, 600_000).default(DEFAULTS.drain_ms),
  watch_ms: milliseconds(0, 3_600_000)
    .default(DEFAULTS.watch_ms)
    .meta({ description: 'after the switch the old release is kept warm so long, and brought back if the new one fails' }),
  pre_switch: hookSchema.optional().meta({ description: 'before the new containers are made, for instance a migration' }),
  post_switch: hookSchema.optional().meta({ description: 'when the new release serves; a failure switches back' }),
};

/** What a release runs with, besides its image: everything decided. */
export const appConfigurationSchema = z
  .strictObject({
    ...sharedShape,
    ports: portsSchema.default([DEFAULTS.port]).meta({ description: 'ports inside the container; the first is served' }),
    proxy: proxyTypeSchema.default('caddy'),
    health: healthCheckSchema.prefault({ kind: 'http' }),
    replicas: replicasSchema.default(1).meta({ description: 'as deployed; scaling an app changes the app, not its releases' }),
  })
  .meta({ id: 'AppConfiguration' });
export type AppConfiguration = z.infer<typeof appConfigurationSchema>;

export const registryCredentialsSchema = z
  .strictObject({ username: z.string().min(1).max(256), password: z.string().min(1).max(4096) })
  .meta({ id: 'RegistryCredentials', description: 'used for this operation and never stored' });

const imageShape = {
  image: imageReferenceSchema,
  registry: registryCredentialsSchema.optional(),
  pull: z
    .enum(['missing', 'always'])
    .default('missing')
    .meta({ description: 'missing: an image of that name on the host is used as it is' }),
};

export const deployRequestSchema = z
  .strictObject({
    app_name: appNameSchema,
    ...imageShape,
    ...sharedShape,
    ports: portsSchema.optional().meta({ description: `default: the port of nextcore, or ${DEFAULTS.port}` }),
    proxy: proxyTypeSchema.optional().meta({ description: 'default: `proxy.default` of the daemon' }),
    health: healthCheckSchema
      .optional()
      .meta({ description: `default: HTTP at the path of nextcore, or ${DEFAULTS.health_path}` }),
    replicas: replicasSchema.optional().meta({ description: 'default: as many as the app has, or 1' }),
    nextcore: nextCoreMetadataSchema.optional(),
  })
  .superRefine(checkRouting)
  .superRefine(checkVolumes)
  .meta({ id: 'DeployRequest' });
export type DeployRequest = z.infer<typeof deployRequestSchema>;

interface Issues {
  addIssue(issue: { code: 'custom'; path: (string | number)[]; message: string }): void;
}
type Routing = Pick<AppConfiguration, 'domain' | 'aliases' | 'redirects' | 'tls'>;

function checkRouting({ domain, aliases, redirects, tls }: Routing, context: Issues): void {
  const complain = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message });
  if (domain === undefined) {
    if (aliases.length > 0) complain(['aliases'], 'an app without a domain has no aliases; set domain');
    if (redirects.length > 0) complain(['redirects'], 'an app without a domain has no redirects; set domain');
    return;
  }
  const names = [domain, ...aliases];
  const redirected = redirects.flatMap(({ from, to }) => [from, to ?? domain]);
  if (tls !== undefined && isHttps(tls) && [...names, ...redirected].some((name) => !name.includes('.'))) {
    complain(['tls'], 'no site has a certificate for a name without a dot; use tls off, or a full name such as shop.example.com');
  }
  const seen = new Set([domain]);
  for (const [index, alias] of aliases.entries()) {
    if (seen.has(alias)) complain(['aliases', index], `${alias} is named twice; name it once`);
    seen.add(alias);
  }
  for (const [index, { from, to = domain }] of redirects.entries()) {
    if (from === to) complain(['redirects', index, 'to'], `${from} would redirect to itself; send it elsewhere`);
    else if (seen.has(from)) complain(['redirects', index, 'from'], `${from} is served or redirected already; name it once`);
    else if (redirects.some((other) => other.from === to))
      complain(['redirects', index, 'to'], `${to} is itself redirected; send it to where that leads`);
    seen.add(from);
  }
}

function checkVolumes({ volumes, secrets }: Pick<AppConfiguration, 'volumes' | 'secrets'>, context: Issues): void {
  const targets = volumes.map(({ target }) => target.replace(/\/+$/, ''));
  for (const [index, target] of targets.entries()) {
    const path = ['volumes', index, 'target'];
    if (target === '')
      context.addIssue({ code: 'custom', path, message: 'the root of the container cannot be a volume; use a path beneath it' });
    if (target === SECRETS_DIRECTORY && secrets.inject === 'file')
      context.addIssue({ code: 'custom', path, message: `the app's secrets are in ${target}; choose another path` });
    if (targets.indexOf(target) < index)
      context.addIssue({ code: 'custom', path, message: `${target} is mounted twice; choose another path` });
  }
}

/** What a deploy leaves open, decided: by the build's own word, then by the host's defaults. Pure. */
export function configurationOf(
  request: DeployRequest,
  host: { proxy: AppConfiguration['proxy']; replicas: number },
): AppConfiguration {
  const { app_name: _name, image: _image, registry: _registry, pull: _pull, nextcore, ...asked } = request;
  const health =
    asked.health ?? healthCheckSchema.parse({ kind: 'http', ...(nextcore?.health_path && { path: nextcore.health_path }) });
  return {
    ...asked,
    ports: asked.ports ?? [nextcore?.port ?? DEFAULTS.port],
    proxy: asked.proxy ?? host.proxy,
    health,
    replicas: asked.replicas ?? host.replicas,
  };
}

export const swapRequestSchema = z
  .strictObject({ app_name: appNameSchema, ...imageShape, nextcore: nextCoreMetadataSchema.optional() })
  .meta({ id: 'SwapRequest' });
export type SwapRequest = z.infer<typeof swapRequestSchema>;

export const rollbackRequestSchema = z
  .strictObject({
    app_name: appNameSchema,
    release: releaseIdSchema.optional().meta({ description: 'default: the previous one' }),
    code_only: z
      .boolean()
      .default(false)
      .meta({ description: "only the image; the configuration stays the live release's, as a new release" }),
  })
  .meta({ id: 'RollbackRequest' });
export type RollbackRequest = z.infer<typeof rollbackRequestSchema>;

export const scaleRequestSchema = z.strictObject({ replicas: replicasSchema }).meta({ id: 'ScaleRequest' });

export const maintenanceRequestSchema = z
  .strictObject({
    enabled: z.boolean(),
    message: z.string().max(LIMITS.maintenance_message_max).regex(PATTERNS.printable, PATTERNS.printable_message).optional(),
  })
  .meta({ id: 'MaintenanceRequest' });
