/** What the daemon tells about operations, apps, releases and itself. */
import { z } from 'zod';
import { appConfigurationSchema } from './configuration.ts';
import {
  appNameSchema,
  operationIdSchema,
  portSchema,
  proxyTypeSchema,
  releaseIdSchema,
  slotSchema,
  timestampSchema,
  tlsModeSchema,
} from './names.ts';
import { nextCoreMetadataSchema } from './nextcore.ts';
import { secretPinSchema } from './secrets.ts';

// Operations ------------------------------------------------------------------------------------------------------

export const operationKindSchema = z.enum([
  'deploy',
  'swap',
  'rollback',
  'start',
  'stop',
  'restart',
  'scale',
  'maintenance',
  'configure',
  'remove',
]);
export type OperationKind = z.infer<typeof operationKindSchema>;

/**
 * `failed`: undone before the new release served. `rolled_back`: it served, and the one before it serves again. `stuck`: could be neither
 * finished nor undone; `error.message` says what to do.
 */
export const operationStateSchema = z.enum(['running', 'succeeded', 'failed', 'rolled_back', 'cancelled', 'stuck']);
export type OperationState = z.infer<typeof operationStateSchema>;

export const stepNameSchema = z.enum([
  'validate',
  'pull',
  'pre_switch',
  'create',
  'start',
  'route',
  'probe',
  'switch',
  'verify',
  'post_switch',
  'watch',
  'drain',
  'retire',
  'scale',
  'maintain',
  'stop',
  'remove',
]);
export type StepName = z.infer<typeof stepNameSchema>;

export const stepStateSchema = z.enum(['pending', 'running', 'done', 'failed', 'undone', 'skipped']);
export type StepState = z.infer<typeof stepStateSchema>;

/** One layer of an image that is being pulled. */
export const layerSchema = z.strictObject({
  id: z.string(),
  state: z.enum(['waiting', 'downloading', 'extracting', 'done']),
  current_bytes: z.number().int(),
  /** Null until the registry has said it. */
  total_bytes: z.number().int().nullable(),
});
export type Layer = z.infer<typeof layerSchema>;

export const operationStepSchema = z.strictObject({
  name: stepNameSchema,
  state: stepStateSchema,
  started_at: timestampSchema.nullable(),
  ended_at: timestampSchema.nullable(),
  /** One line of progress or outcome, such as `3 of 3 probes passed`. */
  detail: z.string().nullable(),
  /** Last lines that a one-off command printed. */
  output: z.array(z.string()).nullable(),
  /** Of a pull under way. */
  layers: z.array(layerSchema).nullable(),
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
    error: z
      .strictObject({
        message: z.string(),
        step: stepNameSchema.nullable(),
        /** Null or missing: it is about none. */
        field: z.string().nullable().optional().meta({ description: 'of the request, as in `volumes.0.source`' }),
      })
      .nullable(),
    evidence: evidenceSchema.nullable(),
  })
  .meta({ id: 'Operation' });
export type Operation = z.infer<typeof operationSchema>;

// Apps and releases -----------------------------------------------------------------------------------------------

export const deploymentStatusSchema = z.enum(['running', 'updating', 'stopped', 'error']).meta({ id: 'DeploymentStatus' });
export type DeploymentStatus = z.infer<typeof deploymentStatusSchema>;

/** Why a release no longer serves, or that it does. `standby`: kept for a rollback. `pruned`: known, but its image is not kept any more. */
export const releaseStateSchema = z.enum(['pending', 'live', 'standby', 'failed', 'pruned']);
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
    nextcore: nextCoreMetadataSchema.nullable(),
    secrets: z.array(secretPinSchema).default([]).meta({ description: 'as they were when it was made; never their values' }),
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
    replicas: z.number().int().meta({ description: 'running now' }),
    replicas_wanted: z.number().int(),
    aliases: z.array(z.string()),
    maintenance: z.strictObject({ message: z.string() }).nullable(),
    nextcore: nextCoreMetadataSchema.nullable().meta({ description: 'of the live release' }),
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
  'route.changed',
  'route.removed',
  'image.loaded',
  'secrets.changed',
  'secrets.key_rotated',
  'secrets.provider_set',
  'secrets.provider_removed',
  'secrets.pull_failed',
  'heal.unhealthy',
  'heal.restarted',
  'heal.replacing',
  'heal.rolling_back',
  'heal.stopping',
  'heal.recovered',
  'release.pruned',
  'disk.low',
  'auth.failed',
  'certificate.renewed',
  'certificate.failed',
  'certificate.expiring',
  'certificate.mismatched',
  'certificate.imported',
  'backup.created',
  'state.restored',
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
