/** Who may call the daemon, and what was asked of it. */
import { z } from 'zod';
import { roleSchema } from './domain.ts';
import { errorCodeSchema } from './errors.ts';
import { LIMITS } from './limits.ts';
import { appNameSchema, operationIdSchema, timestampSchema } from './names.ts';
import { PATTERNS } from './rules.ts';

/**
 * How an endpoint treats a token that is limited to apps:
 * - `named`: the request names an app in its path, body or query, which must be one of them; where it names none, it is refused.
 * - `operation`: the request names an operation; one of another app is not found.
 * - `filtered`: the answer holds only what is of these apps.
 * - `any`: it is about no app, and allowed.
 * - `never`: it is about the whole host, and refused.
 */
export type AppRule = 'named' | 'operation' | 'filtered' | 'any' | 'never';

// Tokens ----------------------------------------------------------------------------------------------------------

export const tokenIdSchema = z.string().regex(PATTERNS.token_id, 'use the id of a token such as tok-…').meta({ id: 'TokenId' });

export const tokenNameSchema = z
  .string()
  .max(LIMITS.token_name_length_max)
  .regex(PATTERNS.token_name, 'use lower-case letters, digits and . _ -, starting and ending with a letter or digit')
  .meta({ id: 'TokenName' });

const tokenAppsSchema = z.array(appNameSchema).min(1, 'name at least one app, or leave it out').max(LIMITS.token_apps_max);

export const tokenRequestSchema = z
  .strictObject({
    name: tokenNameSchema,
    role: roleSchema,
    apps: tokenAppsSchema.optional().meta({ description: 'it may see and change these alone; default: all' }),
    expires_at: timestampSchema
      .optional()
      .meta({ description: `in the future, at most ${LIMITS.token_lifetime_days_max} days; default: never` }),
  })
  .superRefine(({ role, apps = [] }, context) => {
    const complain = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message });
    if (role === 'admin' && apps.length > 0) complain(['apps'], 'an administrator cannot be limited to apps; use operator');
    for (const [index, app] of apps.entries())
      if (apps.indexOf(app) < index) complain(['apps', index], `${app} is named twice; name it once`);
  })
  .meta({ id: 'TokenRequest' });
export type TokenRequest = z.infer<typeof tokenRequestSchema>;

/** `expired` and `revoked`: it opens nothing any more. */
export const tokenStateSchema = z.enum(['live', 'expired', 'revoked']);

const tokenShape = {
  id: tokenIdSchema,
  name: tokenNameSchema,
  role: roleSchema,
  apps: tokenAppsSchema.nullable().meta({ description: 'null: all' }),
  state: tokenStateSchema,
  created_at: timestampSchema,
  created_by: z.string(),
  expires_at: timestampSchema.nullable(),
  last_used_at: timestampSchema.nullable(),
  revoked_at: timestampSchema.nullable(),
  revoked_by: z.string().nullable(),
};
export const tokenSchema = z.strictObject(tokenShape).meta({ id: 'Token' });
export type Token = z.infer<typeof tokenSchema>;

export const createdTokenSchema = z
  .strictObject({
    ...tokenShape,
    token: z.string().regex(PATTERNS.token_text).meta({ description: 'what callers send; it is told now and never again' }),
  })
  .meta({ id: 'CreatedToken' });
export type CreatedToken = z.infer<typeof createdTokenSchema>;

// Audit log -------------------------------------------------------------------------------------------------------

export const listenerSchema = z.enum(['socket', 'tcp']);
export type ListenerKind = z.infer<typeof listenerSchema>;

/** A change that was asked for, whether or not it was allowed. It never holds what was sent or answered. */
export const auditEntrySchema = z
  .strictObject({
    seq: z.number().int().meta({ description: 'rises with each entry' }),
    ts: timestampSchema.meta({ description: 'when it was answered; of an operation, when it was begun' }),
    actor: z.string().meta({ description: '`admin`, `token:` and a name, or `anonymous`' }),
    role: roleSchema.nullable(),
    token_id: tokenIdSchema.nullable(),
    listener: listenerSchema,
    action: z.string().meta({ description: 'the name of the endpoint' }),
    method: z.string(),
    path: z.string().meta({ description: 'with its parameters, where those are valid' }),
    app_name: appNameSchema.nullable(),
    operation_id: operationIdSchema.nullable().meta({ description: 'its outcome is the operation’s' }),
    status: z.number().int().meta({ description: 'of HTTP' }),
    code: errorCodeSchema.nullable(),
    message: z.string(),
    count: z.number().int().positive().meta({ description: 'so many alike within a minute, of which this was the first' }),
  })
  .meta({ id: 'AuditEntry' });
export type AuditEntry = z.infer<typeof auditEntrySchema>;

export const auditResultSchema = z.enum(['ok', 'refused']);
export type AuditResult = z.infer<typeof auditResultSchema>;
