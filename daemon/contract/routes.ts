import { z } from 'zod';
import {
  type AppRule,
  auditEntrySchema,
  auditResultSchema,
  createdTokenSchema,
  tokenIdSchema,
  tokenRequestSchema,
  tokenSchema,
} from './access.ts';
import {
  deployRequestSchema,
  maintenanceRequestSchema,
  rollbackRequestSchema,
  scaleRequestSchema,
  swapRequestSchema,
} from './configuration.ts';
import {
  appStatusSchema,
  eventSchema,
  healthSchema,
  imageSchema,
  operationSchema,
  operationStateSchema,
  type Role,
  releaseSchema,
  systemMetricsSchema,
  versionSchema,
} from './domain.ts';
import { DEFAULTS, LIMITS } from './limits.ts';
import { appNameSchema, operationIdSchema, releaseIdSchema, timestampSchema } from './names.ts';
import { PATTERNS } from './rules.ts';
import {
  keyRotatedSchema,
  secretRemovalQuerySchema,
  secretSchema,
  secretsChangedSchema,
  secretsListQuerySchema,
  secretsSyncRequestSchema,
} from './secrets.ts';

/**
 * The table of REST endpoints: the single source for validation, handlers, typed client, command line help and OpenAPI.
 *
 * `kind` says how an endpoint answers (DESIGN §3):
 * - `read`: the object itself.
 * - `change`: `DaemonResponse` with `payload`.
 * - `operation`: 202 and the operation in `payload` at once; with `?wait=1` 200 or 422 when it has ended.
 * - `upload`: as `change`, with a raw body (`application/x-tar`) in place of JSON.
 */
export interface Route<
  Params extends z.ZodType = z.ZodType,
  Query extends z.ZodType = z.ZodType,
  Body extends z.ZodType = z.ZodType,
  Response extends z.ZodType = z.ZodType,
> {
  method: 'GET' | 'POST' | 'DELETE';
  /** Parameters as `:name`, each described in `params`. */
  path: `/${string}`;
  kind: 'read' | 'change' | 'operation' | 'upload';
  /** The least role that may call it; null: anyone who reaches the listener, without a token. */
  role: Role | null;
  /** What it is to a token that is limited to apps. */
  apps: AppRule;
  summary: string;
  params: Params;
  query: Query;
  /** `z.undefined()` where there is none. */
  body: Body;
  /** The object of a read, or what `payload` holds. */
  response: Response;
}

const nothing = z.undefined();
const noParams = z.strictObject({});
const noQuery = z.strictObject({});
const appParams = z.strictObject({ name: appNameSchema });
const waitQuery = z.strictObject({
  wait: z.stringbool().optional().meta({ description: 'answer when the operation has ended' }),
});
const whole = (min: number, max: number) => {
  const error = `use a whole number from ${min} to ${max}`;
  return z.coerce.number({ error }).int(error).min(min, error).max(max, error);
};

function route<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType, R extends z.ZodType>(
  definition: Route<P, Q, B, R>,
): Route<P, Q, B, R> {
  return definition;
}

