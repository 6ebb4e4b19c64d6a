import { z } from 'zod';
import { DEFAULTS, LIMITS } from './limits.ts';
import { isReservedAppName, PATTERNS } from './rules.ts';

// Names -----------------------------------------------------------------------------------------------------------

export const appNameSchema = z
  .string()
  .max(LIMITS.app_name_length_max)
  .regex(
    PATTERNS.app_name,
    'use 2 to 40 lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen',
  )
  .refine((name) => !isReservedAppName(name), 'this name is reserved; choose another')
  .meta({ id: 'AppName' });

export const domainNameSchema = z
  .string()
  .max(LIMITS.domain_length_max)
  .regex(PATTERNS.domain, 'use a host name such as shop.example.com, in lower case and without scheme, port or path')
  .meta({ id: 'DomainName' });

export const imageReferenceSchema = z
  .string()
  .max(LIMITS.image_reference_length_max)
  .regex(PATTERNS.image_reference, 'use an image reference such as registry.example.com/shop:1.4 or shop@sha256:…')
  .meta({ id: 'ImageReference' });

export const releaseIdSchema = z
  .string()
  .regex(PATTERNS.release_id, 'use a release number such as r12')
  .meta({ id: 'ReleaseId' });
export const operationIdSchema = z
  .string()
  .regex(PATTERNS.operation_id, 'use an operation id such as op-…')
  .meta({ id: 'OperationId' });
export const timestampSchema = z.iso.datetime().meta({ description: 'RFC 3339, UTC' });
const PORT_MESSAGE = 'use a port from 1 to 65535';
export const portSchema = z.number(PORT_MESSAGE).int(PORT_MESSAGE).min(1, PORT_MESSAGE).max(65_535, PORT_MESSAGE);

export const slotSchema = z.enum(['blue', 'green']);
export type Slot = z.infer<typeof slotSchema>;

export const proxyTypeSchema = z.enum(['caddy']).meta({ description: 'the proxy that serves the app' });
export type ProxyType = z.infer<typeof proxyTypeSchema>;

export const tlsModeSchema = z
  .enum(['auto', 'off'])
  .meta({ description: 'auto: managed certificate, HTTP redirected. off: plain HTTP.' });
export type TlsMode = z.infer<typeof tlsModeSchema>;

// Configuration ---------------------------------------------------------------------------------------------------

const envValueSchema = z
  .string()
  .max(LIMITS.env_value_bytes_max)
  .regex(PATTERNS.env_value, 'an environment cannot hold a NUL character');
const envSchema = z
  .record(z.string().regex(PATTERNS.env_name), envValueSchema, {
    error: (issue) =>
      issue.code === 'invalid_key'
        ? `${String(issue.input)} is no name of a variable; use letters, digits and underscores, not starting with a digit`
        : undefined,
  })
  .refine((env) => Object.keys(env).length <= LIMITS.env_entries_max, `at most ${LIMITS.env_entries_max} variables`);

const healthPathSchema = z.string().max(1024).regex(PATTERNS.health_path, 'use an absolute path such as /api/health');
const millisecondsSchema = (min: number, max: number) => {
  const message = `use a whole number of milliseconds from ${min} to ${max}`;
  return z.number(message).int(message).min(min, message).max(max, message);
};

export const healthCheckSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('http'),
      path: healthPathSchema.default(DEFAULTS.health_path),
      interval_ms: millisecondsSchema(50, 60_000).default(DEFAULTS.health_interval_ms),
      timeout_ms: millisecondsSchema(100, 60_000).default(DEFAULTS.health_timeout_ms),
      deadline_ms: millisecondsSchema(500, 900_000).default(DEFAULTS.health_deadline_ms),
    }),
    z.strictObject({
      kind: z.literal('tcp'),
      interval_ms: millisecondsSchema(50, 60_000).default(DEFAULTS.health_interval_ms),
      timeout_ms: millisecondsSchema(100, 60_000).default(DEFAULTS.health_timeout_ms),
      deadline_ms: millisecondsSchema(500, 900_000).default(DEFAULTS.health_deadline_ms),
    }),
    z.strictObject({ kind: z.literal('none') }),
  ])
  .meta({ id: 'HealthCheck' });
export type HealthCheck = z.infer<typeof healthCheckSchema>;

/** What a release runs with, besides its image. Shared by the request (with defaults) and the stored release. */
const configurationShape = {
  env: envSchema.default({}),
  ports: z
    .array(portSchema)
    .min(1)
    .max(LIMITS.ports_max)
    .default([DEFAULTS.port])
    .meta({ description: 'ports inside the container; the first is served' }),
  domain: domainNameSchema.optional().meta({ description: 'absent: a worker without a route' }),
  tls: tlsModeSchema.optional().meta({ description: 'default: auto, or off for names no authority certifies' }),
  proxy: proxyTypeSchema.default('caddy'),
  health: healthCheckSchema.prefault({ kind: 'http' }),
  drain_ms: millisecondsSchema(0, 600_000).default(DEFAULTS.drain_ms),
  stop_timeout_ms: millisecondsSchema(0, 300_000).default(DEFAULTS.stop_timeout_ms),
};