export const routes = {
  deploy: route({
    method: 'POST',
    path: '/deploy',
    kind: 'operation',
    role: 'operator',
    apps: 'named',
    summary: 'Create an app, or replace its release, without downtime.',
    params: noParams,
    query: waitQuery,
    body: deployRequestSchema,
    response: operationSchema,
  }),
  swap: route({
    method: 'POST',
    path: '/swap',
    kind: 'operation',
    role: 'operator',
    apps: 'named',
    summary: 'Swap an app to a new image blue-green, with the same configuration.',
    params: noParams,
    query: waitQuery,
    body: swapRequestSchema,
    response: operationSchema,
  }),
  rollback: route({
    method: 'POST',
    path: '/rollback',
    kind: 'operation',
    role: 'operator',
    apps: 'named',
    summary: 'Bring back the previous or a named release: its image and its configuration.',
    params: noParams,
    query: waitQuery,
    body: rollbackRequestSchema,
    response: operationSchema,
  }),
  listApps: route({
    method: 'GET',
    path: '/apps',
    kind: 'read',
    role: 'viewer',
    apps: 'filtered',
    summary: 'List all apps with their status.',
    params: noParams,
    query: noQuery,
    body: nothing,
    response: z.array(appStatusSchema),
  }),
  getAppStatus: route({
    method: 'GET',
    path: '/apps/:name/status',
    kind: 'read',
    role: 'viewer',
    apps: 'named',
    summary: 'Show the status of one app, as observed now.',
    params: appParams,
    query: noQuery,
    body: nothing,
    response: appStatusSchema,
  }),
  removeApp: route({
    method: 'DELETE',
    path: '/apps/:name',
    kind: 'operation',
    role: 'operator',
    apps: 'named',
    summary: 'Stop an app; with purge, remove it with its releases and routes.',
    params: appParams,
    query: waitQuery.extend({ purge: z.stringbool().optional() }),
    body: nothing,
    response: operationSchema,
  }),
  startApp: route({
    method: 'POST',
    path: '/apps/:name/start',
    kind: 'operation',
    role: 'operator',
    apps: 'named',
    summary: 'Start a stopped app with the release it had.',
    params: appParams,
    query: waitQuery,
    body: nothing,
    response: operationSchema,
  }),
  stopApp: route({
    method: 'POST',
    path: '/apps/:name/stop',
    kind: 'operation',
    role: 'operator',
    apps: 'named',
    summary: 'Stop an app and keep everything it needs to start again.',
    params: appParams,
    query: waitQuery,
    body: nothing,
    response: operationSchema,
  }),
  restartApp: route({
    method: 'POST',
    path: '/apps/:name/restart',
    kind: 'operation',
    role: 'operator',
    apps: 'named',
    summary: 'Restart an app through its idle slot, without downtime.',
    params: appParams,
    query: waitQuery,
    body: nothing,
    response: operationSchema,
  }),
  scaleApp: route({
    method: 'POST',
    path: '/apps/:name/scale',
    kind: 'operation',
    role: 'operator',
    apps: 'named',
    summary: 'Set how many replicas of an app run, balanced by the proxy.',
    params: appParams,
    query: waitQuery,
    body: scaleRequestSchema,
    response: operationSchema,
  }),
  setMaintenance: route({
    method: 'POST',
    path: '/apps/:name/maintenance',
    kind: 'operation',
    role: 'operator',
    apps: 'named',
    summary: 'Answer visitors with a maintenance page (503), or serve them again; health paths keep answering.',
    params: appParams,
    query: waitQuery,
    body: maintenanceRequestSchema,
    response: operationSchema,
  }),
  listReleases: route({
    method: 'GET',
    path: '/apps/:name/releases',
    kind: 'read',
    role: 'viewer',
    apps: 'named',
    summary: "List an app's releases, newest first.",
    params: appParams,
    query: z.strictObject({ limit: whole(1, LIMITS.releases_page_max).default(DEFAULTS.releases_page) }),
    body: nothing,
    response: z.array(releaseSchema),
  }),
  getRelease: route({
    method: 'GET',
    path: '/apps/:name/releases/:id',
    kind: 'read',
    role: 'viewer',
    apps: 'named',
    summary: 'Show one release.',
    params: z.strictObject({ name: appNameSchema, id: releaseIdSchema }),
    query: noQuery,
    body: nothing,
    response: releaseSchema,
  }),
  listOperations: route({
    method: 'GET',
    path: '/operations',
    kind: 'read',
    role: 'viewer',
    apps: 'filtered',
    summary: 'List operations, newest first.',
    params: noParams,
    query: z.strictObject({
      app_name: appNameSchema.optional(),
      state: operationStateSchema.optional(),
      limit: whole(1, LIMITS.operations_page_max).default(DEFAULTS.operations_page),
    }),
    body: nothing,
    response: z.array(operationSchema),
  }),
  getOperation: route({
    method: 'GET',
    path: '/operations/:id',
    kind: 'read',
    role: 'viewer',
    apps: 'operation',
    summary: 'Show one operation with its steps and evidence.',
    params: z.strictObject({ id: operationIdSchema }),
    query: noQuery,
    body: nothing,
    response: operationSchema,
  }),
  cancelOperation: route({
    method: 'POST',
    path: '/operations/:id/cancel',
    kind: 'change',
    role: 'operator',
    apps: 'operation',
    summary: 'Undo an operation that has not switched yet, or is in its watch window: the release before it serves on.',
    params: z.strictObject({ id: operationIdSchema }),
    query: noQuery,
    body: nothing,
    response: operationSchema,
  }),
  keepRelease: route({
    method: 'POST',
    path: '/operations/:id/keep',
    kind: 'change',
    role: 'operator',
    apps: 'operation',
    summary: "End an operation's watch window now and keep the new release.",
    params: z.strictObject({ id: operationIdSchema }),
    query: noQuery,
    body: nothing,
    response: operationSchema,
  }),
  syncSecrets: route({
    method: 'POST',
    path: '/secrets/sync',
    kind: 'change',
    role: 'operator',
    apps: 'named',
    summary: 'Set secrets of a scope; those that are not named stay, or go with mode replace.',
    params: noParams,
    query: noQuery,
    body: secretsSyncRequestSchema,
    response: secretsChangedSchema,
  }),
  listSecrets: route({
    method: 'GET',
    path: '/secrets',
    kind: 'read',
    role: 'operator',
    apps: 'filtered',
    summary: 'List secrets with their versions and fingerprints, never their values.',
    params: noParams,
    query: secretsListQuerySchema,
    body: nothing,
    response: z.array(secretSchema),
  }),
  removeSecret: route({
    method: 'DELETE',
    path: '/secrets',
    kind: 'change',
    role: 'operator',
    apps: 'named',
    summary: 'Remove a secret of a scope; releases that run with it keep its value as long as they can serve.',
    params: noParams,
    query: secretRemovalQuerySchema,
    body: nothing,
    response: secretsChangedSchema,
  }),
  rotateSecretsKey: route({
    method: 'POST',
    path: '/secrets/rotate-key',
    kind: 'change',
    role: 'admin',
    apps: 'never',
    summary: 'Take a new master key, and seal everything with it anew.',
    params: noParams,
    query: noQuery,
    body: nothing,
    response: keyRotatedSchema,
  }),
  loadImages: route({
    method: 'POST',
    path: '/images',
    kind: 'upload',
    role: 'operator',
    apps: 'any',
    summary: 'Stream a `docker save` archive into Docker; no registry is needed.',
    params: noParams,
    query: noQuery,
    body: nothing,
    response: z.strictObject({ images: z.array(imageSchema) }),
  }),
  listImages: route({
    method: 'GET',
    path: '/images',
    kind: 'read',
    role: 'viewer',
    apps: 'never',
    summary: 'List the images on the host.',
    params: noParams,
    query: noQuery,
    body: nothing,
    response: z.array(imageSchema),
  }),
  getSystemMetrics: route({
    method: 'GET',
    path: '/metrics/system',
    kind: 'read',
    role: 'viewer',
    apps: 'any',
    summary: "Show the host's CPU, memory, disk, network, load and uptime.",
    params: noParams,
    query: noQuery,
    body: nothing,
    response: systemMetricsSchema,
  }),
  listEvents: route({
    method: 'GET',
    path: '/events',
    kind: 'read',
    role: 'viewer',
    apps: 'filtered',
    summary: 'List kept events, oldest first: those after a number, or the newest.',
    params: noParams,
    query: z.strictObject({
      after: whole(0, Number.MAX_SAFE_INTEGER).optional().meta({ description: 'default: the newest `limit` events' }),
      app_name: appNameSchema.optional(),
      limit: whole(1, 1000).default(200),
    }),
    body: nothing,
    response: z.array(eventSchema),
  }),
  listTokens: route({
    method: 'GET',
    path: '/tokens',
    kind: 'read',
    role: 'admin',
    apps: 'never',
    summary: 'List the tokens, and those that expired or were revoked lately; never their text.',
    params: noParams,
    query: noQuery,
    body: nothing,
    response: z.array(tokenSchema),
  }),
  createToken: route({
    method: 'POST',
    path: '/tokens',
    kind: 'change',
    role: 'admin',
    apps: 'never',
    summary: 'Make a token with a role, perhaps for some apps only or for some time; its text is told this once.',
    params: noParams,
    query: noQuery,
    body: tokenRequestSchema,
    response: createdTokenSchema,
  }),
  revokeToken: route({
    method: 'DELETE',
    path: '/tokens/:id',
    kind: 'change',
    role: 'admin',
    apps: 'never',
    summary: 'Revoke a token at once: what its bearer has open is closed.',
    params: z.strictObject({ id: tokenIdSchema }),
    query: noQuery,
    body: nothing,
    response: tokenSchema,
  }),
  listAudit: route({
    method: 'GET',
    path: '/audit',
    kind: 'read',
    role: 'admin',
    apps: 'never',
    summary: 'List the changes that were asked for, newest first: who, what, when and with what result.',
    params: noParams,
    query: z.strictObject({
      actor: z.string().regex(PATTERNS.actor, 'use admin, anonymous or token: with a name').optional(),
      app_name: appNameSchema.optional(),
      action: z.string().regex(PATTERNS.action, 'use the name of an endpoint such as deploy').optional(),
      result: auditResultSchema.optional().meta({ description: 'refused: answered with an error' }),
      since: timestampSchema.optional(),
      until: timestampSchema.optional(),
      before: whole(1, Number.MAX_SAFE_INTEGER).optional().meta({ description: 'only entries with a lower `seq`; for paging' }),
      limit: whole(1, LIMITS.audit_page_max).default(DEFAULTS.audit_page),
    }),
    body: nothing,
    response: z.array(auditEntrySchema),
  }),
  getHealth: route({
    method: 'GET',
    path: '/health',
    kind: 'read',
    role: null,
    apps: 'any',
    summary: 'Say whether the daemon, Docker and the proxy answer.',
    params: noParams,
    query: noQuery,
    body: nothing,
    response: healthSchema,
  }),
  getVersion: route({
    method: 'GET',
    path: '/version',
    kind: 'read',
    role: 'viewer',
    apps: 'any',
    summary: 'Show the versions of daemon, contract, Docker and proxy.',
    params: noParams,
    query: noQuery,
    body: nothing,
    response: versionSchema,
  }),
  getOpenApi: route({
    method: 'GET',
    path: '/openapi.json',
    kind: 'read',
    role: 'viewer',
    apps: 'any',
    summary: 'This contract as an OpenAPI 3.1 document.',
    params: noParams,
    query: noQuery,
    body: nothing,
    response: z.record(z.string(), z.unknown()),
  }),
};

export type Routes = typeof routes;
export type RouteName = keyof Routes;
export type RouteParams<N extends RouteName> = z.output<Routes[N]['params']>;
export type RouteQuery<N extends RouteName> = z.output<Routes[N]['query']>;
export type RouteBody<N extends RouteName> = z.output<Routes[N]['body']>;
/** What the caller may leave to defaults. */
export type RouteQueryInput<N extends RouteName> = z.input<Routes[N]['query']>;
export type RouteBodyInput<N extends RouteName> = z.input<Routes[N]['body']>;
/** The object of a read, or the `payload` of a change or operation. */
export type RouteResult<N extends RouteName> = z.output<Routes[N]['response']>;

/** The envelope of a change: `DaemonResponse {success, message, payload?}`. */
export function daemonResponseSchema<Payload extends z.ZodType>(payload: Payload) {
  return z.strictObject({ success: z.literal(true), message: z.string(), payload });
}