export const appConfigurationSchema = z.strictObject(configurationShape).meta({ id: 'AppConfiguration' });
export type AppConfiguration = z.infer<typeof appConfigurationSchema>;

export const deployRequestSchema = z
  .strictObject({ app_name: appNameSchema, image: imageReferenceSchema, ...configurationShape })
  .refine(({ domain, tls }) => domain === undefined || tls !== 'auto' || domain.includes('.'), {
    path: ['tls'],
    message: 'no authority certifies a name without a dot; use tls off, or a full name such as shop.example.com',
  })
  .meta({ id: 'DeployRequest' });
export type DeployRequest = z.infer<typeof deployRequestSchema>;

export const swapRequestSchema = z
  .strictObject({ app_name: appNameSchema, image: imageReferenceSchema })
  .meta({ id: 'SwapRequest' });
export type SwapRequest = z.infer<typeof swapRequestSchema>;

export const rollbackRequestSchema = z
  .strictObject({
    app_name: appNameSchema,
    release: releaseIdSchema.optional().meta({ description: 'default: the previous one' }),
  })
  .meta({ id: 'RollbackRequest' });
export type RollbackRequest = z.infer<typeof rollbackRequestSchema>;

// Operations ------------------------------------------------------------------------------------------------------

export const operationKindSchema = z.enum(['deploy', 'swap', 'rollback', 'start', 'stop', 'restart', 'remove']);
export type OperationKind = z.infer<typeof operationKindSchema>;

/** `stuck`: could be neither finished nor undone; `error.message` says what to do. */
export const operationStateSchema = z.enum(['running', 'succeeded', 'failed', 'cancelled', 'stuck']);
export type OperationState = z.infer<typeof operationStateSchema>;

export const stepNameSchema = z.enum([
  'validate',
  'pull',
  'create',
  'start',
  'route',
  'probe',
  'switch',
  'verify',
  'drain',
  'retire',
  'stop',
  'remove',
]);
export type StepName = z.infer<typeof stepNameSchema>;

export const stepStateSchema = z.enum(['pending', 'running', 'done', 'failed', 'undone', 'skipped']);
export type StepState = z.infer<typeof stepStateSchema>;

export const operationStepSchema = z.strictObject({
  name: stepNameSchema,
  state: stepStateSchema,
  started_at: timestampSchema.nullable(),
  ended_at: timestampSchema.nullable(),
  /** One line of progress or outcome, such as `3 of 3 probes passed`. */
  detail: z.string().nullable(),
});
export type OperationStep = z.infer<typeof operationStepSchema>;

export const probeResultSchema = z.strictObject({
  at: timestampSchema,
  target: z.string(),
  healthy: z.boolean(),
  status: z.number().int().nullable(),
  duration_ms: z.number(),
  /** Start of the answer's body, or what went wrong. */
  detail: z.string(),
});
export type ProbeResult = z.infer<typeof probeResultSchema>;

export const evidenceSchema = z.strictObject({
  step: stepNameSchema,
  reason: z.string(),
  probes: z.array(probeResultSchema),
  log_tail: z.array(z.string()),
  exit_code: z.number().int().nullable(),
  oom_killed: z.boolean(),
});
export type Evidence = z.infer<typeof evidenceSchema>;

export const operationSchema = z
  .strictObject({
    id: operationIdSchema,
    app_name: z.string(),
    kind: operationKindSchema,
    state: operationStateSchema,
    actor: z.string(),
    /** The release this operation brings up, and the one that was live before it. */
    release: releaseIdSchema.nullable(),
    from_release: releaseIdSchema.nullable(),
    image: z.string().nullable(),
    slot: slotSchema.nullable(),
    created_at: timestampSchema,
    ended_at: timestampSchema.nullable(),
    steps: z.array(operationStepSchema),
    error: z.strictObject({ message: z.string(), step: stepNameSchema.nullable() }).nullable(),
    evidence: evidenceSchema.nullable(),
  })
  .meta({ id: 'Operation' });
export type Operation = z.infer<typeof operationSchema>;

// Apps and releases -----------------------------------------------------------------------------------------------

export const deploymentStatusSchema = z.enum(['running', 'updating', 'stopped', 'error']).meta({ id: 'DeploymentStatus' });
export type DeploymentStatus = z.infer<typeof deploymentStatusSchema>;

/** Why a release no longer serves, or that it does. `standby`: kept for a rollback. */
export const releaseStateSchema = z.enum(['pending', 'live', 'standby', 'failed']);
export type ReleaseState = z.infer<typeof releaseStateSchema>;

export const releaseSchema = z
  .strictObject({
    id: releaseIdSchema,
    app_name: z.string(),
    state: releaseStateSchema,
    image: z.string(),
    /** The image's content id (`sha256:…`), pinned when the release was made. */
    image_id: z.string(),
    configuration: appConfigurationSchema,
    created_at: timestampSchema,
    created_by: z.string(),
    operation_id: operationIdSchema,
    ended_at: timestampSchema.nullable(),
    end_reason: z.string().nullable(),
  })
  .meta({ id: 'Release' });
export type Release = z.infer<typeof releaseSchema>;

export const appStatusSchema = z
  .strictObject({
    name: appNameSchema,
    status: deploymentStatusSchema,
    container_id: z.string().nullable(),
    port: portSchema,
    domain: z.string().nullable(),
    /** The URL an operator can open, or null for an app without a domain. */
    url: z.string().nullable(),
    version: z.string().meta({ description: 'the image reference of the live release' }),
    updated_at: timestampSchema,
    slot: slotSchema.nullable(),
    release: releaseIdSchema.nullable(),
    previous_release: releaseIdSchema.nullable().meta({ description: 'what a rollback without a release goes to' }),
    replicas: z.number().int(),
    proxy: proxyTypeSchema,
    tls: tlsModeSchema,
    health: z.strictObject({ healthy: z.boolean().nullable(), checked_at: timestampSchema.nullable(), detail: z.string() }),
    operation_id: operationIdSchema.nullable().meta({ description: 'the operation in flight' }),
    last_error: z.string().nullable(),
  })
  .meta({ id: 'AppStatus' });
export type AppStatus = z.infer<typeof appStatusSchema>;

export const imageSchema = z
  .strictObject({
    id: z.string(),
    references: z.array(z.string()),
    size_bytes: z.number().int(),
    created_at: timestampSchema,
  })
  .meta({ id: 'Image' });
export type Image = z.infer<typeof imageSchema>;

// Events, logs, metrics -------------------------------------------------------------------------------------------

export const eventKindSchema = z.enum([
  'daemon.started',
  'operation.started',
  'operation.progress',
  'operation.ended',
  'app.changed',
  'app.removed',
  'image.loaded',
  'auth.failed',
]);
export type EventKind = z.infer<typeof eventKindSchema>;

export const eventSchema = z
  .strictObject({
    /** Rises by one for each event of this daemon, across restarts. */
    seq: z.number().int(),
    ts: timestampSchema,
    kind: eventKindSchema,
    level: z.enum(['info', 'warning', 'error']),
    message: z.string(),
    app_name: z.string().nullable(),
    operation: operationSchema.nullable(),
  })
  .meta({ id: 'Event' });
export type DaemonEvent = z.infer<typeof eventSchema>;

export const logLineSchema = z
  .strictObject({
    app_name: z.string(),
    log: z.string(),
    /** RFC 3339 with nanoseconds, as Docker stamps it: the cursor for `since`. */
    ts: z.string(),
    release: releaseIdSchema,
    slot: slotSchema,
    stream: z.enum(['stdout', 'stderr']),
  })
  .meta({ id: 'LogStream' });
export type LogLine = z.infer<typeof logLineSchema>;

export const systemMetricsSchema = z
  .strictObject({
    ts: timestampSchema,
    cpu: z.strictObject({ percent: z.number(), cores: z.number().int() }),
    memory: z.strictObject({ total_bytes: z.number(), used_bytes: z.number(), available_bytes: z.number() }),
    disk: z.strictObject({ total_bytes: z.number(), used_bytes: z.number(), available_bytes: z.number() }),
    network: z.strictObject({ received_bytes_per_second: z.number(), sent_bytes_per_second: z.number() }),
    load: z.tuple([z.number(), z.number(), z.number()]).meta({ description: 'over 1, 5 and 15 minutes' }),
    uptime: z.number().meta({ description: 'seconds since boot' }),
  })
  .meta({ id: 'SystemMetrics' });
export type SystemMetrics = z.infer<typeof systemMetricsSchema>;

// The daemon itself -----------------------------------------------------------------------------------------------

export const roleSchema = z.enum(['viewer', 'operator', 'admin']);
export type Role = z.infer<typeof roleSchema>;

export const healthSchema = z.strictObject({
  status: z.enum(['ok', 'degraded']),
  checks: z.array(z.strictObject({ name: z.string(), ok: z.boolean(), detail: z.string() })),
});
export type DaemonHealth = z.infer<typeof healthSchema>;

export const versionSchema = z.strictObject({
  version: z.string(),
  api: z.strictObject({ min: z.number().int(), max: z.number().int() }),
  hostname: z.string(),
  docker: z.string().nullable(),
  proxy: z.string().nullable().meta({ description: 'name and version, such as `Caddy 2.6.2`' }),
});
export type DaemonVersion = z.infer<typeof versionSchema>;
